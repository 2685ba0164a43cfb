//! The story, hour by hour, and the closing self-check.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract::report::{Class, FindingRow};
use domain::SourceId;
use hr_webhook::Salt;
use jiff::{SignedDuration, Timestamp};
use ports::embedded::{EmbeddedLanes, FolderObjects, StaticSecrets};
use ports::model::ManualClock;
use ports::secrets::Secret;
use ports::{Clock as _, Objects as _};
use reconciler::Finished;
use scim_target::{Fault, FaultKind, Options, RetryAfter, ScimTarget};
use store_dynamodb::DynamoStore;
use tokio::net::TcpListener;

use super::compare::{Compared, Witness};
use super::drift::{self, Planted};
use super::verdict::{Check, Numbers, Outcome};
use super::{Progress, Settings, Targets, sample};
use crate::client::Client;
use crate::company::{self, Company, Post};
use crate::stack::{Parts, SharedClock, Stack, SystemClock, front};

/// The sample policy's source that speaks the canonical payload, and its secret.
const SOURCE: &str = "hr";
const SECRET_NAME: &str = "hr-signing";
/// The key of Standard Webhooks' own examples; it signs nothing but this story.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The story begins on a Monday.
const FIRST_DAY: jiff::civil::Date = jiff::civil::date(2026, 1, 5);

/// When nights are worked, in hours after midnight UTC.
const NIGHT: i64 = 2;

/// How long the HR system waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

struct Life<'a, P> {
    settings: &'a Settings,
    progress: &'a mut P,
    company: Company,
    clock: ManualClock,
    stack: Arc<Stack<DynamoStore>>,
    targets: Targets,
    hr: Client,
    numbers: Numbers,
}

/// Lives through the whole of it.
pub async fn run<P: Progress>(settings: &Settings, progress: &mut P) -> anyhow::Result<Outcome> {
    let wall = SystemClock;
    let began = wall.now();
    let company = Company::new(company::Settings {
        seed: settings.seed,
        people: settings.people,
        first_day: FIRST_DAY,
        days: settings.days,
        marker: settings.marker.clone(),
    });
    let clock = ManualClock::new(company.settings.day(0));
    let mut policy = sample::policy()?;
    let targets = start_targets(&mut policy, settings.seed).await?;
    let machines = drift::machines(&targets)?;
    let salt = Salt::new(b"the demo's salt").context("no salt")?;
    let shared = SharedClock::new(clock.clone());
    let stack = Arc::new(Stack::new(Parts {
        store: store_dynamodb::embedded::open_in_memory().await?,
        lanes: EmbeddedLanes::in_memory(shared.to_dyn()),
        objects: FolderObjects::open(&settings.out)
            .with_context(|| format!("cannot use the folder {}", settings.out.display()))?,
        secrets: secrets(&targets),
        clock: shared,
        policy,
        salt: salt.clone(),
        network: target_http::Network::Public,
    })?);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let routes = front::routes(Arc::clone(&stack));
    let front = tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut life = Life {
        settings,
        progress,
        company,
        clock,
        stack,
        targets,
        hr: Client::new(&format!("http://{address}"), PATIENCE)?,
        numbers: Numbers::default(),
    };
    life.misbehave()?;
    life.live().await?;
    let outcome = life.close(&salt, &machines).await;
    front.abort();
    let mut outcome = outcome?;
    outcome.numbers.seconds = wall.now().duration_since(began).as_secs_f64();
    Ok(outcome)
}

async fn start_targets(policy: &mut domain::Policy, seed: u64) -> anyhow::Result<Targets> {
    let mut servers = std::collections::BTreeMap::new();
    for (name, target) in &mut policy.targets {
        let server = ScimTarget::start(Options {
            token: format!("{name}-bearer-of-the-demo"),
            seed,
            log_limit: 1,
            ..Options::default()
        })
        .await?;
        target.base_url = server.base_url().into();
        let here = policy.entitlements.values().filter(|e| e.target == *name);
        for entitlement in here {
            server.add_group(&entitlement.group)?;
        }
        servers.insert(name.clone(), server);
    }
    Ok(Targets(servers))
}

