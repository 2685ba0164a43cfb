//! Groups: how they are found, how members are put in and taken out, where members show.

use domain::profile::{MemberAdd, Membership, Operation};
use ports::Secrets;
use serde_json::{Value, json};

use super::filters::Hits;
use super::json;
use super::lab::{Lab, Reply, Stop};
use super::members;
use crate::path::{encode, eq_filter};
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
pub(super) struct Ground {
    pub(super) id: Box<str>,
    pub(super) name: String,
    /// Made by this run, so that anything may be tried on it.
    pub(super) ours: bool,
    pub(super) one: Box<str>,
    pub(super) two: Option<Box<str>>,
    /// Where its members are read.
    pub(super) shown: Option<Membership>,
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
        members::twice(lab, &ground).await?;
    }
    members::remove(lab, &ground).await?;
    if ground.ours && ground.two.is_some() {
        members::whole(lab, &ground).await?;
        members::unknown(lab, &ground).await?;
        members::chunk(lab, &ground).await?;
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
        let found = lab.look_up(Kind::Group, "displayName", &name, &[]).await?;
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
    let found = lab.look_up(Kind::Group, "displayName", &name, &[]).await?;
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

pub(super) fn names_work<S: Secrets>(lab: &Lab<'_, S>) -> bool {
    let works =
        |finding: &super::Finding| finding.key == "group.by_name" && finding.value == "works";
    lab.findings.iter().any(works)
}

pub(super) fn add_operations(form: MemberAdd, ids: &[&str]) -> Value {
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    match form {
        MemberAdd::Path | MemberAdd::Put => {
            json!([{"op": "add", "path": "members", "value": members}])
        }
        MemberAdd::Pathless => json!([{"op": "add", "value": {"members": members}}]),
    }
}

/// Sets the members by PUT of the group as it was read.
pub(super) async fn put<S: Secrets>(
    lab: &mut Lab<'_, S>,
    group: &str,
    ids: &[&str],
) -> Result<Reply, Stop> {
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
    let mut listed = lab
        .look_up(Kind::Group, "displayName", &ground.name, &[])
        .await?;
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
            let reply = if place == Membership::PairFilter {
                lab.list(Kind::Group, pair(ground, stranger)).await?
            } else {
                lab.filter(Kind::Group, "members.value", stranger).await?
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
pub(super) async fn holds<S: Secrets>(
    lab: &mut Lab<'_, S>,
    ground: &Ground,
    who: &str,
) -> Result<bool, Stop> {
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
pub(super) async fn both<S: Secrets>(
    lab: &mut Lab<'_, S>,
    ground: &Ground,
) -> Result<(bool, bool), Stop> {
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
    let reply = lab
        .look_up(Kind::Group, "displayName", &ground.name, &["members"])
        .await?;
    let found = json::ids(&reply.body).contains(&&*ground.id);
    let groups = json::list(&reply.body, "Resources");
    let left_out = groups
        .iter()
        .all(|group| json::list(group, "members").is_empty());
    lab.profile.exclude_members = reply.ok() && found;
    let shown = ground.shown == Some(Membership::GroupMembers);
    let value = match (reply.ok() && found, left_out, shown) {
        (true, true, true) => "left out",
        (true, true, false) => "taken, where lists show no members anyway",
        (true, false, _) => "taken, and not left out",
        (false, ..) => "refused",
    };
    lab.settle("exclude_members", format!("{value}: {}", reply.said()));
    Ok(())
}
