//! Worker attributes: a closed canonical set, and three kinds of input kept apart.

use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! attrs {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// An attribute of a worker record. The set is closed: a source's own fields are mapped
        /// onto it in policy, extra ones onto `extension_1` to `extension_15`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Attr { $($(#[$doc])* $variant,)* }

        impl Attr {
            /// Every attribute, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in payloads and policy.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The attribute of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

attrs! {
    /// The number people know; may have leading zeros.
    EmployeeNumber => "employee_number",
    /// The source's id of the person, where it differs from the record's.
    PersonKey => "person_key",
    /// Legal given name.
    GivenName => "given_name",
    /// Legal family name.
    FamilyName => "family_name",
    /// Middle name.
    MiddleName => "middle_name",
    /// Given name the person goes by.
    PreferredGivenName => "preferred_given_name",
    /// Family name the person goes by.
    PreferredFamilyName => "preferred_family_name",
    /// The name as shown, where the source states one.
    DisplayName => "display_name",
    /// Business e-mail address; often empty before day one.
    WorkEmail => "work_email",
    /// Private e-mail address; for correlation, never provisioned.
    PersonalEmail => "personal_email",
    /// Business telephone.
    WorkPhone => "work_phone",
    /// Mobile telephone.
    MobilePhone => "mobile_phone",
    /// Department, as standardised.
    Department => "department",
    /// Division.
    Division => "division",
    /// Cost centre.
    CostCenter => "cost_center",
    /// Legal entity.
    Company => "company",
    /// Team.
    Team => "team",
    /// Job title.
    Title => "title",
    /// Job code.
    JobCode => "job_code",
    /// Site.
    Location => "location",
    /// City.
    City => "city",
    /// Region or state.
    Region => "region",
    /// ISO 3166-1 alpha-2 country code.
    Country => "country",
    /// `employee`, `contractor`, `intern` or `acquired`, as standardised.
    EmploymentType => "employment_type",
    /// `active`, `leave`, `terminated` or `no_show`, as standardised.
    WorkerStatus => "worker_status",
    /// The manager's worker id in the same source.
    ManagerId => "manager_id",
    /// `manager` or `individual`.
    ManagerStatus => "manager_status",
    /// First working day, `YYYY-MM-DD`.
    StartDate => "start_date",
    /// Last working day, `YYYY-MM-DD`.
    EndDate => "end_date",
    /// `end_of_day` (the default) or `now`.
    EndMode => "end_mode",
    /// First day of the first engagement, `YYYY-MM-DD`.
    OriginalHireDate => "original_hire_date",
    /// IANA time zone of the worker's site.
    TimeZone => "time_zone",
    /// Clearance level.
    Clearance => "clearance",
    /// Preferred language, BCP 47.
    Language => "language",
    /// The company's own.
    Extension1 => "extension_1",
    /// The company's own.
    Extension2 => "extension_2",
    /// The company's own.
    Extension3 => "extension_3",
    /// The company's own.
    Extension4 => "extension_4",
    /// The company's own.
    Extension5 => "extension_5",
    /// The company's own.
    Extension6 => "extension_6",
    /// The company's own.
    Extension7 => "extension_7",
    /// The company's own.
    Extension8 => "extension_8",
    /// The company's own.
    Extension9 => "extension_9",
    /// The company's own.
    Extension10 => "extension_10",
    /// The company's own.
    Extension11 => "extension_11",
    /// The company's own.
    Extension12 => "extension_12",
    /// The company's own.
    Extension13 => "extension_13",
    /// The company's own.
    Extension14 => "extension_14",
    /// The company's own.
    Extension15 => "extension_15",
    /// Derived, never stated by a source: the lifecycle state of the identity at the planned
    /// instant (`prehire`, `active`, `suspended`, `ended`).
    Lifecycle => "lifecycle",
}

impl fmt::Display for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Attr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Attr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("`{name}` is not an attribute")))
    }
}

/// A stated value. Absent is not here: an attribute that a fact does not mention has no slot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Explicitly cleared (`null`).
    Null,
    /// A value; `""` is a value too, and means empty. Shared between a fact, what is projected
    /// from it, and the changes that carry it.
    Text(Arc<str>),
}

