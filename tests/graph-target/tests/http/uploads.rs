//! API-driven provisioning.

use serde_json::{Value, json};

use crate::harness::Fixture;

const PATH: &str = "/servicePrincipals/sp1/synchronization/jobs/job1/bulkUpload";

fn bulk(size: usize) -> Value {
    let operation = |n| {
        json!({
            "method": "POST", "path": "/Users", "bulkId": format!("E{n}"),
            "data": { "externalId": format!("E{n}") },
        })
    };
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": (0..size).map(operation).collect::<Vec<_>>(),
    })
}

#[tokio::test]
async fn bulk_requests_are_kept() {
    let fixture = Fixture::new().await;
    let upload = async |media: &str, body: &Value| {
        let request = fixture.request("POST", PATH).header("content-type", media);
        fixture
            .send(request.body(body.to_string()))
            .await
            .status
            .as_u16()
    };
    assert_eq!(upload("application/scim+json", &bulk(50)).await, 202);
    assert_eq!(
        upload("application/scim+json; charset=utf-8", &bulk(1)).await,
        202
    );
    assert_eq!(upload("application/json", &bulk(1)).await, 400);
    assert_eq!(upload("application/scim+json", &bulk(51)).await, 413);
    assert_eq!(upload("application/scim+json", &bulk(0)).await, 400);
    for (property, value) in [
        ("method", json!("PATCH")),
        ("path", json!("/Groups")),
        ("bulkId", Value::Null),
        ("data", Value::Null),
    ] {
        let mut body = bulk(2);
        body["Operations"][1][property] = value;
        assert_eq!(
            upload("application/scim+json", &body).await,
            400,
            "{property}"
        );
    }
    let uploads = fixture.target.uploads();
    assert_eq!(uploads.len(), 2);
    assert_eq!(
        (&*uploads[0].service_principal, &*uploads[0].job),
        ("sp1", "job1")
    );
    assert_eq!(uploads[0].body, bulk(50));
}
