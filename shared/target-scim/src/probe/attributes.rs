//! How attributes are changed: forms of PATCH, PUT, versions, user names, managers.

use domain::profile::{ManagerForm, Operation, PatchStyle};
use ports::Secrets;
use serde_json::{Map, Value, json};

use super::json;
use super::lab::{Lab, Reply, Stop};
use super::sandbox::{Part, Shape, User};
use crate::path::Path;
use crate::target::Kind;

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// One change of one attribute, and what should be there afterwards.
struct Trial {
    key: &'static str,
    style: PatchStyle,
    part: Part,
    want: String,
}

impl Trial {
    fn new(key: &'static str, style: PatchStyle, part: Part, settings: &super::Settings) -> Self {
        let want = if part == Part::Email {
            format!("{}@{}", settings.name("z"), settings.domain)
        } else {
            // Another for each: two trials may be of the same attribute.
            format!("Probed, {key}")
        };
        Self {
            key,
            style,
            part,
            want,
        }
    }
}

/// The operations that write a value; null clears.
pub(super) fn set(style: PatchStyle, path: &Path, value: Value) -> Value {
    match (style, value.is_null()) {
        (PatchStyle::Pathless, _) => {
            let mut object = Map::new();
            json::put(&mut object, path, value);
            json!([{"op": "replace", "value": object}])
        }
        (PatchStyle::Path | PatchStyle::Put, true) => json!([{"op": "remove", "path": path.text}]),
        (PatchStyle::Path | PatchStyle::Put, false) => {
            json!([{"op": "replace", "path": path.text, "value": value}])
        }
    }
}

/// The style by which later experiments change attributes.
pub(super) const fn working<S>(lab: &Lab<'_, S>) -> PatchStyle {
    if lab.known.by_path || !lab.known.pathless {
        PatchStyle::Path
    } else {
        PatchStyle::Pathless
    }
}

/// An attribute of a user that an experiment may change: kept, and text.
pub(super) fn changeable(user: &User) -> impl Iterator<Item = Part> {
    let order = [
        Part::DisplayName,
        Part::Title,
        Part::FamilyName,
        Part::GivenName,
        Part::UserType,
        Part::Department,
    ];
    let kept = user.kept.clone();
    order.into_iter().filter(move |part| kept.contains(part))
}

pub(super) async fn forms<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(user) = lab.known.rich.clone() else {
        lab.assume("patch", "no sandbox user could be made");
        return Ok(());
    };
    let texts: Vec<Part> = changeable(&user).collect();
    let Some(first) = texts.first().copied() else {
        lab.assume(
            "patch",
            "the target keeps no attribute that could be changed",
        );
        return Ok(());
    };
    let second = texts.get(1).copied().unwrap_or(first);
    let trial = |key, style, part| Trial::new(key, style, part, lab.settings);
    let mut trials = vec![trial("patch.path", PatchStyle::Path, first)];
    let pathless = trial("patch.pathless", PatchStyle::Pathless, second);
    let mut later = Vec::new();
    if second == first {
        later.push(pathless);
    } else {
        trials.push(pathless);
    }
    let free = |part: &Part| user.kept.contains(part) && *part != first && *part != second;
    let subs = [Part::FamilyName, Part::GivenName];
    let more = [
        ("patch.sub_path", subs.into_iter().find(free)),
        ("patch.value_path", Some(Part::Email).filter(free)),
        ("patch.extension_path", Some(Part::Department).filter(free)),
    ];
    for (key, part) in more {
        trials.extend(part.map(|part| trial(key, PatchStyle::Path, part)));
    }
    run(lab, &user.id, &trials).await?;
    run(lab, &user.id, &later).await?;
    clear(lab, shape, &user).await?;
    replace(lab, shape).await?;
    decide(lab);
    Ok(())
}

/// Sends the changes, looks once, and says of each whether it is there.
async fn run<S: Secrets>(lab: &mut Lab<'_, S>, id: &str, trials: &[Trial]) -> Result<(), Stop> {
    let mut sent: Vec<(&Trial, Path, Reply)> = Vec::new();
    for trial in trials {
        let Some(path) = trial.part.parsed() else {
            continue;
        };
        let operations = set(trial.style, &path, trial.want.clone().into());
        let reply = lab.patch(Kind::User, id, operations).await?;
        sent.push((trial, path, reply));
    }
    if sent.is_empty() {
        return Ok(());
    }
    let shown = lab.get(Kind::User, id).await?;
    for (trial, path, reply) in sent {
        let there = json::at(&shown.body, &path) == Some(trial.want.as_str());
        let works = reply.ok() && there;
        match trial.key {
            "patch.path" => lab.known.by_path = works,
            "patch.pathless" => lab.known.pathless = works,
            // Some value paths fail where plain paths work, and nothing hangs on the others.
            "patch.sub_path" if works => lab.known.by_path = true,
            _ => {}
        }
        let note = format!("`{}`: {}", trial.part.path(), reply.said());
        lab.seen(trial.key, verdict(&reply, there), note);
    }
    Ok(())
}

