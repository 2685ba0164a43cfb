//! Reads resources without building a tree: one pass over the bytes, keeping what is asked for
//! and borrowing it where JSON allows.
//!
//! Attribute names and URNs match in any case, booleans may be strings, numbers may be strings
//! and the reverse, an object may stand for a list of one, and an extension's attribute may be
//! flattened (`URN:attr`). Whatever is not asked for is skipped without recursion, so that depth
//! costs no stack.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use domain::{Account, AccountId, AttrPath, Pii, Slot};
use ports::target::{LONGEST_ID, LONGEST_VALUE};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};

use crate::any::{Any, Key, Scalar, Take, position};
use crate::path::{CORE_USER, Path};

const ID: usize = 0;
const EXTERNAL_ID: usize = 1;
const USER_NAME: usize = 2;
const ACTIVE: usize = 3;
const CREATED: usize = 4;
const VERSION: usize = 5;
const FIXED: usize = 6;
const NAMES: [&str; FIXED] = [
    "id",
    "externalId",
    "userName",
    "active",
    "meta.created",
    "meta.version",
];

/// What to keep of a user, compiled once.
#[derive(Debug)]
pub(crate) struct ReadPlan {
    roots: Vec<Node>,
    mapped: Vec<(AttrPath, usize)>,
    /// Places in `mapped` in the order of their paths, in which maps are built fastest.
    in_order: Vec<usize>,
    slots: usize,
    widest: usize,
}

#[derive(Debug, Default)]
struct Node {
    name: Box<str>,
    slot: Option<usize>,
    children: Vec<Node>,
    elements: Elements,
}

/// What to keep of the elements of a list.
#[derive(Debug, Default)]
struct Elements {
    /// Sub-attributes that some rule looks at.
    names: Vec<Box<str>>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    by: usize,
    equals: Box<str>,
    take: usize,
    slot: usize,
}

impl ReadPlan {
    pub(crate) fn new(mapped: &[Path]) -> Self {
        let mut plan = Self {
            roots: Vec::new(),
            mapped: Vec::with_capacity(mapped.len()),
            in_order: (0..mapped.len()).collect(),
            slots: FIXED,
            widest: 0,
        };
        for (name, slot) in [
            ("id", ID),
            ("externalId", EXTERNAL_ID),
            ("userName", USER_NAME),
            ("active", ACTIVE),
        ] {
            child(&mut plan.roots, name).slot = Some(slot);
        }
        let meta = child(&mut plan.roots, "meta");
        child(&mut meta.children, "created").slot = Some(CREATED);
        child(&mut meta.children, "version").slot = Some(VERSION);
        for path in mapped {
            let slot = plan.add(path);
            plan.mapped.push((path.text.clone(), slot));
        }
        plan.in_order
            .sort_by_key(|at| mapped.get(*at).map(|path| &path.text));
        plan
    }

    fn add(&mut self, path: &Path) -> usize {
        let fresh = self.slots;
        let nodes = match &path.schema {
            Some(urn) => &mut child(&mut self.roots, urn).children,
            None => &mut self.roots,
        };
        let node = child(nodes, &path.attr);
        let slot = match (&path.which, &path.sub) {
            (None, None) => *node.slot.get_or_insert(fresh),
            (None, Some(sub)) => *child(&mut node.children, sub).slot.get_or_insert(fresh),
            (Some(which), sub) => {
                let by = index(&mut node.elements.names, &which.by);
                let take = index(&mut node.elements.names, sub.as_deref().unwrap_or("value"));
                node.elements.rules.push(Rule {
                    by,
                    equals: which.equals.as_text().into(),
                    take,
                    slot: fresh,
                });
                self.widest = self.widest.max(node.elements.names.len());
                fresh
            }
        };
        self.slots = self.slots.max(slot + 1);
        slot
    }

    /// The paths that [`SeenUser::mapped`] counts.
    pub(crate) fn paths(&self) -> impl ExactSizeIterator<Item = &AttrPath> {
        self.mapped.iter().map(|(path, _)| path)
    }

    pub(crate) fn slots<'de>(&self) -> Slots<'de> {
        Slots {
            values: vec![None; self.slots],
            element: vec![None; self.widest],
        }
    }

    /// Reads one user; false where it is none, because it has no id.
    pub(crate) fn read<'de, D: Deserializer<'de>>(
        &self,
        slots: &mut Slots<'de>,
        from: D,
    ) -> Result<bool, D::Error> {
        slots.values.fill(None);
        let fits = Any(Root { plan: self, slots }).deserialize(from)?;
        // One that is too long is as good as none: whoever writes it into an account keeps neither a
        // block nor a listing from us.
        for value in slots.values.iter_mut().skip(FIXED) {
            if value
                .as_deref()
                .is_some_and(|text| text.len() > LONGEST_VALUE)
            {
                *value = None;
            }
        }
        Ok(fits)
    }

