//! The story, hour by hour, and the closing self-check.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::SourceId;
use hr_webhook::Salt;
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;
use ports::embedded::{EmbeddedLanes, FolderObjects, StaticSecrets};
use ports::model::ManualClock;
use ports::secrets::Secret;
use reconciler::Finished;
use scim_target::{Fault, Options, RetryAfter, ScimTarget};
use store_dynamodb::DynamoStore;
use tokio::net::TcpListener;

use super::canary::Canary;
use super::drift;
use super::verdict::{Numbers, Outcome};
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

pub(super) struct Life<'a, P> {
    pub(super) settings: &'a Settings,
    pub(super) progress: &'a mut P,
    pub(super) company: Company,
    pub(super) clock: ManualClock,
    pub(super) stack: Arc<Stack<DynamoStore>>,
    pub(super) targets: Targets,
    pub(super) hr: Client,
    pub(super) canary: Canary,
    pub(super) salt: Salt,
    pub(super) source: SourceId,
    pub(super) numbers: Numbers,
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
    let clock = settings.clock.clone();
    clock.set(company.settings.day(0));
    // Queues in a folder can be read by the canary.
    let queues = settings
        .marker
        .is_some()
        .then(|| settings.out.join("queues"));
    let canary = Canary::new(&company, queues.clone());
    let mut policy = sample::policy()?;
    let targets = start_targets(&mut policy, settings.seed).await?;
    let machines = drift::machines(&targets)?;
    let salt = Salt::new(b"the demo's salt").context("no salt")?;
    let shared = SharedClock::new(clock.clone());
    let stack = Arc::new(Stack::new(Parts {
        store: store_dynamodb::embedded::open_in_memory().await?,
        lanes: match &queues {
            Some(folder) => EmbeddedLanes::open(folder, shared.to_dyn())?,
            None => EmbeddedLanes::in_memory(shared.to_dyn()),
        },
        objects: FolderObjects::open(&settings.out)
            .with_context(|| format!("cannot use the folder {}", settings.out.display()))?,
        secrets: secrets(&targets),
        clock: shared,
        policy,
        salt: salt.clone(),
        network: target_http::Network::PUBLIC.and_this_machine(),
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
        canary,
        salt,
        source: SourceId::from(SOURCE),
        numbers: Numbers::default(),
    };
    life.misbehave()?;
    life.live().await?;
    let outcome = Box::pin(life.close(&machines)).await;
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

pub(super) fn secrets(targets: &Targets) -> StaticSecrets {
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
    pub(super) fn be(&self, at: Timestamp) {
        self.clock.set(at.max(self.clock.now()));
    }

    /// Works until nothing is left that could be worked on before then.
    pub(super) async fn settle(&mut self, until: Timestamp) {
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
    pub(super) async fn post(&mut self, post: &Post) -> anyhow::Result<()> {
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
        self.canary.read_queues()?;
        Ok(finished)
    }

    /// Lets an hour pass, with its ticks, and then a night.
    pub(super) async fn next_night(&mut self) -> anyhow::Result<Finished> {
        for _ in 0..6 {
            let next = self.clock.now() + SignedDuration::from_mins(20);
            self.be(next);
            self.stack.tick().await?;
            self.settle(next).await;
        }
        self.night().await
    }
}
