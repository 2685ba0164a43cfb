//! Every row of what Graph refuses, the permissions it takes, and tokens.

use std::sync::Arc;
use std::time::Duration;

use domain::Change;
use domain::policy::EntitlementKind;
use graph_target::{Fault, FaultKind, GraphTarget as Graph, Options, Refusal};
use ports::model::{ManualClock, ModelSecrets};
use ports::target::{Lookup, TargetError};
use ports::{Apply, Observe};
use serde_json::json;
use target_graph::{Action, GraphConfig, GraphTarget, permission_for};

use crate::fixture::{SECRET, World, ana, by_token, config, grant, line, lines, update};
use crate::script::{Script, Turn};

/// A target that talks to a script.
pub fn scripted(script: &Script) -> GraphTarget<ModelSecrets> {
    let clock = ManualClock::new("2026-03-01T00:00:00Z".parse().unwrap());
    let secrets = ModelSecrets::new().with(SECRET, "t0ken");
    let config = config(script.base());
    GraphTarget::new(config, Arc::new(secrets), Arc::new(clock)).unwrap()
}

fn error(status: u16, code: &str) -> Turn {
    let body = json!({"error": {"code": code, "message": "canary@contoso.com",
        "innererror": {"request-id": "r", "client-request-id": "c"}}});
    Turn::body(status, body.to_string())
}