fn secrets(targets: &Targets) -> StaticSecrets {
    let tokens = targets
        .iter()
        .map(|(name, server)| (format!("{name}-token"), vec![Secret::new(server.token())]));
    tokens
        .chain([(SECRET_NAME.to_owned(), vec![Secret::new(SECRET)])])
        .collect()
}

impl<P: Progress> Life<'_, P> {
    /// Switches on what real targets do: a throttled hour, a lost answer, a gateway's error page.
    fn misbehave(&self) -> anyhow::Result<()> {
        let (_, directory) = self.targets.get("directory")?;
        let (_, wiki) = self.targets.get("wiki")?;
        let people = u64::try_from(self.settings.people).unwrap_or(u64::MAX);
        let throttled = Fault::TooManyRequests {
            retry_after: RetryAfter::Seconds(90),
        };
        directory
            .faults()
            .add(throttled.times(3).method("PATCH").after(people / 2));
        directory.faults().add(
            Fault::DropAfterCommit
                .times(2)
                .method("POST")
                .path("/Users")
                .after(people / 4),
        );
        wiki.faults().add(
            Fault::HtmlBadGateway
                .once()
                .method("POST")
                .path("/Users")
                .after(people / 3),
        );
        Ok(())
    }

    /// Every day of the story.
    async fn live(&mut self) -> anyhow::Result<()> {
        let posts = std::mem::take(&mut self.company.posts);
        let mut posts = posts.into_iter().peekable();
        let mut heard: Vec<Post> = Vec::new();
        for day in 0..self.company.settings.days {
            let date = self.company.settings.day(day.into());
            let words = format!(
                "{}, {} posts",
                date.strftime("%a %d %b %Y"),
                self.numbers.posts.values().sum::<usize>()
            );
            self.progress.day(day, self.company.settings.days, &words);
            self.targets.set_time(date);
            for hour in 0..24 {
                let begins = date + SignedDuration::from_hours(hour);
                let ends = begins + SignedDuration::from_hours(1);
                self.be(begins);
                self.stack.tick().await?;
                self.settle(begins).await;
                if hour == NIGHT && day > 0 {
                    self.night().await?;
                }
                while let Some(post) = posts.next_if(|post| post.at < ends) {
                    self.be(post.at);
                    self.post(&post).await?;
                    let next = posts.peek().map_or(ends, |next| next.at);
                    // Posts that come close together wait for each other in the queues.
                    if next.duration_since(post.at) > SignedDuration::from_mins(10) {
                        self.settle(post.at).await;
                    }
                    heard.push(post);
                }
                self.settle(ends).await;
            }
        }
        self.company.posts = heard;
        Ok(())
    }

    /// Moves the time forwards, never back.
    fn be(&self, at: Timestamp) {
        self.clock.set(at.max(self.clock.now()));
    }

    /// Works until nothing is left that could be worked on before then.
    async fn settle(&mut self, until: Timestamp) {
        loop {
            let worked = self.stack.drain().await;
            self.numbers.messages = self.numbers.messages.saturating_add(worked);
            match self.stack.next_visible_at() {
                Some(at) if at <= until => self.be(at),
                Some(_) | None => return,
            }
        }
    }

    /// The HR system posts, and posts again if it has to.
    async fn post(&mut self, post: &Post) -> anyhow::Result<()> {
        let signed = company::sign(SECRET, &post.id, self.clock.now(), post.body.as_bytes());
        let signed = signed.context("the secret does not sign")?;
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let path = format!("/hr/{SOURCE}");
        let answer = self
            .hr
            .send("POST", &path, &headers, post.body.clone())
            .await?;
        let count = self
            .numbers
            .posts
            .entry(answer.status.as_u16())
            .or_default();
        *count = count.saturating_add(1);
        self.numbers.repeated += usize::from(post.again);
        self.numbers.overtaken += usize::from(post.overtaken);
        Ok(())
    }

    async fn night(&mut self) -> anyhow::Result<Finished> {
        let now = self.clock.now();
        let date = now.in_tz("UTC")?.date();
        let finished = self.stack.reconcile(date).await?;
        self.numbers.runs = self.numbers.runs.saturating_add(1);
        self.numbers.repairs = self.numbers.repairs.saturating_add(finished.sent());
        self.settle(now + SignedDuration::from_mins(30)).await;
        Ok(finished)
    }

    /// Lets an hour pass, with its ticks, and then a night.
    async fn next_night(&mut self) -> anyhow::Result<Finished> {
        for _ in 0..6 {
            let next = self.clock.now() + SignedDuration::from_mins(20);
            self.be(next);
            self.stack.tick().await?;
            self.settle(next).await;
        }
        self.night().await
    }

    async fn close(
        &mut self,
        salt: &Salt,
        machines: &BTreeSet<Planted>,
    ) -> anyhow::Result<Outcome> {
        let source = SourceId::from(SOURCE);
        let mut checks = Vec::new();
        self.progress
            .closing("the last night, and every account against what it should be");
        self.be(self.company.settings.close());
        let quiet = self.next_night().await?;
        let nobodys = self.compare(
            salt,
            &source,
            "every account is what policy says",
            &mut checks,
        );
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
            .closing("somebody's hand in the targets, and the night after it");
        let planted = drift::plant(
            &self.witness(salt, &source),
            &self.targets,
            self.clock.now(),
        )?;
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
        self.compare_but(
            salt,
            &source,
            "what policy owns was repaired",
            &reported,
            &mut checks,
        );

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

    fn witness<'w>(&'w self, salt: &'w Salt, source: &'w SourceId) -> Witness<'w> {
        Witness {
            company: &self.company,
            policy: self.stack.policy(),
            salt,
            source,
        }
    }

    fn compare(
        &self,
        salt: &Salt,
        source: &SourceId,
        name: &'static str,
        checks: &mut Vec<Check>,
    ) -> usize {
        self.compare_but(salt, source, name, &BTreeSet::new(), checks)
    }

    /// Compares all accounts but those that are reported and not ours to touch; gives the number
    /// of accounts that belong to nobody.
    fn compare_but(
        &self,
        salt: &Salt,
        source: &SourceId,
        name: &'static str,
        reported: &BTreeSet<&str>,
        checks: &mut Vec<Check>,
    ) -> usize {
        let witness = self.witness(salt, source);
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
        let status = self.stack.status().await?;
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

        let wrong = self
            .company
            .people
            .iter()
            .flat_map(|person| &person.contracts);
        let wrong = wrong.filter(|contract| contract.parked).count() as u64;
        checks.push(Check::that(
            "bad records wait, and nobody else",
            wrong <= status.parked_records,
            format!("{} problems of {wrong} bad records", status.parked_records),
        ));

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
        if let Some(check) = self.leaks().await? {
            checks.push(check);
        }
        Ok(())
    }

    /// Looks for personal data where none may be: log lines, metrics, object keys.
    async fn leaks(&self) -> anyhow::Result<Option<Check>> {
        let Some(lines) = &self.settings.lines else {
            return Ok(None);
        };
        let lines = lines.all();
        let keys = self.stack.objects().list("").await?;
        let mut tokens: BTreeSet<String> = BTreeSet::new();
        tokens.extend(self.settings.marker.as_deref().map(str::to_owned));
        for person in &self.company.people {
            for contract in &person.contracts {
                let attrs = contract.attrs(self.clock.now());
                for attr in [
                    domain::Attr::PersonalEmail,
                    domain::Attr::WorkEmail,
                    domain::Attr::WorkPhone,
                ] {
                    tokens.extend(attrs.text(attr).map(str::to_lowercase));
                }
                tokens.insert(contract.worker_id.to_lowercase());
            }
        }
        let mut differences = Vec::new();
        for (place, texts) in [("a log line or metric", &lines), ("an object key", &keys)] {
            let leaked = texts.iter().filter(|text| {
                let text = text.to_lowercase();
                tokens.iter().any(|token| text.contains(token.as_str()))
            });
            differences.extend(leaked.map(|_| format!("{place} holds personal data")));
        }
        let counted = format!(
            "{} log lines and metrics, {} object keys",
            lines.len(),
            keys.len()
        );
        Ok(Some(Check::none_differ(
            "no personal data in logs, metrics and keys",
            counted,
            differences,
        )))
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
