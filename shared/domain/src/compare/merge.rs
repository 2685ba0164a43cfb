//! The recorded side of a target as a stream, for targets that list accounts in the order of
//! their ids: a merge join that keeps one record.

use super::fingerprint::{Shown, Spec, Wanted};
use super::index::Probe;
use crate::AccountId;

/// One recorded account.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id in the target.
    pub id: AccountId,
    /// What it should look like; `None` where only a closer look can tell.
    pub wanted: Option<Wanted>,
}

/// Compares two streams that both ascend by account id.
#[derive(Debug)]
pub struct Merge<I: Iterator<Item = Entry>> {
    recorded: std::iter::Peekable<I>,
    last: String,
    any: bool,
    scratch: Vec<u8>,
}

/// The observed stream does not ascend; nothing that was said about it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder;

impl<I: Iterator<Item = Entry>> Merge<I> {
    /// Begins. The recorded stream must ascend by id.
    pub fn new(recorded: I) -> Self {
        Self {
            recorded: recorded.peekable(),
            last: String::new(),
            any: false,
            scratch: Vec::new(),
        }
    }

    /// Takes the next observed account. Recorded accounts that were passed over are handed to
    /// `missing`. An id that repeats is out of order too.
    pub fn probe(
        &mut self,
        spec: &Spec,
        account: &impl Shown,
        mut missing: impl FnMut(AccountId),
    ) -> Result<Probe, OutOfOrder> {
        let id = account.id();
        if self.any && *self.last >= *id {
            return Err(OutOfOrder);
        }
        self.any = true;
        self.last.clear();
        self.last.push_str(id);
        while let Some(entry) = self.recorded.next_if(|entry| entry.id.as_str() < id) {
            missing(entry.id);
        }
        let Some(entry) = self.recorded.next_if(|entry| entry.id.as_str() == id) else {
            return Ok(Probe::Unknown);
        };
        let mut same = entry.wanted.is_some_and(|wanted| {
            spec.observed(account, wanted.mask, &mut self.scratch) == wanted.print
        });
        // Two identities on record for one account: a closer look.
        while self
            .recorded
            .next_if(|entry| entry.id.as_str() == id)
            .is_some()
        {
            same = false;
        }
        Ok(if same { Probe::Same } else { Probe::Differs })
    }

    /// The recorded accounts behind the last observed one: missing, if the listing was complete.
    pub fn rest(self) -> impl Iterator<Item = AccountId> {
        self.recorded.map(|entry| entry.id)
    }
}