pub(super) fn verdict(reply: &Reply, there: bool) -> &'static str {
    match (reply.ok(), there) {
        (true, true) => "works",
        (true, false) => "answered and not done",
        (false, _) => "refused",
    }
}

/// Whether attributes can be cleared.
async fn clear<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape, user: &User) -> Result<(), Stop> {
    let optional = |part: &Part| user.kept.contains(part) && !shape.required.contains(part);
    let order = [
        Part::Title,
        Part::UserType,
        Part::Department,
        Part::DisplayName,
    ];
    let mut free = order.into_iter().filter(optional);
    let mut sent = Vec::new();
    for (key, style, works) in [
        ("patch.remove", PatchStyle::Path, lab.known.by_path),
        ("patch.null", PatchStyle::Pathless, lab.known.pathless),
    ] {
        let Some(path) = works.then(|| free.next()).flatten().and_then(Part::parsed) else {
            continue;
        };
        let reply = lab
            .patch(Kind::User, &user.id, set(style, &path, Value::Null))
            .await?;
        sent.push((key, path, reply));
    }
    if sent.is_empty() {
        return Ok(());
    }
    let shown = lab.get(Kind::User, &user.id).await?;
    for (key, path, reply) in sent {
        let gone = shown.ok() && json::at(&shown.body, &path).is_none_or(str::is_empty);
        let note = format!("`{}`: {}", path.text, reply.said());
        lab.seen(key, verdict(&reply, gone), note);
    }
    Ok(())
}

/// What PUT does, with the resource as it was read: something changed, something left out, and
/// `active` left out.
async fn replace<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(user) = lab.known.spare.clone() else {
        return Ok(());
    };
    let before = lab.get(Kind::User, &user.id).await?;
    let kept = Shape::kept(lab.settings, "p", &before.body);
    let user = User { kept, ..user };
    let Some(changed) = changeable(&user).next().and_then(Part::parsed) else {
        return Ok(());
    };
    let optional = |part: &Part| user.kept.contains(part) && !shape.required.contains(part);
    let left_out = [Part::Title, Part::UserType, Part::Department]
        .into_iter()
        .filter(optional)
        .find_map(|part| part.parsed().filter(|path| *path != changed));
    let mut body = json::writable(&before.body);
    put_value(&mut body, &changed, "Probed by PUT");
    let whole = body.clone();
    if let Some(path) = &left_out {
        json::drop(&mut body, path);
    }
    body.retain(|key, _| !key.eq_ignore_ascii_case("active"));
    let mut reply = lab.put(Kind::User, &user.id, &body.into()).await?;
    let partial = reply.ok();
    if !partial && !matches!(reply.status, 403 | 404 | 405 | 501) {
        reply = lab.put(Kind::User, &user.id, &whole.clone().into()).await?;
    }
    let shown = lab.get(Kind::User, &user.id).await?;
    let there = json::at(&shown.body, &changed) == Some("Probed by PUT");
    lab.known.put = reply.ok() && there;
    lab.seen("put.change", verdict(&reply, there), reply.said());
    if !partial || !shown.ok() {
        return Ok(());
    }
    if let Some(path) = &left_out {
        let clears = json::at(&shown.body, path).is_none_or(str::is_empty);
        let value = if clears { "cleared" } else { "kept" };
        lab.seen("put.not_mentioned", value, format!("`{}`", path.text));
    }
    let blocked = json::flag(&shown.body, "active") == Some(false);
    let value = if blocked {
        "blocks the account"
    } else {
        "leaves it active"
    };
    lab.seen("put.without_active", value, reply.said());
    if let Some(object) = lab.object(&user.id) {
        object.blocked = blocked;
    }
    Ok(())
}

/// Writes over what is at a path.
pub(super) fn put_value(body: &mut Map<String, Value>, path: &Path, value: &str) {
    let holder = match &path.schema {
        None => Some(&mut *body),
        Some(urn) => body.get_mut(&**urn).and_then(Value::as_object_mut),
    };
    let Some(holder) = holder else { return };
    let Some(sub) = &path.sub else {
        holder.insert(path.attr.to_string(), value.into());
        return;
    };
    if let Some(inner) = holder.get_mut(&*path.attr).and_then(Value::as_object_mut) {
        inner.insert(sub.to_string(), value.into());
    }
}

fn decide<S: Secrets>(lab: &mut Lab<'_, S>) {
    let works = |style: PatchStyle| match style {
        PatchStyle::Path => lab.known.by_path,
        PatchStyle::Pathless => lab.known.pathless,
        PatchStyle::Put => lab.known.put,
    };
    let order = [
        lab.base.patch,
        PatchStyle::Path,
        PatchStyle::Pathless,
        PatchStyle::Put,
    ];
    match order.into_iter().find(|style| works(*style)) {
        Some(style) => {
            lab.profile.patch = style;
            lab.proven.insert(Operation::Update);
            lab.settle("patch", "changed, and read back");
        }
        None => lab.assume(
            "patch",
            "no form of PATCH, and no PUT, changed an attribute",
        ),
    }
}

