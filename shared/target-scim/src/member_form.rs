//! One request that changes the members of a group, in each form that dialects have.
//!
//! No form empties a group: a removal always names its members, and there is none without
//! members.

use domain::profile::{MemberAdd, MemberRemove, Membership};
use ports::target::TargetError;
use ports::{Fault, Observe as _, Secrets};
use serde_json::Value;
use target_http::{Effect, Method};

use crate::body;
use crate::resource::Resource;
use crate::target::{Kind, ScimTarget, unreadable};
use crate::wire::{Call, Got};

/// What a request that changes members looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    AddByPath,
    AddPathless,
    RemoveByFilter,
    RemoveByValue,
    /// The whole group, with members put in.
    PutIn,
    /// The whole group, with members taken out.
    PutOut,
}

impl Form {
    pub(crate) const fn adding(by: MemberAdd) -> Self {
        match by {
            MemberAdd::Path => Self::AddByPath,
            MemberAdd::Pathless => Self::AddPathless,
            MemberAdd::Put => Self::PutIn,
        }
    }

    pub(crate) const fn removing(by: MemberRemove) -> Self {
        match by {
            MemberRemove::Filter => Self::RemoveByFilter,
            MemberRemove::ValueArray => Self::RemoveByValue,
            MemberRemove::Put => Self::PutOut,
        }
    }

    /// The form to try where a target does not know this one. A removal has none: the other one
    /// empties a group where it is misunderstood.
    pub(crate) const fn other(self) -> Option<Self> {
        match self {
            Self::AddByPath => Some(Self::AddPathless),
            Self::AddPathless => Some(Self::AddByPath),
            Self::RemoveByFilter | Self::RemoveByValue | Self::PutIn | Self::PutOut => None,
        }
    }

    pub(crate) const fn gives(self) -> bool {
        match self {
            Self::AddByPath | Self::AddPathless | Self::PutIn => true,
            Self::RemoveByFilter | Self::RemoveByValue | Self::PutOut => false,
        }
    }

    /// The operations of a PATCH; none for no members, and none for a PUT.
    pub(crate) fn operations(self, ids: &[&str]) -> Vec<Value> {
        if ids.is_empty() {
            return Vec::new();
        }
        match self {
            Self::AddByPath => body::add_members_by_path(ids),
            Self::AddPathless => body::add_members_pathless(ids),
            Self::RemoveByFilter => body::remove_members_by_filter(ids),
            Self::RemoveByValue => body::remove_members_by_value(ids),
            Self::PutIn | Self::PutOut => Vec::new(),
        }
    }
}

/// What one request came to.
pub(crate) enum Sent {
    Got(Got),
    /// It was so already, and nothing was sent.
    Unchanged,
}

impl<S: Secrets> ScimTarget<S> {
    /// Sends one request about one group.
    pub(crate) async fn send_members(
        &self,
        form: Form,
        group: &str,
        members: &[&str],
    ) -> Result<Sent, TargetError> {
        if matches!(form, Form::PutIn | Form::PutOut) {
            return self.put_members(form, group, members).await;
        }
        let operations = form.operations(members);
        if operations.is_empty() {
            return Ok(Sent::Unchanged);
        }
        let patch = body::patch(&operations);
        let call = Call {
            path: Kind::Group.object(group)?,
            template: Kind::Group.template(),
            body: Some(&patch),
            ..Call::default()
        };
        let got = self.send(Method::Patch, Effect::Write, &call).await?;
        Ok(Sent::Got(got))
    }

    /// Reads a group, changes its members, and sends it back as it was otherwise.
    async fn put_members(
        &self,
        form: Form,
        group: &str,
        members: &[&str],
    ) -> Result<Sent, TargetError> {
        const READ: &str = "read of a group";
        let read = Call {
            path: Kind::Group.object(group)?,
            template: Kind::Group.template(),
            ..Call::default()
        };
        let answer = match self.wire.read_if_small(&read).await? {
            Some(Got::Success(answer)) => answer,
            Some(got @ Got::Refused(_)) => return Ok(Sent::Got(got)),
            None => {
                return Err(TargetError::Fault(Fault::reject(format!(
                    "{READ}: it is larger than we read, and `put` of the target's profile sends \
                     groups back whole; choose another `member_add` and `member_remove`"
                ))));
            }
        };
        let malformed = |why| unreadable(&why, READ);
        let was = Resource::read(Kind::Group, &answer.body).map_err(malformed)?;
        let mut will_be = was.clone();
        let shown = was.members().map(|members| members.len());
        self.note_members(shown);
        let is_empty = || self.is_empty_where_none_shows(shown.is_some());
        if shown.unwrap_or_default() == 0 && !is_empty() {
            self.look_for_members().await?;
        }
        if shown.unwrap_or_default() == 0 && !is_empty() {
            // To send back a list that is hidden, as if it were empty, takes everybody out.
            return Err(TargetError::Fault(Fault::reject(
                "the group shows no `members`, and `put` of the target's profile sends back what \
                 it shows: nobody knows whether it is empty; choose another `member_add` and \
                 `member_remove`, or put one member into some group by hand",
            )));
        }
        will_be.change_members(form.gives(), members);
        let changed = {
            let had = was.members().unwrap_or_default();
            members.iter().any(|id| had.contains(id) != form.gives())
        };
        if !changed {
            return Ok(Sent::Unchanged);
        }
        let version = if self.profile.etag {
            answer
                .etag
                .clone()
                .or_else(|| Resource::version(&answer.body))
        } else {
            None
        };
        let body = will_be.into_value();
        let put = Call {
            path: Kind::Group.object(group)?,
            template: Kind::Group.template(),
            body: Some(&body),
            if_match: version,
            ..Call::default()
        };
        Ok(Sent::Got(
            self.send(Method::Put, Effect::Write, &put).await?,
        ))
    }

    /// Looks whether any group on the first page of them shows a member. A process that has just
    /// started has seen none, however many there are.
    async fn look_for_members(&self) -> Result<(), TargetError> {
        if self.profile.membership == Membership::Hidden {
            return Ok(());
        }
        match self.groups(None).await {
            Err(
                error @ (TargetError::Throttled { .. }
                | TargetError::OutOfTime
                | TargetError::Fault(Fault::Retry { .. })),
            ) => Err(error),
            // A target without such a list shows nothing by it.
            Ok(_)
            | Err(
                TargetError::Fault(Fault::Reject { .. } | Fault::Halt { .. })
                | TargetError::Unknown { .. }
                | TargetError::NotFound
                | TargetError::Conflict
                | TargetError::Changed
                | TargetError::Expired { .. },
            ) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
