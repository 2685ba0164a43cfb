//! Groups: how they are found, how members are put in and taken out, where members show.

use domain::profile::{MemberAdd, MemberRemove, Membership, Operation};
use ports::Secrets;
use serde_json::{Value, json};

use super::filters::Hits;
use super::json;
use super::lab::{Lab, Reply, Stop};
use crate::path::{encode, eq_filter, member_path};
use crate::target::Kind;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const KEYS: [&str; 5] = [
    "member_add",
    "member_remove",
    "member_chunk",
    "membership",
    "exclude_members",
];

/// A group to try things on.
struct Ground {
    id: Box<str>,
    name: String,
    /// Made by this run, so that anything may be tried on it.
    ours: bool,
    one: Box<str>,
    two: Option<Box<str>>,
    /// Where its members are read.
    shown: Option<Membership>,
}

pub(super) async fn read<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let Some(mut ground) = ground(lab).await? else {
        return Ok(());
    };
    if !ground.ours {
        lab.known.joined = Some((ground.id.clone(), ground.one.clone()));
    }
    if !add(lab, &mut ground).await? {
        for key in ["member_remove", "member_chunk", "exclude_members"] {
            lab.assume(key, "no member could be put into a group");
        }
        return Ok(());
    }
    exclude(lab, &ground).await?;
    if ground.ours {
        twice(lab, &ground).await?;
    }
    remove(lab, &ground).await?;
    if ground.ours && ground.two.is_some() {
        whole(lab, &ground).await?;
        unknown(lab, &ground).await?;
        chunk(lab, &ground).await?;
    } else {
        lab.assume(
            "member_chunk",
            "tried on a group of our own with two members only",
        );
    }
    Ok(())
}

async fn ground<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<Option<Ground>, Stop> {
    let one = lab.known.least.as_ref().map(|user| user.id.clone());
    let two = lab.known.rich.as_ref().map(|user| user.id.clone());
    let Some(one) = one.clone().or(two.clone()) else {
        skip(lab, "no sandbox user could be made");
        return Ok(None);
    };
    let two = two.filter(|two| *two != one);
    let name = lab.settings.name("g");
    let body = json!({"schemas": [GROUP], "displayName": name});
    let (reply, id) = lab.make(Kind::Group, &name, &body).await?;
    lab.seen(
        "group.create",
        if id.is_some() { "works" } else { "refused" },
        reply.said(),
    );
    if let Some(id) = id {
        let found = lab.filter(Kind::Group, "displayName", &name).await?;
        let hits = Hits::of(&found, Some(&id));
        found_by_name(lab, hits, &found);
        return Ok(Some(Ground {
            id,
            name,
            ours: true,
            one,
            two,
            shown: None,
        }));
    }
    let Some(name) = lab.settings.group.as_deref().map(str::to_owned) else {
        let why = format!(
            "a group cannot be made ({}); name an existing, empty one made for this",
            reply.said()
        );
        skip(lab, &why);
        return Ok(None);
    };
    let found = lab.filter(Kind::Group, "displayName", &name).await?;
    let groups = json::list(&found.body, "Resources");
    let fits = |group: &&Value| {
        json::text(group, "displayName").is_some_and(|shown| shown.eq_ignore_ascii_case(&name))
    };
    let id = match groups {
        [group] if found.ok() && fits(&group) => json::text(group, "id").map(Box::<str>::from),
        _ => None,
    };
    let Some(id) = id else {
        let why = format!(
            "the given group is not the one hit of a filter: {}",
            found.said()
        );
        skip(lab, &why);
        return Ok(None);
    };
    found_by_name(lab, Hits::Right, &found);
    let shown = lab.get(Kind::Group, &id).await?;
    if !shown.ok() || !json::list(&shown.body, "members").is_empty() {
        skip(
            lab,
            "the given group has members; name an empty one made for this",
        );
        return Ok(None);
    }
    Ok(Some(Ground {
        id,
        name,
        ours: false,
        one,
        two: None,
        shown: None,
    }))
}

