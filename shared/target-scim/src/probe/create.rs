//! What a new user needs, what of it the target keeps, and what it refuses.

use domain::profile::Operation;
use ports::Secrets;
use serde_json::Value;

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
    // An upper-case letter at the end shows whether the target keeps letters as they are.
    const SUFFIX: &str = "M";
    let mut shape = Shape::default();
    let mut steps: Vec<Step> = Vec::new();
    let mut said = Vec::new();
    for _ in 0..MOST_TRIES {
        let user = Value::from(shape.user(lab.settings, SUFFIX, &[]));
        let name = shape.user_name(lab.settings, SUFFIX);
        let (reply, id) = lab.make(Kind::User, &name, &user).await?;
        if let Some(id) = id {
            required(lab, &mut shape, &steps, &said).await?;
            let shown = lab.get_new(&id).await?;
            known_as(lab, &shape, SUFFIX, name, id, &shown);
            return Ok(Some(shape));
        }
        if reply.status == 404 {
            let why = "404, nothing is at `/Users` below the base URL; correct the base URL";
            return Err(Stop(why.into()));
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
    let enough = blind.count() >= 5 || reply.status == 403;
    match Part::ALL.into_iter().find(open) {
        _ if enough && !tried_shape => Some(Step::EmailName),
        Some(part) if !reply.status == 403 => Some(Step::Blind(part)),
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
        format!("refused without: {}", said.join(", "))
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
            let shown = lab.get_new(&id).await?;
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
    let is_dropped = |part: &Part| !kept.contains(part);
    let dropped = sent.iter().copied().filter(is_dropped).collect();
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