    /// What names a user that was read, where it is longer than we take. Without it nobody knows
    /// whose account it is.
    pub(crate) fn too_long(slots: &Slots<'_>) -> Option<&'static str> {
        let is_long = |slot: usize| {
            let value = slots.values.get(slot).and_then(Option::as_deref);
            let most = if slot == ID {
                LONGEST_ID
            } else {
                LONGEST_VALUE
            };
            value.is_some_and(|value| value.len() > most)
        };
        let mut names = NAMES.iter().enumerate();
        names
            .find(|(slot, _)| is_long(*slot))
            .map(|(_, name)| *name)
    }

    pub(crate) fn seen<'a>(&'a self, slots: &'a Slots<'_>) -> SeenUser<'a> {
        SeenUser {
            plan: self,
            values: &slots.values,
        }
    }
}

fn child<'n>(nodes: &'n mut Vec<Node>, name: &str) -> &'n mut Node {
    let known = nodes.iter().position(|n| n.name.eq_ignore_ascii_case(name));
    let at = known.unwrap_or_else(|| {
        nodes.push(Node {
            name: name.into(),
            ..Node::default()
        });
        nodes.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "found or pushed just above")]
    &mut nodes[at]
}

fn index(names: &mut Vec<Box<str>>, name: &str) -> usize {
    position(names, name).unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    })
}

/// The values of one user, reused from user to user.
pub(crate) struct Slots<'de> {
    values: Vec<Option<Cow<'de, str>>>,
    element: Vec<Option<Cow<'de, str>>>,
}

impl<'de> Slots<'de> {
    fn set(&mut self, slot: usize, value: Option<Cow<'de, str>>) {
        if let Some(place) = self.values.get_mut(slot) {
            *place = value;
        }
    }
}

/// One user as it stands in a page. Borrowed; copy what should outlive the page.
#[derive(Clone, Copy)]
pub struct SeenUser<'a> {
    plan: &'a ReadPlan,
    values: &'a [Option<Cow<'a, str>>],
}

impl fmt::Debug for SeenUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeenUser([personal])")
    }
}

impl<'a> SeenUser<'a> {
    fn value(&self, slot: usize) -> Option<&'a str> {
        self.values.get(slot)?.as_deref()
    }

    /// The target's id; a user without one never gets here.
    pub fn id(&self) -> &'a str {
        self.value(ID).unwrap_or_default()
    }

    /// Our key (`externalId`); an empty one is none.
    pub fn key(&self) -> Option<&'a str> {
        self.value(EXTERNAL_ID).filter(|key| !key.is_empty())
    }

    /// The user name; empty where the target shows none.
    pub fn user_name(&self) -> &'a str {
        self.value(USER_NAME).unwrap_or_default()
    }

    /// Whether it can sign in; a user that does not say so can.
    pub fn active(&self) -> bool {
        self.stated_active().unwrap_or(true)
    }

    pub(crate) fn stated_active(&self) -> Option<bool> {
        self.value(ACTIVE).map(|text| {
            let text = text.trim();
            !(text.eq_ignore_ascii_case("false") || text == "0")
        })
    }

    /// `meta.created` as it stands.
    pub fn created(&self) -> Option<&'a str> {
        self.value(CREATED)
    }

    /// `meta.version` as it stands.
    pub fn version(&self) -> Option<&'a str> {
        self.value(VERSION)
    }

    /// The value of a mapped path, by its place in `ScimConfig::mapped`.
    pub fn mapped(&self, at: usize) -> Option<&'a str> {
        let (_, slot) = self.plan.mapped.get(at)?;
        self.value(*slot)
    }

    /// A copy in the model's form.
    pub fn to_account(&self) -> Account {
        let mut attrs = Vec::with_capacity(self.plan.mapped.len());
        attrs.extend(self.shown().map(|(path, text)| (path.clone(), slot(text))));
        Account {
            id: AccountId::from(self.id()),
            key: self.key().map(|key| Pii::new(key.into())),
            user_name: Pii::new(self.user_name().into()),
            active: self.active(),
            attrs: BTreeMap::from_iter(attrs),
            created: self.created().and_then(|text| text.parse().ok()),
            last_sign_in: None,
            deleted: false,
            read_only: None,
        }
    }

    /// The same copy over an account that is no longer needed: cheaper, because the paths stay
    /// where this user shows what that one did.
    pub fn copy_into(&self, account: &mut Account) {
        let mut attrs = std::mem::take(&mut account.attrs);
        if self.shown().map(|(path, _)| path).eq(attrs.keys()) {
            for (place, (_, text)) in attrs.values_mut().zip(self.shown()) {
                *place = slot(text);
            }
        } else {
            attrs = self.shown().map(|(p, t)| (p.clone(), slot(t))).collect();
        }
        *account = Account {
            id: AccountId::from(self.id()),
            key: self.key().map(|key| Pii::new(key.into())),
            user_name: Pii::new(self.user_name().into()),
            active: self.active(),
            attrs,
            created: self.created().and_then(|text| text.parse().ok()),
            last_sign_in: None,
            deleted: false,
            read_only: None,
        };
    }

    /// The mapped paths that the user shows, in their order.
    fn shown(&self) -> impl Iterator<Item = (&'a AttrPath, &'a str)> {
        self.plan.in_order.iter().filter_map(|at| {
            let (path, slot) = self.plan.mapped.get(*at)?;
            Some((path, self.value(*slot)?))
        })
    }
}

