//! Tables of requests and what a dialect answers to them.

#![expect(
    clippy::needless_pass_by_value,
    reason = "tables of requests read better without borrows"
)]

use std::collections::BTreeMap;

use percent_encoding::NON_ALPHANUMERIC;
use scim_target::{Dialect, Options};
use serde_json::{Value, json};

use crate::harness::{Answer, Fixture, USER, patch_body};

/// One request and its answer. `{ana}` in a path or body is the id that goes by that name.
pub struct Step {
    method: &'static str,
    path: String,
    body: Option<Value>,
    headers: BTreeMap<&'static str, &'static str>,
    status: u16,
    scim_type: Option<&'static str>,
    shows: Vec<(&'static str, Value)>,
    /// In the order of the list.
    names: Option<Vec<&'static str>>,
    keep: Option<&'static str>,
}

fn step(method: &'static str, path: &str, body: Option<Value>, status: u16) -> Step {
    let headers = [
        ("user-agent", "client/1"),
        ("accept", "application/scim+json"),
        ("content-type", "application/scim+json"),
    ];
    Step {
        method,
        path: path.to_owned(),
        body,
        headers: headers.into(),
        status,
        scim_type: None,
        shows: Vec::new(),
        names: None,
        keep: None,
    }
}

pub fn get(path: &str) -> Step {
    step("GET", path, None, 200)
}

pub fn post(path: &str, body: Value) -> Step {
    step("POST", path, Some(body), 201)
}

pub fn put(path: &str, body: Value) -> Step {
    step("PUT", path, Some(body), 200)
}

/// Expects what users answer; groups say 204.
pub fn patch(path: &str, operations: Value) -> Step {
    let status = if path.starts_with("/Groups") {
        204
    } else {
        200
    };
    step("PATCH", path, Some(patch_body(&operations)), status)
}

pub fn delete(path: &str) -> Step {
    step("DELETE", path, None, 204)
}

impl Step {
    pub fn refused(mut self, status: u16, scim_type: &'static str) -> Self {
        self.status = status;
        self.scim_type = Some(scim_type);
        self
    }

    pub fn answers(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The value at a JSON pointer; null is also what is not there.
    pub fn shows(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.shows.push((pointer, value.into()));
        self
    }

    /// Names in a list.
    pub fn lists<const N: usize>(mut self, names: [&'static str; N]) -> Self {
        self.names = Some(names.into());
        self
    }

    /// The id of the answer goes by this name.
    pub fn keep(mut self, name: &'static str) -> Self {
        self.keep = Some(name);
        self
    }

    /// Without this header, or with another value.
    pub fn header(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.headers.remove(name);
        self.headers.extend(value.map(|value| (name, value)));
        self
    }
}

/// A dialect with the users ana, bo and cy, who is inactive, and the group staff of ana.
pub async fn dialect(dialect: Dialect) -> Fixture {
    with(Options::of(dialect)).await
}

pub async fn with(options: Options) -> Fixture {
    let fixture = Fixture::with(options).await;
    for (name, active) in [("ana", true), ("bo", true), ("cy", false)] {
        let user = json!({
            "userName": format!("{name}@x.org"),
            "externalId": format!("e-{name}"),
            "title": "T",
            "active": active,
        });
        fixture.target.insert_user(user).unwrap();
    }
    fixture.group("staff", &["ana@x.org"]);
    fixture
}

pub async fn run(fixture: &Fixture, steps: Vec<Step>) {
    let mut ids = BTreeMap::new();
    for user in fixture.target.users() {
        let name = user.user_name.split('@').next().unwrap().to_owned();
        ids.insert(name, user.id);
    }
    for group in fixture.target.groups() {
        ids.insert(group.display_name, group.id);
    }
    for (number, step) in steps.into_iter().enumerate() {
        let answer = send(fixture, &step, &ids).await;
        let what = format!(
            "step {number}: {} {}: {}",
            step.method, step.path, answer.text
        );
        assert_eq!(answer.status.as_u16(), step.status, "{what}");
        if let Some(scim_type) = step.scim_type {
            let given = answer.json["scimType"].as_str().unwrap_or_default();
            assert_eq!(given, scim_type, "{what}");
        }
        for (pointer, value) in step.shows {
            let shown = answer.json.pointer(pointer).unwrap_or(&Value::Null);
            let value = fill(&value.to_string(), &ids);
            assert_eq!(shown.to_string(), value, "{pointer} of {what}");
        }
        if let Some(names) = step.names {
            assert_eq!(answer.names(), names, "{what}");
        }
        if let Some(name) = step.keep {
            ids.insert(name.to_owned(), answer.id());
        }
    }
}

async fn send(fixture: &Fixture, step: &Step, ids: &BTreeMap<String, String>) -> Answer {
    let mut request = fixture.request(step.method, &encoded(&fill(&step.path, ids)));
    for (name, value) in &step.headers {
        if *name != "content-type" || step.body.is_some() {
            request = request.header(*name, *value);
        }
    }
    if let Some(body) = &step.body {
        request = request.body(fill(&body.to_string(), ids));
    }
    fixture.send(request).await
}

fn fill(text: &str, ids: &BTreeMap<String, String>) -> String {
    ids.iter().fold(text.to_owned(), |text, (name, id)| {
        text.replace(&format!("{{{name}}}"), id)
    })
}

fn encoded(path: &str) -> String {
    let Some((before, filter)) = path.split_once("filter=") else {
        return path.to_owned();
    };
    let (filter, after) = filter.split_once('&').unwrap_or((filter, ""));
    let filter = percent_encoding::utf8_percent_encode(filter, NON_ALPHANUMERIC);
    format!("{before}filter={filter}&{after}")
}

/// What any dialect needs to know of a new user, and no more than any takes.
pub fn person(name: &str) -> Value {
    json!({
        "schemas": [USER],
        "userName": format!("{name}@x.org"),
        "externalId": format!("e-{name}"),
        "displayName": name,
        "name": { "givenName": name, "familyName": "X" },
    })
}

/// With these attributes too.
pub fn plus(mut body: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

/// Without this attribute.
pub fn less(mut body: Value, name: &str) -> Value {
    body.as_object_mut().unwrap().remove(name).unwrap();
    body
}

pub fn mail(name: &str) -> Value {
    json!({ "emails": [{ "value": format!("{name}@x.org"), "type": "work" }] })
}

// The forms that clients send.

pub fn set(path: &str, value: impl Into<Value>) -> Value {
    json!([{ "op": "replace", "path": path, "value": value.into() }])
}

pub fn set_pathless(value: Value) -> Value {
    json!([{ "op": "replace", "value": value }])
}

pub fn join(member: &str) -> Value {
    json!([{ "op": "add", "path": "members", "value": [{ "value": member }] }])
}

pub fn leave(member: &str) -> Value {
    json!([{ "op": "remove", "path": format!("members[value eq \"{member}\"]") }])
}

pub fn leave_by_list(member: &str) -> Value {
    json!([{ "op": "Remove", "path": "members", "value": [{ "value": member }] }])
}
