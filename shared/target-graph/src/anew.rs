//! Removals from groups that were deleted, once more from those that have their names now.

use ports::target::{Applied, TargetError};
use ports::{Fault, Secrets};
use target_http::Effect;

use crate::batch::{self, Part};
use crate::groups::Known;
use crate::members::{no_answer, removal};
use crate::refusal::copy_of;
use crate::settle::{Doubt, Want};
use crate::target::GraphTarget;

impl<S: Secrets> GraphTarget<S> {
    /// One answer for each doubt about a group that is gone, in their order.
    pub(crate) async fn remove_anew(&self, doubts: &[&Doubt]) -> Vec<Result<Applied, TargetError>> {
        let mut wanted = Vec::new();
        for doubt in doubts {
            if let Want::Absent { entitlement, .. } = &doubt.want {
                self.forget_group(entitlement);
                wanted.push(entitlement);
            }
        }
        if let Err(error) = self.resolve(wanted.into_iter()).await {
            return doubts.iter().map(|_| Err(copy_of(&error))).collect();
        }
        let found = doubts.iter().map(|doubt| self.successor(doubt));
        let found: Vec<Result<Option<Known>, TargetError>> = found.collect();
        let parts = found.iter().zip(doubts).filter_map(|(group, doubt)| {
            let group = group.as_ref().ok()?.as_ref()?;
            Some(removal(group, &doubt.account))
        });
        let mut replies = self.removed(&parts.collect::<Vec<_>>()).await.into_iter();
        found
            .into_iter()
            .zip(doubts)
            .map(|(group, doubt)| {
                let unchanged = match group? {
                    None => true,
                    Some(_) => replies.next().unwrap_or_else(|| Err(no_answer()))?,
                };
                Ok(Applied {
                    id: doubt.account.account(),
                    unchanged,
                })
            })
            .collect()
    }

    /// The group that has the name now; `None` where there is none.
    fn successor(&self, doubt: &Doubt) -> Result<Option<Known>, TargetError> {
        let Want::Absent { entitlement, group } = &doubt.want else {
            return Ok(None);
        };
        let name = self.entitlements.get(entitlement).map(|(_, name)| name);
        if name.is_none_or(|name| self.named(name).is_empty()) {
            return Ok(None);
        }
        let known = self.open_group(entitlement)?;
        if known.id == *group {
            self.forget_group(entitlement);
            return Err(TargetError::Fault(Fault::retry(
                "Microsoft Graph still finds a group that is not there any more",
            )));
        }
        Ok(Some(known))
    }

    /// For each part whether it was so already.
    async fn removed(&self, parts: &[Part]) -> Vec<Result<bool, TargetError>> {
        let mut all = Vec::with_capacity(parts.len());
        for chunk in parts.chunks(batch::MOST) {
            match self.wire.batch(chunk, false, Effect::Write).await {
                Err(error) => all.extend(chunk.iter().map(|_| Err(copy_of(&error)))),
                Ok(replies) => all.extend(chunk.iter().zip(replies).map(|(part, reply)| {
                    let reply = reply.ok_or_else(no_answer)?;
                    if reply.is_success() || reply.status == 404 {
                        return Ok(reply.status == 404);
                    }
                    Err(self.refused(&reply, part.action, Effect::Write))
                })),
            }
        }
        all
    }
}
