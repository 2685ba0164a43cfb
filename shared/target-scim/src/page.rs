//! Reads list answers, groups and error bodies.

use std::borrow::Cow;
use std::collections::BTreeSet;

use domain::{AccountId, Group};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess};

use crate::any::{Any, Key, Scalar, Take, position};
use crate::read::{ReadPlan, SeenUser};

/// Most objects that one answer may hold.
const MOST_ITEMS: usize = 10_000;

/// Why an answer cannot be read. Without the cause's text, which may quote the answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not JSON, cut short, or not of the shape it should have.
    Malformed,
    /// More objects than we read.
    TooMany,
    /// A value of this attribute is longer than we read.
    TooLong(&'static str),
}

/// What a list answer says beside its objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) total: Option<u64>,
    pub(crate) next_cursor: Option<Box<str>>,
    pub(crate) received: u64,
    has_items: bool,
    too_many: bool,
    misfits: bool,
}

/// What is done with each object of a list answer; false for one that has not the right shape.
trait Items<'de> {
    fn item<D: Deserializer<'de>>(&mut self, from: D) -> Result<bool, D::Error>;
}

fn list<'de>(body: &'de [u8], items: &mut impl Items<'de>) -> Result<Listing, Unreadable> {
    // UTF-8 is checked once for the whole body, which is cheaper than string by string.
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::Malformed)?;
    let mut listing = Listing::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Any(ListTake {
        listing: &mut listing,
        items,
    })
    .deserialize(&mut json)
    .and_then(|()| json.end());
    if listing.too_many {
        return Err(Unreadable::TooMany);
    }
    // An object that is no list answer at all must not pass for an empty list.
    let is_list = listing.has_items || listing.total.is_some();
    if read.is_err() || listing.misfits || !is_list {
        return Err(Unreadable::Malformed);
    }
    Ok(listing)
}

struct ListTake<'l, I> {
    listing: &'l mut Listing,
    items: &'l mut I,
}

impl<'de, I: Items<'de>> Take<'de> for ListTake<'_, I> {
    type Out = ();

    fn scalar(self, _: Option<Cow<'de, str>>) {
        self.listing.misfits = true;
    }

    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        const NAMES: [&str; 3] = ["Resources", "totalResults", "nextCursor"];
        let Self { listing, items } = self;
        while let Some(at) = map.next_key_seed(Key(|key: &str| position(&NAMES, key)))? {
            match at {
                Some(0) => {
                    let items = &mut *items;
                    let listing = &mut *listing;
                    map.next_value_seed(Any(ItemsTake { listing, items }))?;
                }
                Some(1) => {
                    let total = map.next_value_seed(Any(Scalar))?;
                    listing.total = total.and_then(|text| text.trim().parse().ok());
                }
                Some(_) => {
                    let cursor = map.next_value_seed(Any(Scalar))?;
                    listing.next_cursor = cursor.filter(|c| !c.is_empty()).map(Into::into);
                }
                None => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct ItemsTake<'l, I> {
    listing: &'l mut Listing,
    items: &'l mut I,
}

impl<'de, I: Items<'de>> Take<'de> for ItemsTake<'_, I> {
    type Out = ();

    /// `null` for an empty list.
    fn scalar(self, value: Option<Cow<'de, str>>) {
        self.listing.has_items = true;
        self.listing.misfits |= value.is_some();
    }

    fn map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("`Resources` is an object"))
    }

    fn seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { listing, items } = self;
        listing.has_items = true;
        let mut received = 0;
        while let Some(fits) = seq.next_element_seed(ItemSeed(&mut *items))? {
            received += 1;
            listing.misfits |= !fits;
            if received > MOST_ITEMS {
                listing.too_many = true;
                return Err(A::Error::custom("too many objects"));
            }
        }
        listing.received = received as u64;
        Ok(())
    }
}

struct ItemSeed<'l, I>(&'l mut I);

