//! The one origin that a client may call (failure F32).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::ConfigError;

/// Which addresses a target's host may have. Link-local ones and those of the cloud's own services,
/// where its metadata lives, are never among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    private: bool,
    this_machine: bool,
}

impl Network {
    /// Public addresses, by name.
    pub const PUBLIC: Self = Self {
        private: false,
        this_machine: false,
    };

    /// Private ones too, also as address literals.
    pub const PRIVATE: Self = Self {
        private: true,
        this_machine: false,
    };

    /// Loopback too, where the base URL itself names it: for stacks on one machine, and for tests.
    /// A function in the cloud has nothing there but the platform that calls it.
    #[must_use]
    pub const fn and_this_machine(self) -> Self {
        Self {
            this_machine: true,
            ..self
        }
    }

    /// As a function's setting names it: `public`, `private`, or `this-machine` for public addresses
    /// and this machine.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "public" => Some(Self::PUBLIC),
            "private" => Some(Self::PRIVATE),
            "this-machine" => Some(Self::PUBLIC.and_this_machine()),
            _ => None,
        }
    }
}

/// The scheme, host and port that a client may call.
#[derive(Clone, Debug)]
pub struct Origin {
    base: Url,
    loopback: bool,
}

impl Origin {
    /// Checks a base URL: `https`, or `http` to a loopback host where `network` allows that; no
    /// user, no fragment; no address literal outside what `network` allows.
    pub fn new(base_url: &str, network: Network) -> Result<Self, ConfigError> {
        let refused = |why: &str| ConfigError::Refused { why: why.into() };
        let base = Url::parse(base_url).map_err(|_| ConfigError::NotAUrl {
            base_url: base_url.into(),
        })?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(refused(
                "it names a user; the token belongs in the secret store",
            ));
        }
        if base.fragment().is_some() {
            return Err(refused("it has a fragment; remove `#` and what follows"));
        }
        let Some(host) = base.host() else {
            return Err(refused("it names no host"));
        };
        let loopback = match host {
            Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        };
        if loopback && !network.this_machine {
            return Err(refused(
                "its host is the machine that calls it; a function calls nothing there",
            ));
        }
        let literal = match host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        };
        if let Some(ip) = literal
            && !loopback
            && (!network.private || !allowed(ip, network))
        {
            return Err(refused("its host is an address; name the host"));
        }
        match base.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => {
                return Err(refused("`http` is for loopback hosts only; use `https`"));
            }
            _ => return Err(refused("only `https` is spoken")),
        }
        Ok(Self { base, loopback })
    }

    /// Whether the host is this machine.
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether requests to it are encrypted; those to this machine may not be.
    pub fn speaks_tls(&self) -> bool {
        self.base.scheme() != "http"
    }

    /// The base URL itself, as configured.
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    /// The URL of a path below the base. `path` begins with a slash and is percent-encoded, as
    /// is `query`. A query of the base stays in front.
    pub fn join(&self, path: &str, query: Option<&str>) -> Option<Url> {
        // A dot segment would climb out of the base, percent-encoded or not.
        if path.split('/').any(is_dot_segment) {
            return None;
        }
        let mut url = self.base.clone();
        let joined = format!("{}{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&joined);
        let query = match (self.base.query(), query) {
            (Some(base), Some(own)) if !base.is_empty() => Some(format!("{base}&{own}")),
            (_, Some(own)) => Some(own.to_owned()),
            (Some(base), None) => Some(base.to_owned()),
            (None, None) => None,
        };
        url.set_query(query.as_deref());
        self.admits(&url).then_some(url)
    }

    /// A link that the target supplied, absolute or relative, if it stays within the origin.
    pub fn follow(&self, link: &str) -> Option<Url> {
        let url = self.base.join(link).ok()?;
        self.admits(&url).then_some(url)
    }

    fn admits(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host() == self.base.host()
            && url.port_or_known_default() == self.base.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
    }
}

fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

/// Whether a resolved address may be called, for a host that is not loopback.
pub(crate) fn allowed(ip: IpAddr, network: Network) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || reserved(ip))
                && (network.private || !(ip.is_private() || is_shared(ip)))
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unicast_link_local()
                || is_of_the_cloud(ip)
                || embeds_v4(ip))
                && (network.private || !ip.is_unique_local())
        }
    }
}

/// Multicast, broadcast, 0.0.0.0/8 and 240.0.0.0/4.
const fn reserved(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    ip.is_multicast() || ip.is_broadcast() || first == 0 || first >= 240
}

/// 100.64.0.0/10, the carriers' and some clouds' inner addresses (RFC 6598).
const fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xc0 == 64
}

/// `fd00:ec2::/32`, where AWS has its metadata (`fd00:ec2::254`), clock and resolver: unique local
/// by form, and inside every machine.
const fn is_of_the_cloud(ip: Ipv6Addr) -> bool {
    ip.to_bits() >> 96 == 0xfd00_0ec2
}

