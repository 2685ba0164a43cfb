//! The HTTP API: one route, throttled, logged without personal data, closed by its own name where a stack is hardened.

use serde_json::Value;
use tests::aws::template::line;

use crate::{number, templates};

#[tokio::test]
async fn it_has_one_route_to_the_webhook() {
    let shared = &templates().await.shared;
    let routes = shared.all("AWS::ApiGatewayV2::Route");
    let [(_, route)] = routes[..] else {
        panic!("there is one route");
    };
    let route = &route["Properties"];
    assert_eq!(route["RouteKey"], "POST /hr/{source}");
    assert_eq!(line(&route["Target"]), "integrations/{WebhookIntegration}");
    let integration = shared.properties("WebhookIntegration");
    assert_eq!(integration["PayloadFormatVersion"], "2.0");
    assert!(line(&integration["IntegrationUri"]).contains("{HrWebhookAliaslive}"));
    // API Gateway waits for 30 s at most, and longer than the function works.
    let waits = number(&integration["TimeoutInMillis"]);
    let works = 1_000 * number(&shared.properties("HrWebhook")["Timeout"]);
    assert!(works < waits && waits <= 30_000);
    let permission = shared.properties("HrWebhookPermission");
    assert!(line(&permission["SourceArn"]).ends_with(":{Api}/*/POST/hr/{source}"));
    assert_eq!(line(&permission["FunctionName"]), "{HrWebhookAliaslive}");
}

#[tokio::test]
async fn the_route_is_throttled() {
    let shared = &templates().await.shared;
    let stage = shared.properties("Stage");
    let route = &stage["RouteSettings"]["POST /hr/{source}"];
    for settings in [route, &stage["DefaultRouteSettings"]] {
        assert_eq!(line(&settings["ThrottlingRateLimit"]), "{WebhookRate}");
        assert_eq!(line(&settings["ThrottlingBurstLimit"]), "{WebhookBurst}");
    }
    let default = |name: &str| number(&shared.document["Parameters"][name]["Default"]);
    assert_eq!((default("WebhookRate"), default("WebhookBurst")), (50, 100));
}

/// What an access log may say. No address, no agent, no path, no query: whoever posts chooses those.
const LOGGED: &[(&str, &str)] = &[
    ("at", "$context.requestTimeEpoch"),
    ("authorizer_error", "$context.authorizer.error"),
    ("bytes", "$context.responseLength"),
    ("function_error", "$context.integrationErrorMessage"),
    ("function_ms", "$context.integrationLatency"),
    ("latency_ms", "$context.responseLatency"),
    ("request_id", "$context.requestId"),
    ("route", "$context.routeKey"),
    ("status", "$context.status"),
];

#[tokio::test]
async fn the_access_log_has_nothing_personal() {
    let shared = &templates().await.shared;
    let settings = &shared.properties("Stage")["AccessLogSettings"];
    assert_eq!(line(&settings["DestinationArn"]), "{ApiLog.Arn}");
    let format: Value = serde_json::from_str(settings["Format"].as_str().expect("a format"))
        .expect("the format is JSON");
    let mut fields: Vec<(&str, &str)> = format
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().expect("text")))
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, LOGGED);
}

#[tokio::test]
async fn a_name_of_your_own_wants_tls_1_2_and_may_want_certificates_of_clients() {
    let shared = &templates().await.shared;
    let domain = shared.properties("Domain");
    let configuration = &domain["DomainNameConfigurations"][0];
    assert_eq!(configuration["SecurityPolicy"], "TLS_1_2");
    assert!(line(&domain["MutualTlsAuthentication"]).starts_with("if(HasTruststore, "));
    let closed = line(&shared.properties("Api")["DisableExecuteApiEndpoint"]);
    assert_eq!(closed, "if(OnlyOwnDomain, true, false)");
    let only = line(&shared.document["Conditions"]["OnlyOwnDomain"]);
    let wanted = "{Fn::And: [{Condition: HasDomain}, {Fn::Or: [{Condition: Hardened}, {Condition: HasTruststore}]}]}";
    assert_eq!(only, wanted);
}
