//! What a request has to carry, and how many of them there may be.

use axum::http::{HeaderMap, header};
use jiff::Timestamp;

use crate::calls::Action;
use crate::error::ScimError;
use crate::schema::Kind;
use crate::truth::{ConfigPath, Door, GroupWrite, Put, Rate, Rated, SetForm, Truth, UserAgent};

const NANOSECONDS: i128 = 1_000_000_000;

/// Refuses a request that lacks a header, or that asks for something the target does not do at all.
pub(crate) fn refuse(
    truth: &Truth,
    action: Action,
    template: &str,
    headers: &HeaderMap,
) -> Result<(), ScimError> {
    refuse_headers(truth.door, action, headers)?;
    let absent = || ScimError::new(404, format!("no endpoint `{template}`"));
    let groups = truth.groups.write;
    match action {
        Action::Discovery => {
            let exists = match template {
                "/ServiceProviderConfig" => truth.discovery.config == ConfigPath::Singular,
                "/ServiceProviderConfigs" => truth.discovery.config == ConfigPath::Plural,
                _ => truth.discovery.schemas,
            };
            if exists { Ok(()) } else { Err(absent()) }
        }
        Action::Get(Kind::Group)
        | Action::List(Kind::Group)
        | Action::Post(Kind::Group)
        | Action::Put(Kind::Group)
        | Action::Patch(Kind::Group)
        | Action::Delete(Kind::Group)
            if groups == GroupWrite::Absent =>
        {
            Err(absent())
        }
        Action::Post(Kind::Group) | Action::Delete(Kind::Group) if groups != GroupWrite::All => {
            Err(forbidden("groups cannot be created or deleted"))
        }
        Action::Put(Kind::Group) | Action::Patch(Kind::Group) if groups == GroupWrite::ReadOnly => {
            Err(forbidden("groups cannot be changed"))
        }
        Action::Put(Kind::Group) if !truth.groups.put => Err(unsupported("PUT of groups")),
        Action::Put(Kind::User) if truth.users.put == Put::Unsupported => {
            Err(unsupported("PUT of users"))
        }
        Action::Patch(Kind::User)
            if truth.users.set == SetForm::Neither && truth.users.active == SetForm::Neither =>
        {
            Err(unsupported("PATCH of users"))
        }
        Action::Get(_)
        | Action::List(_)
        | Action::Post(_)
        | Action::Put(_)
        | Action::Patch(_)
        | Action::Delete(_)
        | Action::Other => Ok(()),
    }
}

fn forbidden(detail: &str) -> ScimError {
    ScimError::new(403, detail)
}

fn unsupported(what: &str) -> ScimError {
    ScimError::new(501, format!("{what} is not supported"))
}

fn refuse_headers(door: Door, action: Action, headers: &HeaderMap) -> Result<(), ScimError> {
    let needs_agent = match door.user_agent {
        UserAgent::Optional => false,
        UserAgent::OnPatch => matches!(action, Action::Patch(_)),
        UserAgent::Required => true,
    };
    if needs_agent && text(headers, &header::USER_AGENT).is_empty() {
        return Err(forbidden("requests need a `User-Agent`"));
    }
    let accepted = text(headers, &header::ACCEPT).to_ascii_lowercase();
    if door.scim_accept && !accepted.contains("application/scim+json") {
        return Err(ScimError::new(
            406,
            "`Accept` must name `application/scim+json`",
        ));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// How far each rate of the dialect is used up: the time at which the next request would be due at a steady pace (the
/// generic cell rate algorithm).
#[derive(Debug, Default)]
pub(crate) struct Meters(Vec<i128>);

impl Meters {
    /// Seconds until the request is within every rate; `None` when it is.
    pub(crate) fn wait(&mut self, rates: &[Rate], action: Action, now: Timestamp) -> Option<u64> {
        self.0.resize(rates.len(), i128::MIN);
        let now = now.as_nanosecond();
        let early = |(due, rate): (&i128, &Rate)| {
            let ahead =
                (*due).max(now) - now - i128::from(rate.burst.saturating_sub(1)) * pace(rate);
            (counts(rate.of, action) && ahead > 0).then_some(ahead)
        };
        let worst = self.0.iter().zip(rates).filter_map(early).max()?;
        u64::try_from((worst + NANOSECONDS - 1) / NANOSECONDS).ok()
    }

    pub(crate) fn count(&mut self, rates: &[Rate], action: Action, now: Timestamp) {
        self.0.resize(rates.len(), i128::MIN);
        for (due, rate) in self.0.iter_mut().zip(rates) {
            if counts(rate.of, action) {
                *due = (*due).max(now.as_nanosecond()) + pace(rate);
            }
        }
    }
}

/// Nanoseconds between requests.
fn pace(rate: &Rate) -> i128 {
    i128::from(rate.seconds) * NANOSECONDS / i128::from(rate.calls.max(1))
}

fn counts(of: Rated, action: Action) -> bool {
    let read = matches!(
        action,
        Action::Get(_) | Action::List(_) | Action::Discovery | Action::Other
    );
    match of {
        Rated::Reads => read,
        Rated::Writes => !read,
        Rated::UserReads => action == Action::Get(Kind::User),
        Rated::UserCreates => action == Action::Post(Kind::User),
        Rated::UserUpdates => {
            action == Action::Put(Kind::User) || action == Action::Patch(Kind::User)
        }
        Rated::UserDeletes => action == Action::Delete(Kind::User),
    }
}
