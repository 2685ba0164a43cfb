//! Blocking, letting in again, deleting.

use domain::profile::{DeleteEffect, Operation, PatchStyle};
use ports::Secrets;
use serde_json::{Value, json};

use super::attributes::{change, changeable, verdict, working};
use super::filters::Hits;
use super::json;
use super::lab::{Lab, Reply, Stop};
use super::sandbox::{Part, Shape, User};
use crate::target::Kind;

/// What a look at one user shows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Active,
    Blocked,
    Hidden,
    Unreadable,
}

fn seen(reply: &Reply) -> Seen {
    match (reply.status, json::flag(&reply.body, "active")) {
        (404, _) => Seen::Hidden,
        (200..=299, Some(false)) => Seen::Blocked,
        // A user that does not say so is active.
        (200..=299, Some(true) | None) if reply.body.is_object() => Seen::Active,
        _ => Seen::Unreadable,
    }
}

pub(super) fn set_active(style: PatchStyle, active: bool) -> Value {
    match style {
        PatchStyle::Path | PatchStyle::Put => {
            json!([{"op": "replace", "path": "active", "value": active}])
        }
        PatchStyle::Pathless => json!([{"op": "replace", "value": {"active": active}}]),
    }
}

async fn switch<S: Secrets>(
    lab: &mut Lab<'_, S>,
    user: &User,
    style: PatchStyle,
    active: bool,
) -> Result<(Reply, Seen), Stop> {
    let reply = lab
        .patch(Kind::User, &user.id, set_active(style, active))
        .await?;
    let shown = seen(&lab.get(Kind::User, &user.id).await?);
    if let Some(object) = lab.object(&user.id) {
        object.blocked = matches!(shown, Seen::Blocked | Seen::Hidden);
    }
    Ok((reply, shown))
}

/// Blocks and lets in, by each form of PATCH; with PUT it was tried where PUT was.
pub(super) async fn block<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(user) = lab.known.rich.clone().or_else(|| lab.known.least.clone()) else {
        nothing_to_block(lab, "no sandbox user could be made");
        return Ok(());
    };
    let mut forms = [
        ("active.path", PatchStyle::Path),
        ("active.pathless", PatchStyle::Pathless),
    ];
    if lab.profile.patch == PatchStyle::Pathless {
        forms.reverse();
    }
    let (mut looked, mut name_taken) = (false, false);
    for (key, style) in forms {
        let (reply, after) = switch(lab, &user, style, false).await?;
        let off = matches!(after, Seen::Blocked | Seen::Hidden) && reply.ok();
        if !off {
            let value = if reply.ok() {
                "answered and not done"
            } else {
                "refused"
            };
            lab.seen(key, value, reply.said());
            continue;
        }
        if !looked {
            looked = true;
            name_taken = while_blocked(lab, shape, &user, after).await?;
        }
        let (again, back) = switch(lab, &user, style, true).await?;
        let on = again.ok() && back == Seen::Active;
        let value = if on {
            "blocks and lets in"
        } else {
            "blocks only"
        };
        lab.seen(
            key,
            value,
            format!("{}; back: {}", reply.said(), again.said()),
        );
        if on {
            lab.proven.insert(Operation::Enable);
        }
        // Hidden is not gone where the name is still taken.
        if on || after == Seen::Blocked || name_taken {
            lab.proven.insert(Operation::Disable);
        }
        if !on {
            // Whoever is not let in by one form may be by the other.
            let other = match style {
                PatchStyle::Path | PatchStyle::Put => PatchStyle::Pathless,
                PatchStyle::Pathless => PatchStyle::Path,
            };
            switch(lab, &user, other, true).await?;
            break;
        }
    }
    if !looked {
        nothing_to_block(lab, "no sandbox user could be blocked");
    }
    by_put(lab).await
}

/// Blocks and lets in by PUT. Not where a blocked user cannot be let in and is seen no more: it
/// could not be taken away either.
async fn by_put<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let lost = lab.profile.hides_inactive && !lab.proven.contains(&Operation::Enable);
    let Some(user) = lab.known.spare.clone().filter(|_| lab.known.put && !lost) else {
        return Ok(());
    };
    let before = lab.get(Kind::User, &user.id).await?;
    let mut body = json::writable(&before.body);
    let blocked = seen(&before) == Seen::Blocked;
    for (key, operation, active) in [
        ("put.disable", Operation::Disable, false),
        ("put.enable", Operation::Enable, true),
    ] {
        if blocked && !active {
            continue;
        }
        body.retain(|key, _| !key.eq_ignore_ascii_case("active"));
        body.insert("active".to_owned(), active.into());
        let reply = lab.put(Kind::User, &user.id, &body.clone().into()).await?;
        let shown = seen(&lab.get(Kind::User, &user.id).await?);
        let off = matches!(shown, Seen::Blocked | Seen::Hidden);
        let done = if active { shown == Seen::Active } else { off };
        lab.seen(key, verdict(&reply, done), reply.said());
        if let Some(object) = lab.object(&user.id) {
            object.blocked = off;
        }
        // Where nothing but PUT changes users, it has to block them too.
        if done && reply.ok() && lab.profile.patch == PatchStyle::Put {
            lab.proven.insert(operation);
        }
    }
    Ok(())
}

