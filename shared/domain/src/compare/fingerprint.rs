//! Accounts as 64 bits: what policy holds of an account, normalised and hashed, so that a million
//! accounts compare without being kept.

use crate::converge::{KEY_PATH, folds};
use crate::policy::{Expr, Mapping, Target};
use crate::project::{AttrPath, Strength};
use crate::{Account, AccountRecord, Desired, IdentityId, Ownership, Projection, Slot};

use xxhash_rust::xxh3::xxh3_64;

/// The path of the user name in an account.
pub const USER_NAME_PATH: &str = "userName";

/// An account as it is shown: a whole one, or a view into a page that is not copied.
pub trait Shown {
    /// The target's id.
    fn id(&self) -> &str;
    /// Our key in it; empty where it has none.
    fn key(&self) -> &str;
    /// Its user name.
    fn user_name(&self) -> &str;
    /// Whether it can sign in.
    fn active(&self) -> bool;
    /// Its attributes that have a value, in the order of their paths.
    fn attrs(&self) -> impl Iterator<Item = (&str, &str)>;
}

impl Shown for Account {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn key(&self) -> &str {
        self.key.as_ref().map_or("", |key| key.reveal())
    }

    fn user_name(&self) -> &str {
        self.user_name.reveal()
    }

    fn active(&self) -> bool {
        self.active
    }

    fn attrs(&self) -> impl Iterator<Item = (&str, &str)> {
        let attrs = self.attrs.iter();
        attrs.filter_map(|(path, value)| Some((&**path, value.reveal().text()?)))
    }
}

/// Which attributes of a target's accounts are compared. Those that policy writes only at creation
/// are not, nor references to other accounts, which the connector resolves.
#[derive(Clone, Debug)]
pub struct Spec {
    /// In path order.
    paths: Vec<Held>,
}

/// One attribute that policy holds.
#[derive(Clone, Debug)]
struct Held {
    path: AttrPath,
    place: Place,
    /// Only its presence is compared, not its value.
    presence: bool,
    folds: bool,
}

/// Where an account keeps an attribute.
#[derive(Clone, Copy, Debug)]
enum Place {
    UserName,
    Key,
    Attr,
}

/// Which of a [`Spec`]'s attributes one projection holds, a bit each.
pub type Mask = u128;

/// What a clean account would look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which attributes are compared.
    pub mask: Mask,
    /// What they must hash to; the upper 8 bits are zero.
    pub print: u64,
}

impl Spec {
    /// The attributes that a target's mappings hold.
    pub fn of(target: &Target) -> Self {
        Self::new(&target.mappings)
    }

    /// The attributes that some mappings hold.
    pub fn new(mappings: &[Mapping]) -> Self {
        let mut paths: Vec<Held> = mappings
            .iter()
            .filter(|mapping| mapping.expr != Expr::Manager)
            .filter_map(|mapping| match mapping.strength {
                Strength::OnCreate => None,
                Strength::Always => Some(Held::new(&mapping.path, false)),
                Strength::FillIfEmpty => Some(Held::new(&mapping.path, true)),
            })
            .collect();
        paths.sort_by(|a, b| a.path.cmp(&b.path));
        paths.dedup_by(|a, b| a.path == b.path);
        Self { paths }
    }

    /// Whether an attribute is compared.
    pub fn holds(&self, path: &str) -> bool {
        self.paths
            .binary_search_by(|held| (*held.path).cmp(path))
            .is_ok()
    }

