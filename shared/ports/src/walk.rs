//! Going through everybody.

use domain::IdentityId;

use crate::store::{Reading, Seat, Segment};
use crate::{Fault, Store};

/// The whole table in one walk.
const ALL: Segment = Segment { index: 0, of: 1 };

/// A walk over every identity, page by page, in the store's own order.
#[derive(Debug)]
pub struct Walk<'a, S> {
    store: &'a S,
    reading: Reading,
    after: Option<String>,
    over: bool,
}

impl<'a, S: Store> Walk<'a, S> {
    /// From the first to the last.
    pub const fn over(store: &'a S) -> Self {
        Self::from(store, None)
    }

    /// From where an earlier walk [stopped](Self::place) to the last.
    pub const fn from(store: &'a S, after: Option<String>) -> Self {
        Self {
            store,
            reading: Reading::Latest,
            after,
            over: false,
        }
    }

    /// From where an earlier walk [stopped](Self::place) to the last, as they were a moment ago.
    pub const fn recent(store: &'a S, after: Option<String>) -> Self {
        Self {
            store,
            reading: Reading::Recent,
            after,
            over: false,
        }
    }

    /// Where the next page begins; `None` before the first and after the last.
    pub fn place(&self) -> Option<&str> {
        self.after.as_deref().filter(|_| !self.over)
    }

    /// Whether the last page was read.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The next page; `None` after the last.
    pub async fn page(&mut self) -> Result<Option<Vec<(IdentityId, Seat)>>, Fault> {
        if self.over {
            return Ok(None);
        }
        let page = self
            .store
            .scan(ALL, self.reading, self.after.as_deref())
            .await?;
        match page.next {
            None => self.over = true,
            // Half the table would make orphans of the other half.
            next if next == self.after => {
                return Err(Fault::retry("the table's scan came back to the same place"));
            }
            next => self.after = next,
        }
        Ok(Some(page.rows))
    }
}
