//! How requests to a target prove who sends them: `token`, or `auth`.

use domain::profile::{Auth, ClientCredentials, ClientProof};
use url::Url;

use crate::address;
use crate::fields::{Fields, Node};
use crate::kind::Kind;
use crate::report::At;
use crate::source::secret_name;

/// The keys that say how, of which a table has exactly one. `tenant` stands beside others.
const KINDS: &[&str] = &["bearer", "basic", "header", "oauth", "tenant"];

/// Headers that the connector writes itself, or that a proxy reads.
const TAKEN: &[&str] = &[
    "accept",
    "authorization",
    "connection",
    "cookie",
    "host",
    "if-match",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Where Microsoft Entra makes tokens, but for national clouds.
const LOGIN: &str = "https://login.microsoftonline.com";

/// Reads `token` or `auth` of a target.
pub(crate) fn read(fields: &Fields<'_>, kind: Kind, base_url: Option<&Url>) -> Auth {
    if kind == Kind::Manual {
        return nothing();
    }
    let token = fields.get("token");
    let auth = fields.get("auth");
    if let (Some(token), Some(auth)) = (&token, &auth) {
        fields.report.error(
            auth.at,
            "defined-twice",
            format!("{} has both `token` and `auth`", fields.name),
            format!(
                "keep one; `token` is short for `auth = {{ bearer = \"...\" }}` and stands at {}",
                fields.report.place(token.at)
            ),
        );
    }
    match (token, auth) {
        (_, Some(auth)) => table(&auth, kind, base_url),
        (Some(token), None) => Auth::Bearer {
            secret: secret(fields, token.text()),
        },
        (None, None) => {
            fields.report.error(
                fields.at,
                "missing-key",
                format!("{} lacks `token`", fields.name),
                "add for example `token = \"directory-token\"`, or `auth` where requests prove \
                 who sends them in another way",
            );
            nothing()
        }
    }
}

/// What stands for a proof where nothing is called, or that could not be read and whose error is
/// reported: never used.
fn nothing() -> Auth {
    Auth::Bearer { secret: "".into() }
}

fn secret(fields: &Fields<'_>, name: Option<At<&str>>) -> Box<str> {
    if let Some(name) = name {
        secret_name(fields, name);
    }
    name.map_or("", |name| name.value).into()
}

fn needed_secret(fields: &Fields<'_>, key: &'static str, example: &str) -> Box<str> {
    let name = fields.need(key, example).and_then(|node| node.text());
    secret(fields, name)
}

fn table(node: &Node<'_>, kind: Kind, base_url: Option<&Url>) -> Auth {
    let Some(fields) = node.fields() else {
        return nothing();
    };
    let given: Vec<&str> = KINDS
        .iter()
        .copied()
        .filter(|key| fields.has(key))
        .collect();
    let auth = match given.as_slice() {
        ["bearer"] => Auth::Bearer {
            secret: needed_secret(&fields, "bearer", "\"directory-token\""),
        },
        ["basic"] => within(&fields, "basic", basic),
        ["header"] => within(&fields, "header", header),
        ["oauth"] => within(&fields, "oauth", oauth),
        ["tenant"] => tenant(&fields, kind, base_url),
        _ => {
            // Ask for all of them, so that none is reported as unknown.
            for key in KINDS {
                fields.get(key);
            }
            let words: Vec<String> = KINDS.iter().map(|key| format!("`{key}`")).collect();
            fields.report.error(
                fields.at,
                "bad-auth",
                if given.is_empty() {
                    format!("{} says nothing", fields.name)
                } else {
                    format!("{} says {}", fields.name, given.join(" and "))
                },
                format!("give exactly one of {}", words.join(", ")),
            );
            return nothing();
        }
    };
    fields.finish();
    auth
}

/// The table of one way.
fn within(outer: &Fields<'_>, key: &'static str, read: fn(&Fields<'_>) -> Auth) -> Auth {
    let Some(fields) = outer.get(key).and_then(|node| node.fields()) else {
        return nothing();
    };
    let auth = read(&fields);
    fields.finish();
    auth
}

fn basic(fields: &Fields<'_>) -> Auth {
    let user = fields
        .need("user", "\"lanyard\"")
        .and_then(|node| node.text());
    if let Some(user) = user
        && user.value.contains([':', '\r', '\n'])
    {
        fields.report.error(
            user.at,
            "bad-auth",
            "a user name holds a colon or a line break",
            "remove it: a colon ends the user name (RFC 7617 section 2)",
        );
    }
    Auth::Basic {
        user: user.map_or("", |user| user.value).into(),
        secret: needed_secret(fields, "secret", "\"directory-password\""),
    }
}

fn header(fields: &Fields<'_>) -> Auth {
    let name = fields
        .need("name", "\"x-api-key\"")
        .and_then(|node| node.text());
    if let Some(name) = name {
        header_name(fields, name);
    }
    Auth::Header {
        header: name
            .map_or_else(String::new, |name| name.value.to_ascii_lowercase())
            .into(),
        secret: needed_secret(fields, "secret", "\"directory-key\""),
    }
}

fn header_name(fields: &Fields<'_>, name: At<&str>) {
    let lower = name.value.to_ascii_lowercase();
    let good = lower
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !good {
        fields.report.error(
            name.at,
            "bad-header",
            format!("`{}` is not the name of a header", name.value),
            "write for example `x-api-key`",
        );
    } else if TAKEN.contains(&lower.as_str()) || lower.starts_with("content-") {
        fields.report.error(
            name.at,
            "bad-header",
            format!("`{}` is not a header for a secret", name.value),
            "write the target's own header, for example `x-api-key`; `authorization` is written \
             by `bearer`, `basic` and `oauth`",
        );
    }
}

fn oauth(fields: &Fields<'_>) -> Auth {
    let example = "https://example.com/oauth2/token";
    let token_url = fields
        .need("token_url", &format!("\"{example}\""))
        .and_then(|node| address::read(&node, example));
    let scope = fields.get("scope").and_then(|node| node.text());
    let client_auth = fields.get("client_auth").and_then(|node| {
        if fields.has("certificate") {
            fields.report.error(
                node.at,
                "not-here",
                format!("{} has no meaning beside `certificate`", node.name),
                "remove it: a certificate proves the client by itself",
            );
        }
        node.choice(&[("basic", true), ("form", false)])
    });
    Auth::Client(ClientCredentials {
        // As it is written: a closing slash may be part of it.
        token_url: token_url.map_or_else(Box::default, |url| url.as_str().into()),
        client_id: client_id(fields),
        scope: scope.map(|scope| scope.value.into()),
        // Every server takes HTTP Basic (RFC 6749 section 2.3.1), so that it is the default.
        proof: proof(fields, client_auth.unwrap_or(true)),
    })
}

fn client_id(fields: &Fields<'_>) -> Box<str> {
    fields
        .need("client_id", "\"lanyard\"")
        .and_then(|node| node.text())
        .map_or("", |id| id.value)
        .into()
}

/// `secret` or `certificate`, exactly one.
fn proof(fields: &Fields<'_>, basic: bool) -> ClientProof {
    match (fields.has("secret"), fields.has("certificate")) {
        (false, true) => ClientProof::Certificate {
            secret: needed_secret(fields, "certificate", "\"directory-certificate\""),
        },
        (both, certificate) => {
            if both && certificate {
                fields.get("certificate");
                fields.report.error(
                    fields.at,
                    "bad-auth",
                    format!("{} has both `secret` and `certificate`", fields.name),
                    "keep one: a certificate is the stronger proof",
                );
            }
            let secret = needed_secret(fields, "secret", "\"directory-client\"");
            if basic {
                ClientProof::Basic { secret }
            } else {
                ClientProof::Form { secret }
            }
        }
    }
}

/// The short form for Microsoft Entra.
fn tenant(fields: &Fields<'_>, kind: Kind, base_url: Option<&Url>) -> Auth {
    if let Some(node) = fields.get("tenant")
        && kind == Kind::Scim
    {
        fields.report.error(
            node.at,
            "not-here",
            format!("{} is for Microsoft Graph", node.name),
            "write `oauth = { token_url = \"...\", ... }`, or `kind = \"graph\"` if it is one",
        );
    }
    let tenant = fields.get("tenant").and_then(|node| node.text());
    if let Some(tenant) = tenant {
        let good = tenant
            .value
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(is_label));
        if !good {
            fields.report.error(
                tenant.at,
                "bad-tenant",
                format!("`{}` is not a tenant", tenant.value),
                "write its id or one of its domains, for example `contoso.onmicrosoft.com`",
            );
        }
    }
    let login = fields
        .get("login_url")
        .and_then(|node| address::read(&node, LOGIN))
        .map_or_else(|| LOGIN.into(), |url| address::text(&url));
    let tenant = tenant.map_or("", |tenant| tenant.value);
    Auth::Client(ClientCredentials {
        token_url: format!("{login}/{tenant}/oauth2/v2.0/token").into(),
        client_id: client_id(fields),
        scope: base_url.map(|url| {
            let origin = url.origin().ascii_serialization();
            format!("{origin}/.default").into_boxed_str()
        }),
        proof: proof(fields, false),
    })
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}
