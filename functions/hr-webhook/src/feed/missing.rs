//! Which known records of the source a feed does not list.

use std::collections::BTreeSet;

use domain::feed::{Acceptor, Standing, standing};
use domain::{IdentityState, RecordKey};
use futures::future::try_join_all;
use ports::{Clock, Fault, Lanes, Objects, Store, Walk};

use super::{FeedIntake, TOGETHER, Taking};

/// What is known and not listed.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Records whose work has not ended, listed or not.
    pub(super) known: u64,
    /// Those that are not listed and should be.
    pub(super) missing: BTreeSet<RecordKey>,
    /// About which the source said something later.
    pub(super) newer: u64,
    /// Whose work has not begun.
    pub(super) not_begun: u64,
}

impl<S: Store, L: Lanes, O: Objects, C: Clock> FeedIntake<S, L, O, C> {
    /// Goes through everybody; reads the facts only of records that are not listed and whose
    /// identity has not ended.
    pub(super) async fn missing(
        &self,
        taking: &Taking<'_>,
        acceptor: &Acceptor,
    ) -> Result<Found, Fault> {
        let mut found = Found::default();
        let mut asked = Vec::new();
        let mut walk = Walk::over(&self.store);
        while let Some(rows) = walk.page().await? {
            for (_, seat) in rows {
                match seat.record.state {
                    IdentityState::Ended | IdentityState::Archived => continue,
                    IdentityState::Prehire | IdentityState::Active | IdentityState::Suspended => {}
                }
                let alone = seat.record.records.len() == 1;
                for correlation in seat.record.records {
                    if acceptor.lists(&correlation.record) {
                        found.known += 1;
                    } else {
                        asked.push((correlation.record, alone));
                    }
                }
            }
            while asked.len() >= TOGETHER {
                let some = asked.split_off(asked.len() - TOGETHER);
                self.stand(taking, some, &mut found).await?;
            }
        }
        self.stand(taking, asked, &mut found).await?;
        Ok(found)
    }

    async fn stand(
        &self,
        taking: &Taking<'_>,
        records: Vec<(RecordKey, bool)>,
        found: &mut Found,
    ) -> Result<(), Fault> {
        let dossiers = records.iter().map(|(record, _)| self.store.dossier(record));
        let dossiers = try_join_all(dossiers).await?;
        let mut untold = Vec::new();
        for ((record, alone), dossier) in records.into_iter().zip(dossiers) {
            let standing = standing(
                taking.policy,
                taking.source_id,
                &record,
                &dossier.facts,
                taking.as_of,
                taking.now,
            );
            match standing {
                // Its identity has not ended: the planner may not have been told.
                Standing::Ended if alone => untold.push(record),
                Standing::Elsewhere | Standing::Ended => {}
                Standing::Newer => found.newer += 1,
                Standing::NotBegun => found.not_begun += 1,
                Standing::Missing => {
                    found.known += 1;
                    found.missing.insert(record);
                }
            }
        }
        self.tell(taking, &untold).await
    }
}