impl Slot {
    /// The text, unless cleared.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
        }
    }
}

impl From<&str> for Slot {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SlotVisitor;
        impl<'de> Visitor<'de> for SlotVisitor {
            type Value = Slot;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or null")
            }

            fn visit_unit<E>(self) -> Result<Slot, E> {
                Ok(Slot::Null)
            }

            fn visit_none<E>(self) -> Result<Slot, E> {
                Ok(Slot::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slot, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_str<E>(self, text: &str) -> Result<Slot, E> {
                Ok(Slot::from(text))
            }
        }
        deserializer.deserialize_any(SlotVisitor)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Text(text) if text.is_empty() => "empty",
            Self::Text(_) => "[personal]",
        })
    }
}

/// Attributes in [`Attr`] order, at most one slot each. JSON: an object of string or null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attrs(Vec<(Attr, Slot)>);

impl Attrs {
    /// Nothing stated.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Nothing stated, with room for that many attributes.
    pub fn with_capacity(attributes: usize) -> Self {
        Self(Vec::with_capacity(attributes))
    }

    /// The slot, or `None` where the attribute is absent.
    pub fn get(&self, attr: Attr) -> Option<&Slot> {
        let at = self.0.binary_search_by_key(&attr, |(a, _)| *a).ok()?;
        self.0.get(at).map(|(_, slot)| slot)
    }

    /// The text, or `None` where the attribute is absent or cleared.
    pub fn text(&self, attr: Attr) -> Option<&str> {
        self.get(attr).and_then(Slot::text)
    }

    /// States a value, replacing what was stated.
    pub fn set(&mut self, attr: Attr, slot: impl Into<Slot>) {
        let slot = slot.into();
        // Sources mostly state attributes in order, so that most calls are a push.
        if self.0.last().is_none_or(|(last, _)| *last < attr) {
            self.0.push((attr, slot));
            return;
        }
        match self.0.binary_search_by_key(&attr, |(a, _)| *a) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = slot;
                }
            }
            Err(at) => self.0.insert(at, (attr, slot)),
        }
    }

    /// Makes the attribute absent.
    pub fn remove(&mut self, attr: Attr) -> Option<Slot> {
        let at = self.0.binary_search_by_key(&attr, |(a, _)| *a).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Lays later statements over these: absent leaves, null clears, a value replaces.
    pub fn overlay(&mut self, later: &Self) {
        // Both ascend: what comes next in the one is never before where the other is.
        let mut at = 0;
        for (attr, slot) in &later.0 {
            while self.0.get(at).is_some_and(|(known, _)| known < attr) {
                at += 1;
            }
            match self.0.get_mut(at) {
                Some((known, stated)) if known == attr => stated.clone_from(slot),
                Some(_) | None => self.0.insert(at, (*attr, slot.clone())),
            }
            at += 1;
        }
    }

    /// All slots, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Attr, &Slot)> {
        self.0.iter().map(|(attr, slot)| (*attr, slot))
    }

    /// How many attributes are stated.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Attr, Slot)> for Attrs {
    fn from_iter<I: IntoIterator<Item = (Attr, Slot)>>(iter: I) -> Self {
        let mut attrs = Self::new();
        for (attr, slot) in iter {
            attrs.set(attr, slot);
        }
        attrs
    }
}

impl Serialize for Attrs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (attr, slot) in &self.0 {
            map.serialize_entry(attr, slot)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Attrs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AttrsVisitor;
        impl<'de> Visitor<'de> for AttrsVisitor {
            type Value = Attrs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of attributes, each a string or null")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attrs, A::Error> {
                let mut attrs = Attrs(Vec::with_capacity(map.size_hint().unwrap_or(16)));
                while let Some(attr) = map.next_key()? {
                    attrs.set(attr, map.next_value::<Slot>()?);
                }
                Ok(attrs)
            }
        }
        deserializer.deserialize_map(AttrsVisitor)
    }
}

#[cfg(test)]
mod tests;
