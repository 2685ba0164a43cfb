//! HR's worst morning: a feed that ends dozens of people by mistake. The limits stop it, an
//! operator lets a part of it through that was right after all, and HR takes everything back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use domain::limit::{Class, Scope};
use domain::{IdentityId, IdentityState, TargetId};
use hr_webhook::record_key;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, Store as _, Walk};
use serde_json::json;

use super::Progress;
use super::life::Life;
use super::verdict::Check;
use crate::company::{Post, Story};
use crate::holds::{Answer, Chosen, List, Request};

/// The target whose hold is looked at.
const TARGET: &str = "directory";

/// How many more than pass are ended by mistake.
const TOO_MANY: usize = 20;

/// How many of them are let through.
const RELEASED: usize = 3;

/// Who agrees.
pub(super) const OPERATOR: &str = "ida";

/// Somebody who is ended by mistake.
struct Victim {
    identity: IdentityId,
    worker: String,
    person: usize,
}

impl<P: Progress> Life<'_, P> {
    /// Lives through it; afterwards everything is as it was before.
    pub(super) async fn misfeed(&mut self, checks: &mut Vec<Check>) -> anyhow::Result<()> {
        let target = TargetId::from(TARGET);
        let scope = Scope::class(Class::Block);
        // Whoever left within the day counts, too.
        self.pass(SignedDuration::from_hours(25)).await?;
        let policy = self.stack.policy();
        let limits = policy.targets.get(&target).context("the target")?.limits;
        let meter = self.stack.store().meter(&target).await?;
        let counted = meter.count(&limits, &scope, self.clock.now());
        let pass = meter.allowed(&limits, &scope).saturating_sub(counted);
        let pass = usize::try_from(pass)?;
        let victims = self.victims(&target, pass + TOO_MANY).await?;
        ensure!(
            victims.len() > pass + RELEASED,
            "the company is too small for a bad feed"
        );
        let posts = self.mistakes(&victims);
        for post in &posts {
            self.post(post).await?;
        }
        let now = self.clock.now();
        self.settle(now).await;

        let blocked = self.blocked(&target, &victims).await?;
        let list = self.held(&target, &scope, BTreeSet::new()).await?;
        let waits = victims.len() - pass;
        checks.push(Check::that(
            "a bad feed stops at the limit",
            blocked == pass && list.entries.len() == waits,
            format!(
                "{} people ended by mistake: {blocked} blocked, {} wait",
                victims.len(),
                list.entries.len()
            ),
        ));

        let only: BTreeSet<IdentityId> = list.entries.keys().take(RELEASED).cloned().collect();
        let part = self.held(&target, &scope, only.clone()).await?;
        let other = self.decide(&target, &scope, &only, list.hash).await?;
        let released = self.decide(&target, &scope, &only, part.hash).await?;
        let now = self.clock.now();
        self.settle(now).await;
        let after = self.blocked(&target, &victims).await?;
        checks.push(Check::that(
            "a release lets exactly its list through",
            matches!(other, Answer::Changed { .. })
                && matches!(released, Answer::Released { .. })
                && after == pass + RELEASED,
            format!("{} released, {after} blocked now", part.entries.len()),
        ));

        for post in &posts {
            let back = self.taken_back(post);
            self.post(&back).await?;
        }
        let now = self.clock.now();
        self.settle(now).await;
        self.next_night().await?;
        // The window passes, so that tonight's repairs have the whole of their limits.
        self.pass(SignedDuration::from_hours(25)).await?;
        // A hold ends once a second night found nobody in it.
        self.next_night().await?;
        let left = self.stack.operations().holds().list().await?.len();
        checks.push(Check::that(
            "taken back, nobody is locked out and nothing waits",
            self.blocked(&target, &victims).await? == 0 && left == 0,
            format!("{} people back at work, {left} holds", victims.len()),
        ));
        Ok(())
    }

    /// Lets time pass, with its ticks.
    pub(super) async fn pass(&mut self, by: SignedDuration) -> anyhow::Result<()> {
        let end = self.clock.now() + by;
        while self.clock.now() < end {
            let next = self.clock.now() + SignedDuration::from_hours(1);
            self.be(next);
            self.stack.tick().await?;
            self.settle(next).await;
        }
        Ok(())
    }

    /// People who work here under a single record and can sign in.
    async fn victims(&self, target: &TargetId, most: usize) -> anyhow::Result<Vec<Victim>> {
        let mut by_identity: BTreeMap<IdentityId, (usize, String)> = BTreeMap::new();
        for (number, person) in self.company.people.iter().enumerate() {
            if let [contract] = &person.contracts[..]
                && person.story == Story::Settled
            {
                let key = record_key(&self.salt, &self.source, &contract.worker_id);
                by_identity.insert(IdentityId::from(&key), (number, contract.worker_id.clone()));
            }
        }
        let mut victims = Vec::new();
        let mut walk = Walk::over(self.stack.store());
        while let Some(rows) = walk.page().await? {
            for (identity, seat) in rows {
                let works = seat.record.state == IdentityState::Active;
                let signs_in = seat
                    .accounts
                    .get(target)
                    .is_some_and(|account| account.active);
                if let Some((person, worker)) = by_identity.remove(&identity)
                    && works
                    && signs_in
                    && victims.len() < most
                {
                    victims.push(Victim {
                        identity,
                        worker,
                        person,
                    });
                }
            }
        }
        Ok(victims)
    }

    /// One termination each, all within a minute.
    fn mistakes(&self, victims: &[Victim]) -> Vec<Post> {
        let at = self.clock.now();
        let post = |victim: &Victim| {
            let body = json!({
                "schema": "lanyard.worker.v1",
                "type": "worker.changed",
                "worker_id": victim.worker,
                "recorded_at": at.to_string(),
                "effective": at.to_string(),
                "attributes": {
                    "worker_status": "terminated",
                    "end_mode": "now",
                    "end_date": at.strftime("%Y-%m-%d").to_string(),
                },
            });
            said(
                victim.person,
                format!("misfeed-{}", victim.person),
                at,
                body.to_string(),
            )
        };
        victims.iter().map(post).collect()
    }

    fn taken_back(&self, mistake: &Post) -> Post {
        let at = self.clock.now();
        let mut body: serde_json::Value = serde_json::from_str(&mistake.body).unwrap_or_default();
        let worker = body.get_mut("worker_id").map(serde_json::Value::take);
        let body = json!({
            "schema": "lanyard.worker.v1",
            "type": "worker.rescinded",
            "worker_id": worker,
            "recorded_at": at.to_string(),
            "rescinds": mistake.id,
        });
        let id = format!("{}-back", mistake.id);
        said(mistake.person, id, at, body.to_string())
    }

    async fn blocked(&self, target: &TargetId, victims: &[Victim]) -> anyhow::Result<usize> {
        let mut blocked = 0;
        for victim in victims {
            let (seat, _) = self.stack.store().seat(&victim.identity, target).await?;
            let seat = seat.context("a victim without an item")?;
            let active = seat
                .accounts
                .get(target)
                .is_some_and(|account| account.active);
            blocked += usize::from(!active);
        }
        Ok(blocked)
    }

    async fn held(
        &self,
        target: &TargetId,
        scope: &Scope,
        only: BTreeSet<IdentityId>,
    ) -> anyhow::Result<List> {
        let chosen = Chosen {
            target: target.clone(),
            scope: scope.clone(),
            only,
        };
        Ok(self.stack.operations().holds().show(&chosen).await?)
    }

    async fn decide(
        &self,
        target: &TargetId,
        scope: &Scope,
        only: &BTreeSet<IdentityId>,
        list: domain::Hash,
    ) -> anyhow::Result<Answer> {
        let request = Request::Approve {
            chosen: Chosen {
                target: target.clone(),
                scope: scope.clone(),
                only: only.clone(),
            },
            list,
            by: OPERATOR.into(),
        };
        Ok(self.stack.operations().holds().answer(&request).await?)
    }
}

fn said(person: usize, id: String, at: Timestamp, body: String) -> Post {
    Post {
        at,
        id,
        person,
        story: Story::Settled,
        again: false,
        overtaken: false,
        body,
    }
}