impl<'de, I: Items<'de>> DeserializeSeed<'de> for ItemSeed<'_, I> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        self.0.item(from)
    }
}

/// Reads a page of users; `each` sees every one of them.
pub(crate) fn users(
    plan: &ReadPlan,
    body: &[u8],
    each: &mut impl FnMut(&SeenUser<'_>),
) -> Result<Listing, Unreadable> {
    struct Users<'p, 'e, 'de, F> {
        plan: &'p ReadPlan,
        slots: crate::read::Slots<'de>,
        each: &'e mut F,
        too_long: Option<&'static str>,
    }

    impl<'de, F: FnMut(&SeenUser<'_>)> Items<'de> for Users<'_, '_, 'de, F> {
        fn item<D: Deserializer<'de>>(&mut self, from: D) -> Result<bool, D::Error> {
            let fits = self.plan.read(&mut self.slots, from)?;
            self.too_long = ReadPlan::too_long(&self.slots);
            if self.too_long.is_some() {
                return Err(D::Error::custom("a value is too long"));
            }
            if fits {
                (self.each)(&self.plan.seen(&self.slots));
            }
            Ok(fits)
        }
    }

    let mut users = Users {
        plan,
        slots: plan.slots(),
        each,
        too_long: None,
    };
    let listing = list(body, &mut users);
    match users.too_long {
        Some(name) => Err(Unreadable::TooLong(name)),
        None => listing,
    }
}

/// Reads one user and hands it to `then`.
pub(crate) fn user<T>(
    plan: &ReadPlan,
    body: &[u8],
    then: impl FnOnce(&SeenUser<'_>) -> T,
) -> Result<T, Unreadable> {
    let mut slots = plan.slots();
    let mut json = serde_json::Deserializer::from_slice(body);
    match plan.read(&mut slots, &mut json) {
        Ok(true) if json.end().is_ok() => match ReadPlan::too_long(&slots) {
            Some(name) => Err(Unreadable::TooLong(name)),
            None => Ok(then(&plan.seen(&slots))),
        },
        Ok(_) | Err(_) => Err(Unreadable::Malformed),
    }
}

/// An object that refers to others: a group with its members, or a user with its groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) id: Box<str>,
    pub(crate) name: Box<str>,
    /// The values that it refers to; `None` where it does not show the attribute.
    pub(crate) refers: Option<Vec<Box<str>>>,
}

impl Holder {
    pub(crate) fn into_group(self) -> Group {
        // Some targets list a member twice that was added twice.
        let members = |ids: Vec<Box<str>>| {
            let mut seen = BTreeSet::new();
            let ids = ids.into_iter().map(AccountId::new);
            ids.filter(|id| seen.insert(id.clone())).collect()
        };
        Group {
            id: self.id,
            name: self.name,
            members: self.refers.map(members),
        }
    }
}

/// Which attribute refers to others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refers {
    /// `members` of a group; members that are groups themselves are left out.
    Members,
    /// `groups` of a user.
    Groups,
}

impl Refers {
    const fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Groups => "groups",
        }
    }
}

/// Reads a page of groups.
pub(crate) fn groups(body: &[u8]) -> Result<(Vec<Holder>, Listing), Unreadable> {
    struct Groups(Vec<Holder>);

    impl<'de> Items<'de> for Groups {
        fn item<D: Deserializer<'de>>(&mut self, from: D) -> Result<bool, D::Error> {
            let holder = Any(HolderTake(Refers::Members)).deserialize(from)?;
            let fits = holder.is_some();
            self.0.extend(holder);
            Ok(fits)
        }
    }

    let mut groups = Groups(Vec::new());
    let listing = list(body, &mut groups)?;
    Ok((groups.0, listing))
}