    /// What a clean account would look like, or `None` where only a closer look can tell: an
    /// account that should be gone, one that is not ours, or more attributes than a mask has bits.
    pub fn wanted(
        &self,
        identity: &IdentityId,
        projection: &Projection,
        record: &AccountRecord,
        scratch: &mut Vec<u8>,
    ) -> Option<Wanted> {
        let owned = matches!(
            record.ownership,
            Some(Ownership::Created | Ownership::Adopted)
        );
        let (active, attrs) = match projection.desired {
            Desired::Active => (true, true),
            Desired::Disabled => (false, true),
            Desired::None => (false, false),
            Desired::Deleted => return None,
        };
        if !owned || self.paths.len() > Mask::BITS as usize {
            return None;
        }
        begin(scratch, active);
        let mut mask: Mask = 0;
        for (bit, held) in self.paths.iter().enumerate() {
            let want = if attrs {
                let mapped = projection.attrs.get(&held.path);
                mapped.map(|mapped| mapped.value.reveal().text().unwrap_or_default())
            } else {
                // Of an account that nobody wants only the key matters: one that names somebody
                // else must not pass unseen.
                (&*held.path == KEY_PATH).then_some(identity.as_str())
            };
            // Filling asks nothing of an account when there is nothing to fill with.
            if let Some(want) = want.filter(|want| !(held.presence && want.is_empty())) {
                mask |= 1 << bit;
                held.feed(want, scratch);
            }
        }
        Some(Wanted {
            mask,
            print: print(scratch),
        })
    }

    /// What an observed account hashes to under a mask.
    pub fn observed(&self, account: &impl Shown, mask: Mask, scratch: &mut Vec<u8>) -> u64 {
        begin(scratch, account.active());
        // Both sides are in path order, so that one walk over the account's attributes suffices.
        let mut attrs = account.attrs();
        let mut next = attrs.next();
        for (bit, held) in self.paths.iter().enumerate() {
            if mask & (1 << bit) == 0 {
                continue;
            }
            let text = match held.place {
                Place::UserName => account.user_name(),
                Place::Key => account.key(),
                Place::Attr => {
                    while next.is_some_and(|(path, _)| path < &*held.path) {
                        next = attrs.next();
                    }
                    next.filter(|(path, _)| *path == &*held.path)
                        .map_or("", |(_, text)| text)
                }
            };
            held.feed(text, scratch);
        }
        print(scratch)
    }
}

impl Held {
    fn new(path: &AttrPath, presence: bool) -> Self {
        Self {
            path: path.clone(),
            place: match &**path {
                USER_NAME_PATH => Place::UserName,
                KEY_PATH => Place::Key,
                _ => Place::Attr,
            },
            presence,
            folds: folds(path),
        }
    }

    fn feed(&self, text: &str, scratch: &mut Vec<u8>) {
        let start = scratch.len();
        if self.presence {
            scratch.push(u8::from(!text.is_empty()));
        } else if self.folds {
            fold_into(text, scratch);
        } else {
            scratch.extend_from_slice(text.as_bytes());
        }
        // The length behind each value keeps neighbours apart.
        let len = scratch.len() - start;
        scratch.extend_from_slice(&(len as u64).to_le_bytes());
    }
}

/// The value of a path in an account, wherever the account keeps it.
pub fn value_of<'a>(account: &'a Account, path: &str) -> Option<&'a str> {
    match path {
        USER_NAME_PATH => Some(account.user_name()),
        KEY_PATH => Some(account.key()),
        _ => account.attrs.get(path).and_then(|v| v.reveal().text()),
    }
}

/// A wanted value beside what is there, as slots, for [`crate::converge::same`].
pub(crate) fn slot_of(account: &Account, path: &str) -> Option<Slot> {
    value_of(account, path).map(Slot::from)
}

fn begin(scratch: &mut Vec<u8>, active: bool) {
    scratch.clear();
    scratch.push(u8::from(active));
}

fn fold_into(text: &str, scratch: &mut Vec<u8>) {
    if text.is_ascii() {
        scratch.extend(text.bytes().map(|b| b.to_ascii_lowercase()));
    } else {
        scratch.extend_from_slice(text.to_lowercase().as_bytes());
    }
}

fn print(scratch: &[u8]) -> u64 {
    xxh3_64(scratch) >> 8
}
