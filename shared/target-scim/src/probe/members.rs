//! Members of a group that is there: taking them out, and what else a target makes of changes.

use domain::profile::{MemberAdd, MemberRemove, Operation};
use ports::Secrets;
use serde_json::{Value, json};

use super::groups::{Ground, add_operations, both, names_work, put};
use super::json;
use super::lab::{Lab, Stop};
use crate::path::member_path;
use crate::target::Kind;

/// A member that is in already.
pub(super) async fn twice<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
    let operations = add_operations(lab.profile.member_add, &[&ground.one]);
    let reply = lab.patch(Kind::Group, &ground.id, operations).await?;
    let group = lab.get(Kind::Group, &ground.id).await?;
    let members = json::list(&group.body, "members").iter();
    let count = members
        .filter(|m| json::text(m, "value") == Some(&*ground.one))
        .count();
    let value = match (reply.ok(), count) {
        (false, _) => "refused",
        (true, 0 | 1) => "accepted",
        (true, _) => "listed twice",
    };
    lab.seen("members.add_twice", value, reply.said());
    Ok(())
}

fn remove_operations(form: MemberRemove, id: &str) -> Value {
    match form {
        MemberRemove::Filter | MemberRemove::Put => {
            json!([{"op": "remove", "path": member_path(id)}])
        }
        MemberRemove::ValueArray => {
            json!([{"op": "remove", "path": "members", "value": [{"value": id}]}])
        }
    }
}

/// Makes sure that both sandbox users are in.
async fn fill<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<bool, Stop> {
    let two = ground.two.clone().unwrap_or_default();
    let (has_one, has_two) = both(lab, ground).await?;
    let missing: Vec<&str> = [(has_one, &*ground.one), (has_two, &*two)]
        .into_iter()
        .filter(|(has, id)| !has && !id.is_empty())
        .map(|(_, id)| id)
        .collect();
    if missing.is_empty() {
        return Ok(true);
    }
    let reply = if lab.profile.member_add == MemberAdd::Put {
        let everyone: Vec<&str> = [&*ground.one, &*two]
            .into_iter()
            .filter(|id| !id.is_empty())
            .collect();
        put(lab, &ground.id, &everyone).await?
    } else {
        let operations = add_operations(lab.profile.member_add, &missing);
        lab.patch(Kind::Group, &ground.id, operations).await?
    };
    Ok(reply.ok())
}

/// Takes one of two members out, by each form.
pub(super) async fn remove<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
    let mut works = Vec::new();
    let mut said = Vec::new();
    let forms = [
        ("members.remove_filter", MemberRemove::Filter),
        // By the letter of RFC 7644 this empties the group, so that it is never sent to a group
        // that somebody else made.
        ("members.remove_values", MemberRemove::ValueArray),
        ("members.remove_put", MemberRemove::Put),
    ];
    for (key, form) in forms {
        if form != MemberRemove::Filter && (!ground.ours || ground.two.is_none()) {
            continue;
        }
        if ground.two.is_some() && !fill(lab, ground).await? {
            break;
        }
        let reply = match (form, &ground.two) {
            (MemberRemove::Put, Some(two)) => put(lab, &ground.id, &[two]).await?,
            (MemberRemove::Filter | MemberRemove::ValueArray | MemberRemove::Put, _) => {
                let operations = remove_operations(form, &ground.one);
                lab.patch(Kind::Group, &ground.id, operations).await?
            }
        };
        let (one, two) = both(lab, ground).await?;
        let stays = two || ground.two.is_none();
        let value = match (reply.ok(), one, stays) {
            (true, false, true) => "works",
            (true, false, false) => "empties the group",
            (true, true, _) => "answered and not done",
            (false, ..) => "refused",
        };
        lab.seen(key, value, reply.said());
        said.push(format!("{}: {value}", form_name(form)));
        if value == "works" {
            works.push(form);
        }
        if form == MemberRemove::Filter && value == "works" && ground.ours {
            let again = remove_operations(form, &ground.one);
            let reply = lab.patch(Kind::Group, &ground.id, again).await?;
            let value = if reply.ok() { "accepted" } else { "refused" };
            lab.seen("members.remove_absent", value, reply.said());
        }
    }
    let order = [
        lab.base.member_remove,
        MemberRemove::Filter,
        MemberRemove::ValueArray,
        MemberRemove::Put,
    ];
    if let Some(form) = order.into_iter().find(|form| works.contains(form)) {
        lab.profile.member_remove = form;
        if names_work(lab) {
            lab.proven.insert(Operation::Revoke);
        }
        lab.settle("member_remove", said.join(", "));
    } else {
        // A form that was seen to empty a group is never left in a profile.
        if lab.profile.member_remove == MemberRemove::ValueArray {
            lab.profile.member_remove = MemberRemove::Filter;
        }
        lab.assume("member_remove", said.join(", "));
    }
    Ok(())
}

