//! The synthetic users and groups that experiments are made on.

use domain::AttrPath;
use serde_json::{Map, Value, json};

use super::json;
use super::report::Settings;
use crate::path::{CORE_USER, Path};
use crate::target::Kind;

/// What became of the request that was to make an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It is there.
    Made,
    /// It is not.
    Refused,
    /// Nobody knows: the answer was lost, or names no id.
    Unclear,
}

/// An object that this run asked for.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) name: Box<str>,
    pub(super) id: Option<Box<str>>,
    pub(super) tried: Tried,
    /// Blocked by an experiment and not let in again.
    pub(super) blocked: bool,
    pub(super) deleted: bool,
}

impl Object {
    pub(super) fn asked_for(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.into(),
            id: None,
            tried: Tried::Unclear,
            blocked: false,
            deleted: false,
        }
    }
}

/// A sandbox user that is there.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: Box<str>,
    /// As it was sent.
    pub(super) name: String,
    /// As the target shows it.
    pub(super) shown: String,
    pub(super) external_id: Option<String>,
    /// The attributes that the target kept.
    pub(super) kept: Vec<Part>,
}

/// An attribute that sandbox users may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    ExternalId,
    GivenName,
    FamilyName,
    DisplayName,
    Email,
    Title,
    Phone,
    Address,
    UserType,
    Department,
}

impl Part {
    /// In the order in which a target that does not say what it lacks is offered them.
    pub(super) const ALL: [Self; 10] = [
        Self::ExternalId,
        Self::GivenName,
        Self::FamilyName,
        Self::DisplayName,
        Self::Email,
        Self::Title,
        Self::Phone,
        Self::Address,
        Self::UserType,
        Self::Department,
    ];

    /// As mappings write it.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::ExternalId => "externalId",
            Self::GivenName => "name.givenName",
            Self::FamilyName => "name.familyName",
            Self::DisplayName => "displayName",
            Self::Email => "emails[type eq \"work\"].value",
            Self::Title => "title",
            Self::Phone => "phoneNumbers[type eq \"work\"].value",
            Self::Address => "addresses[type eq \"work\"].locality",
            Self::UserType => "userType",
            Self::Department => {
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
            }
        }
    }

    pub(super) fn parsed(self) -> Option<Path> {
        Path::parse(self.path()).ok()
    }

    /// The list that it is an element of.
    pub(super) const fn list(self) -> Option<&'static str> {
        match self {
            Self::Email => Some("emails"),
            Self::Phone => Some("phoneNumbers"),
            Self::Address => Some("addresses"),
            Self::ExternalId
            | Self::GivenName
            | Self::FamilyName
            | Self::DisplayName
            | Self::Title
            | Self::UserType
            | Self::Department => None,
        }
    }

    /// Whether a refusal names it. Longer names first: `name` is in all of them.
    pub(super) fn is_named_in(self, detail: &str) -> bool {
        let words: &[&str] = match self {
            Self::ExternalId => &["externalid", "external id"],
            Self::GivenName => &["givenname", "given name", "first name", "firstname"],
            Self::FamilyName => &["familyname", "family name", "last name", "lastname"],
            Self::DisplayName => &["displayname", "display name"],
            Self::Email => &["emails", "email address", "[email", "`email`", "'email'"],
            Self::Title => &["`title`", "'title'", "[title"],
            Self::Phone => &["phonenumber", "phone number"],
            Self::Address => &["addresses"],
            Self::UserType => &["usertype", "user type"],
            Self::Department => &["department", "enterprise"],
        };
        words.iter().any(|word| detail.contains(word))
    }

    fn value(self, who: &str, settings: &Settings) -> String {
        match self {
            Self::ExternalId => who.to_owned(),
            Self::GivenName => "Lanyard".to_owned(),
            Self::FamilyName => "Probe".to_owned(),
            Self::DisplayName => format!("Lanyard Probe {who}"),
            Self::Email => format!("{who}@{}", settings.domain),
            Self::Phone => "+1 555 0100".to_owned(),
            Self::Address => "Sandbox City".to_owned(),
            Self::Title | Self::UserType | Self::Department => "Sandbox".to_owned(),
        }
    }
}

/// How sandbox users of a target have to look.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// The user name is an e-mail address.
    pub(super) email_names: bool,
    /// With the attributes that the settings give.
    pub(super) given: bool,
    pub(super) required: Vec<Part>,
}

impl Settings {
    /// The name of an object of this run: 21 characters, because some targets take no more.
    pub(super) fn name(&self, suffix: &str) -> String {
        format!("lanyard-probe-{}{suffix}", self.marker)
    }
}

impl Shape {
    /// The user name for a suffix.
    pub(super) fn user_name(&self, settings: &Settings, suffix: &str) -> String {
        let name = settings.name(suffix);
        if self.email_names {
            format!("{name}@{}", settings.domain)
        } else {
            name
        }
    }

    /// A new user with some attributes beyond the required ones.
    pub(super) fn user(
        &self,
        settings: &Settings,
        suffix: &str,
        more: &[Part],
    ) -> Map<String, Value> {
        let who = settings.name(suffix);
        let mut user = Map::new();
        user.insert("schemas".to_owned(), json!([CORE_USER]));
        user.insert(
            "userName".to_owned(),
            self.user_name(settings, suffix).into(),
        );
        user.insert("active".to_owned(), true.into());
        for part in Part::ALL {
            if (self.required.contains(&part) || more.contains(&part))
                && let Some(path) = part.parsed()
            {
                json::put(&mut user, &path, part.value(&who, settings).into());
            }
        }
        if let Some(email) = user
            .get_mut("emails")
            .and_then(|emails| emails.get_mut(0))
            .and_then(Value::as_object_mut)
        {
            email.insert("primary".to_owned(), true.into());
        }
        if self.given {
            for (path, value) in &settings.attributes {
                if let Ok(path) = Path::parse(path) {
                    json::put(&mut user, &path, (&**value).into());
                }
            }
        }
        user
    }

    /// What of it a resource shows again.
    pub(super) fn kept(settings: &Settings, suffix: &str, shown: &Value) -> Vec<Part> {
        let who = settings.name(suffix);
        let kept = |part: &Part| {
            let path = part.parsed();
            let value = part.value(&who, settings);
            path.is_some_and(|path| {
                json::at(shown, &path).is_some_and(|text| text.eq_ignore_ascii_case(&value))
            })
        };
        Part::ALL.into_iter().filter(|part| kept(part)).collect()
    }

    /// The paths without which no user is made.
    pub(super) fn paths(&self, settings: &Settings) -> Vec<AttrPath> {
        let parts = self.required.iter().map(|part| AttrPath::from(part.path()));
        let given = settings.attributes.iter().map(|(path, _)| path.clone());
        parts.chain(given.filter(|_| self.given)).collect()
    }
}
