//! A target and a client for it.

use percent_encoding::NON_ALPHANUMERIC;
use reqwest::{Method, StatusCode, header::HeaderMap};
use scim_target::{Fault, FaultKind, Options, Rule, ScimTarget};
use serde_json::{Value, json};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

pub struct Fixture {
    pub target: ScimTarget,
    pub http: reqwest::Client,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub fn id(&self) -> String {
        self.json["id"]
            .as_str()
            .expect("the answer has an id")
            .to_owned()
    }

    /// `userName` or `displayName` of each resource in a list.
    pub fn names(&self) -> Vec<String> {
        let resources = self.json["Resources"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        resources
            .iter()
            .map(|one| {
                one.get("userName")
                    .unwrap_or(&one["displayName"])
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// A SCIM error with this status and `scimType`.
    #[track_caller]
    pub fn refuses(self, status: u16, scim_type: &str) -> Self {
        assert_eq!(
            self.json["schemas"][0],
            "urn:ietf:params:scim:api:messages:2.0:Error"
        );
        assert_eq!(self.json["status"], status.to_string());
        assert_eq!(
            self.json["scimType"].as_str().unwrap_or_default(),
            scim_type,
            "{}",
            self.text
        );
        self.is(status)
    }
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self {
            target: ScimTarget::start(options).await.unwrap(),
            http: reqwest::Client::new(),
        }
    }

    /// With these users, by `userName`; external ids are `e-1`, `e-2`, ...
    pub async fn of(names: &[&str]) -> Self {
        let fixture = Self::new().await;
        fixture.seed(names);
        fixture
    }

    pub fn seed(&self, names: &[&str]) {
        for (position, name) in names.iter().enumerate() {
            let external = format!("e-{}", position + 1);
            let user = json!({ "userName": name, "externalId": external });
            self.target.insert_user(user).unwrap();
        }
    }

    /// A group of these users.
    pub fn group(&self, name: &str, members: &[&str]) -> String {
        let group = self.target.add_group(name).unwrap().id;
        for member in members {
            self.target.add_member(&group, &self.id(member)).unwrap();
        }
        group
    }

    pub fn id(&self, user_name: &str) -> String {
        self.target
            .user_by_user_name(user_name)
            .expect("the user exists")
            .id
    }

    /// User names of the members.
    pub fn members(&self, group: &str) -> Vec<String> {
        let group = self.target.group(group).expect("the group exists");
        group
            .members
            .iter()
            .map(|id| self.target.user(id).unwrap().user_name)
            .collect()
    }

    pub fn fault(&self, rule: impl Into<Rule>) {
        self.target.faults().add(rule);
    }

    pub fn fired(&self, fault: &Fault) -> u64 {
        self.fired_kind(fault.kind())
    }

    pub fn fired_kind(&self, kind: FaultKind) -> u64 {
        self.target.faults().fired(kind)
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.http
            .request(method, format!("{}{path}", self.target.base_url()))
            .bearer_auth(self.target.token())
    }

    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer {
            status,
            headers,
            text,
            json,
        })
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the target answers")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }

    pub fn with_body(&self, method: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.request(method, path)
            .header("content-type", "application/scim+json")
            .body(body.to_string())
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.with_body("POST", path, &body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.with_body("PUT", path, &body)).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send(self.with_body("PATCH", path, &patch_body(&operations)))
            .await
    }

    pub async fn create(&self, user_name: &str) -> Answer {
        self.post("/Users", user(user_name)).await
    }

    pub async fn filter(&self, path: &str, filter: &str) -> Answer {
        let filter = percent_encoding::utf8_percent_encode(filter, NON_ALPHANUMERIC);
        self.get(&format!("{path}?filter={filter}")).await
    }
}

pub fn user(user_name: &str) -> Value {
    json!({ "schemas": [USER], "userName": user_name })
}

pub fn patch_body(operations: &Value) -> Value {
    json!({ "schemas": [PATCH], "Operations": operations })
}
