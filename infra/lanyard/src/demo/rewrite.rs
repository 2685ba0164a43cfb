//! An engineer edits a role of everybody: compared with what is in force, published under that
//! comparison, held where it takes too much, released, and rolled back through the same limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use domain::limit::{Class, Scope};
use domain::plan::Compiled;
use domain::{EntitlementId, IdentityId, Policy, TargetId};
use jiff::SignedDuration;
use ports::{Clock as _, Walk};

use super::Progress;
use super::life::{Life, secrets};
use super::misfeed::OPERATOR;
use super::sample::{self, Files};
use super::verdict::Check;
use crate::holds::{self, Answer, Chosen, Request};
use crate::preview::{self, Desk, State};
use crate::release::{self, Candidate, Ground, Outcome};

/// Where the edited role gives something.
const TARGET: &str = "wiki";
/// What the edit takes from everybody.
const TAKEN: &str = "all-wiki-reader";
/// The comparison as a page, beside the reports.
pub const DIFF: &str = "policy-change.html";
/// What it gives instead.
const GIVEN: &str = "support-wiki-editor";

impl<P: Progress> Life<'_, P> {
    /// Lives through it; afterwards everything is as it was before.
    pub(super) async fn rewrite(&mut self, checks: &mut Vec<Check>) -> anyhow::Result<()> {
        let before = sample::files();
        let after = edited(&before)?;
        let from = Arc::new(Compiled::new(self.stack.policy().as_ref().clone()));
        let to = Arc::new(Compiled::new(self.here(sample::policy_of(after.clone())?)?));
        ensure!(
            self.go(&before, &from, None).await?.is_empty(),
            "publishing what is in force holds something"
        );

        // Read before it is live.
        let desk = self.desk();
        let (found, affected) = compared(&desk, &from, &to).await?;
        let path = self.settings.out.join(DIFF);
        let page = preview::report::html(&found)?;
        std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        let losers = self.holders(TAKEN).await?;
        let had = self.holders(GIVEN).await?;
        let named: BTreeSet<IdentityId> = affected.iter().map(|one| one.identity.clone()).collect();
        checks.push(Check::that(
            "a policy change is shown person by person before it is live",
            named == losers && found.is_held(),
            format!(
                "{} of {} people lose what the change takes",
                named.len(),
                losers.len()
            ),
        ));
        let unread = self.published(&after, &to, &from, None).await?;
        let saved = publication::save_diff(self.stack.objects(), &found.saved()).await?;

        let held = self.go(&after, &to, Some((&from, saved))).await?;
        let target = TargetId::from(TARGET);
        let scope = Scope::class(Class::Revoke);
        ensure!(
            held.iter()
                .any(|hold| hold.target == target && hold.scope == scope),
            "the change is not over a limit"
        );
        let (keep, gain) = (self.holders(TAKEN).await?, self.holders(GIVEN).await?);
        checks.push(Check::that(
            "published, its removals wait as a whole and its additions go on",
            matches!(unread, Outcome::Refused { .. })
                && keep == losers
                && gain.is_superset(&losers),
            format!(
                "{} keep, {} gained, nothing goes live unread",
                keep.len(),
                gain.len()
            ),
        ));

        let released = self.release_all().await?;
        let left = self.holders(TAKEN).await?;
        checks.push(Check::that(
            "released, it is carried out",
            left.is_empty() && released >= losers.len(),
            format!("{released} removals released, {} still hold it", left.len()),
        ));
        self.compare("every account is what the new policy says", checks);

        // The window passes, and what is taken back counts like anything else.
        self.pass(SignedDuration::from_hours(25)).await?;
        let held = self.back(&from).await?;
        let waiting = self.holders(GIVEN).await? == gain;
        let released = self.release_all().await?;
        let left = self.holders(GIVEN).await?;
        checks.push(Check::that(
            "rolled back, the limits hold that too",
            held > 0 && waiting && released == gain.len() - had.len() && left == had,
            format!("{released} removals waited and were released"),
        ));
        self.compare("every account is what the old policy says", checks);
        self.pass(SignedDuration::from_hours(25)).await?;
        self.next_night().await?;
        Ok(())
    }

    fn desk(&self) -> Desk {
        Desk {
            state: State::Live(self.stack.store().clone()),
            salt: Some(self.salt.clone()),
            at: self.clock.now(),
        }
    }

    /// A policy with the addresses of the servers that play its targets.
    fn here(&self, mut policy: Policy) -> anyhow::Result<Policy> {
        for (name, target) in &mut policy.targets {
            target.base_url = self.targets.get(name.as_str())?.1.base_url().into();
        }
        Ok(policy)
    }

    async fn published(
        &self,
        files: &Files,
        to: &Arc<Compiled>,
        from: &Arc<Compiled>,
        diff: Option<domain::Hash>,
    ) -> anyhow::Result<Outcome> {
        let desk = self.desk();
        let ground = Ground {
            objects: self.stack.objects(),
            was: publication::active(self.stack.objects()).await?,
            desk: Some(&desk),
            from: Some(from),
            at: desk.at,
        };
        let candidate = Candidate { files, to, diff };
        release::publish(&ground, &candidate, async |holds| self.open(holds).await).await
    }

    /// Publishes, and works under the version until nothing is left to do. Returns what is held
    /// from the beginning.
    async fn go(
        &mut self,
        files: &Files,
        to: &Arc<Compiled>,
        compared: Option<(&Arc<Compiled>, domain::Hash)>,
    ) -> anyhow::Result<Vec<holds::Opening>> {
        let (from, diff) = compared.map_or((to, None), |(from, diff)| (from, Some(diff)));
        let Outcome::Published { held, .. } = self.published(files, to, from, diff).await? else {
            anyhow::bail!("the version was not published");
        };
        self.take_up(to).await?;
        Ok(held)
    }

    async fn open(&self, holds: &[holds::Opening]) -> anyhow::Result<()> {
        holds::open(self.stack.store(), holds, self.clock.now()).await?;
        Ok(())
    }

    async fn back(&mut self, to: &Arc<Compiled>) -> anyhow::Result<usize> {
        let desk = self.desk();
        let from = Arc::new(Compiled::new(self.stack.policy().as_ref().clone()));
        let ground = Ground {
            objects: self.stack.objects(),
            was: publication::active(self.stack.objects()).await?,
            desk: Some(&desk),
            from: Some(&from),
            at: desk.at,
        };
        let done = release::roll_back(&ground, None, async |holds| self.open(holds).await).await?;
        let Outcome::Published { active, held } = done else {
            anyhow::bail!("there is nothing to roll back to");
        };
        ensure!(
            active.version == to.policy.version,
            "another version came back"
        );
        self.take_up(to).await?;
        Ok(held.len())
    }

    async fn take_up(&mut self, to: &Arc<Compiled>) -> anyhow::Result<()> {
        let policy = to.policy.as_ref().clone();
        self.stack.switch(policy, &secrets(&self.targets))?;
        self.stack.replan().await?;
        let now = self.clock.now();
        self.settle(now).await;
        Ok(())
    }

    /// Whoever holds an entitlement of the edited target, as recorded.
    async fn holders(&self, entitlement: &str) -> anyhow::Result<BTreeSet<IdentityId>> {
        let (target, id) = (TargetId::from(TARGET), EntitlementId::from(entitlement));
        let mut holders = BTreeSet::new();
        let mut walk = Walk::over(self.stack.store());
        while let Some(rows) = walk.page().await? {
            for (identity, seat) in rows {
                let account = seat.accounts.get(&target);
                if account.is_some_and(|account| account.grants.contains(&id)) {
                    holders.insert(identity);
                }
            }
        }
        Ok(holders)
    }

    /// An operator reads what waits and lets all of it through; returns how many changes.
    async fn release_all(&mut self) -> anyhow::Result<usize> {
        let mut count = 0;
        for hold in self.stack.operations().holds().list().await? {
            let chosen = Chosen {
                target: hold.target,
                scope: hold.scope,
                only: BTreeSet::new(),
            };
            let list = self.stack.operations().holds().show(&chosen).await?;
            let request = Request::Approve {
                chosen,
                list: list.hash,
                by: OPERATOR.into(),
            };
            if let Answer::Released { lines, .. } =
                self.stack.operations().holds().answer(&request).await?
            {
                count += usize::try_from(lines)?;
                let now = self.clock.now();
                self.settle(now).await;
            }
        }
        Ok(count)
    }
}

async fn compared(
    desk: &Desk,
    from: &Arc<Compiled>,
    to: &Arc<Compiled>,
) -> anyhow::Result<(preview::Diff, Vec<preview::Affected>)> {
    let mut affected = Vec::new();
    let found = preview::diff(desk, from, to, usize::MAX, |one| {
        affected.push(one);
        Ok(())
    })
    .await?;
    Ok((found, affected))
}

/// The role that everybody on the payroll has, with one entitlement in place of another.
fn edited(files: &Files) -> anyhow::Result<Files> {
    let mut files = files.clone();
    let roles = files.iter_mut().find(|(name, _)| name == "roles.toml");
    let (_, text) = roles.context("the sample policy has no roles.toml")?;
    let line = format!("entitlements = [\"all-directory-member\", \"{TAKEN}\"]");
    ensure!(
        text.matches(&line).count() == 1,
        "the base role is not as the story knows it"
    );
    *text = text.replace(
        &line,
        &format!("entitlements = [\"all-directory-member\", \"{GIVEN}\"]"),
    );
    Ok(files)
}
