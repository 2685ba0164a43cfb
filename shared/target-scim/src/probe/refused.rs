//! What a target makes of users that are a little too much: two elements in a list, an attribute
//! that nobody knows, a long name, values that are taken.

use ports::Secrets;
use serde_json::{Map, Value, json};

use super::filters::swap_case;
use super::json;
use super::lab::{Lab, Reply, Stop};
use super::sandbox::{Part, Shape, User};
use crate::target::Kind;

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
    if let Some(user) = user {
        let shown = lab.get_new(&user.id).await?;
        let has_one = |part: &Part| {
            part.list()
                .is_some_and(|list| json::list(&shown.body, list).len() == 1)
        };
        single = lists.iter().copied().filter(has_one).collect();
        lab.known.spare = Some(user);
    } else {
        for part in lists {
            let (_, made) = doubled(lab, shape, "q", &rich.kept, &[part]).await?;
            match made {
                None => single.push(part),
                Some(user) => lab.take_away(Kind::User, &user.id).await?,
            }
        }
        spare(lab, shape, &rich.kept).await?;
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
    let (reply, mut id) = lab
        .make(Kind::User, &name, &Value::from(user.clone()))
        .await?;
    let refused = id.is_none();
    if refused {
        user.remove(ATTRIBUTE);
        (_, id) = lab.make(Kind::User, &name, &Value::from(user)).await?;
    }
    let shown = match &id {
        Some(id) => lab.get_new(id).await?.body,
        None => Value::Null,
    };
    let value = match (refused, json::get(&shown, ATTRIBUTE)) {
        (true, _) => "refused",
        (false, None) => "dropped",
        (false, Some(_)) => "kept",
    };
    lab.seen("create.unknown_attribute", value, reply.said());
    let stored = json::text(&shown, "userName").unwrap_or(&name).to_owned();
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
