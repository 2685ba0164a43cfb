//! Finds out what a target does.

use scim_target::{Options, PatchAnswer, SetForm, Truth};
use serde_json::{Value, json};

use crate::harness::{Answer, Fixture, patch_body};
use crate::steps::{mail, person, plus, with};

/// A target, and what its truth makes a client send.
pub struct Probe {
    pub fixture: Fixture,
    pub truth: Truth,
}

impl Probe {
    pub async fn of(truth: &Truth) -> Self {
        let options = Options {
            truth: Some(truth.clone()),
            ..Options::default()
        };
        Self {
            fixture: with(options).await,
            truth: truth.clone(),
        }
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self
            .fixture
            .request(method, path)
            .header("user-agent", "client/1")
            .header("accept", "application/scim+json");
        if let Some(body) = body {
            request = request
                .header("content-type", "application/scim+json")
                .body(body.to_string());
        }
        self.fixture.send(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn patch(&self, path: &str, operations: &Value) -> Answer {
        self.send("PATCH", path, Some(patch_body(operations))).await
    }

    pub async fn filter(&self, path: &str, filter: &str) -> Answer {
        let filter =
            percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC);
        self.get(&format!("{path}?filter={filter}")).await
    }

    pub fn user(&self, name: &str) -> String {
        self.fixture.id(&format!("{name}@x.org"))
    }

    pub fn stored(&self, name: &str, attribute: &str) -> Value {
        let user = self.fixture.target.user(&self.user(name)).unwrap();
        user.json[attribute].clone()
    }

    pub fn staff(&self) -> String {
        self.fixture
            .target
            .group_by_display_name("staff")
            .unwrap()
            .id
    }

    pub fn members(&self) -> Vec<String> {
        self.fixture.members(&self.staff())
    }

    /// What a create needs.
    pub fn person(&self, name: &str) -> Value {
        let users = &self.truth.users;
        let mut body = person(name);
        if users.required.contains(&"emails") {
            body = plus(body, mail(name));
        }
        match users.exactly_one {
            Some(one) => plus(body, json!({ one.attribute: [{ "value": one.prefix }] })),
            None => body,
        }
    }

    /// Whether each form is an error, a success, or a success that does nothing.
    pub async fn form(
        &self,
        operations: [&Value; 2],
        path: &str,
        worked: &dyn Fn() -> bool,
    ) -> SetForm {
        let mut results = Vec::new();
        for operations in operations {
            assert!(!worked());
            let status = self.patch(path, operations).await.status.as_u16();
            results.push((status, worked()));
            self.undo();
        }
        match results.as_slice() {
            [(200 | 204, true), (200 | 204, true)] => SetForm::Both,
            [(200 | 204, true), (400, false)] => SetForm::PathOnly,
            [(400, false), (200 | 204, true)] => SetForm::PathlessOnly,
            [(501, false), (501, false)] => SetForm::Neither,
            [(200 | 204, false), (200 | 204, false)] => SetForm::Ignored,
            other => panic!("{other:?}"),
        }
    }

    pub fn undo(&self) {
        let target = &self.fixture.target;
        let back = json!({ "active": true, "title": "T" });
        target.update_user(&self.user("ana"), back).unwrap();
        let staff = self.staff();
        target
            .update_group(&staff, json!({ "externalId": null }))
            .unwrap();
        target.remove_member(&staff, &self.user("bo")).unwrap();
        target.add_member(&staff, &self.user("ana")).unwrap();
    }
}

pub fn patch_answer(answer: &Answer) -> PatchAnswer {
    match (answer.status.as_u16(), answer.text.is_empty()) {
        (200, false) => PatchAnswer::Full,
        (200, true) => PatchAnswer::Empty,
        (204, true) => PatchAnswer::NoContent,
        other => panic!("{other:?}"),
    }
}