/// Changes one attribute in the style that works. Answers whether it is there when read back.
pub(super) async fn change<S: Secrets>(
    lab: &mut Lab<'_, S>,
    user: &User,
    path: &Path,
    want: &str,
) -> Result<(Reply, bool), Stop> {
    let reply = if lab.profile.patch == PatchStyle::Put {
        let before = lab.get(Kind::User, &user.id).await?;
        let mut body = json::writable(&before.body);
        put_value(&mut body, path, want);
        lab.put(Kind::User, &user.id, &body.into()).await?
    } else {
        let operations = set(working(lab), path, want.into());
        lab.patch(Kind::User, &user.id, operations).await?
    };
    let shown = lab.get(Kind::User, &user.id).await?;
    let there = json::at(&shown.body, path).is_some_and(|text| {
        text == want
            || path.attr.eq_ignore_ascii_case("userName") && text.eq_ignore_ascii_case(want)
    });
    Ok((reply, there))
}

/// Whether a version that is no longer current is refused, and a current one is not.
pub(super) async fn versions<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let Some(user) = lab.known.rich.clone() else {
        lab.assume("etag", "no sandbox user could be made");
        return Ok(());
    };
    lab.profile.etag = false;
    let shown = lab.get(Kind::User, &user.id).await?;
    let Some(version) = shown.etag.clone() else {
        lab.settle("etag", "users have neither an ETag nor meta.version");
        return Ok(());
    };
    let path = changeable(&user).next().and_then(Part::parsed);
    let Some(path) = path.filter(|_| lab.known.by_path || lab.known.pathless) else {
        lab.assume("etag", "there are versions, and no PATCH to try them with");
        return Ok(());
    };
    let style = working(lab);
    let mut said = Vec::new();
    let mut statuses = Vec::new();
    for want in ["Version one", "Version two"] {
        let operations = set(style, &path, want.into());
        let version = Some(version.clone());
        let reply = lab
            .patch_if(Kind::User, &user.id, operations, version)
            .await?;
        statuses.push(reply.status);
        said.push(reply.said());
    }
    lab.profile.etag = matches!(statuses.as_slice(), [200..=299, 412]);
    lab.settle(
        "etag",
        format!("current version: {}", said.join("; the same again: ")),
    );
    Ok(())
}

/// Whether a user name can be changed.
pub(super) async fn rename<S: Secrets>(lab: &mut Lab<'_, S>, shape: &Shape) -> Result<(), Stop> {
    let Some(mut user) = lab.known.doomed.clone() else {
        return Ok(());
    };
    let Ok(path) = Path::parse("userName") else {
        return Ok(());
    };
    let name = shape.user_name(lab.settings, "r");
    let (reply, there) = change(lab, &user, &path, &name).await?;
    lab.seen("patch.user_name", verdict(&reply, there), reply.said());
    if there {
        lab.proven.insert(Operation::Rename);
        if let Some(object) = lab.object(&user.id) {
            object.name = name.as_str().into();
        }
        user.name.clone_from(&name);
        user.shown = name;
        lab.known.doomed = Some(user);
    }
    Ok(())
}

/// How a manager is written.
pub(super) async fn manager<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let (Some(user), Some(boss)) = (lab.known.rich.clone(), lab.known.least.clone()) else {
        lab.assume("manager", "no sandbox users could be made");
        return Ok(());
    };
    let style = working(lab);
    let (object, bare) = (json!({"value": boss.id}), json!(boss.id));
    let mut forms = [(ManagerForm::Object, object), (ManagerForm::Bare, bare)];
    if lab.base.manager == ManagerForm::Bare {
        forms.reverse();
    }
    let Ok(path) = Path::parse(MANAGER) else {
        return Ok(());
    };
    let mut said = Vec::new();
    for (form, value) in forms {
        let reply = lab
            .patch(Kind::User, &user.id, set(style, &path, value))
            .await?;
        said.push(reply.said());
        if !reply.ok() {
            continue;
        }
        let shown = lab.get(Kind::User, &user.id).await?;
        let extension = json::get(&shown.body, ENTERPRISE);
        let manager = extension.and_then(|extension| json::get(extension, "manager"));
        let id =
            manager.and_then(|manager| manager.as_str().or_else(|| json::text(manager, "value")));
        if id == Some(&*boss.id) {
            lab.profile.manager = form;
            lab.settle("manager", format!("read back: {}", said.join("; then ")));
            return Ok(());
        }
    }
    let why = format!(
        "neither form of a manager was kept: {}",
        said.join("; then ")
    );
    lab.assume("manager", why);
    Ok(())
}
