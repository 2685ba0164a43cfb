//! Ports that stop answering: what the end of a process looks like to the work that was under way.
//! Whoever polled the work finds it waiting and drops it; or keeps it, sets the fuse anew, and has
//! a process that was only slow.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use contract::Lane;
use domain::{Account, AccountId, EntitlementId, Group};

use crate::objects::{Put, Swap, Tag};
use crate::target::{Cursor, Found, Lookup, Page, TargetError};
use crate::{Fault, Lanes, Objects, Observe, Outgoing};

/// Blows after so many points. Every call of a port has two: before it, and after it, where
/// everything is done and nobody hears of it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Fuse(Arc<Mutex<Points>>);

#[derive(Debug, Default)]
struct Points {
    passed: u64,
    left: Option<u64>,
}

impl Fuse {
    /// One that does not blow.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets so many more points pass; `None` all of them.
    pub fn set(&self, left: Option<u64>) {
        self.points(|points| points.left = left);
    }

    /// How many points were passed so far.
    pub fn passed(&self) -> u64 {
        self.points(|points| points.passed)
    }

    fn points<T>(&self, act: impl FnOnce(&mut Points) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn point(&self) {
        std::future::poll_fn(|_| {
            self.points(|points| match &mut points.left {
                Some(0) => Poll::Pending,
                left => {
                    if let Some(left) = left {
                        *left -= 1;
                    }
                    points.passed += 1;
                    Poll::Ready(())
                }
            })
        })
        .await;
    }

    async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        self.point().await;
        let answer = work.await;
        self.point().await;
        answer
    }
}

/// A port behind a fuse.
#[derive(Clone, Debug)]
pub struct Fused<P> {
    port: P,
    fuse: Fuse,
}

impl<P> Fused<P> {
    /// That port behind that fuse.
    pub const fn new(port: P, fuse: Fuse) -> Self {
        Self { port, fuse }
    }
}

impl<P: Objects> Objects for Fused<P> {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        self.fuse.around(self.port.put_new(key, body)).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        self.fuse.around(self.port.put(key, body)).await
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        self.fuse.around(self.port.swap(key, was, body)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        self.fuse.around(self.port.get(key)).await
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        self.fuse.around(self.port.get_tagged(key)).await
    }

    async fn discard(&self, key: &str) -> Result<(), Fault> {
        self.fuse.around(self.port.discard(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        self.fuse.around(self.port.list(prefix)).await
    }
}

impl<P: Lanes> Lanes for Fused<P> {
    async fn send(&self, lane: &Lane, messages: &[Outgoing]) -> Result<(), Fault> {
        self.fuse.around(self.port.send(lane, messages)).await
    }
}

impl<P: Observe> Observe for Fused<P> {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        self.fuse.around(self.port.users(after)).await
    }

    async fn groups(&self, after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        self.fuse.around(self.port.groups(after)).await
    }

    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, TargetError> {
        self.fuse.around(self.port.find(lookup)).await
    }

    async fn held(
        &self,
        account: &AccountId,
        of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        self.fuse.around(self.port.held(account, of)).await
    }
}
