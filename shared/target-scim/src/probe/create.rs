//! What a new user needs, what of it the target keeps, and what it refuses.

use domain::profile::Operation;
use ports::Secrets;
use serde_json::{Map, Value, json};

use super::filters::swap_case;
use super::json;
use super::lab::{Lab, Reply, Stop};
use super::sandbox::{Part, Shape, User};
use crate::target::Kind;

/// Tries to make a user that lacks something.
const MOST_TRIES: usize = 12;

/// What made a refused user acceptable.
enum Step {
    Named(Part),
    Blind(Part),
    EmailName,
    Given,
}

/// The user with the fewest attributes. Answers how users have to look; `None` where none is made.
pub(super) async fn least<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<Option<Shape>, Stop> {
    let mut shape = Shape::default();
    let mut steps: Vec<Step> = Vec::new();
    let mut said = Vec::new();
    // An upper-case letter at the end shows whether the target keeps letters as they are.
    const SUFFIX: &str = "M";
    for _ in 0..MOST_TRIES {
        let user = Value::from(shape.user(lab.settings, SUFFIX, &[]));
        let name = shape.user_name(lab.settings, SUFFIX);
        let (reply, id) = lab.make(Kind::User, &name, &user).await?;
        if let Some(id) = id {
            required(lab, &mut shape, &steps, &said).await?;
            let shown = lab.get(Kind::User, &id).await?;
            known_as(lab, &shape, SUFFIX, name, id, &shown);
            return Ok(Some(shape));
        }
        if reply.ok() || (reply.status >= 500 && reply.status != 501) {
            // It may be there all the same, under a name that is then taken.
            let why = format!("the creation of a user is answered with {}", reply.said());
            return Err(Stop(why.into()));
        }
        said.push(reply.said());
        note_conflict(lab, &reply);
        match next(lab, &shape, &steps, &reply) {
            Some(step) => {
                match step {
                    Step::Named(part) | Step::Blind(part) => shape.required.push(part),
                    Step::EmailName => shape.email_names = true,
                    Step::Given => shape.given = true,
                }
                steps.push(step);
            }
            None => break,
        }
    }
    let why = format!(
        "no sandbox user could be made ({}); see what users need there and pass it as an attribute",
        said.last().cloned().unwrap_or_default()
    );
    lab.seen("create.refused", "every try", why);
    Ok(None)
}

/// What to try next. What the refusal names comes first.
fn next<S>(lab: &Lab<'_, S>, shape: &Shape, steps: &[Step], reply: &Reply) -> Option<Step> {
    let detail = &reply.detail;
    let mentions_name = detail.contains("username") || detail.contains("user name");
    if !shape.email_names
        && mentions_name
        && (detail.contains("e-mail") || detail.contains("email"))
    {
        return Some(Step::EmailName);
    }
    let open = |part: &Part| !shape.required.contains(part);
    if let Some(part) = Part::ALL
        .into_iter()
        .find(|p| open(p) && p.is_named_in(detail))
    {
        return Some(Step::Named(part));
    }
    if !shape.given && !lab.settings.attributes.is_empty() {
        return Some(Step::Given);
    }
    // Most targets that insist on something insist on one of the first few, or on the e-mail shape.
    let blind = steps.iter().filter(|step| matches!(step, Step::Blind(_)));
    let tried_shape = shape.email_names;
    let enough = blind.count() >= 5 || matches!(reply.status, 403 | 404);
    match Part::ALL.into_iter().find(open) {
        _ if enough && !tried_shape => Some(Step::EmailName),
        Some(part) if !matches!(reply.status, 403 | 404) => Some(Step::Blind(part)),
        Some(_) | None => None,
    }
}

