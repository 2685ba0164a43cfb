//! The closing self-check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use contract::report::{Class, FindingRow};
use domain::{Finding, RecordKey};
use hr_webhook::record_key;
use ports::{Clock as _, Objects as _, Walk};
use reconciler::Finished;
use scim_target::FaultKind;

use super::Progress;
use super::compare::{Compared, Witness};
use super::drift::{self, Planted};
use super::life::Life;
use super::verdict::{Check, Outcome};
use crate::company::Contract;

impl<P: Progress> Life<'_, P> {
    /// The last nights, and every check.
    pub(super) async fn close(&mut self, machines: &BTreeSet<Planted>) -> anyhow::Result<Outcome> {
        let mut checks = Vec::new();
        self.progress
            .closing("the last night, and every account against what it should be");
        self.be(self.company.settings.close());
        let quiet = self.next_night().await?;
        let nobodys = self.compare("every account is what policy says", &mut checks);
        let expected: BTreeSet<Planted> = machines.clone();
        self.exactly(
            "nothing is found where nobody interfered",
            &quiet,
            &expected,
            &mut checks,
        )
        .await?;
        ensure!(
            nobodys <= machines.len(),
            "accounts appeared that nobody made"
        );

        self.progress
            .closing("a feed that ends dozens of people by mistake, stopped and taken back");
        self.misfeed(&mut checks).await?;
        self.compare("every account is what policy says once more", &mut checks);

        self.progress
            .closing("a role of everybody is edited: compared, held, released, rolled back");
        self.rewrite(&mut checks).await?;

        self.progress
            .closing("somebody's hand in the targets, and the night after it");
        let planted = drift::plant(&self.witness(), &self.targets, self.clock.now())?;
        let hands = planted.len();
        let drifted = self.next_night().await?;
        let expected: BTreeSet<Planted> = machines.union(&planted).cloned().collect();
        let rows = self
            .exactly(
                "orphans and drift are exactly what was planted",
                &drifted,
                &expected,
                &mut checks,
            )
            .await?;
        for row in &rows {
            *self
                .numbers
                .findings
                .entry(format!("{:?}", row.class))
                .or_default() += 1;
        }
        let reported: BTreeSet<&str> = rows
            .iter()
            .filter(|row| &*row.decision == "open")
            .map(|row| &*row.account_id)
            .collect();
        self.compare_but("what policy owns was repaired", &reported, &mut checks);

        self.progress
            .closing("one more night, which must write nothing");
        let writes = self.targets.writes();
        let again = self.next_night().await?;
        let written = self.targets.writes() - writes;
        checks.push(Check::that(
            "the next nightly run writes nothing",
            written == 0 && again.sent() == 0,
            format!(
                "{written} writes to targets, {} requests sent",
                again.sent()
            ),
        ));
        self.last_checks(hands, &mut checks).await?;
        self.count();
        Ok(Outcome {
            ok: checks.iter().all(|check| check.holds),
            numbers: self.numbers.clone(),
            policy_change: self.settings.out.join(super::DIFF),
            drift_report: self.report(&drifted)?,
            last_report: self.report(&again)?,
            checks,
        })
    }

    fn report(&self, finished: &Finished) -> anyhow::Result<PathBuf> {
        Ok(self
            .stack
            .report_file(finished, reconciler::report::SUMMARY)?)
    }

    fn witness(&self) -> Witness<'_> {
        Witness {
            company: &self.company,
            policy: self.stack.policy(),
            salt: &self.salt,
            source: &self.source,
        }
    }

    pub(super) fn compare(&self, name: &'static str, checks: &mut Vec<Check>) -> usize {
        self.compare_but(name, &BTreeSet::new(), checks)
    }

    /// Compares all accounts but those that are reported and not ours to touch; gives the number
    /// of accounts that belong to nobody.
    fn compare_but(
        &self,
        name: &'static str,
        reported: &BTreeSet<&str>,
        checks: &mut Vec<Check>,
    ) -> usize {
        let witness = self.witness();
        let mut matching = 0;
        let mut nobodys = 0;
        let mut differences = Vec::new();
        for (target, server) in self.targets.iter() {
            let found: Compared = witness.compare(target, server, self.clock.now(), reported);
            matching += found.matching;
            nobodys += found.nobodys.len();
            differences.extend(found.differences);
        }
        let counted = format!(
            "{matching} accounts on {} targets",
            self.targets.iter().count()
        );
        checks.push(Check::none_differ(name, counted, differences));
        nobodys
    }

    /// Holds the findings of a run against those that have to be there.
    async fn exactly(
        &self,
        name: &'static str,
        finished: &Finished,
        expected: &BTreeSet<Planted>,
        checks: &mut Vec<Check>,
    ) -> anyhow::Result<Vec<FindingRow>> {
        let rows = self.rows(finished).await?;
        let found: BTreeSet<Planted> = rows.iter().map(Planted::of).collect();
        let unexpected = found.difference(expected).map(|p| {
            format!(
                "{}: {:?} was found and nobody planted it",
                p.target, p.class
            )
        });
        let missed = expected
            .difference(&found)
            .map(|p| format!("{}: {:?} was planted and not found", p.target, p.class));
        let mut differences: Vec<String> = unexpected.chain(missed).collect();
        for (target, result) in &finished.manifest.summary.targets {
            if result.users.is_err() || result.groups.is_err() {
                differences.push(format!("{target}: the run has no certificate"));
            }
        }
        let orphans = found.iter().filter(|p| p.class < Class::O6).count();
        let counted = format!("{} findings, {orphans} of them orphans", found.len());
        checks.push(Check::none_differ(name, counted, differences));
        Ok(rows)
    }

    async fn rows(&self, finished: &Finished) -> anyhow::Result<Vec<FindingRow>> {
        let summary = &finished.manifest.summary;
        let folder = reconciler::report::folder(summary.date, &summary.run);
        let key = format!("{folder}{}", reconciler::report::FINDINGS_NDJSON);
        let body = self
            .stack
            .objects()
            .get(&key)
            .await?
            .context("the run has no findings")?;
        let rows = reconciler::report::ndjson::Reader::new(&*body)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    async fn last_checks(&mut self, hands: usize, checks: &mut Vec<Check>) -> anyhow::Result<()> {
        let status = self.stack.operations().status().await?;
        let dead: usize = status.lanes.values().map(|lane| lane.dead).sum();
        self.numbers.parked = status.parked_records;
        checks.push(Check::that(
            "nothing is left over",
            status.idle && dead == 0 && status.parked_accounts == 0,
            format!(
                "{} owed, {} due, {dead} dead letters, {} accounts refused",
                status.owed, status.due, status.parked_accounts
            ),
        ));

        let refused: usize = self
            .numbers
            .posts
            .iter()
            .filter(|(status, _)| **status != 202)
            .map(|(_, n)| n)
            .sum();
        checks.push(Check::that(
            "every post was taken",
            refused == 0,
            format!(
                "{} posts, {refused} refused",
                self.numbers.posts.values().sum::<usize>()
            ),
        ));

        checks.push(self.waiting().await?);

        for (_, server) in self.targets.iter() {
            for (kind, count) in server.faults().all_fired() {
                *self.numbers.faults.entry(format!("{kind:?}")).or_default() += count;
            }
        }
        let fired = |kind: FaultKind| self.numbers.faults.contains_key(&format!("{kind:?}"));
        let all = fired(FaultKind::TooManyRequests)
            && fired(FaultKind::DropAfterCommit)
            && fired(FaultKind::HtmlBadGateway)
            && self.numbers.repeated > 0
            && self.numbers.overtaken > 0;
        let kinds: Vec<String> = self
            .numbers
            .faults
            .iter()
            .map(|(k, n)| format!("{k} {n}"))
            .collect();
        checks.push(Check::that(
            "every fault took place",
            all,
            format!(
                "{}; {} posts repeated, {} overtaken; {hands} changes by hand",
                kinds.join(", "),
                self.numbers.repeated,
                self.numbers.overtaken
            ),
        ));
        if let Some(lines) = &self.settings.lines {
            let keys = self.stack.objects().list("").await?;
            self.canary.read_queues()?;
            checks.push(self.canary.check(&lines.all(), &keys));
        }
        Ok(())
    }

    /// The records that wait must be those that HR has left wrong.
    async fn waiting(&self) -> anyhow::Result<Check> {
        let key = |contract: &Contract| record_key(&self.salt, &self.source, &contract.worker_id);
        let mut wrong: BTreeSet<RecordKey> = BTreeSet::new();
        let mut stories: BTreeMap<RecordKey, &'static str> = BTreeMap::new();
        for person in &self.company.people {
            for contract in &person.contracts {
                stories.insert(key(contract), person.story.label());
                if contract.parked {
                    wrong.insert(key(contract));
                }
            }
        }
        let parked = self.parked().await?;
        let story = |record: &RecordKey| stories.get(record).copied().unwrap_or("nobody");
        let needless = parked
            .difference(&wrong)
            .map(|record| format!("a record waits without cause ({})", story(record)));
        let unnoticed = wrong
            .difference(&parked)
            .map(|record| format!("a bad record does not wait ({})", story(record)));
        let differences = needless.chain(unnoticed).collect();
        let counted = format!("{} of {} records", parked.len(), stories.len());
        Ok(Check::none_differ(
            "bad records wait, and nobody else",
            counted,
            differences,
        ))
    }

    async fn parked(&self) -> anyhow::Result<BTreeSet<RecordKey>> {
        let mut parked = BTreeSet::new();
        let mut walk = Walk::over(self.stack.store());
        while let Some(rows) = walk.page().await? {
            for (_, seat) in rows {
                for finding in seat.record.findings {
                    if let Finding::Parked { record, .. } = finding {
                        parked.insert(record);
                    }
                }
            }
        }
        Ok(parked)
    }

    fn count(&mut self) {
        let numbers = &mut self.numbers;
        numbers.people = self.company.people.len();
        numbers.records = self
            .company
            .people
            .iter()
            .map(|person| person.contracts.len())
            .sum();
        for person in &self.company.people {
            *numbers.stories.entry(person.story.label()).or_default() += 1;
        }
        for (name, server) in self.targets.iter() {
            let users = server.users();
            let active = users.iter().filter(|user| user.active).count();
            numbers.active.insert(name.to_string(), active);
            numbers
                .blocked
                .insert(name.to_string(), users.len() - active);
        }
        numbers.calls = self.targets.calls();
        numbers.writes = self.targets.writes();
    }
}
