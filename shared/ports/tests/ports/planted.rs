//! Every oracle can fail: adapters with a planted violation do not pass the suites.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use contract::Lane;
use domain::budget::Gauge;
use domain::limit::Meter;
use domain::{AccountRecord, Fact, Generation, IdentityId, RecordKey, TargetId};
use jiff::Timestamp;
use ports::model::{ManualClock, ModelLanes, ModelStore, suite};
use ports::queue::{DeadLetter, Receipt, Received, Stats};
use ports::store::{
    Accepted, Ack, Acked, ClaimKey, Commit, Committed, Delivery, Dossier, Health, Pause, Reading,
    ScanPage, Seat, Seats, Segment,
};
use ports::{Fault, Lanes, Outgoing, Queues, Store};

use crate::block_on;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Violation {
    None,
    ForgetsBodies,
    OverwritesWithoutLooking,
    IgnoresOthersClaims,
    AcknowledgesWithoutFence,
    SettlesWhatIsNewer,
    LeavesTheLook,
    ListsTheLatestFirst,
    LosesAPage,
    MixesSeats,
    AmendsWhatIsNew,
}

/// The model, but for one thing.
struct Violating(ModelStore, Violation);

impl Violating {
    async fn current(&self, identity: &IdentityId, target: &TargetId) -> Option<Seat> {
        self.0.seat(identity, target).await.unwrap().0
    }
}

impl Store for Violating {
    async fn accept(&self, delivery: &Delivery, facts: &[Fact]) -> Result<Accepted, Fault> {
        let accepted = self.0.accept(delivery, facts).await?;
        if self.1 == Violation::ForgetsBodies && accepted == Accepted::Conflict {
            return Ok(Accepted::Duplicate);
        }
        Ok(accepted)
    }

    async fn dossier(&self, key: &RecordKey) -> Result<Dossier, Fault> {
        self.0.dossier(key).await
    }

    async fn seats(
        &self,
        identities: &[IdentityId],
        target: &TargetId,
    ) -> Result<(Seats, Health), Fault> {
        let (mut seats, health) = self.0.seats(identities, target).await?;
        if self.1 == Violation::MixesSeats && identities.len() > 1 {
            seats.rotate_left(1);
        }
        Ok((seats, health))
    }