fn nothing_to_block<S: Secrets>(lab: &mut Lab<'_, S>, why: &str) {
    lab.assume("hides_inactive", why);
    lab.assume("inactive_edits", why);
}

/// What a blocked user looks like, and what it still takes.
async fn while_blocked<S: Secrets>(
    lab: &mut Lab<'_, S>,
    shape: &Shape,
    user: &User,
    shown: Seen,
) -> Result<bool, Stop> {
    let by_id = if shown == Seen::Hidden {
        "404"
    } else {
        "shown"
    };
    let mut hidden = shown == Seen::Hidden;
    let mut note = format!("by id: {by_id}");
    if let Some(attr) = lab.known.finds {
        let value = match attr {
            "externalId" => user.external_id.clone().unwrap_or_default(),
            _ => user.shown.clone(),
        };
        let reply = lab.look_up(Kind::User, attr, &value, &[]).await?;
        let hits = Hits::of(&reply, Some(&user.id));
        hidden |= hits == Hits::None;
        note = format!("{note}; by {attr}: {}", hits.word());
    }
    lab.profile.hides_inactive = hidden;
    lab.settle("hides_inactive", note);
    let mut same = shape.user(lab.settings, "w", &[]);
    same.insert("userName".to_owned(), user.name.clone().into());
    let (reply, id) = lab.make(Kind::User, &user.name, &same.into()).await?;
    let value = if id.is_some() { "free" } else { "taken" };
    lab.seen("inactive.name", value, reply.said());
    let name_taken = id.is_none() && reply.is_taken;
    if let Some(id) = id {
        lab.take_away(Kind::User, &id).await?;
    }
    let path = changeable(user).next().and_then(Part::parsed);
    let Some(path) = path.filter(|_| lab.proven.contains(&Operation::Update)) else {
        lab.assume("inactive_edits", "no attribute could be changed at all");
        return Ok(name_taken);
    };
    let (reply, there) = change(lab, user, &path, "Changed while blocked").await?;
    lab.profile.inactive_edits = reply.ok() && (there || shown == Seen::Hidden);
    lab.settle(
        "inactive_edits",
        format!("`{}` of a blocked user: {}", path.text, reply.said()),
    );
    Ok(name_taken)
}

/// What DELETE does.
pub(super) async fn delete<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(user) = lab.known.doomed.clone() else {
        lab.assume("delete", "no sandbox user could be made for it");
        return Ok(());
    };
    let reply = lab.delete(Kind::User, &user.id).await?;
    if !reply.ok() {
        lab.assume("delete", format!("DELETE is refused: {}", reply.said()));
        return Ok(());
    }
    let after = seen(&lab.get(Kind::User, &user.id).await?);
    match after {
        Seen::Active | Seen::Unreadable => {
            lab.assume(
                "delete",
                format!(
                    "DELETE answers {} and the user is still there",
                    reply.said()
                ),
            );
        }
        Seen::Blocked => {
            deactivates(lab, "the user is there, and blocked");
            let (reply, back) = switch(lab, &user, working(lab), true).await?;
            let value = if back == Seen::Active {
                "lets it in again"
            } else {
                "does not"
            };
            lab.seen("delete.enable", value, reply.said());
        }
        Seen::Hidden => gone(lab, shape, &user).await?,
    }
    Ok(())
}

fn deactivates<S: Secrets>(lab: &mut Lab<'_, S>, note: &str) {
    lab.profile.delete = DeleteEffect::Deactivates;
    lab.proven.insert(Operation::Delete);
    lab.settle("delete", note);
}

/// Gone by its id; whether for good, its name tells.
async fn gone<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape, user: &User) -> Result<(), Stop> {
    let mut same = shape.user(lab.settings, "y", &[]);
    same.insert("userName".to_owned(), user.name.clone().into());
    let (reply, id) = lab.make(Kind::User, &user.name, &same.into()).await?;
    let free = id.is_some();
    lab.seen(
        "delete.name",
        if free { "free" } else { "taken" },
        reply.said(),
    );
    if free {
        if let Some(object) = lab.object(&user.id) {
            object.deleted = true;
        }
        lab.proven.insert(Operation::Delete);
        // What comes after the deletion, and when, no request shows.
        if lab.base.delete == DeleteEffect::Irreversible {
            lab.assume(
                "delete",
                "gone, the name free; what cannot be undone about it shows in no answer",
            );
        } else {
            lab.profile.delete = DeleteEffect::Removes;
            lab.settle("delete", "404 by id, and the name is free again");
        }
        return Ok(());
    }
    let (reply, back) = switch(lab, user, working(lab), true).await?;
    if back == Seen::Active {
        lab.seen("delete.enable", "lets it in again", reply.said());
        deactivates(lab, "404 by id, and let in again by PATCH of active");
        return Ok(());
    }
    lab.profile.delete = DeleteEffect::Irreversible;
    lab.proven.insert(Operation::Delete);
    lab.settle(
        "delete",
        "404 by id, the name is not free, and nothing brings it back",
    );
    if let Some(object) = lab.object(&user.id) {
        object.deleted = true;
        object.blocked = false;
    }
    Ok(())
}