/// Takes back what was added without a reason, unless the target insists.
async fn required<S: Secrets>(
    lab: &mut Lab<'_, S>,
    shape: &mut Shape,
    steps: &[Step],
    said: &[String],
) -> Result<(), Stop> {
    let last = steps.len().saturating_sub(1);
    let blind: Vec<Part> = steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| match step {
            Step::Blind(part) if at != last => Some(*part),
            Step::Blind(_) | Step::Named(_) | Step::EmailName | Step::Given => None,
        })
        .collect();
    for part in blind {
        let mut without = shape.clone();
        without.required.retain(|other| *other != part);
        let user = Value::from(without.user(lab.settings, "K", &[]));
        let name = without.user_name(lab.settings, "K");
        if let (_, Some(id)) = lab.make(Kind::User, &name, &user).await? {
            *shape = without;
            lab.take_away(Kind::User, &id).await?;
        }
    }
    lab.profile.required = shape.paths(lab.settings);
    let note = if said.is_empty() {
        "a user with a user name alone was made".to_owned()
    } else {
        format!("without: {}", said.join(", "))
    };
    lab.settle("required", note);
    Ok(())
}

/// A word by which a 409 that is no conflict can be told from one that is.
fn note_conflict<S: Secrets>(lab: &mut Lab<'_, S>, reply: &Reply) {
    if reply.status != 409 {
        return;
    }
    let is_code = |word: &&str| {
        word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let code = reply
        .raw_detail
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .find(is_code)
        .map(Box::<str>::from)
        .or_else(|| {
            let plain = ["missing", "required"];
            let word = plain.iter().find(|word| reply.detail.contains(**word))?;
            Some((*word).into())
        });
    if let Some(code) = code
        && !lab.profile.conflicts.contains(&code)
    {
        lab.profile.conflicts.push(code);
        lab.settle(
            "conflicts",
            "a 409 to a user that lacked something, whose name was free",
        );
    }
}

/// How the target stored the first user's name.
fn known_as<S: Secrets>(
    lab: &mut Lab<'_, S>,
    shape: &Shape,
    suffix: &str,
    name: String,
    id: Box<str>,
    shown: &Reply,
) {
    let stored = json::text(&shown.body, "userName")
        .unwrap_or(&name)
        .to_owned();
    lab.profile.user_name.folded = stored != name && stored.eq_ignore_ascii_case(&name);
    lab.profile.user_name.email = shape.email_names;
    if stored.eq_ignore_ascii_case(&name) {
        let how = if stored == name {
            "kept"
        } else if stored == name.to_lowercase() {
            "stored in lower case"
        } else {
            "stored in upper case"
        };
        lab.settle("user_name", how);
    } else {
        lab.assume(
            "user_name",
            "the target did not show the name that was sent",
        );
    }
    let has_external = shape.required.contains(&Part::ExternalId);
    lab.known.least = Some(User {
        kept: Shape::kept(lab.settings, suffix, &shown.body),
        external_id: has_external.then(|| lab.settings.name(suffix)),
        id,
        name,
        shown: stored,
    });
}

/// The user with every attribute that the target takes.
pub(super) async fn rich<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    const SUFFIX: &str = "n";
    let mut parts = Part::ALL.to_vec();
    let mut refused = Vec::new();
    for _ in 0..=Part::ALL.len() {
        let user = Value::from(shape.user(lab.settings, SUFFIX, &parts));
        let name = shape.user_name(lab.settings, SUFFIX);
        let (reply, id) = lab.make(Kind::User, &name, &user).await?;
        if let Some(id) = id {
            let shown = lab.get(Kind::User, &id).await?;
            let kept = Shape::kept(lab.settings, SUFFIX, &shown.body);
            describe(lab, &parts, &refused, &kept);
            let stored = json::text(&shown.body, "userName").unwrap_or(&name);
            let is_read = shown.ok() && stored.eq_ignore_ascii_case(&name);
            if is_read {
                lab.proven.insert(Operation::Create);
            }
            lab.known.rich = Some(User {
                external_id: kept
                    .contains(&Part::ExternalId)
                    .then(|| lab.settings.name(SUFFIX)),
                shown: stored.to_owned(),
                kept,
                id,
                name,
            });
            return Ok(());
        }
        // What it names goes, or else what fewest targets know.
        let optional = |part: &&Part| !shape.required.contains(part);
        let named = parts
            .iter()
            .filter(optional)
            .find(|part| part.is_named_in(&reply.detail));
        let Some(part) = named.or_else(|| parts.iter().rev().find(optional)).copied() else {
            break;
        };
        parts.retain(|other| *other != part);
        refused.push(part);
    }
    Ok(())
}

