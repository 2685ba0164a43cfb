//! The inbound provisioning API of Microsoft Entra (`bulkUpload`): records go there as SCIM, and
//! Entra does the mapping and the matching itself, later.
//!
//! Nothing can be observed here: Entra answers that it took the records, and neither shows
//! accounts nor says what became of them. Look-ups find nothing, memberships are not told,
//! listings are refused so that nobody takes silence for an empty directory. Groups, licences and
//! deletes are not written; a disabled person's record says `active: false`.

mod record;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::budget::Cost;
use domain::policy::EntraJob;
use domain::profile::Auth;
use domain::{Account, AccountId, AttrPath, Change, EntitlementId, Group, TargetId};
use ports::target::{AccountChanges, Applied, Cursor, Found, Lookup, Page, TargetError};
use ports::{Apply, Clock, Fault, Observe, Secrets};
use serde_json::{Value, json};
use target_http::{Effect, HttpConfig, Network, Session, To};

use crate::permission::Action;
use crate::refusal::copy_of;
use crate::wire::{Call, SCIM_JSON, Wire};

pub use record::{Record, RecordError};

const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// The most records in one request.
pub const MOST_RECORDS: usize = 50;

/// What the target is made of.
#[derive(Clone, Debug)]
pub struct BulkConfig {
    /// The target, as policy names it.
    pub target: TargetId,
    /// Base URL with the version: `https://graph.microsoft.com/v1.0`, or that of another cloud.
    pub base_url: Box<str>,
    /// Which addresses its host, and that of the token endpoint, may have.
    pub network: Network,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// Which job takes the records.
    pub job: EntraJob,
    /// The paths that mappings use.
    pub mapped: Vec<AttrPath>,
    /// For a whole exchange; must be below the function's timeout.
    pub timeout: Duration,
}

/// A provisioning job of Microsoft Entra as a target.
pub struct EntraBulk<S> {
    target: TargetId,
    wire: Wire<S>,
    path: String,
}

impl<S> fmt::Debug for EntraBulk<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntraBulk({})", self.target)
    }
}

impl<S: Secrets> EntraBulk<S> {
    /// A client for one job. [`Fault::Halt`] where the configuration cannot work; nothing is sent
    /// yet.
    pub fn new(config: BulkConfig, secrets: Arc<S>, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let halt = |why: &dyn fmt::Display| Fault::halt(format!("`{}`: {why}", config.target));
        let http = HttpConfig {
            network: config.network,
            timeout: config.timeout,
            ..HttpConfig::new(config.base_url.clone())
        };
        let session = Session::new(&http, &config.auth, secrets, clock).map_err(|e| halt(&e))?;
        record::check(&config.mapped).map_err(|e| halt(&e))?;
        // The id of a job has a name and a full stop in front of its GUIDs.
        let segment = |text: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            let good = !text.is_empty() && text.chars().all(fits) && !text.starts_with('.');
            good.then(|| text.to_owned())
        };
        let bad = || halt(&"`service_principal` and `job` are ids: letters, digits, `-`, `.`, `_`");
        let principal = segment(&config.job.service_principal).ok_or_else(bad)?;
        let job = segment(&config.job.job).ok_or_else(bad)?;
        Ok(Self {
            target: config.target,
            wire: Wire::new(session),
            path: format!("/servicePrincipals/{principal}/synchronization/jobs/{job}/bulkUpload"),
        })
    }

    /// The target, as policy names it.
    pub const fn target(&self) -> &TargetId {
        &self.target
    }

    /// HTTP requests sent so far; a request for a token is none.
    pub fn calls(&self) -> u64 {
        self.wire.calls()
    }

    /// Sends records, 50 in a request. One answer for each, in their order. After a request that
    /// failed no further one is sent; what was not sent comes back.
    pub async fn upload(&self, records: &[Record]) -> Vec<Result<Applied, TargetError>> {
        let mut answers = Vec::with_capacity(records.len());
        for chunk in records.chunks(MOST_RECORDS) {
            match self.post(chunk).await {
                Ok(()) => answers.extend(chunk.iter().map(|record| {
                    Ok(Applied {
                        id: record.account(),
                        unchanged: false,
                    })
                })),
                Err(error) => {
                    answers.extend(chunk.iter().map(|_| Err(copy_of(&error))));
                    break;
                }
            }
        }
        while answers.len() < records.len() {
            answers.push(Err(TargetError::Fault(Fault::retry(
                "not sent, because a request before it failed",
            ))));
        }
        answers
    }

    async fn post(&self, records: &[Record]) -> Result<(), TargetError> {
        let operations: Vec<Value> = records.iter().map(Record::operation).collect();
        let body = json!({
            "schemas": [BULK_REQUEST],
            "failOnErrors": null,
            "Operations": operations,
        });
        let to = To::Path {
            path: &self.path,
            query: None,
        };
        let template = "/servicePrincipals/{id}/synchronization/jobs/{id}/bulkUpload";
        let call = Call {
            content_type: SCIM_JSON,
            ..Call::write(to, template, &body)
        };
        let reply = self.wire.send(call).await?;
        match reply.status {
            200..=299 => Ok(()),
            404 => Err(TargetError::Fault(Fault::halt(
                "upload of records: 404, there is no such job; correct `service_principal` and \
                 `job`",
            ))),
            _ => Err(reply.error(Action::Upload, Effect::Write, self.wire.now())),
        }
    }
}