    async fn holders(&self, keys: &[ClaimKey]) -> Result<Vec<(ClaimKey, IdentityId)>, Fault> {
        self.0.holders(keys).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Fault> {
        let mut commit = commit.clone();
        if self.1 == Violation::OverwritesWithoutLooking {
            let seat = self.current(&commit.identity, &"x".into()).await;
            let generation = seat.map(|seat| seat.record.generation);
            if generation.is_none_or(|generation| generation < commit.record.generation) {
                commit.expect = generation;
            }
        }
        if self.1 == Violation::IgnoresOthersClaims {
            commit
                .claims
                .iter_mut()
                .for_each(|claim| claim.exclusive = false);
        }
        self.0.commit(&commit).await
    }

    async fn rest(
        &self,
        identity: &IdentityId,
        generation: Generation,
        wake_at: Option<Timestamp>,
    ) -> Result<bool, Fault> {
        self.0.rest(identity, generation, wake_at).await
    }

    async fn ack(&self, ack: &Ack) -> Result<Acked, Fault> {
        let mut ack = ack.clone();
        let Some(seat) = self.current(&ack.identity, &ack.target).await else {
            return self.0.ack(&ack).await;
        };
        if self.1 == Violation::AcknowledgesWithoutFence {
            let part = seat.accounts.get(&ack.target);
            ack.expect = part.map(|part| part.applied.min(ack.account.applied));
        }
        if self.1 == Violation::SettlesWhatIsNewer {
            let owed = seat.owed.get(&ack.target).copied().unwrap_or_default();
            ack.account.applied = ack.account.applied.max(owed);
        }
        let acked = self.0.ack(&ack).await?;
        if self.1 == Violation::LeavesTheLook {
            let generation = seat.record.generation;
            self.0.rest(&ack.identity, generation, seat.wake_at).await?;
        }
        Ok(acked)
    }

    async fn amend(
        &self,
        identity: &IdentityId,
        target: &TargetId,
        was: &AccountRecord,
        now: &AccountRecord,
    ) -> Result<bool, Fault> {
        let there = self.current(identity, target).await;
        let there = there.and_then(|mut seat| seat.accounts.remove(target));
        let was = match there {
            Some(there) if self.1 == Violation::AmendsWhatIsNew => there,
            Some(_) | None => was.clone(),
        };
        self.0.amend(identity, target, &was, now).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<IdentityId>, Fault> {
        let mut due = self.0.due(now, limit).await?;
        if self.1 == Violation::ListsTheLatestFirst {
            due.reverse();
        }
        Ok(due)
    }

    async fn scan(
        &self,
        segment: Segment,
        reading: Reading,
        after: Option<&str>,
    ) -> Result<ScanPage, Fault> {
        let mut page = self.0.scan(segment, reading, after).await?;
        if self.1 == Violation::LosesAPage {
            page.next = None;
        }
        Ok(page)
    }

    async fn health(&self, target: &TargetId) -> Result<Health, Fault> {
        self.0.health(target).await
    }

    async fn set_pause(&self, target: &TargetId, pause: Option<&Pause>) -> Result<(), Fault> {
        self.0.set_pause(target, pause).await
    }

    async fn set_health(&self, target: &TargetId, health: &Health) -> Result<(), Fault> {
        self.0.set_health(target, health).await
    }

    async fn gauge(&self, target: &TargetId) -> Result<Gauge, Fault> {
        self.0.gauge(target).await
    }

    async fn set_gauge(&self, target: &TargetId, gauge: &Gauge) -> Result<bool, Fault> {
        self.0.set_gauge(target, gauge).await
    }

    async fn meter(&self, target: &TargetId) -> Result<Meter, Fault> {
        self.0.meter(target).await
    }

    async fn set_meter(&self, target: &TargetId, meter: &Meter) -> Result<bool, Fault> {
        self.0.set_meter(target, meter).await
    }
}

#[test]
fn the_suite_of_the_table_finds_every_planted_violation() {
    let passes = |violation| {
        let make = async || Violating(ModelStore::new(), violation);
        catch_unwind(AssertUnwindSafe(|| block_on(suite::store::all(make)))).is_ok()
    };
    assert!(passes(Violation::None));
    for violation in [
        Violation::ForgetsBodies,
        Violation::OverwritesWithoutLooking,
        Violation::IgnoresOthersClaims,
        Violation::AcknowledgesWithoutFence,
        Violation::SettlesWhatIsNewer,
        Violation::LeavesTheLook,
        Violation::ListsTheLatestFirst,
        Violation::LosesAPage,
        Violation::MixesSeats,
        Violation::AmendsWhatIsNew,
    ] {
        assert!(!passes(violation), "{violation:?}");
    }
}

/// The random sequences find what lies in the written state; each violation within 100 seeds.
#[test]
fn the_sequences_find_planted_violations() {
    let passes = |violation| {
        (0..100).all(|seed| {
            let store = Violating(ModelStore::new(), violation);
            let run = || block_on(suite::sequences::store(&store, seed, 30));
            catch_unwind(AssertUnwindSafe(run)).is_ok()
        })
    };
    assert!(passes(Violation::None));
    for violation in [
        Violation::ForgetsBodies,
        Violation::OverwritesWithoutLooking,
        Violation::IgnoresOthersClaims,
        Violation::AcknowledgesWithoutFence,
        Violation::SettlesWhatIsNewer,
        Violation::LeavesTheLook,
        Violation::ListsTheLatestFirst,
    ] {
        assert!(!passes(violation), "{violation:?}");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    None,
    DeliversBehindHidden,
    TakesOldReceipts,
    ForgetsDuplicates,
    NeverBuries,
}

/// The model of the lanes, but for one thing.
struct Slipping(ModelLanes, Slip);

impl Lanes for Slipping {
    async fn send(&self, lane: &Lane, messages: &[Outgoing]) -> Result<(), Fault> {
        let mut messages = messages.to_vec();
        if self.1 == Slip::ForgetsDuplicates {
            for (number, message) in messages.iter_mut().enumerate() {
                message.dedup = format!("{}-{number}", self.0.sent().len());
            }
        }
        self.0.send(lane, &messages).await
    }
}

impl Queues for Slipping {
    fn receive(&self, lane: &Lane, max: usize, visibility: Duration) -> Vec<Received> {
        if self.1 == Slip::DeliversBehindHidden {
            return self.0.receive(lane, max, Duration::ZERO);
        }
        self.0.receive(lane, max, visibility)
    }

    fn delete(&self, lane: &Lane, receipt: Receipt) -> bool {
        let newer = |more| Receipt {
            receives: receipt.receives + more,
            ..receipt
        };
        let tries = if self.1 == Slip::TakesOldReceipts {
            4
        } else {
            1
        };
        (0..tries).any(|more| self.0.delete(lane, newer(more)))
    }

    fn set_visibility(&self, lane: &Lane, receipt: Receipt, after: Duration) -> bool {
        self.0.set_visibility(lane, receipt, after)
    }

    fn stats(&self, lane: &Lane) -> Stats {
        self.0.stats(lane)
    }

    fn dead_letters(&self, lane: &Lane) -> Vec<DeadLetter> {
        if self.1 == Slip::NeverBuries {
            self.0.redrive(lane);
        }
        self.0.dead_letters(lane)
    }

    fn discard(&self, lane: &Lane, sequence: u64) -> bool {
        self.0.discard(lane, sequence)
    }

    fn redrive(&self, lane: &Lane) -> usize {
        self.0.redrive(lane)
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    fn next_visible_at(&self) -> Option<Timestamp> {
        self.0.next_visible_at()
    }
}

#[test]
fn the_suite_and_the_sequences_of_the_lanes_find_every_planted_slip() {
    let in_suite = |slip| {
        let make = |clock| Slipping(ModelLanes::new(Arc::new(clock)), slip);
        catch_unwind(AssertUnwindSafe(|| block_on(suite::lanes::all(make)))).is_ok()
    };
    let in_sequences = |slip| {
        (0..30).all(|seed| {
            let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
            let lanes = Slipping(ModelLanes::new(Arc::new(clock.clone())), slip);
            let run = || block_on(suite::sequences::lanes(lanes, &clock, Err, seed, 80));
            catch_unwind(AssertUnwindSafe(run)).is_ok()
        })
    };
    assert!(in_suite(Slip::None) && in_sequences(Slip::None));
    for slip in [
        Slip::DeliversBehindHidden,
        Slip::TakesOldReceipts,
        Slip::ForgetsDuplicates,
        Slip::NeverBuries,
    ] {
        assert!(!in_suite(slip), "{slip:?}");
        assert!(!in_sequences(slip), "{slip:?}");
    }
}