fn describe<S: Secrets>(lab: &mut Lab<'_, S>, sent: &[Part], refused: &[Part], kept: &[Part]) {
    let list = |parts: Vec<Part>| {
        let paths: Vec<&str> = parts.into_iter().map(Part::path).collect();
        if paths.is_empty() {
            "none".to_owned()
        } else {
            paths.join(", ")
        }
    };
    let lost = |part: &Part| !kept.contains(part);
    let dropped = sent.iter().copied().filter(lost).collect();
    lab.seen(
        "create.refused",
        list(refused.to_vec()),
        "attributes that a new user may not have",
    );
    lab.seen(
        "create.dropped",
        list(dropped),
        "attributes that were taken and not kept",
    );
}

/// The lists that hold one element, by two in each.
pub(super) async fn lists<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(rich) = lab.known.rich.clone() else {
        return Ok(());
    };
    let lists: Vec<Part> = rich
        .kept
        .iter()
        .copied()
        .filter(|p| p.list().is_some())
        .collect();
    if lists.is_empty() {
        lab.assume("single_valued", "the target keeps no list");
        return spare(lab, shape, &rich.kept).await;
    }
    let mut single: Vec<Part> = Vec::new();
    let (reply, user) = doubled(lab, shape, "p", &rich.kept, &lists).await?;
    match user {
        Some(user) => {
            let shown = lab.get(Kind::User, &user.id).await?;
            let has_one = |part: &Part| {
                part.list()
                    .is_some_and(|list| json::list(&shown.body, list).len() == 1)
            };
            single = lists.iter().copied().filter(has_one).collect();
            lab.known.spare = Some(user);
        }
        None => {
            for part in lists {
                let (_, made) = doubled(lab, shape, "q", &rich.kept, &[part]).await?;
                match made {
                    None => single.push(part),
                    Some(user) => lab.take_away(Kind::User, &user.id).await?,
                }
            }
            spare(lab, shape, &rich.kept).await?;
        }
    }
    let names = single.into_iter().filter_map(Part::list);
    lab.profile.single_valued = names.map(Into::into).collect();
    lab.settle(
        "single_valued",
        format!("two elements each: {}", reply.said()),
    );
    Ok(())
}

async fn doubled<S: Secrets>(
    lab: &mut Lab<'_, S>,
    shape: &Shape,
    suffix: &str,
    parts: &[Part],
    lists: &[Part],
) -> Result<(Reply, Option<User>), Stop> {
    let mut user = shape.user(lab.settings, suffix, parts);
    for list in lists.iter().filter_map(|part| part.list()) {
        second(&mut user, list);
    }
    let name = shape.user_name(lab.settings, suffix);
    let (reply, id) = lab.make(Kind::User, &name, &Value::from(user)).await?;
    let made = id.map(|id| User {
        id,
        shown: name.clone(),
        name,
        external_id: None,
        kept: parts.to_vec(),
    });
    Ok((reply, made))
}

/// The first element once more, as that for home.
fn second(user: &mut Map<String, Value>, list: &str) {
    let Some(Value::Array(elements)) = user.get_mut(list) else {
        return;
    };
    let Some(Value::Object(mut other)) = elements.first().cloned() else {
        return;
    };
    other.insert("type".to_owned(), "home".into());
    other.remove("primary");
    if let Some(Value::String(value)) = other.get_mut("value") {
        *value = match value.split_once('@') {
            Some((local, domain)) => format!("{local}-home@{domain}"),
            None => "+1 555 0101".to_owned(),
        };
    }
    elements.push(other.into());
}

async fn spare<S: Secrets>(
    lab: &mut Lab<'_, S>,
    shape: &Shape,
    parts: &[Part],
) -> Result<(), Stop> {
    let (_, user) = doubled(lab, shape, "p", parts, &[]).await?;
    lab.known.spare = user;
    Ok(())
}