fn hidden(what: &str) -> TargetError {
    TargetError::Fault(Fault::reject(format!(
        "the inbound provisioning API shows no {what}; reconcile a Microsoft Graph target instead"
    )))
}

impl<S: Secrets> Observe for EntraBulk<S> {
    async fn users(&self, _: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        Err(hidden("users"))
    }

    async fn groups(&self, _: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        Err(hidden("groups"))
    }

    async fn find(&self, _: Lookup<'_>) -> Result<Found, TargetError> {
        Ok(Found::None)
    }

    async fn held(
        &self,
        _: &AccountId,
        _: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        Ok(None)
    }
}

impl<S: Secrets> Apply for EntraBulk<S> {
    async fn apply(
        &self,
        change: &Change,
        account: Option<&AccountId>,
    ) -> Result<Applied, TargetError> {
        let changes = std::slice::from_ref(change);
        let answers = match (change, account) {
            (_, Some(account)) => self.apply_all(changes, account).await,
            (Change::Create { .. }, None) => {
                let record = Record::of(changes, None);
                let record =
                    record.map_err(|error| TargetError::Fault(Fault::reject(error.to_string())))?;
                self.upload(&record.into_iter().collect::<Vec<_>>()).await
            }
            (_, None) => Vec::new(),
        };
        answers.into_iter().next().unwrap_or_else(|| Err(nobody()))
    }

    /// All of them are one record in one request. The account's id is our key.
    async fn apply_all(
        &self,
        changes: &[Change],
        account: &AccountId,
    ) -> Vec<Result<Applied, TargetError>> {
        // What cannot be uploaded is refused; a membership alone does not keep the others waiting.
        let stop = changes.iter().position(|change| match change {
            Change::Delete | Change::Restore => true,
            Change::Create { .. }
            | Change::Adopt { .. }
            | Change::Update { .. }
            | Change::Enable
            | Change::Disable
            | Change::RevokeSessions
            | Change::Grant { .. }
            | Change::Revoke { .. } => false,
        });
        let tried = stop.map_or(changes.len(), |at| at + 1);
        let tried = changes.get(..tried).unwrap_or_default();
        let done = match Record::of(tried, Some(account)) {
            Err(error) => Err(TargetError::Fault(Fault::reject(error.to_string()))),
            // Nothing to say: sessions end with the block, at Entra's pace.
            Ok(None) => Ok(Applied {
                id: account.clone(),
                unchanged: true,
            }),
            Ok(Some(record)) => {
                let answer = self.upload(std::slice::from_ref(&record)).await;
                let none = || Err(TargetError::Fault(Fault::retry("nothing was sent")));
                answer.into_iter().next().unwrap_or_else(none)
            }
        };
        answers_of(tried, &done)
    }

    fn takes_many(&self) -> bool {
        true
    }

    /// One record for each account, 50 in a request.
    async fn apply_each(&self, works: &[AccountChanges]) -> Vec<Vec<Result<Applied, TargetError>>> {
        let records: Vec<Result<Option<Record>, RecordError>> = works
            .iter()
            .map(|work| Record::of(&work.changes, work.account.as_ref()))
            .collect();
        let sent: Vec<Record> = records
            .iter()
            .filter_map(|record| record.as_ref().ok()?.clone())
            .collect();
        let mut answers = self.upload(&sent).await.into_iter();
        let mut next = || {
            let none = || Err(TargetError::Fault(Fault::retry("nothing was sent")));
            answers.next().unwrap_or_else(none)
        };
        works
            .iter()
            .zip(&records)
            .map(|(work, record)| {
                let done = match (record, &work.account) {
                    (Err(error), _) => Err(TargetError::Fault(Fault::reject(error.to_string()))),
                    (Ok(Some(_)), _) => next(),
                    (Ok(None), Some(account)) => Ok(Applied {
                        id: account.clone(),
                        unchanged: true,
                    }),
                    (Ok(None), None) => Err(nobody()),
                };
                answers_of(&work.changes, &done)
            })
            .collect()
    }

    /// One request, whatever changes.
    fn cost(&self, changes: &[Change]) -> Cost {
        Cost {
            users: u32::from(!changes.is_empty()),
            ..Cost::default()
        }
    }
}

/// What became of each change, from what became of the record that says them all.
fn answers_of(
    changes: &[Change],
    done: &Result<Applied, TargetError>,
) -> Vec<Result<Applied, TargetError>> {
    let mut answers = Vec::with_capacity(changes.len());
    for change in changes {
        let answer = match (refusal(change), done) {
            (Some(refusal), _) => Err(refusal),
            (None, Ok(done)) => Ok(done.clone()),
            (None, Err(error)) => {
                answers.push(Err(copy_of(error)));
                break;
            }
        };
        answers.push(answer);
    }
    answers
}

fn nobody() -> TargetError {
    TargetError::Fault(Fault::reject("the change names no account"))
}

/// Why a change cannot be uploaded, if it cannot.
fn refusal(change: &Change) -> Option<TargetError> {
    let foreign = match change {
        Change::Delete | Change::Restore | Change::Grant { .. } | Change::Revoke { .. } => true,
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Update { .. }
        | Change::Enable
        | Change::Disable
        | Change::RevokeSessions => false,
    };
    foreign.then(|| {
        TargetError::Fault(Fault::reject(format!(
            "`{}` cannot be uploaded; it takes a Microsoft Graph target",
            change.name()
        )))
    })
}