/// Reads one group, or one user for its groups.
pub(crate) fn holder(refers: Refers, body: &[u8]) -> Result<Holder, Unreadable> {
    let mut json = serde_json::Deserializer::from_slice(body);
    match Any(HolderTake(refers)).deserialize(&mut json) {
        Ok(Some(holder)) if json.end().is_ok() => Ok(holder),
        Ok(_) | Err(_) => Err(Unreadable::Malformed),
    }
}

struct HolderTake(Refers);

impl<'de> Take<'de> for HolderTake {
    type Out = Option<Holder>;

    fn scalar(self, _: Option<Cow<'de, str>>) -> Self::Out {
        None
    }

    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        let names = ["id", "displayName", self.0.name()];
        let mut holder = Holder::default();
        while let Some(at) = map.next_key_seed(Key(|key: &str| position(&names, key)))? {
            match at {
                Some(0) => holder.id = text(map.next_value_seed(Any(Scalar))?),
                Some(1) => holder.name = text(map.next_value_seed(Any(Scalar))?),
                Some(_) => holder.refers = map.next_value_seed(Any(RefersTake(self.0)))?,
                None => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        Ok(Some(holder).filter(|h| !h.id.is_empty()))
    }
}

fn text(value: Option<Cow<'_, str>>) -> Box<str> {
    value.map_or_else(Box::default, Into::into)
}

/// A list of references; an object stands for a list of one.
struct RefersTake(Refers);

impl<'de> Take<'de> for RefersTake {
    type Out = Option<Vec<Box<str>>>;

    fn scalar(self, _: Option<Cow<'de, str>>) -> Self::Out {
        None
    }

    fn map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Out, A::Error> {
        Ok(Some(RefTake(self.0).map(map)?.into_iter().collect()))
    }

    fn seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = seq.next_element_seed(Any(RefTake(self.0)))? {
            ids.extend(id);
        }
        Ok(Some(ids))
    }
}

/// One reference: an object with a `value`, or leniently the bare value.
struct RefTake(Refers);

impl<'de> Take<'de> for RefTake {
    type Out = Option<Box<str>>;

    fn scalar(self, value: Option<Cow<'de, str>>) -> Self::Out {
        value.map(Into::into)
    }

    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        const NAMES: [&str; 2] = ["value", "type"];
        let mut id = None;
        let mut nested = false;
        while let Some(at) = map.next_key_seed(Key(|key: &str| position(&NAMES, key)))? {
            match at {
                Some(0) => id = map.next_value_seed(Any(Scalar))?,
                Some(_) => {
                    let kind = map.next_value_seed(Any(Scalar))?;
                    let is_group = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("group"));
                    nested = is_group && self.0 == Refers::Members;
                }
                None => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        Ok(id.filter(|_| !nested).map(Into::into))
    }
}

/// A SCIM error body, as far as it can be read; bodies of other kinds read as nothing.
#[derive(Default)]
pub(crate) struct ErrorBody {
    pub(crate) scim_type: Box<str>,
    /// May hold personal data: for looking at, never for showing.
    pub(crate) detail: Box<str>,
}

pub(crate) fn error(body: &[u8]) -> ErrorBody {
    struct ErrorTake;

    impl<'de> Take<'de> for ErrorTake {
        type Out = ErrorBody;

        fn scalar(self, _: Option<Cow<'de, str>>) -> ErrorBody {
            ErrorBody::default()
        }

        fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<ErrorBody, A::Error> {
            const NAMES: [&str; 2] = ["scimType", "detail"];
            let mut error = ErrorBody::default();
            while let Some(at) = map.next_key_seed(Key(|key: &str| position(&NAMES, key)))? {
                match at {
                    Some(0) => error.scim_type = text(map.next_value_seed(Any(Scalar))?),
                    Some(_) => error.detail = text(map.next_value_seed(Any(Scalar))?),
                    None => {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    }
                }
            }
            Ok(error)
        }
    }

    let mut json = serde_json::Deserializer::from_slice(body);
    Any(ErrorTake).deserialize(&mut json).unwrap_or_default()
}

#[cfg(test)]
mod tests;