fn skip<S: Secrets>(lab: &mut Lab<'_, S>, why: &str) {
    for key in KEYS {
        lab.assume(key, why);
    }
}

/// Without it no group is found for an entitlement.
fn found_by_name<S: Secrets>(lab: &mut Lab<'_, S>, hits: Hits, reply: &Reply) {
    lab.seen("group.by_name", hits.word(), reply.said());
}

fn names_work<S: Secrets>(lab: &Lab<'_, S>) -> bool {
    let works =
        |finding: &super::Finding| finding.key == "group.by_name" && finding.value == "works";
    lab.findings.iter().any(works)
}

fn add_operations(form: MemberAdd, ids: &[&str]) -> Value {
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    match form {
        MemberAdd::Path | MemberAdd::Put => {
            json!([{"op": "add", "path": "members", "value": members}])
        }
        MemberAdd::Pathless => json!([{"op": "add", "value": {"members": members}}]),
    }
}

/// Sets the members by PUT of the group as it was read.
async fn put<S: Secrets>(lab: &mut Lab<'_, S>, group: &str, ids: &[&str]) -> Result<Reply, Stop> {
    let before = lab.get(Kind::Group, group).await?;
    let mut body = json::writable(&before.body);
    body.retain(|key, _| !key.eq_ignore_ascii_case("members"));
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    body.insert("members".to_owned(), members.into());
    lab.put(Kind::Group, group, &body.into()).await
}

/// Puts members in by each form. Answers whether one is in, and seen to be.
async fn add<S: Secrets>(lab: &mut Lab<'_, S>, ground: &mut Ground) -> Result<bool, Stop> {
    let key = |form| match form {
        MemberAdd::Path => "members.add_path",
        MemberAdd::Pathless => "members.add_pathless",
        MemberAdd::Put => "members.add_put",
    };
    let mut works = Vec::new();
    let mut accepted = Vec::new();
    for form in [MemberAdd::Path, MemberAdd::Pathless, MemberAdd::Put] {
        // The second user tells the second form from the first.
        let who = match (&ground.two, works.is_empty()) {
            (Some(two), false) => two.clone(),
            (Some(_) | None, true) => ground.one.clone(),
            (None, false) => break,
        };
        let reply = match form {
            MemberAdd::Put if !ground.ours || !works.is_empty() => continue,
            MemberAdd::Put => put(lab, &ground.id, &[&who]).await?,
            MemberAdd::Path | MemberAdd::Pathless => {
                let operations = add_operations(form, &[&who]);
                lab.patch(Kind::Group, &ground.id, operations).await?
            }
        };
        let there = if !reply.ok() {
            false
        } else if ground.shown.is_none() {
            places(lab, ground, &who).await?
        } else {
            holds(lab, ground, &who).await?
        };
        if reply.ok() {
            accepted.push(form);
        }
        let value = match (reply.ok(), there) {
            (true, true) => "works",
            (true, false) => "answered and not seen",
            (false, _) => "refused",
        };
        lab.seen(key(form), value, reply.said());
        if there {
            works.push(form);
        }
    }
    if ground.shown.is_none() {
        let why = if accepted.is_empty() {
            lab.assume("membership", "no member could be put into a group");
            "every form was refused"
        } else {
            lab.profile.membership = Membership::Hidden;
            lab.settle("membership", "a member that was put in shows nowhere");
            "answered, and the member shows nowhere"
        };
        lab.assume("member_add", why);
        return Ok(false);
    }
    // PUT is only tried where nothing else works, or on a group of our own, later.
    let order = [
        lab.base.member_add,
        MemberAdd::Path,
        MemberAdd::Pathless,
        MemberAdd::Put,
    ];
    if let Some(form) = order.into_iter().find(|form| works.contains(form)) {
        lab.profile.member_add = form;
        if names_work(lab) {
            lab.proven.insert(Operation::Grant);
        }
        lab.settle("member_add", "put in, and read back");
    }
    Ok(true)
}