async fn says_of_create(turn: Turn) -> String {
    let free = Turn::body(200, r#"{"value": []}"#);
    let script = Script::start([turn, free]).await;
    let text = line(&scripted(&script).apply(&ana(), None).await);
    assert!(!text.contains("canary"), "{text}");
    text
}

async fn says_of_change(status: u16, code: &str) -> String {
    let refusal = json!({"error": {"code": code, "message": "canary@contoso.com"}});
    let part = json!({"responses": [{"id": "1", "status": status, "body": refusal}]});
    let script = Script::start([Turn::body(200, part.to_string())]).await;
    let id = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0".into();
    let target = scripted(&script);
    let answers = target
        .apply_all(&[update(&[("department", Some("canary"))])], &id)
        .await;
    let text = lines(&answers).remove(0);
    assert!(!text.contains("canary"), "{text}");
    text
}

#[tokio::test]
async fn each_refusal_of_a_change_has_its_meaning() {
    for (status, code, want) in [
        (
            400,
            "Request_BadRequest",
            "reject: update of a user: 400 Request_BadRequest: Microsoft Graph lacks a value that \
             it requires, or refuses one; check the mappings against its limits",
        ),
        (
            400,
            "Request_UnsupportedQuery",
            "reject: update of a user: 400 Request_UnsupportedQuery: Microsoft Graph does not \
             search by this property; choose another key",
        ),
        (
            401,
            "InvalidAuthenticationToken",
            "retry: update of a user: 401 InvalidAuthenticationToken: the token ended within the \
             batch",
        ),
        (
            403,
            "Authorization_RequestDenied",
            "reject: update of a user: 403 Authorization_RequestDenied: not allowed; the \
             application needs the permission User.ReadWrite.All, consented to by an \
             administrator; for an account that holds an administrator's role it needs a \
             directory role, too",
        ),
        (
            403,
            "Directory_QuotaExceeded",
            "reject: update of a user: 403 Directory_QuotaExceeded: the tenant may hold no more \
             objects; delete some for good or have the quota raised",
        ),
        (404, "Request_ResourceNotFound", "not found"),
        (
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "already taken",
        ),
        (409, "Directory_ConcurrencyViolation", "changed meanwhile"),
        (412, "PreconditionFailed", "changed meanwhile"),
        (
            429,
            "TooManyRequests",
            "throttled: update of a user: 429 TooManyRequests",
        ),
        (
            500,
            "UnknownError",
            "retry: update of a user: 500 UnknownError",
        ),
        (502, "canary", "retry: update of a user: 502"),
        (503, "canary", "retry: update of a user: 503"),
        (504, "canary", "retry: update of a user: 504"),
        (
            418,
            "canary",
            "reject: update of a user: 418: Microsoft Graph does not say why",
        ),
    ] {
        assert_eq!(says_of_change(status, code).await, want, "{status} {code}");
    }
}

#[tokio::test]
async fn each_refusal_of_a_create_has_its_meaning() {
    for (status, code, want) in [
        (
            400,
            "Request_BadRequest",
            "reject: create of a user: 400 Request_BadRequest: ",
        ),
        (
            401,
            "InvalidAuthenticationToken",
            "halt: the target refuses the token (401); renew the secret `entra-secret`",
        ),
        (
            403,
            "Authorization_RequestDenied",
            "halt: create of a user: 403 Authorization_RequestDenied: not allowed; the application \
             needs the permission User.Create, or User.ReadWrite.All, consented to by an \
             administrator",
        ),
        (
            403,
            "Directory_QuotaExceeded",
            "reject: create of a user: 403 Directory_QuotaExceeded",
        ),
        (
            404,
            "Request_ResourceNotFound",
            "retry: create of a user: 404, its manager",
        ),
        (
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "already taken",
        ),
        (429, "TooManyRequests", "throttled: create of a user: 429"),
        (500, "UnknownError", "unknown: create of a user: 500"),
        (502, "UnknownError", "unknown: create of a user: 502"),
        (503, "ServiceNotAvailable", "retry: create of a user: 503"),
        (504, "UnknownError", "unknown: create of a user: 504"),
        (302, "", "halt: create of a user: 302: the target redirects"),
    ] {
        let text = says_of_create(error(status, code)).await;
        assert!(text.starts_with(want), "{status} {code}: {text}");
    }
}

#[tokio::test]
async fn a_conflict_in_the_details_is_one_whatever_the_code() {
    for code in ["ObjectConflict", "PropertyConflict"] {
        let body = json!({"error": {"code": "Request_BadRequest", "message": "x",
            "details": [{"code": code, "target": "mailNickname", "message": "canary"}]}});
        let text = says_of_create(Turn::body(400, body.to_string())).await;
        assert_eq!(text, "already taken");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_unknown_after_a_write_and_comes_back_after_a_read() {
    for turn in [Turn::Drop, Turn::Hang, Turn::Cut] {
        let script = Script::start([turn.clone(), turn]).await;
        let target = scripted(&script);
        let made = target.apply(&ana(), None).await;
        assert!(matches!(made, Err(TargetError::Unknown { .. })), "{made:?}");
        let fault = target.find(Lookup::UserName("a@b")).await.unwrap_err();
        assert!(matches!(fault.into_fault(), ports::Fault::Retry { .. }));
        let methods: Vec<String> = script.seen().into_iter().map(|seen| seen.method).collect();
        assert_eq!(
            (methods, script.left()),
            (vec!["POST".into(), "GET".into()], 0)
        );
    }
}

#[tokio::test]
async fn a_removal_goes_for_the_reference_and_nothing_else() {
    let group = json!({"id": "g-1", "displayName": "g"});
    let found = json!({"responses": [{"id": "1", "status": 200, "body": {"value": [group]}}]});
    let gone = json!({"responses": [{"id": "1", "status": 204}]});
    let script = Script::start([found, gone].map(|body| Turn::body(200, body.to_string()))).await;
    let clock = ManualClock::new("2026-03-01T00:00:00Z".parse().unwrap());
    let secrets = ModelSecrets::new().with(SECRET, "t0ken");
    let mut config = config(script.base());
    let entitlement = (EntitlementKind::Group, "g".into());
    config.entitlements.insert("entra/g".into(), entitlement);
    let target = GraphTarget::new(config, Arc::new(secrets), Arc::new(clock)).unwrap();
    let revoke = crate::fixture::revoke("entra/g");
    assert_eq!(
        line(&target.apply(&revoke, Some(&"u-1".into())).await),
        "done"
    );
    let sent: serde_json::Value = serde_json::from_str(&script.seen()[1].body).unwrap();
    let part = json!({"id": "1", "method": "DELETE", "url": "/groups/g-1/members/u-1/$ref"});
    assert_eq!(sent, json!({"requests": [part]}));
}

#[tokio::test]
async fn the_wait_that_graph_names_is_passed_on() {
    let script = Script::start([error(429, "TooManyRequests").header("retry-after", "13")]).await;
    let fault = scripted(&script).find(Lookup::UserName("a@b")).await;
    let fault = fault.unwrap_err().into_fault();
    let after = Some(Duration::from_secs(13));
    assert!(matches!(fault, ports::Fault::Retry { after: a, .. } if a == after));
}

#[tokio::test]
async fn a_read_that_is_not_allowed_halts_with_the_permission() {
    let world = World::groups(1).await;
    let id = world.user("ana");
    world.target.groups(None).await.unwrap();
    for name in ["Directory.Read.All", "User.Read.All", "User.ReadWrite.All"] {
        world.graph.withdraw(name);
    }
    for lookup in [
        Lookup::Key("E-ana"),
        Lookup::UserName("ana@contoso.com"),
        Lookup::Id(&id),
    ] {
        let fault = world.target.find(lookup).await.unwrap_err().into_fault();
        let text = fault.to_string();
        assert!(
            text.starts_with("halt: ") && text.contains("permission User.Read.All"),
            "{text}"
        );
    }
    assert!(world.graph.refused(Refusal::MissingPermission) >= 3);
}

#[tokio::test]
async fn each_action_names_the_permission_that_it_lacks() {
    let cases: [(Action, &[&str], Change); 8] = [
        (
            Action::CreateUser,
            &["User.Create", "User.ReadWrite.All"],
            ana(),
        ),
        (
            Action::UpdateUser,
            &["User.ReadWrite.All"],
            update(&[("department", Some("Ops"))]),
        ),
        (
            Action::SetManager,
            &["User.ReadWrite.All"],
            update(&[("manager", Some("6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0"))]),
        ),
        (
            Action::SetEnabled,
            &["User.EnableDisableAccount.All"],
            Change::Enable,
        ),
        (
            Action::RevokeSessions,
            &["User.RevokeSessions.All", "User.ReadWrite.All"],
            Change::RevokeSessions,
        ),
        (
            Action::DeleteUser,
            &["User.DeleteRestore.All", "User.ReadWrite.All"],
            Change::Delete,
        ),
        (
            Action::RestoreUser,
            &["User.DeleteRestore.All", "User.ReadWrite.All"],
            Change::Restore,
        ),
        (
            Action::WriteMembers,
            &["GroupMember.ReadWrite.All"],
            grant("entra/g0"),
        ),
    ];
    for (action, withdrawn, change) in cases {
        let world = World::groups(1).await;
        let id = world.user("ana");
        world.target.groups(None).await.unwrap();
        for name in withdrawn {
            world.graph.withdraw(name);
        }
        let account = (action != Action::CreateUser).then_some(&id);
        let answer = world.target.apply(&change, account).await;
        let text = line(&answer);
        assert!(text.contains(permission_for(action)), "{action:?}: {text}");
        assert!(text.contains(action.name()), "{action:?}: {text}");
        assert!(
            world.graph.refused(Refusal::MissingPermission) >= 1,
            "{action:?}"
        );
    }
}

#[tokio::test]
async fn a_leave_date_and_a_licence_name_their_own_permissions() {
    let graph = Graph::start(Options::default()).await.unwrap();
    let sku = graph.add_license("E3", 5);
    let world = World::with(Options::default(), 0, |config| {
        config.base_url = graph.base_url().into();
        let entitlement = (EntitlementKind::Licence, sku.as_str().into());
        config.entitlements.insert("entra/e3".into(), entitlement);
    })
    .await;
    let user = json!({"userPrincipalName": "a@contoso.com", "usageLocation": "PT"});
    let id = graph.insert_user(user).unwrap().id.into();
    let leave = update(&[("employeeLeaveDateTime", Some("2026-05-01"))]);
    for (permission, change) in [
        ("User-LifeCycleInfo.ReadWrite.All", leave),
        ("LicenseAssignment.ReadWrite.All", grant("entra/e3")),
    ] {
        graph.withdraw(permission);
        let text = line(&world.target.apply(&change, Some(&id)).await);
        // A refused change of one account may be about the account, and holds up no other.
        let named = text.starts_with("reject: ") && text.contains(permission);
        assert!(named, "{text}");
        graph.consent(permission);
        assert_eq!(line(&world.target.apply(&change, Some(&id)).await), "done");
    }
}

#[test]
fn every_action_has_a_name_and_a_permission() {
    for action in Action::ALL {
        assert!(!action.name().is_empty());
        assert!(permission_for(action).contains('.'), "{action:?}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_renewed_where_graph_refuses_it() {
    let graph = Graph::start(Options::default()).await.unwrap();
    let user = json!({"userPrincipalName": "a@contoso.com", "employeeId": "E1"});
    graph.insert_user(user).unwrap();
    let target = by_token(&graph, &graph.options().client_secret);
    target.find(Lookup::Key("E1")).await.unwrap();
    target.find(Lookup::Key("E1")).await.unwrap();
    graph
        .faults()
        .add(Fault::Unauthorized.once().path("/$batch"));
    target.find(Lookup::Key("E1")).await.unwrap();
    assert_eq!(graph.faults().fired(FaultKind::Unauthorized), 1);
    graph.void_tokens();
    target.find(Lookup::Key("E1")).await.unwrap();
    assert_eq!(target.calls(), 6);
}

#[tokio::test]
async fn a_right_that_is_granted_meanwhile_is_taken_up() {
    let graph = Graph::start(Options::default()).await.unwrap();
    let target = by_token(&graph, &graph.options().client_secret);
    for name in ["Directory.Read.All", "User.Read.All", "User.ReadWrite.All"] {
        graph.withdraw(name);
    }
    assert!(target.find(Lookup::Key("E1")).await.is_err());
    graph.consent("User.Read.All");
    target.find(Lookup::Key("E1")).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_the_tenant_refuses_halts_and_says_what_to_renew() {
    let graph = Graph::start(Options {
        expired_secrets: vec!["old".into()],
        ..Options::default()
    })
    .await
    .unwrap();
    for (secret, code) in [("wrong", "AADSTS7000215"), ("old", "AADSTS7000222")] {
        let target = by_token(&graph, secret);
        let fault = target
            .find(Lookup::Key("E1"))
            .await
            .unwrap_err()
            .into_fault();
        let text = fault.to_string();
        assert!(text.starts_with("halt: ") && text.contains(code), "{text}");
        assert!(text.contains("`entra-secret`"), "{text}");
        assert_eq!(target.calls(), 0);
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let make = |change: fn(&mut GraphConfig)| {
        let mut config = config("https://graph.microsoft.com/v1.0");
        change(&mut config);
        let clock = ManualClock::new("2026-03-01T00:00:00Z".parse().unwrap());
        let made = GraphTarget::new(config, Arc::new(ModelSecrets::new()), Arc::new(clock));
        made.map(|_| ()).map_err(|fault| fault.to_string())
    };
    assert_eq!(make(|_| ()), Ok(()));
    for (change, word) in [
        (
            (|config| config.base_url = "http://graph.example/v1.0".into()) as fn(&mut GraphConfig),
            "use `https`",
        ),
        (
            |config| config.mapped.push("emails[type eq \"work\"].value".into()),
            "write its name there",
        ),
        (
            |config| config.mapped.push("employeeId".into()),
            "map one of them",
        ),
        (
            |config| config.settings.key = "id".into(),
            "cannot hold the key",
        ),
        (
            |config| {
                let entitlement = (EntitlementKind::Licence, "ENTERPRISEPACK".into());
                config.entitlements.insert("entra/e3".into(), entitlement);
            },
            "write the id of its SKU",
        ),
    ] {
        let text = make(change).unwrap_err();
        assert!(
            text.starts_with("halt: `entra`: ") && text.contains(word),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_none_of_graph_s_is_no_answer() {
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"value": 1}"#,
        r#"{"value": [{}]}"#,
        "[]",
    ] {
        let script = Script::start([body, body, body].map(|body| Turn::body(200, body))).await;
        let target = scripted(&script);
        let id = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0".into();
        assert!(
            target.find(Lookup::UserName("a@b")).await.is_err(),
            "{body}"
        );
        assert!(target.find(Lookup::Key("E1")).await.is_err(), "{body}");
        let answers = target.apply_all(&[Change::Enable], &id).await;
        assert!(
            matches!(answers[..], [Err(TargetError::Unknown { .. })]),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_place_in_a_listing_that_is_gone_is_told_apart() {
    let script = Script::start([error(410, "canary")]).await;
    let page = scripted(&script).users(None).await;
    let Err(TargetError::Expired { why }) = page else {
        panic!("{page:?}");
    };
    assert!(
        why.contains("410") && !why.contains("contoso"),
        "what was asked and not what was said: {why}"
    );
}

#[tokio::test]
async fn a_user_with_a_text_that_graph_never_keeps_is_no_answer() {
    let user = |department: String| {
        json!({"id": "u-1", "userPrincipalName": "a@x", "employeeId": "E1",
            "department": department})
    };
    let id = domain::AccountId::from("u-1");
    for (length, good) in [(4_096, true), (4_097, false)] {
        let one = user("x".repeat(length));
        let page = json!({"value": [one]}).to_string();
        let script = Script::start([Turn::body(200, one.to_string()), Turn::body(200, page)]).await;
        let target = scripted(&script);
        let found = target.find(Lookup::Id(&id)).await.map(|_| ());
        let listed = target.users(None).await.map(|_| ());
        for answer in [found, listed] {
            assert_eq!(answer.is_ok(), good, "{length}");
            if let Err(error) = answer {
                let text = error.into_fault().to_string();
                assert!(
                    text.starts_with("retry: ") && !text.contains("xx"),
                    "{text}"
                );
            }
        }
    }
}
