//! A target and a client for it.

use graph_target::{FaultKind, GraphTarget, Options, Refusal, Rule};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

pub struct Fixture {
    pub target: GraphTarget,
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
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    pub fn id(&self) -> String {
        self.json["id"].as_str().expect("an id").to_owned()
    }

    /// A property of each object in a list.
    pub fn all(&self, name: &str) -> Vec<String> {
        let objects = self.json["value"].as_array().expect("a list");
        let text = |object: &Value| object[name].as_str().unwrap_or_default().to_owned();
        objects.iter().map(text).collect()
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// An error with this status and code.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Self {
        assert_eq!(self.json["error"]["code"], code, "{}", self.text);
        assert!(self.json["error"]["message"].is_string());
        self.is(status)
    }
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self {
            target: GraphTarget::start(options).await.unwrap(),
            http: reqwest::Client::new(),
        }
    }

    /// With these users of contoso.com; employee ids are `E-<name>`.
    pub async fn of(names: &[&str]) -> Self {
        let fixture = Self::new().await;
        for name in names {
            fixture.seed(name);
        }
        fixture
    }

    pub fn seed(&self, name: &str) -> String {
        let user = json!({
            "userPrincipalName": upn(name), "displayName": name, "employeeId": format!("E-{name}"),
        });
        self.target.insert_user(user).unwrap().id
    }

    pub fn id(&self, name: &str) -> String {
        self.target.user(&upn(name)).expect("the user exists").id
    }

    pub fn fault(&self, rule: impl Into<Rule>) {
        self.target.faults().add(rule);
    }

    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.target.faults().fired(kind)
    }

    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.target.refused(refusal)
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method: Method = method.parse().unwrap();
        let url = match path.strip_prefix("http") {
            Some(_) => path.to_owned(),
            None => format!("{}{path}", self.target.base_url()),
        };
        self.http
            .request(method, url)
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
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.with_body("POST", path, &body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.with_body("PATCH", path, &body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.with_body("PUT", path, &body)).await
    }

    pub async fn create(&self, name: &str) -> Answer {
        self.post("/users", user(name)).await
    }

    pub async fn filter(&self, path: &str, filter: &str) -> Answer {
        self.get(&format!("{path}?$filter={}", encoded(filter)))
            .await
    }

    pub fn reference(&self, id: &str) -> Value {
        json!({ "@odata.id": self.link(id) })
    }

    pub fn link(&self, id: &str) -> String {
        format!("{}/directoryObjects/{id}", self.target.base_url())
    }

    /// Sends requests as one batch. Answers status, headers and body by id.
    pub async fn batch(&self, requests: Value) -> Vec<Value> {
        let answer = self.post("/$batch", json!({ "requests": requests })).await;
        answer.is(200).json["responses"].as_array().unwrap().clone()
    }
}

/// The status of a part.
#[track_caller]
pub fn status(parts: &[Value], id: &str) -> u64 {
    part(parts, id)["status"].as_u64().unwrap()
}

#[track_caller]
pub fn part<'p>(parts: &'p [Value], id: &str) -> &'p Value {
    parts
        .iter()
        .find(|part| part["id"] == id)
        .expect("the part")
}

pub fn upn(name: &str) -> String {
    format!("{name}@contoso.com")
}

pub fn user(name: &str) -> Value {
    json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name,
        "userPrincipalName": upn(name), "employeeId": format!("E-{name}"),
        "passwordProfile": { "password": "Correct-Horse-7", "forceChangePasswordNextSignIn": true },
    })
}

/// With a change to a good user.
pub fn user_with(property: &str, value: Value) -> Value {
    let mut body = user("ana");
    body[property] = value;
    body
}

pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