fn pair(ground: &Ground, who: &str) -> String {
    let filter = format!(
        "{} and {}",
        eq_filter("id", &ground.id),
        eq_filter("members", who)
    );
    format!("filter={}", encode(&filter))
}

/// Where a member shows that was just put in; every place is tried once.
async fn places<S: Secrets>(
    lab: &mut Lab<'_, S>,
    ground: &mut Ground,
    who: &str,
) -> Result<bool, Stop> {
    let group = lab.get(Kind::Group, &ground.id).await?;
    let direct = json::refers(&group.body, "members", who);
    let mut listed = lab.filter(Kind::Group, "displayName", &ground.name).await?;
    if !json::ids(&listed.body).contains(&&*ground.id) {
        listed = lab.list(Kind::Group, "count=100".to_owned()).await?;
    }
    // Where the filter is ignored the group is among others.
    let in_list = json::list(&listed.body, "Resources").iter().any(|group| {
        json::text(group, "id") == Some(&*ground.id) && json::refers(group, "members", who)
    });
    let user = lab.get(Kind::User, who).await?;
    let by_user = json::refers(&user.body, "groups", &ground.id);
    let by_filter = lab.filter(Kind::Group, "members.value", who).await?;
    let by_filter_hits = Hits::of(&by_filter, Some(&ground.id));
    let by_pair = lab.list(Kind::Group, pair(ground, who)).await?;
    let by_pair_hits = Hits::of(&by_pair, Some(&ground.id));
    let yes = |flag: bool| if flag { "shown" } else { "not shown" };
    lab.seen("members.by_id", yes(direct), group.said());
    lab.seen("members.in_lists", yes(in_list), listed.said());
    lab.seen("members.of_user", yes(by_user), user.said());
    lab.seen("members.filter", by_filter_hits.word(), by_filter.said());
    lab.seen("members.pair", by_pair_hits.word(), by_pair.said());
    let mut answers = Vec::new();
    if direct && in_list {
        answers.push(Membership::GroupMembers);
    }
    if by_user {
        answers.push(Membership::UserGroups);
    }
    // A filter that finds the one group there is may have been ignored, unless it finds nothing
    // for somebody who is in no group.
    let only_filters = answers.is_empty();
    let stranger = lab
        .known
        .spare
        .as_ref()
        .map(|user| user.id.clone())
        .or(ground.two.clone());
    for (place, hits) in [
        (Membership::GroupFilter, by_filter_hits),
        (Membership::PairFilter, by_pair_hits),
    ] {
        let (Hits::Right, Some(stranger)) = (hits, &stranger) else {
            continue;
        };
        if only_filters || lab.base.membership == place {
            let reply = match place {
                Membership::PairFilter => lab.list(Kind::Group, pair(ground, stranger)).await?,
                _ => lab.filter(Kind::Group, "members.value", stranger).await?,
            };
            if Hits::of(&reply, None) == Hits::None {
                answers.push(place);
            }
        }
    }
    let base = lab.base.membership;
    let best = answers.iter().copied().find(|place| *place == base);
    let Some(best) = best.or_else(|| answers.first().copied()) else {
        if direct {
            // Seen, though no listing of groups has it: enough to go on with the experiments.
            ground.shown = Some(Membership::GroupMembers);
            lab.profile.membership = Membership::Hidden;
            lab.settle(
                "membership",
                "shown by the id of a group, and in no listing",
            );
        }
        return Ok(direct);
    };
    ground.shown = Some(best);
    lab.profile.membership = best;
    let note = match best {
        Membership::GroupMembers => "in groups, by id and in lists",
        Membership::UserGroups => "with the user",
        Membership::GroupFilter => "by a filter for the groups of a user",
        Membership::PairFilter => "by a filter for one group and one user",
        Membership::Hidden => "nowhere",
    };
    lab.settle("membership", note);
    Ok(true)
}

