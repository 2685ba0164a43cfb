//! What is measured: reading through `target-scim`, comparing, certifying, dropping.

use std::path::Path;
use std::sync::Arc;

use domain::Profile;
use domain::certify::{Baseline, Bounds, Certifier};
use domain::compare::Spec;
use domain::compare::fingerprint::Shown;
use domain::compare::index::{Index, IndexBuilder, Probe};
use domain::compare::merge::Merge;
use domain::{AttrPath, Certificate};
use jiff::Timestamp;
use ports::Observe;
use ports::model::ManualClock;
use ports::secrets::Secret;
use ports::target::Cursor;
use target_http::Network;
use target_scim::{ScimConfig, ScimTarget, SeenUser, Tokens};

use crate::people::{Order, Records, accounts, paths, spec};

/// What became of the accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    same: u64,
    drift: u64,
    orphan: u64,
    missing: u64,
}

impl Counts {
    /// What was planted.
    pub const fn expected(people: u64) -> Self {
        Self {
            same: people / 1000 * 993,
            drift: people / 200,
            orphan: people / 1000,
            missing: people / 1000,
        }
    }

    pub fn to_line(self) -> String {
        let Self {
            same,
            drift,
            orphan,
            missing,
        } = self;
        format!("{same} same, {drift} drift, {orphan} orphan, {missing} missing")
    }

    fn add(&mut self, probe: Probe) {
        match probe {
            Probe::Same => self.same += 1,
            Probe::Differs => self.drift += 1,
            Probe::Unknown => self.orphan += 1,
        }
    }
}

/// A user where it lies in its page.
struct View<'a> {
    user: &'a SeenUser<'a>,
    /// The configured paths, ascending, as the user counts them.
    paths: &'a [AttrPath],
}

impl Shown for View<'_> {
    fn id(&self) -> &str {
        self.user.id()
    }

    fn key(&self) -> &str {
        self.user.key().unwrap_or_default()
    }

    fn user_name(&self) -> &str {
        self.user.user_name()
    }

    fn active(&self) -> bool {
        self.user.active()
    }

    fn attrs(&self) -> impl Iterator<Item = (&str, &str)> {
        let paths = self.paths.iter().enumerate();
        paths.filter_map(|(at, path)| Some((&**path, self.user.mapped(at)?)))
    }
}

fn target(base: &str, order: Order, people: u64, page: u16) -> ScimTarget<Tokens> {
    let config = ScimConfig {
        profile: Profile {
            page_size: page,
            ..Profile::rfc()
        },
        mapped: paths(),
        network: Network::PUBLIC.and_this_machine(),
        ..ScimConfig::new("wiki", format!("{base}/{}/{people}", order.name()), "token")
    };
    let tokens = Tokens::fixed([Secret::new("token")]);
    let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
    ScimTarget::new(config, Arc::new(tokens), Arc::new(clock)).expect("a target")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// Walks every page, as the reconciler does.
fn walk(
    target: &ScimTarget<Tokens>,
    mut each: impl FnMut(&View<'_>, &mut Certifier) + Send,
) -> Certificate {
    let paths = paths();
    assert!(target.mapped_paths().eq(&paths));
    block_on(async {
        let mut certifier = Certifier::new();
        let mut after: Option<Cursor> = None;
        loop {
            let end = target
                .users_with(after.as_ref(), |user| {
                    let view = View {
                        user,
                        paths: &paths,
                    };
                    each(&view, &mut certifier);
                })
                .await
                .expect("a page");
            certifier.page(end.declared);
            if !certifier.goes_on(end.next.as_ref().map(|next| &*next.0)) {
                return certified(certifier);
            }
            after = end.next;
        }
    })
}

fn certified(certifier: Certifier) -> Certificate {
    certifier
        .finish(
            Baseline::default(),
            Bounds::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect("a certificate")
}

/// Compares everything.
pub fn compare(base: &str, order: Order, people: u64, page: u16, records: &Path) -> Counts {
    let spec = spec();
    let target = target(base, order, people, page);
    let mut counts = Counts::default();
    match order {
        Order::Ascending => {
            let mut merge = Merge::new(Records::open(records));
            let mut missing = 0;
            walk(&target, |view, certifier| {
                let probe = merge.probe(&spec, view, |_| missing += 1).expect("order");
                counts.add(probe);
                // Ids that ascend do not repeat.
                certifier.item_known(view.id(), true);
            });
            counts.missing = missing + merge.rest().count() as u64;
        }
        Order::Shuffled => {
            let mut index = index(records);
            // Of what differs 64 bits are kept, by which the second pass finds it again.
            let mut look: Vec<u64> = Vec::new();
            walk(&target, |view, certifier| {
                let (probe, first) = index.probe(&spec, view);
                counts.add(probe);
                if probe != Probe::Same {
                    look.push(domain::certify::hash(view.id()));
                }
                if probe == Probe::Unknown {
                    certifier.item(view.id());
                } else {
                    certifier.item_known(view.id(), first);
                }
            });
            assert_eq!(look.len() as u64, counts.drift + counts.orphan);
            counts.missing = index.unseen() as u64;
        }
    }
    counts
}

fn index(records: &Path) -> Index {
    let mut builder = IndexBuilder::default();
    for entry in Records::open(records) {
        builder.add_wanted(entry.id.as_str(), entry.wanted);
    }
    builder.build()
}

/// Reads everything through `target-scim` and looks at nothing.
pub fn read(base: &str, people: u64, page: u16) -> u64 {
    let target = target(base, Order::Ascending, people, page);
    let mut received = 0;
    let certificate = walk(&target, |view, certifier| {
        received += view.id().len() as u64;
        certifier.item_known("", true);
    });
    certificate.received + received
}

/// The same comparison over copies, as any `Observe` hands them out.
pub fn copy(base: &str, people: u64, page: u16, records: &Path) {
    let spec: Spec = spec();
    let target = target(base, Order::Shuffled, people, page);
    let mut index = index(records);
    let mut counts = Counts::default();
    block_on(async {
        let mut certifier = Certifier::new();
        let mut after: Option<Cursor> = None;
        loop {
            let page = target.users(after.as_ref()).await.expect("a page");
            certifier.page(page.declared);
            for account in &page.items {
                let (probe, first) = index.probe(&spec, account);
                counts.add(probe);
                certifier.item_known(account.id.as_str(), first);
            }
            if !certifier.goes_on(page.next.as_ref().map(|next| &*next.0)) {
                break;
            }
            after = page.next;
        }
        assert_eq!(certified(certifier).received, accounts(people));
    });
    counts.missing = index.unseen() as u64;
    assert_eq!(counts, Counts::expected(people));
}
