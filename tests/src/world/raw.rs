//! SCIM by plain requests: what a test asserts about a target does not pass through our client.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::Address;

const SCIM_JSON: &str = "application/scim+json";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Objects asked for per page; small, so that pages are turned.
const PAGE: usize = 5;

/// A person with `curl` and the target's token.
#[derive(Clone, Debug)]
pub struct Raw {
    http: Client,
    address: Address,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body; null where it is not JSON.
    pub body: Value,
}

impl Raw {
    /// For the target at an address.
    pub fn new(address: Address) -> Self {
        Self {
            http: Client::new(),
            address,
        }
    }

    /// One request. `path` is below the base URL, with its query.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> RawAnswer {
        let url = format!("{}{path}", self.address.base_url);
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(&self.address.token)
            .header("accept", SCIM_JSON);
        if let Some(body) = body {
            request = request
                .header("content-type", SCIM_JSON)
                .body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.expect("a body");
        RawAnswer {
            status,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    /// Every user.
    pub async fn users(&self) -> Vec<Value> {
        self.all("/Users").await
    }

    /// Every group.
    pub async fn groups(&self) -> Vec<Value> {
        self.all("/Groups").await
    }

    /// The user whose `externalId` is this; found by reading all, whatever the target's filters
    /// are worth. Two of them stop the test.
    pub async fn user_by_key(&self, key: &str) -> Option<Value> {
        let mut users = self.users().await;
        users.retain(|user| user["externalId"] == key);
        assert!(users.len() < 2, "several accounts with one key: {users:?}");
        users.pop()
    }

    /// The user behind an id; `None` for 404.
    pub async fn user(&self, id: &str) -> Option<Value> {
        let answer = self.send(Method::GET, &format!("/Users/{id}"), None).await;
        match answer.status {
            200 => Some(answer.body),
            404 => None,
            status => panic!("GET of a user: {status}"),
        }
    }

    /// The ids of the members of a group, as often as they are listed, sorted.
    pub async fn members(&self, group: &str) -> Vec<String> {
        let group = self.group(group).await;
        // `members` of an empty group may be left out (RFC 7643 section 2.5).
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> = members.iter().map(|m| text(&m["value"])).collect();
        ids.sort();
        ids
    }

    /// The names of the groups that list an account, by reading every group; sorted.
    pub async fn groups_of(&self, id: &str) -> Vec<String> {
        let mut names = Vec::new();
        for group in self.groups().await {
            let name = text(&group["displayName"]);
            let members = self.members(&name).await;
            names.extend(members.iter().filter(|m| *m == id).map(|_| name.clone()));
        }
        names.sort();
        names
    }

    /// Makes a group by hand. Returns its id.
    pub async fn add_group(&self, name: &str) -> String {
        let group = json!({ "schemas": [GROUP], "displayName": name });
        self.add("/Groups", &group).await
    }

    /// Makes a user by hand. Returns its id.
    pub async fn add_user(&self, mut user: Value) -> String {
        user["schemas"] = json!([USER]);
        self.add("/Users", &user).await
    }

    /// Deletes a user by hand.
    pub async fn delete_user(&self, id: &str) {
        let path = format!("/Users/{id}");
        let answer = self.send(Method::DELETE, &path, None).await;
        assert_eq!(answer.status, 204);
        assert_eq!(self.user(id).await, None);
    }

    /// Changes a user by hand.
    pub async fn change_user(&self, id: &str, path: &str, value: Value) {
        let change = json!({ "op": "replace", "path": path, "value": value.clone() });
        let user = format!("/Users/{id}");
        if !self.patched(&user, change).await {
            let pointer = format!("/{}", path.replace('.', "/"));
            self.put(&user, |user| {
                *user.pointer_mut(&pointer).expect("an attribute") = value;
            })
            .await;
        }
    }

    /// Adds a member by hand.
    pub async fn add_member(&self, group: &str, id: &str) {
        let path = self.group_path(group).await;
        let member = json!({ "value": id });
        let add = json!({ "op": "add", "path": "members", "value": [member] });
        if !self.patched(&path, add).await {
            self.put(&path, |group| match group["members"].as_array_mut() {
                Some(members) => members.push(member),
                None => group["members"] = json!([member]),
            })
            .await;
        }
        assert!(self.members(group).await.iter().any(|member| member == id));
    }

    /// Removes a member by hand, in the first form that the target takes.
    pub async fn remove_member(&self, group: &str, id: &str) {
        let path = self.group_path(group).await;
        let member = format!("members[value eq \"{id}\"]");
        let listed = json!([{ "value": id }]);
        let forms = [
            json!({ "op": "remove", "path": member }),
            json!({ "op": "remove", "path": "members", "value": listed }),
        ];
        let [by_filter, by_list] = forms;
        if !self.patched(&path, by_filter).await && !self.patched(&path, by_list).await {
            self.put(&path, |group| {
                let members = group["members"].as_array_mut().expect("members");
                members.retain(|member| member["value"] != id);
            })
            .await;
        }
        assert!(!self.members(group).await.iter().any(|member| member == id));
    }

    async fn group(&self, name: &str) -> Value {
        let mut groups = self.groups().await;
        groups.retain(|group| group["displayName"] == name);
        let [group] = groups.as_slice() else {
            panic!("{} groups are called `{name}`", groups.len());
        };
        let path = format!("/Groups/{}", text(&group["id"]));
        let answer = self.send(Method::GET, &path, None).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body
    }

    async fn group_path(&self, name: &str) -> String {
        format!("/Groups/{}", text(&self.group(name).await["id"]))
    }

    async fn add(&self, path: &str, object: &Value) -> String {
        let answer = self.send(Method::POST, path, Some(object)).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        text(&answer.body["id"])
    }

    /// False where the target says that it does not do that (501).
    async fn patched(&self, path: &str, operation: Value) -> bool {
        let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
        let answer = self.send(Method::PATCH, path, Some(&body)).await;
        assert!(
            matches!(answer.status, 200 | 204 | 501),
            "{:?}",
            answer.body
        );
        answer.status != 501
    }

    async fn put(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let answer = self.send(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let mut object = answer.body;
        change(&mut object);
        let answer = self.send(Method::PUT, path, Some(&object)).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }

    /// By index; by cursor where the target says that it does not do that (501).
    async fn all(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = match &cursor {
                None => format!("{path}?startIndex={}&count={PAGE}", all.len() + 1),
                Some(cursor) => format!("{path}?cursor={cursor}&count={PAGE}"),
            };
            let answer = self.send(Method::GET, &page, None).await;
            if answer.status == 501 && cursor.is_none() {
                cursor = Some(String::new());
                continue;
            }
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            let total = answer.body["totalResults"].as_u64().expect("a total");
            let objects = answer.body["Resources"].as_array().cloned();
            let objects = objects.unwrap_or_default();
            let stuck = objects.is_empty() && (all.len() as u64) < total;
            assert!(!stuck, "an empty page before the end of {path}");
            all.extend(objects);
            if all.len() as u64 >= total {
                return all;
            }
            if cursor.is_some() {
                cursor = Some(text(&answer.body["nextCursor"]));
            }
        }
    }
}

/// A text, or a number as text: some targets have numbers for ids.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