/// IPv4-compatible (`::/96`), NAT64 (`64:ff9b::/96`) and 6to4 (`2002::/16`) addresses hide an
/// IPv4 address; no target needs one.
const fn embeds_v4(ip: Ipv6Addr) -> bool {
    // The prefix of 96 bits, as the first 32 and the 64 that follow.
    let (first, rest) = (ip.to_bits() >> 96, (ip.to_bits() >> 32) & u64::MAX as u128);
    (rest == 0 && (first == 0 || first == 0x0064_ff9b)) || first >> 16 == 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Network = Network::PUBLIC.and_this_machine();

    fn origin(base: &str) -> Origin {
        Origin::new(base, Network::PUBLIC).unwrap()
    }

    #[test]
    fn takes_https_and_loopback_http() {
        for base in [
            "https://scim.example.com/v2",
            "https://scim.example.com:8443/tenant/scim/",
            "http://localhost:8080/scim/v2",
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
        ] {
            Origin::new(base, HERE).unwrap();
        }
    }

    #[test]
    fn refuses_what_is_not_safe_to_call() {
        for base in [
            "http://scim.example.com/v2",
            "http://localhost.example.com/",
            "http://127.0.0.1.nip.io/",
            "ftp://scim.example.com/",
            "file:///etc/passwd",
            "https://user@scim.example.com/",
            "https://user:secret@scim.example.com/",
            "https://scim.example.com/#x",
            "https://10.0.0.1/",
            "https://93.184.216.34/",
            "https://[fd00::1]/",
            // One address in many spellings: cloud metadata.
            "https://169.254.169.254/",
            "https://2852039166/",
            "https://0xa9fea9fe/",
            "https://0xa9.0xfe.0xa9.0xfe/",
            "https://0251.0376.0251.0376/",
            "https://169.254.43518/",
            "https://[::ffff:169.254.169.254]/",
            "https://[::ffff:a9fe:a9fe]/",
            "not a url",
            "",
        ] {
            assert!(Origin::new(base, HERE).is_err(), "{base}");
            assert!(Origin::new(base, Network::PUBLIC).is_err(), "{base}");
        }
    }

    #[test]
    fn refuses_this_machine_in_the_cloud() {
        for base in [
            "http://localhost:8080/scim/v2",
            "https://LOCALHOST/",
            // Lambda's Runtime API.
            "http://127.0.0.1:9001/2018-06-01/",
            "https://127.0.0.1/",
            "https://127.255.255.254/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
        ] {
            for network in [Network::PUBLIC, Network::PRIVATE] {
                assert!(Origin::new(base, network).is_err(), "{base}");
            }
        }
        // Elsewhere it is a matter of the setting.
        for base in ["http://localhost:8080/", "https://127.255.255.254/"] {
            Origin::new(base, HERE).unwrap();
            Origin::new(base, Network::PRIVATE.and_this_machine()).unwrap();
        }
    }

    #[test]
    fn refuses_metadata_addresses_in_private_networks_too() {
        for base in [
            "https://169.254.169.254/",
            "https://0xa9fea9fe/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[2002:a9fe:a9fe::]/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://[fd00:0ec2:0:0::23]/",
            "https://0.0.0.0/",
            "https://[::]/",
            "https://255.255.255.255/",
        ] {
            let here = Network::PRIVATE.and_this_machine();
            assert!(Origin::new(base, Network::PRIVATE).is_err(), "{base}");
            assert!(Origin::new(base, here).is_err(), "{base}");
        }
        Origin::new("https://[fd00:ec3::254]/", Network::PRIVATE).unwrap();
        Origin::new("https://10.1.2.3/scim", Network::PRIVATE).unwrap();
    }

    #[test]
    fn resolved_addresses_follow_the_network() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (text, public, private) in [
            ("93.184.216.34", true, true),
            ("2606:4700::1111", true, true),
            ("10.0.0.1", false, true),
            ("172.16.0.1", false, true),
            ("192.168.1.1", false, true),
            ("100.64.0.1", false, true),
            ("fd00::1", false, true),
            ("fd00:ec2::254", false, false),
            ("127.0.0.1", false, false),
            ("::1", false, false),
            ("::ffff:127.0.0.1", false, false),
            ("169.254.170.2", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("fe80::1", false, false),
            ("224.0.0.1", false, false),
            ("ff02::1", false, false),
            ("0.1.2.3", false, false),
            ("::127.0.0.1", false, false),
        ] {
            assert_eq!(allowed(ip(text), Network::PUBLIC), public, "{text}");
            assert_eq!(allowed(ip(text), Network::PRIVATE), private, "{text}");
        }
    }

    #[test]
    fn joins_below_the_base_and_keeps_its_query() {
        let url = |base: &str, query| {
            origin(base)
                .join("/Users/a%2Fb", query)
                .unwrap()
                .to_string()
        };
        assert_eq!(
            url("https://a.example/scim/v2", None),
            "https://a.example/scim/v2/Users/a%2Fb"
        );
        assert_eq!(
            url("https://a.example/scim/v2/", Some("count=1")),
            "https://a.example/scim/v2/Users/a%2Fb?count=1"
        );
        assert_eq!(
            url("https://a.example/scim?flag", Some("count=1")),
            "https://a.example/scim/Users/a%2Fb?flag&count=1"
        );
        assert_eq!(
            url("https://a.example/scim?flag", None),
            "https://a.example/scim/Users/a%2Fb?flag"
        );
    }

    #[test]
    fn does_not_climb_out_of_the_base() {
        let origin = origin("https://a.example/tenant/scim");
        for path in ["/Users/..", "/Users/.", "/Users/%2e%2E", "/Users/.%2e/x"] {
            assert!(origin.join(path, None).is_none(), "{path}");
        }
    }

    #[test]
    fn does_not_follow_links_to_other_origins() {
        let origin = origin("https://a.example/scim/");
        for link in [
            "https://b.example/scim/Users",
            "http://a.example/scim/Users",
            "https://a.example:444/scim/Users",
            "https://a.example.evil.example/",
            "https://a.example@evil.example/",
            "https://user@a.example/",
            "//evil.example/",
            "\\\\evil.example/",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ] {
            assert!(origin.follow(link).is_none(), "{link}");
        }
        for link in [
            "https://a.example/scim/Users?cursor=x",
            "https://A.EXAMPLE:443/scim/Users",
            "/scim/Users?cursor=x",
            "Users?cursor=x",
        ] {
            assert!(origin.follow(link).is_some(), "{link}");
        }
    }
}