/// Whether a member shows where members of this target show.
async fn holds<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground, who: &str) -> Result<bool, Stop> {
    Ok(match ground.shown {
        Some(Membership::GroupMembers) => {
            let group = lab.get(Kind::Group, &ground.id).await?;
            json::refers(&group.body, "members", who)
        }
        Some(Membership::UserGroups) => {
            let user = lab.get(Kind::User, who).await?;
            json::refers(&user.body, "groups", &ground.id)
        }
        Some(Membership::GroupFilter) => {
            let reply = lab.filter(Kind::Group, "members.value", who).await?;
            json::ids(&reply.body).contains(&&*ground.id)
        }
        Some(Membership::PairFilter) => {
            let reply = lab.list(Kind::Group, pair(ground, who)).await?;
            Hits::of(&reply, Some(&ground.id)) == Hits::Right
        }
        Some(Membership::Hidden) | None => false,
    })
}

/// Both, in one read where the group shows its members.
async fn both<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(bool, bool), Stop> {
    let two = ground.two.clone().unwrap_or_default();
    if ground.shown == Some(Membership::GroupMembers) {
        let group = lab.get(Kind::Group, &ground.id).await?;
        let has = |id: &str| json::refers(&group.body, "members", id);
        return Ok((has(&ground.one), has(&two)));
    }
    let one = holds(lab, ground, &ground.one).await?;
    let two = ground.two.is_some() && holds(lab, ground, &two).await?;
    Ok((one, two))
}

/// Whether look-ups of groups may ask for the members to be left out.
async fn exclude<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
    if !names_work(lab) {
        lab.assume("exclude_members", "no look-up of groups works");
        return Ok(());
    }
    let filter = eq_filter("displayName", &ground.name);
    let query = format!("filter={}&excludedAttributes=members", encode(&filter));
    let reply = lab.list(Kind::Group, query).await?;
    let found = json::ids(&reply.body).contains(&&*ground.id);
    let groups = json::list(&reply.body, "Resources");
    let left_out = groups
        .iter()
        .all(|group| json::list(group, "members").is_empty());
    lab.profile.exclude_members = reply.ok() && found;
    let value = match (reply.ok() && found, left_out) {
        (true, true) => "left out, or never shown",
        (true, false) => "asked for, and not left out",
        (false, _) => "refused",
    };
    lab.settle("exclude_members", format!("{value}: {}", reply.said()));
    Ok(())
}

/// A member that is in already.
async fn twice<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
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
async fn remove<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
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
    match order.into_iter().find(|form| works.contains(form)) {
        Some(form) => {
            lab.profile.member_remove = form;
            if names_work(lab) {
                lab.proven.insert(Operation::Revoke);
            }
            lab.settle("member_remove", said.join(", "));
        }
        None => {
            // A form that was seen to empty a group is never left in a profile.
            if lab.profile.member_remove == MemberRemove::ValueArray {
                lab.profile.member_remove = MemberRemove::Filter;
            }
            lab.assume("member_remove", said.join(", "));
        }
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
async fn whole<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
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
async fn unknown<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
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
async fn chunk<S: Secrets>(lab: &mut Lab<'_, S>, ground: &Ground) -> Result<(), Stop> {
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
    for count in [101_u16, 100, 50, 20, 10, 5, 2] {
        let everyone: Vec<&str> = [&*ground.one, &*two]
            .into_iter()
            .cycle()
            .take(usize::from(count))
            .collect();
        let operations = add_operations(lab.profile.member_add, &everyone);
        let reply = lab.patch(Kind::Group, &ground.id, operations).await?;
        said.push(format!("{count}: {}", reply.said()));
        if reply.ok() {
            // More than was tried is not proven, and more than the base says not needed.
            lab.profile.member_chunk = lab.base.member_chunk.min(count);
            lab.settle(
                "member_chunk",
                format!("named in one request: {}", said.join(", ")),
            );
            return Ok(());
        }
    }
    lab.profile.member_chunk = 1;
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
