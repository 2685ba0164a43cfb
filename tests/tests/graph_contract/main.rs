//! Holds the Graph target of the tests, and by it what our clients send, against Microsoft's description of Graph:
//! a validating proxy that we did not write stands between client and target and refuses what breaks the contract.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use graph_target::{GraphTarget, Options};
use serde_json::{Value, json};
use tests::third_party::{PRISM_ERROR, Running, ThirdParty};

mod refused;
mod served;

struct Contract {
    target: GraphTarget,
    prism: Running,
    client: reqwest::Client,
}

struct Answer {
    status: u16,
    text: String,
    json: Value,
}

impl Answer {
    fn breaks_the_contract(&self) -> bool {
        self.text.contains(PRISM_ERROR)
    }
}

impl Contract {
    async fn new() -> Self {
        let target = GraphTarget::start(Options::default())
            .await
            .expect("a port is free");
        let prism = match ThirdParty::prism(target.base_url()).await {
            Ok(prism) => prism,
            Err(error) => panic!("{error}"),
        };
        let through = target.validate_through(prism.base_url());
        through.expect("a client");
        Self {
            target,
            prism,
            client: reqwest::Client::new(),
        }
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let media = if path.ends_with("bulkUpload") {
            "application/scim+json"
        } else {
            "application/json"
        };
        let method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.prism.base_url()))
            .bearer_auth(self.target.token());
        if let Some(body) = body {
            request = request.header("content-type", media).body(body.to_string());
        }
        let response = request.send().await.expect("the proxy answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, text, json }
    }

    /// Sends a request that keeps the contract.
    async fn good(&self, status: u16, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.send(method, path, body.as_ref()).await;
        assert!(
            !answer.breaks_the_contract(),
            "{method} {path}: {}",
            answer.text
        );
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        answer.json
    }

    fn reference(&self, id: &str) -> Value {
        json!(format!("{}/directoryObjects/{id}", self.prism.base_url()))
    }
}

fn user(name: &str) -> Value {
    json!({
        "accountEnabled": false, "displayName": name, "mailNickname": name,
        "userPrincipalName": format!("{name}@contoso.com"),
        "passwordProfile": { "password": "Correct-Horse-7", "forceChangePasswordNextSignIn": true },
        "givenName": name, "surname": "Silva", "employeeId": format!("E-{name}"),
        "employeeType": "Employee", "employeeHireDate": "2026-11-02T00:00:00Z",
        "employeeOrgData": { "costCenter": "4130", "division": "Ops" },
        "businessPhones": ["+351 1"], "usageLocation": "PT", "department": "Ops",
        "onPremisesExtensionAttributes": { "extensionAttribute1": "x" },
    })
}

fn bulk(operations: usize) -> Value {
    let operation = |number| {
        json!({
            "method": "POST", "path": "/Users", "bulkId": format!("E{number}"),
            "data": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "externalId": format!("E{number}"), "userName": "ana@contoso.com", "active": true,
            },
        })
    };
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": null,
        "Operations": (0..operations).map(operation).collect::<Vec<_>>(),
    })
}

const UPLOAD: &str = "/servicePrincipals/sp1/synchronization/jobs/job1/bulkUpload";

#[tokio::test]
async fn links_lead_through_the_proxy() {
    let contract = Contract::new().await;
    for name in ["ana", "bo", "cy"] {
        contract.good(201, "POST", "/users", Some(user(name))).await;
    }
    let base = contract.prism.base_url();
    let mut path = "/users?$select=id&$top=1".to_owned();
    let mut pages = 0;
    loop {
        let page = contract.good(200, "GET", &path, None).await;
        assert_eq!(page["value"].as_array().map(Vec::len), Some(1));
        pages += 1;
        let Some(next) = page["@odata.nextLink"].as_str() else {
            break;
        };
        path = next
            .strip_prefix(base)
            .expect("a link to the proxy")
            .to_owned();
    }
    assert_eq!(pages, 3);
    let page = contract
        .good(200, "GET", "/users/delta?$select=id", None)
        .await;
    let link = page["@odata.deltaLink"].as_str().expect("a delta link");
    let path = link.strip_prefix(base).expect("a link to the proxy");
    let changes = contract.good(200, "GET", path, None).await;
    assert_eq!(changes["value"], json!([]));
}

#[tokio::test]
async fn an_answer_that_breaks_the_contract_is_caught() {
    let contract = Contract::new().await;
    let wrong = json!({ "userPrincipalName": "ana@contoso.com", "onPremisesSyncEnabled": "yes" });
    contract.target.insert_user(wrong).expect("a user");
    let path = "/users/ana@contoso.com";
    contract.good(200, "GET", path, None).await;
    let path = format!("{path}?$select=onPremisesSyncEnabled");
    let answer = contract.send("GET", &path, None).await;
    assert!(answer.breaks_the_contract(), "{}", answer.text);
}

#[tokio::test]
async fn the_parts_of_a_batch_are_held_against_the_contract_too() {
    let contract = Contract::new().await;
    let target = &contract.target;
    let headers = json!({ "Content-Type": "application/json" });
    let mut bad = user("cy");
    bad["accountEnabled"] = json!("true");
    let batch = json!({ "requests": [
        { "id": "1", "method": "POST", "url": "/users", "headers": headers, "body": user("ana") },
        { "id": "2", "method": "GET", "url": "/users/ana@contoso.com?$select=id,employeeId", "dependsOn": ["1"] },
        { "id": "3", "method": "GET", "url": "/users/nobody@contoso.com" },
        { "id": "4", "method": "PATCH", "url": "/users/ana@contoso.com", "headers": headers,
          "body": { "jobTitle": "x" }, "dependsOn": ["1"] },
    ]});
    let answer = contract.good(200, "POST", "/$batch", Some(batch)).await;
    let status = |answer: &Value, id: &str| {
        let parts = answer["responses"].as_array().expect("answers");
        let part = parts
            .iter()
            .find(|part| part["id"] == id)
            .expect("the part");
        part["status"].as_u64().expect("a status")
    };
    let statuses = ["1", "2", "3", "4"].map(|id| status(&answer, id));
    assert_eq!(statuses, [201, 200, 404, 204], "{answer}");
    assert_eq!(target.violations(), []);
    let log = target.log();
    assert_eq!(log.iter().filter(|entry| entry.batched).count(), 4);

    let batch = json!({ "requests": [
        { "id": "1", "method": "POST", "url": "/users", "headers": headers, "body": bad },
        { "id": "2", "method": "GET", "url": "/users?$select=emplyeeId" },
        { "id": "3", "method": "GET", "url": "/users?$select=id" },
    ]});
    let answer = contract.good(200, "POST", "/$batch", Some(batch)).await;
    assert_eq!(status(&answer, "3"), 200);
    assert_eq!(status(&answer, "1"), 422);
    let violations = target.violations();
    let mut urls: Vec<&str> = violations.iter().map(|one| one.url.as_str()).collect();
    urls.sort_unstable();
    assert_eq!(urls, ["/users", "/users?$select=emplyeeId"]);
    assert!(
        violations
            .iter()
            .all(|one| one.report.contains(PRISM_ERROR))
    );
    assert_eq!(target.user_count(), 1);
}