/// A user with an attribute that nobody knows.
pub(super) async fn unknown<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    const ATTRIBUTE: &str = "lanyardProbe";
    let mut user = shape.user(lab.settings, "s", &[]);
    user.insert(ATTRIBUTE.to_owned(), "unknown".into());
    let name = shape.user_name(lab.settings, "s");
    let (mut reply, mut id) = lab
        .make(Kind::User, &name, &Value::from(user.clone()))
        .await?;
    let value = match (&id, json::get(&reply.body, ATTRIBUTE)) {
        (None, _) => "refused",
        (Some(_), None) => "dropped",
        (Some(_), Some(_)) => "kept",
    };
    lab.seen("create.unknown_attribute", value, reply.said());
    if id.is_none() {
        user.remove(ATTRIBUTE);
        (reply, id) = lab.make(Kind::User, &name, &Value::from(user)).await?;
    }
    let stored = json::text(&reply.body, "userName")
        .unwrap_or(&name)
        .to_owned();
    lab.known.doomed = id.map(|id| User {
        id,
        shown: stored,
        name,
        external_id: None,
        kept: shape.required.clone(),
    });
    Ok(())
}

/// The longest user name, by one of 65 characters and, where that is refused, two more.
pub(super) async fn longest<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(least) = lab.known.least.clone() else {
        return Ok(());
    };
    let short = least.name.chars().count();
    let mut longest = None;
    let mut said = Vec::new();
    for length in [65, 22, 64] {
        if length <= short || (length == 64 && longest.is_none_or(|max| max < 22)) {
            continue;
        }
        let mut user = shape.user(lab.settings, "t", &[]);
        let fill = "t".repeat(length + 1 - short);
        let name = shape.user_name(lab.settings, &fill);
        user.insert("userName".to_owned(), json!(name));
        let (reply, id) = lab.make(Kind::User, &name, &Value::from(user)).await?;
        said.push(format!("{length}: {}", reply.said()));
        match (length, id) {
            (65, Some(_)) => {
                let note = "a name of 65 characters was taken";
                lab.seen("create.longest_name", "more than 64", note);
                return Ok(());
            }
            (65, None) => longest = Some(short),
            (_, Some(id)) => {
                longest = Some(length);
                lab.take_away(Kind::User, &id).await?;
            }
            (_, None) => {}
        }
    }
    lab.profile.user_name.max_len = longest.and_then(|max| u16::try_from(max).ok());
    let note = lab
        .findings
        .iter()
        .find(|finding| finding.key == "user_name")
        .map(|finding| finding.note.clone())
        .unwrap_or_default();
    lab.settle(
        "user_name",
        format!("{note}; names by length, {}", said.join(", ")),
    );
    Ok(())
}

/// The answers to values that are taken.
pub(super) async fn taken<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(least) = lab.known.least.clone() else {
        return Ok(());
    };
    let swapped = swap_case(&least.name);
    let mut same = shape.user(lab.settings, "u", &[]);
    for (key, name) in [
        ("unique.user_name", least.name),
        ("unique.user_name_case", swapped),
    ] {
        same.insert("userName".to_owned(), name.clone().into());
        attempt(lab, key, &name, &Value::from(same.clone())).await?;
    }
    let external = lab
        .known
        .rich
        .as_ref()
        .and_then(|rich| rich.external_id.clone());
    if let Some(external) = external {
        let mut same = shape.user(lab.settings, "v", &[Part::ExternalId]);
        same.insert("externalId".to_owned(), external.into());
        let name = shape.user_name(lab.settings, "v");
        attempt(lab, "unique.external_id", &name, &Value::from(same)).await?;
    }
    Ok(())
}

async fn attempt<S: Secrets>(
    lab: &mut Lab<'_, S>,
    key: &'static str,
    name: &str,
    user: &Value,
) -> Result<(), Stop> {
    let (reply, id) = lab.make(Kind::User, name, user).await?;
    let value = match (&id, reply.is_taken) {
        (Some(_), _) => "accepted",
        (None, true) => "refused as taken",
        (None, false) => "refused, and not as taken",
    };
    lab.seen(key, value, reply.said());
    if let Some(id) = id {
        lab.take_away(Kind::User, &id).await?;
    }
    Ok(())
}
