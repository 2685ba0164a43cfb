//! The running target: its life, its clock, and what tests read from it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::batch::Violation;
use crate::bulk::Upload;
use crate::calls::{Calls, LoggedRequest, Recorder};
use crate::error::Refusal;
use crate::http::BASE_PATH;
use crate::meter::{Meter, Usage};
use crate::options::Options;
use crate::rules::{Faults, TOKEN_PATH};
use crate::server;
use crate::state::{Lag, Shared, State};
use crate::store::Store;

/// A Microsoft Graph on 127.0.0.1. Dropping it closes the port.
///
/// Its methods are no requests: they meet no fault, cost nothing and are not counted.
#[derive(Debug)]
pub struct GraphTarget {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
}

impl GraphTarget {
    /// Binds the port and serves on the current Tokio runtime.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let base = format!("http://{address}{BASE_PATH}");
        let state = State {
            store: Store::new(
                options.seed,
                options.start_time,
                options.unique_mail_nicknames,
            ),
            recorder: Recorder::new(options.log_limit),
            meter: Meter::new(options.limits, options.enforce_limits),
            lag: Lag::default(),
            permissions: Arc::new(options.permissions.clone()),
            grants: BTreeMap::new(),
            refused: BTreeMap::new(),
            uploads: Vec::new(),
            violations: Vec::new(),
            holds_role: false,
            link_base: base.clone(),
            via: None,
            served: 0,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            faults: Faults::default(),
            token_url: format!("http://{address}/{}{TOKEN_PATH}", options.tenant),
            base,
            options,
        });
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(server::run(listener, Arc::clone(&shared), stopped));
        Ok(Self {
            shared,
            address,
            stop,
            server,
        })
    }

    /// Finishes the requests under way and closes the port.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.send_replace(true);
        (&mut self.server).await.map_err(io::Error::other)?
    }

    /// Such as `http://127.0.0.1:40123/v1.0`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.shared.base
    }

    /// The token endpoint, such as `http://127.0.0.1:40123/<tenant>/oauth2/v2.0/token`.
    pub fn token_url(&self) -> &str {
        &self.shared.token_url
    }

    /// The authority of the token endpoint: what comes before `/<tenant>`.
    pub fn authority(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the target was started with.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// A bearer token that is good without the token endpoint, and never expires.
    pub fn token(&self) -> &str {
        &self.shared.options.token
    }

    /// Where the target listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The switches for misbehaviour.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Has everything go through a proxy that forwards to this target: links lead to `base_url`, references may name
    /// it, and each part of a batch is sent to it and not answered at once, so that the proxy sees it too.
    pub fn validate_through(&self, base_url: &str) -> io::Result<()> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;
        let mut state = self.shared.lock();
        base_url.clone_into(&mut state.link_base);
        state.via = Some((client, base_url.to_owned()));
        Ok(())
    }

    /// The parts of batches that the proxy in between refused.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.lock().violations.clone()
    }

    /// Sets the clock. Tokens expire by it, limits free themselves, and deleted users go for good after 30 days.
    pub fn set_time(&self, now: Timestamp) {
        self.shared.lock().store.set_time(now);
    }

    /// What the clock says.
    pub fn time(&self) -> Timestamp {
        self.shared.lock().store.now
    }

    /// Answers requests above the limits with 429 from now on, or no longer.
    pub fn enforce_limits(&self, enforce: bool) {
        self.shared.lock().meter.enforce(enforce);
    }

    /// What clients have used.
    pub fn usage(&self) -> Usage {
        self.shared.lock().meter.usage
    }

    /// Forgets what clients have used in [`GraphTarget::usage`]; the limits remember.
    pub fn reset_usage(&self) {
        self.shared.lock().meter.usage = Usage::default();
    }

    /// Requests since the start or the last reset.
    pub fn calls(&self) -> Calls {
        self.shared.lock().recorder.calls.clone()
    }

    /// Requests since the start or the last reset, oldest first.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.shared.lock().recorder.entries()
    }

    /// Sets every count of calls to 0 and empties the log.
    pub fn reset_calls(&self) {
        self.shared.lock().recorder.reset();
    }

    /// How often the target refused a request for this reason.
    pub fn refused(&self, refusal: Refusal) -> u64 {
        let state = self.shared.lock();
        state.refused.get(&refusal).copied().unwrap_or(0)
    }

    /// The counts of all refusals.
    pub fn all_refused(&self) -> BTreeMap<Refusal, u64> {
        self.shared.lock().refused.clone()
    }

    /// The bulk requests that were accepted, oldest first.
    pub fn uploads(&self) -> Vec<Upload> {
        self.shared.lock().uploads.clone()
    }

    /// Consents to an application permission. Tokens of the token endpoint have it from the next one on.
    pub fn consent(&self, permission: &str) {
        let mut state = self.shared.lock();
        Arc::make_mut(&mut state.permissions).insert(permission.to_owned());
    }

    /// Takes an application permission back. Tokens that are out keep it.
    pub fn withdraw(&self, permission: &str) {
        let mut state = self.shared.lock();
        Arc::make_mut(&mut state.permissions).remove(permission);
    }

    /// Makes every token of the token endpoint void.
    pub fn void_tokens(&self) {
        self.shared.lock().grants.clear();
    }

    /// Gives the application a directory role that lets it change administrators, or takes it.
    pub fn hold_role(&self, holds: bool) {
        self.shared.lock().holds_role = holds;
    }
}
