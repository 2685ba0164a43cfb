//! Queues seen from outside, for operators: how much waits, and what was given up.

use std::future::Future;

use contract::Lane;

use crate::Fault;
use crate::queue::Stats;

/// A message that was received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The queue's id of it.
    pub id: Box<str>,
    /// FIFO group.
    pub group: String,
    /// JSON.
    pub body: String,
    /// How many times it was received.
    pub receives: u32,
}

/// A dead letter that nobody else is shown for some minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The letter.
    pub dead: Dead,
    /// For removing it.
    pub receipt: Box<str>,
}

/// Looks at queues, and settles what was given up. A dead letter is never sent again: what it said
/// may be out of date. Its subject is looked at anew, and then the letter goes.
pub trait Backlog: Send + Sync {
    /// How many messages a lane holds, as near as the service tells.
    fn depth(&self, lane: &Lane) -> impl Future<Output = Result<Stats, Fault>> + Send;

    /// The lane's dead letters, oldest first, at most so many.
    fn dead(
        &self,
        lane: &Lane,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Dead>, Fault>> + Send;

    /// Dead letters to be settled, oldest first, at most so many. Whatever is not removed is there
    /// again some minutes later.
    fn claim(
        &self,
        lane: &Lane,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Claimed>, Fault>> + Send;

    /// Removes a claimed dead letter for good, whose subject is being looked at again.
    fn remove(
        &self,
        lane: &Lane,
        claimed: &Claimed,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
