//! Addresses of other systems.

use url::{Host, Url};

use crate::fields::Node;

/// Reads an address: `https`, or `http` to this machine; no user, query or fragment.
pub(crate) fn read(node: &Node<'_>, example: &str) -> Option<Url> {
    let text = node.text()?;
    let bad = |message: String, help: String| {
        node.report.error(text.at, "bad-url", message, help);
    };
    let url = match Url::parse(text.value) {
        Ok(url) => url,
        Err(error) => {
            bad(
                format!("{} is not a URL: {error}", node.name),
                format!("write for example `{example}`"),
            );
            return None;
        }
    };
    if !url.username().is_empty() {
        bad(
            format!("{} holds a user name", node.name),
            "remove it: `token` or `auth` names the secret that opens the target".to_owned(),
        );
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        scheme => bad(
            format!("{} has the scheme `{scheme}`", node.name),
            "use `https`; `http` is allowed to this machine only".to_owned(),
        ),
    }
    if url.query().is_some() || url.fragment().is_some() {
        bad(
            format!("{} has a query or a fragment", node.name),
            format!("give the address without, as in `{example}`"),
        );
    }
    Some(url)
}

/// The address as text, without a closing slash.
pub(crate) fn text(url: &Url) -> Box<str> {
    url.as_str().trim_end_matches('/').into()
}