const fn form_name(form: MemberRemove) -> &'static str {
    match form {
        MemberRemove::Filter => "filter",
        MemberRemove::ValueArray => "value array",
        MemberRemove::Put => "PUT",
    }
}

/// What replacing all members does.
pub(super) async fn whole<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
    fill(lab, ground).await?;
    let operations =
        json!([{"op": "replace", "path": "members", "value": [{"value": ground.one}]}]);
    let reply = lab.patch(Kind::Group, &ground.id, operations).await?;
    let value = match (reply.ok(), both(lab, ground).await?) {
        (false, _) => "refused",
        (true, (true, false)) => "replaces",
        (true, (true, true)) => "adds",
        (true, (false, _)) => "answered and not done",
    };
    lab.seen("members.replace", value, reply.said());
    Ok(())
}

/// A member that no user is.
pub(super) async fn unknown<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
    let nobody = lab.settings.name("nobody");
    let operations = add_operations(lab.profile.member_add, &[&nobody]);
    let reply = lab.patch(Kind::Group, &ground.id, operations).await?;
    let group = lab.get(Kind::Group, &ground.id).await?;
    let value = match (reply.ok(), json::refers(&group.body, "members", &nobody)) {
        (false, _) => "refused",
        (true, true) => "kept",
        (true, false) => "dropped, or not shown",
    };
    lab.seen("members.unknown", value, reply.said());
    Ok(())
}

/// How many members one request may name, by naming the two over and over.
pub(super) async fn chunk<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
    let twice = |finding: &&super::Finding| finding.key == "members.add_twice";
    let accepted = lab
        .findings
        .iter()
        .find(twice)
        .is_some_and(|f| f.value == "accepted");
    let two = ground.two.clone().unwrap_or_default();
    if !accepted || lab.profile.member_add == MemberAdd::Put {
        lab.assume(
            "member_chunk",
            "members cannot be named twice, and there are two of them",
        );
        return Ok(());
    }
    let mut said = Vec::new();
    // Three are few enough for any target: where they are refused, it is for naming one twice.
    for count in [101_u16, 3, 100, 50, 20, 10, 5] {
        let everyone: Vec<&str> = [&*ground.one, &*two]
            .into_iter()
            .cycle()
            .take(usize::from(count))
            .collect();
        let operations = add_operations(lab.profile.member_add, &everyone);
        let reply = lab.patch(Kind::Group, &ground.id, operations).await?;
        said.push(format!("{count}: {}", reply.said()));
        match (count, reply.ok()) {
            (3, false) => {
                let why = format!("members cannot be named twice: {}", said.join(", "));
                lab.assume("member_chunk", why);
                return Ok(());
            }
            (3, true) => lab.profile.member_chunk = lab.base.member_chunk.min(3),
            (_, true) => {
                // More than was tried is not proven, and more than the base says not needed.
                lab.profile.member_chunk = lab.base.member_chunk.min(count);
                break;
            }
            (_, false) => {}
        }
    }
    lab.settle(
        "member_chunk",
        format!("named in one request: {}", said.join(", ")),
    );
    Ok(())
}

/// Takes our user out of a group that is not ours. Where it stays, that is listed as left.
pub(super) async fn leave<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let Some((group, user)) = lab.known.joined.clone() else {
        return Ok(());
    };
    let mut why: Option<Box<str>> = None;
    let reply = lab
        .patch(
            Kind::Group,
            &group,
            remove_operations(MemberRemove::Filter, &user),
        )
        .await;
    match reply {
        Ok(reply) if reply.ok() || reply.status == 404 => {}
        Ok(reply) => why = Some(reply.said().into()),
        Err(Stop(stop)) => why = Some(stop),
    }
    if why.is_none() {
        let shown = lab.get(Kind::Group, &group).await?;
        if json::refers(&shown.body, "members", &user) {
            why = Some("it is still there after the removal".into());
        }
    }
    if let Some(why) = why {
        lab.left.push(super::Left {
            kind: "membership",
            id: Some(group.clone()),
            name: lab.settings.group.clone().unwrap_or_default(),
            why,
            by_hand:
                "take the sandbox user out of this group; it goes with the user on most targets"
                    .into(),
        });
    }
    Ok(())
}
