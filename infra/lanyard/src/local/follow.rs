//! A running stack and published policy: whoever flips the pointer changes what new work begins
//! under. What cannot be followed is said, and the stack goes on as before.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Hash;
use store_dynamodb::DynamoStore;

use super::secrets::gather;
use crate::stack::Stack;

/// Where a stack finds the secrets of policies to come.
#[derive(Clone, Debug)]
pub struct Follow {
    /// Folder of the secrets, if there is one.
    pub secrets: Option<PathBuf>,
    /// Reads an environment variable.
    pub environment: fn(&str) -> Option<String>,
}

/// What came of looking at the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    /// Nothing new.
    Same,
    /// Work begins under another version from now on.
    Switched,
}

/// Follows the pointer.
pub(super) struct Follower {
    follow: Option<Follow>,
    /// A version that could not be taken up, and why. It is said once, and tried again.
    stuck: Mutex<Option<(Hash, String)>>,
    /// Whether everybody was handed over who was decided under an older version.
    replanned: Mutex<Option<Hash>>,
}

impl Follower {
    pub(super) fn new(follow: Option<Follow>) -> Self {
        Self {
            follow,
            stuck: Mutex::new(None),
            replanned: Mutex::new(None),
        }
    }

    /// Why the published version is not worked under, where it is not.
    pub(super) fn stuck(&self) -> Option<String> {
        let stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        stuck.as_ref().map(|(_, why)| why.clone())
    }

    /// Whether everybody was handed over who was decided under another version than that one.
    pub(super) fn has_handed_over(&self, version: Hash) -> bool {
        let done = self
            .replanned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.follow.is_none() || *done == Some(version)
    }

    /// Takes up what is published, and hands over whoever was decided under another version.
    pub(super) async fn look(&self, stack: &Arc<Stack<DynamoStore>>) {
        let Some(follow) = &self.follow else {
            return;
        };
        let followed = self.take_up(stack, follow).await;
        self.hand_over(stack, follow).await;
        // What was decided while the version changed is written by the next look.
        if followed == Followed::Same
            && stack.is_changing()
            && let Err(fault) = stack.superseded().await
        {
            tracing::error!(error_type = fault.error_type(), error = %fault, "look failed");
        }
    }

    async fn take_up(&self, stack: &Stack<DynamoStore>, follow: &Follow) -> Followed {
        let active = match publication::active(stack.objects()).await {
            Ok(Some((active, _))) => active.version,
            Ok(None) => return Followed::Same,
            Err(error) => {
                tracing::error!(error = %error, "the published policy cannot be read");
                return Followed::Same;
            }
        };
        if active == stack.policy().version {
            *self.stuck.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Followed::Same;
        }
        let taken = async {
            let policy = publication::load(stack.objects(), active).await?.policy;
            let secrets = gather(&policy, follow.secrets.as_deref(), &follow.environment)?;
            stack.switch(policy, &secrets)?;
            anyhow::Ok(())
        };
        match taken.await {
            Ok(()) => {
                tracing::info!(policy = %active.short(), "work begins under another policy");
                *self.stuck.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Followed::Switched
            }
            Err(error) => {
                let why = format!("{error:#}");
                let mut known = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
                let said = known
                    .as_ref()
                    .is_some_and(|(version, _)| *version == active);
                if !said {
                    tracing::error!(
                        policy = %active.short(),
                        error = %why,
                        "the published policy cannot be taken up; work goes on under the old one"
                    );
                }
                *known = Some((active, why));
                Followed::Same
            }
        }
    }

    /// Once per version, after a start too: a flip may have come right before an end.
    async fn hand_over(&self, stack: &Stack<DynamoStore>, follow: &Follow) {
        let version = stack.policy().version;
        {
            let done = self
                .replanned
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if *done == Some(version) {
                return;
            }
        }
        let handed = async {
            if !stack.is_changing() {
                // After a start: what the last one left half-way is carried out as decided.
                for earlier in stack.superseded().await? {
                    bring_back(stack, follow, earlier).await;
                }
            }
            stack.replan().await
        };
        match handed.await {
            Ok(_) => {
                let mut done = self
                    .replanned
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *done = Some(version);
            }
            Err(fault) => {
                tracing::error!(error_type = fault.error_type(), error = %fault, "replan failed");
            }
        }
    }
}

/// An earlier version whose decisions are still to be carried out. Without it they are carried out
/// under the current one, once they are made anew.
async fn bring_back(stack: &Stack<DynamoStore>, follow: &Follow, version: Hash) {
    let kept = async {
        let policy = publication::load(stack.objects(), version).await?.policy;
        let secrets = gather(&policy, follow.secrets.as_deref(), &follow.environment)?;
        stack.keep(policy, &secrets)?;
        anyhow::Ok(())
    };
    if let Err(error) = kept.await {
        tracing::warn!(
            policy = %version.short(),
            error = %format!("{error:#}"),
            "decisions of an earlier policy are carried out under the current one"
        );
    }
}
