//! The service: webhooks in, workers on the lanes, a tick every few seconds, a run every night,
//! and an orderly end.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use contract::Lane;
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;
use store_dynamodb::DynamoStore;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::control;
use super::data::DataFolder;
use super::follow::{Follow, Follower};
use super::night::Nightly;
use crate::stack::{Stack, front};

/// How often who is due is looked for. The cloud looks every minute; here it costs nothing.
const TICK: Duration = Duration::from_secs(5);

/// How often somebody who waits for rest looks again.
const LOOK: Duration = Duration::from_millis(100);

/// How the service runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where webhooks come in.
    pub listen: SocketAddr,
    /// When nights are worked; `None` leaves it to `lanyard reconcile`.
    pub nightly: Option<Nightly>,
    /// Where published policy finds its secrets; `None` stays with the policy of the start.
    pub follow: Option<Follow>,
    /// How long the end may take until what is under way is left to the next start.
    pub drain: Duration,
}

/// How the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Nothing was in flight any more.
    Drained,
    /// Something still was; the next start goes on with it.
    LeftOver,
}

/// Why the service ends.
pub trait Stop: Future<Output = ()> + Send + 'static {}
impl<F: Future<Output = ()> + Send + 'static> Stop for F {}

/// Serves until `stop` completes, then takes no more posts and works off what is in flight.
/// `ready` is told where the service listens.
pub async fn serve(
    stack: Arc<Stack<DynamoStore>>,
    data: &DataFolder,
    settings: &Settings,
    ready: impl FnOnce(SocketAddr),
    stop: impl Stop,
) -> anyhow::Result<Served> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen at {}", settings.listen))?;
    let address = listener.local_addr()?;
    let nightly = settings.nightly.clone().unwrap_or(Nightly {
        time: jiff::civil::Time::midnight(),
        zone: jiff::tz::TimeZone::UTC,
    });
    let nightly = Arc::new(nightly);
    let running = Arc::new(Mutex::new(()));
    let follower = Arc::new(Follower::new(settings.follow.clone()));
    let open = data.open_control(format!("http://{address}"))?;
    let control = control::routes(
        Arc::clone(&stack),
        Arc::clone(&nightly),
        Arc::clone(&running),
        Arc::clone(&follower),
        &open.token,
    );
    let routes = front::routes(Arc::clone(&stack)).merge(control);

    let (stop_workers, stopping) = watch::channel(false);
    let mut workers = stack.serve(&stopping);
    {
        let (stack, stopping) = (Arc::clone(&stack), stopping.clone());
        let at_night = settings.nightly.is_some().then_some(nightly);
        workers.spawn(async move {
            keep_time(&stack, at_night.as_deref(), &running, &follower, stopping).await;
        });
    }
    ready(address);
    axum::serve(
        listener,
        routes.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stop)
    .await?;
    let rested = rest(&stack, settings.drain).await;
    stop_workers.send_replace(true);
    while workers.join_next().await.is_some() {}
    data.close_control();
    Ok(if rested {
        Served::Drained
    } else {
        Served::LeftOver
    })
}

/// Works off what is in flight without serving, for commands on a stack that does not run.
pub async fn work_until_idle(stack: &Arc<Stack<DynamoStore>>, patience: Duration) -> bool {
    let (stop_workers, stopping) = watch::channel(false);
    let mut workers = stack.serve(&stopping);
    let rested = rest(stack, patience).await;
    stop_workers.send_replace(true);
    while workers.join_next().await.is_some() {}
    rested
}

/// Waits until the lanes are empty.
async fn rest(stack: &Stack<DynamoStore>, patience: Duration) -> bool {
    let mut look = tokio::time::interval(LOOK);
    let patience = tokio::time::timeout(patience, async {
        loop {
            look.tick().await;
            if ports::queue::Queues::is_idle(stack.lanes()) {
                return;
            }
        }
    });
    patience.await.is_ok()
}

/// What the schedules do in the cloud.
async fn keep_time(
    stack: &Arc<Stack<DynamoStore>>,
    nightly: Option<&Nightly>,
    running: &Arc<Mutex<()>>,
    follower: &Follower,
    mut stopping: watch::Receiver<bool>,
) {
    // Lanes of targets that a later policy brings; those of the start have their workers.
    let mut worked: BTreeSet<Lane> = stack.all_lanes().into_iter().collect();
    let mut workers = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = nightly.and_then(|nightly| nightly.after(stack.clock().now()));
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stopping.changed() => break,
        }
        follower.look(stack).await;
        let lanes = stack.all_lanes().into_iter();
        let new: Vec<Lane> = lanes.filter(|lane| worked.insert(lane.clone())).collect();
        stack.serve_lanes(new, &mut workers, &stopping);
        if let Err(fault) = stack.tick().await {
            tracing::error!(error_type = fault.error_type(), error = %fault, "tick failed");
        }
        let now = stack.clock().now();
        if let (Some(nightly), Some((begins, day))) = (nightly, next)
            && begins <= now
        {
            next = nightly.after(now);
            // After a long sleep of the machine one run is enough.
            if now.duration_since(begins) < SignedDuration::from_hours(20) {
                let (stack, running) = (Arc::clone(stack), Arc::clone(running));
                tokio::spawn(async move { night(&stack, &running, day, begins).await });
            }
        }
    }
    while workers.join_next().await.is_some() {}
}

async fn night(
    stack: &Stack<DynamoStore>,
    running: &Mutex<()>,
    day: jiff::civil::Date,
    begins: Timestamp,
) {
    let Ok(_running) = running.try_lock() else {
        tracing::warn!(%begins, "the nightly run is left out: another one is under way");
        return;
    };
    if let Err(fault) = stack.reconcile(day).await {
        tracing::error!(error_type = fault.error_type(), error = %fault, "nightly run failed");
    }
}