fn slot(text: &str) -> Pii<Slot> {
    Pii::new(Slot::from(text))
}

struct Root<'p, 's, 'de> {
    plan: &'p ReadPlan,
    slots: &'s mut Slots<'de>,
}

impl<'de> Take<'de> for Root<'_, '_, 'de> {
    /// Whether it was a user: an object with an id.
    type Out = bool;

    fn scalar(self, _: Option<Cow<'de, str>>) -> bool {
        false
    }

    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        children(&self.plan.roots, &mut map, self.slots)?;
        let id = self.slots.values.get(ID);
        Ok(matches!(id, Some(Some(id)) if !id.is_empty()))
    }
}

fn children<'de, A: MapAccess<'de>>(
    nodes: &[Node],
    map: &mut A,
    slots: &mut Slots<'de>,
) -> Result<(), A::Error> {
    let find = |key: &str| named(nodes, key).or_else(|| flattened(nodes, key));
    while let Some(found) = map.next_key_seed(Key(find))? {
        match found {
            Some(node) => map.next_value_seed(Any(Keep { node, slots }))?,
            None => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(())
}

fn named<'p>(nodes: &'p [Node], key: &str) -> Option<&'p Node> {
    nodes.iter().find(|n| n.name.eq_ignore_ascii_case(key))
}

/// `URN:attr` as one key.
fn flattened<'p>(nodes: &'p [Node], key: &str) -> Option<&'p Node> {
    if !key.get(..4)?.eq_ignore_ascii_case("urn:") {
        return None;
    }
    let (urn, attr) = key.rsplit_once(':')?;
    if urn.eq_ignore_ascii_case(CORE_USER) {
        return named(nodes, attr);
    }
    named(&named(nodes, urn)?.children, attr)
}

/// Keeps what one node asks for.
struct Keep<'p, 's, 'de> {
    node: &'p Node,
    slots: &'s mut Slots<'de>,
}

impl<'de> Take<'de> for Keep<'_, '_, 'de> {
    type Out = ();

    fn scalar(self, value: Option<Cow<'de, str>>) {
        // A bare string where an object is due is the object's `value` (`manager`, often).
        let inner = || named(&self.node.children, "value")?.slot;
        if let Some(slot) = self.node.slot.or_else(inner) {
            self.slots.set(slot, value);
        }
    }

    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { node, slots } = self;
        if node.elements.rules.is_empty() {
            children(&node.children, &mut map, slots)
        } else {
            let elements = &node.elements;
            Element { elements, slots }.map(map)
        }
    }

    fn seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { node, slots } = self;
        let elements = &node.elements;
        if elements.rules.is_empty() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        loop {
            let element = Any(Element {
                elements,
                slots: &mut *slots,
            });
            if seq.next_element_seed(element)?.is_none() {
                return Ok(());
            }
        }
    }
}

/// Keeps what the rules of a list take from one element.
struct Element<'p, 's, 'de> {
    elements: &'p Elements,
    slots: &'s mut Slots<'de>,
}

impl<'de> Take<'de> for Element<'_, '_, 'de> {
    type Out = ();

    fn scalar(self, _: Option<Cow<'de, str>>) {}

    fn map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Elements { names, rules } = self.elements;
        let Slots { values, element } = self.slots;
        element.fill(None);
        while let Some(at) = map.next_key_seed(Key(|key: &str| position(names, key)))? {
            match at.and_then(|at| element.get_mut(at)) {
                Some(place) => *place = map.next_value_seed(Any(Scalar))?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        for rule in rules {
            let by = element.get(rule.by).and_then(|by| by.as_deref());
            if !by.is_some_and(|by| by.eq_ignore_ascii_case(&rule.equals)) {
                continue;
            }
            // The first that matches counts, as a target that is asked for one would answer.
            if let Some(place @ None) = values.get_mut(rule.slot) {
                *place = element.get(rule.take).cloned().flatten();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
