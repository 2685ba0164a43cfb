//! What a target speaks, and which keys go with it.

use domain::policy::{Desk, EntraJob, GraphSettings, TargetKind};

use crate::fields::{Fields, Node};
use crate::names;

/// What a target speaks, before its settings are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SCIM 2.0.
    Scim,
    /// Microsoft Graph.
    Graph,
    /// The inbound provisioning API of Microsoft Entra.
    EntraBulk,
    /// People, by tasks.
    Manual,
}

impl Kind {
    const ALL: [(&'static str, Self); 4] = [
        ("scim", Self::Scim),
        ("graph", Self::Graph),
        ("entra_bulk", Self::EntraBulk),
        ("manual", Self::Manual),
    ];

    /// As policy writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Graph => "graph",
            Self::EntraBulk => "entra_bulk",
            Self::Manual => "manual",
        }
    }

    /// That of a target.
    pub(crate) const fn of(kind: &TargetKind) -> Self {
        match kind {
            TargetKind::Scim => Self::Scim,
            TargetKind::Graph(_) => Self::Graph,
            TargetKind::EntraBulk(_) => Self::EntraBulk,
            TargetKind::Manual(_) => Self::Manual,
        }
    }
}

/// Where Microsoft Graph is, but for national clouds.
pub(crate) const GRAPH: &str = "https://graph.microsoft.com/v1.0";

/// The property of a user that holds our key where policy says nothing: on the user object since
/// long, writable by an application, filterable, and shown in no address book.
const KEY: &str = "onPremisesExtensionAttributes.extensionAttribute15";

/// Reads `kind`.
pub(crate) fn read(fields: &Fields<'_>) -> Kind {
    fields
        .get("kind")
        .and_then(|node| node.choice(&Kind::ALL))
        .unwrap_or(Kind::Scim)
}

/// Reads the settings of a kind, and reports those of the others.
pub(crate) fn settings(fields: &Fields<'_>, kind: Kind) -> TargetKind {
    let only = |key, of: Kind| only(fields, key, kind, of);
    let key = only("key_property", Kind::Graph).and_then(|node| key_property(&node));
    let role_assignable = only("role_assignable", Kind::Graph).and_then(|node| node.flag());
    let principal = only("service_principal", Kind::EntraBulk);
    let job = only("job", Kind::EntraBulk);
    let owner = only("owner", Kind::Manual).and_then(|node| node.text());
    let due_days = only("due_days", Kind::Manual).and_then(|node| node.count(1..=365));
    let ending_days = only("ending_days", Kind::Manual).and_then(|node| node.count(0..=365));
    match kind {
        Kind::Manual => {
            if !fields.has("owner") {
                fields.need("owner", "\"it-desk\"");
            }
            if !fields.has("due_days") {
                fields.need("due_days", "5");
            }
            for key in NOT_BY_HAND {
                not_by_hand(fields, key);
            }
            TargetKind::Manual(Desk {
                owner: owner.map_or("", |owner| owner.value).into(),
                due_days: due_days.map_or(0, days),
                ending_days: ending_days.map_or(1, days),
            })
        }
        Kind::Scim => TargetKind::Scim,
        Kind::Graph => TargetKind::Graph(GraphSettings {
            key: key.unwrap_or(KEY).into(),
            role_assignable: role_assignable.unwrap_or(false),
        }),
        Kind::EntraBulk => {
            let example = "00000000-0000-0000-0000-000000000000";
            if principal.is_none() {
                fields.need("service_principal", &format!("\"{example}\""));
            }
            if job.is_none() {
                fields.need("job", "\"API2AAD...\"");
            }
            TargetKind::EntraBulk(EntraJob {
                service_principal: principal.map_or_else(Box::default, |node| guid(&node)),
                job: job.map_or_else(Box::default, |node| job_id(&node)),
            })
        }
    }
}

/// What has no meaning where a human does the work.
const NOT_BY_HAND: &[&str] = &[
    "base_url",
    "token",
    "auth",
    "rates",
    "reserve_percent",
    "workers",
    "adopt",
    "lost",
    "dormant_days",
    "protected",
    "service_accounts",
];

fn not_by_hand(fields: &Fields<'_>, key: &'static str) {
    if let Some(node) = fields.get(key) {
        node.report.error(
            node.at,
            "not-here",
            format!("{} has no meaning where `kind` is `manual`", node.name),
            "remove it: nothing is called there, and nothing can be looked at",
        );
    }
}

fn days(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// A key of one kind alone; `None` after reporting it where the kind is another.
pub(crate) fn only<'a>(
    fields: &Fields<'a>,
    key: &'static str,
    kind: Kind,
    of: Kind,
) -> Option<Node<'a>> {
    let node = fields.get(key)?;
    if kind == of {
        return Some(node);
    }
    fields.report.error(
        node.at,
        "not-here",
        format!(
            "{} has no meaning where `kind` is `{}`",
            node.name,
            kind.name()
        ),
        format!(
            "remove it, or write `kind = \"{}\"` if the target is one",
            of.name()
        ),
    );
    None
}

/// Properties that may hold the key: text that an application can write and filter by.
fn key_properties() -> impl Iterator<Item = String> {
    let fixed = ["employeeId", "onPremisesImmutableId"].map(str::to_owned);
    let numbered = (1..=15).map(|n| format!("onPremisesExtensionAttributes.extensionAttribute{n}"));
    fixed.into_iter().chain(numbered)
}

fn key_property<'a>(node: &Node<'a>) -> Option<&'a str> {
    let text = node.text()?;
    let known: Vec<String> = key_properties().collect();
    if known.iter().any(|name| name == text.value) {
        return Some(text.value);
    }
    let rule = "give `employeeId`, `onPremisesImmutableId`, or \
                `onPremisesExtensionAttributes.extensionAttribute1` to `...15`";
    node.report.error(
        text.at,
        "unknown-word",
        format!("{} cannot be `{}`", node.name, text.value),
        match names::nearest(text.value, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? {rule}"),
            None => rule.to_owned(),
        },
    );
    None
}

/// An id in the form 8-4-4-4-12, in lower case.
pub(crate) fn guid(node: &Node<'_>) -> Box<str> {
    let Some(text) = node.text() else {
        return Box::default();
    };
    let lower = text.value.to_ascii_lowercase();
    if !is_guid(&lower) {
        node.report.error(
            text.at,
            "bad-id",
            format!("{} is not an id", node.name),
            "copy the object id, for example `00000000-0000-0000-0000-000000000000`",
        );
    }
    lower.into()
}

/// Whether a text has the form of a GUID.
pub(crate) fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// The id of a job becomes a part of a path.
fn job_id(node: &Node<'_>) -> Box<str> {
    let Some(text) = node.text() else {
        return Box::default();
    };
    let good = text
        .value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !good || text.value.chars().all(|c| c == '.') {
        node.report.error(
            text.at,
            "bad-id",
            format!("{} is not the id of a job", node.name),
            "copy it from the provisioning application: letters, digits, `.`, `-`, `_`",
        );
    }
    text.value.into()
}
