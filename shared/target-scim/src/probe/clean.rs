//! Takes away what the experiments made, whatever became of them, and says what is still there.

use domain::profile::DeleteEffect;
use ports::Secrets;

use super::attributes::working;
use super::filters::Hits;
use super::json;
use super::lab::{Lab, Stop};
use super::life::set_active;
use super::members;
use super::report::Left;
use super::sandbox::{Object, Tried};
use crate::path::encode;
use crate::target::Kind;

/// Requests for one object: let in, delete, look, and find by name before.
const MOST_EACH: u64 = 4;

/// Nothing stops it but a target that answers no more: then the rest is listed as left.
pub(super) async fn up<S: Secrets>(lab: &mut Lab<'_, S>) {
    let there = |object: &Object| object.tried != Tried::Refused;
    let mut objects: Vec<Object> = lab.objects.iter().filter(|o| there(o)).cloned().collect();
    // Groups first, so that no group lists a user that is gone.
    objects.sort_by_key(|object| matches!(object.kind, Kind::User));
    lab.allow(MOST_EACH * objects.len() as u64 + 4);
    let mut gives_up: Option<Box<str>> = members::leave(lab).await.err().map(|stop| stop.0);
    for object in objects {
        let why = match &gives_up {
            Some(why) => Some(why.clone()),
            None => match remove(lab, &object).await {
                Ok(why) => why,
                Err(Stop(why)) => {
                    gives_up = Some(why.clone());
                    Some(why)
                }
            },
        };
        if let Some(why) = why {
            let by_request = lab.profile.delete != DeleteEffect::Deactivates;
            let left = left(&object, why, by_request);
            lab.left.push(left);
        }
    }
}

/// Removes one object. Answers why it is still there, if it is.
async fn remove<S: Secrets>(
    lab: &mut Lab<'_, S>,
    object: &Object,
) -> Result<Option<Box<str>>, Stop> {
    let kind = object.kind;
    let id = match &object.id {
        Some(id) => id.clone(),
        None => match find(lab, object).await? {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(None),
            Err(why) => return Ok(Some(why)),
        },
    };
    if object.deleted {
        return still_there(lab, kind, &id).await;
    }
    // Some targets do not even find a blocked user that is to be deleted.
    let mut hidden = object.blocked && lab.profile.hides_inactive;
    if hidden {
        let operations = set_active(working(lab), true);
        hidden = !lab.patch(kind, &id, operations).await?.ok();
    }
    let reply = lab.delete(kind, &id).await?;
    if reply.status == 404 && hidden {
        let why = "blocked users are hidden there, and it could not be let in to be deleted";
        return Ok(Some(why.into()));
    }
    if !reply.ok() && reply.status != 404 {
        return Ok(Some(format!("DELETE answers {}", reply.said()).into()));
    }
    still_there(lab, kind, &id).await
}

async fn still_there<S: Secrets>(
    lab: &mut Lab<'_, S>,
    kind: Kind,
    id: &str,
) -> Result<Option<Box<str>>, Stop> {
    let hides = matches!(kind, Kind::User)
        && lab.profile.hides_inactive
        && lab.profile.delete == DeleteEffect::Deactivates;
    let shown = lab.get(kind, id).await?;
    Ok(match shown.status {
        404 if hides => Some("deleted users stay there, blocked and hidden".into()),
        404 | 410 => None,
        200..=299 if json::flag(&shown.body, "active") == Some(false) => {
            Some("DELETE blocks the user and leaves it there".into())
        }
        200..=299 => Some("it is still there after DELETE".into()),
        _ => Some(format!("whether it is gone cannot be seen: {}", shown.said()).into()),
    })
}

/// The id of an object whose creation was not answered.
async fn find<S: Secrets>(
    lab: &mut Lab<'_, S>,
    object: &Object,
) -> Result<Result<Option<Box<str>>, Box<str>>, Stop> {
    let attr = match object.kind {
        Kind::User => "userName",
        Kind::Group => "displayName",
    };
    let reply = lab.look_up(object.kind, attr, &object.name, &[]).await?;
    let resources = json::list(&reply.body, "Resources");
    let ours = resources.iter().find(|resource| {
        json::text(resource, attr).is_some_and(|name| name.eq_ignore_ascii_case(&object.name))
    });
    Ok(
        match (
            ours.and_then(|found| json::text(found, "id")),
            Hits::of(&reply, None),
        ) {
            (Some(id), _) => Ok(Some(id.into())),
            (None, Hits::None) => Ok(None),
            (None, Hits::Right | Hits::Others | Hits::Refused) => {
                Err("its creation was not answered, and it cannot be looked up".into())
            }
        },
    )
}

fn left(object: &Object, why: Box<str>, by_request: bool) -> Left {
    let (kind, attr) = match object.kind {
        Kind::User => ("user", "userName"),
        Kind::Group => ("group", "displayName"),
    };
    let by_hand = match &object.id {
        // Where DELETE blocks users, another one would change nothing.
        Some(id) if by_request || matches!(object.kind, Kind::Group) => format!(
            "delete the {kind} of this name in the target's administration, or send DELETE {}",
            place(object.kind, id)
        ),
        Some(_) => format!("delete the {kind} of this name in the target's administration"),
        None => format!("look for the {kind} with this {attr} and delete it there, if it exists"),
    };
    Left {
        kind,
        id: object.id.clone(),
        name: object.name.clone(),
        why,
        by_hand: by_hand.into(),
    }
}

/// Where an object is, for people.
fn place(kind: Kind, id: &str) -> String {
    format!("{}/{}", kind.path(), encode(id))
}
