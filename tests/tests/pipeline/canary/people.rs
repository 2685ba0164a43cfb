//! People of whom every personal value carries a marker, as HR systems tell about them.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use domain::Attr;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::Clock as _;
use serde_json::{Value, json};
use sha2::Sha256;
use tests::world::{Company, HR_SECRET, Says, policy_text, signed, unlimited};

use super::{FOREIGN_MARK, MARK};

/// The policy of the suite, with more attributes and a second source.
pub fn canary_policy() -> String {
    let more = "title = \"{title}\"\n\
        'phoneNumbers[type eq \"work\"].value' = \"{work_phone}\"\n\
        \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber\" = \"{employee_number}\"";
    let policy = unlimited(&policy_text()).replacen("title = \"{title}\"", more, 1);
    assert!(policy.contains("{employee_number}"));
    let bamboo = r#"
[sources.bamboo]
zone = "Europe/Lisbon"
format = "bamboohr"
verify = { preset = "bamboohr", tolerance = "10m" }
secrets = ["hr-signing"]

[sources.bamboo.fields]
firstName = "given_name"
lastName = "family_name"
workEmail = "work_email"
homeEmail = "personal_email"
workPhone = "work_phone"
mobilePhone = "mobile_phone"
department = "department"
jobTitle = "title"
employeeNumber = "employee_number"
employmentType = "employment_type"
hireDate = "start_date"
terminationDate = "end_date"
supervisorId = "manager_id"

[standards"#;
    policy.replacen("\n[standards", bamboo, 1)
}

/// The hire of a worker with a marker in whatever can hold one.
pub fn hire(n: usize) -> Says {
    let names = (format!("Ana{MARK}{n}"), format!("Silva{MARK}{n}"));
    let says = Says::hires(&worker(n), (&names.0, &names.1), "Finance", "2026-03-02");
    let structural = [
        Attr::GivenName,
        Attr::FamilyName,
        Attr::Department,
        Attr::EmploymentType,
        Attr::WorkerStatus,
        Attr::ManagerId,
        Attr::ManagerStatus,
        Attr::StartDate,
        Attr::EndDate,
        Attr::EndMode,
        Attr::OriginalHireDate,
        Attr::TimeZone,
        Attr::Lifecycle,
    ];
    let others = Attr::ALL.iter().filter(|attr| !structural.contains(attr));
    let says = others.fold(says, |says, attr| {
        let name = attr.name();
        let value = if name.ends_with("_email") {
            format!("{MARK}{n}.{name}@example.com")
        } else if name.ends_with("_phone") {
            format!("+351 {MARK} {n}")
        } else {
            format!("{FOREIGN_MARK} {MARK}-{n}-{name}")
        };
        says.that(name, &value)
    });
    says.as_event(&format!("evt-{MARK}-{n}"))
}

/// The worker's id in HR.
pub fn worker(n: usize) -> String {
    format!("W-{MARK}-{n}")
}

/// Something else about the worker.
pub fn about(n: usize) -> Says {
    Says::about(&worker(n))
}

/// The user name that the worker gets.
pub fn user_name(n: usize) -> String {
    format!("ana{MARK}{n}.silva{MARK}{n}")
}

/// One entry of a field-based post.
pub fn bamboo(n: usize, action: &str) -> Value {
    let value = |text: &str| json!({ "value": text });
    let marked = |what: &str| value(&format!("{MARK}{n} {what}"));
    json!({
        "id": format!("B-{MARK}-{n}"),
        "action": action,
        "timestamp": "2026-03-02T07:00:00Z",
        "changedFields": [MARK],
        "fields": {
            "firstName": marked("Ben"),
            "lastName": marked("Okafor"),
            "workEmail": value(&format!("ben.{MARK}{n}@example.com")),
            "homeEmail": { "value": [format!("{MARK}{n}@home.example")] },
            "workPhone": marked("+351"),
            "mobilePhone": { "value": { "number": MARK } },
            "department": value("Engineering"),
            "jobTitle": marked("Engineer"),
            "employeeNumber": marked("number"),
            "employmentType": value("employee"),
            "hireDate": value("2026-03-02"),
            "supervisorId": value(&format!("B-{MARK}-1")),
            format!("custom{MARK}"): marked("shoe size"),
        },
    })
}

/// A post with BambooHR's signature.
pub fn bamboo_post(company: &Company, body: &str) -> ApiGatewayV2httpRequest {
    let now = company.world.clock.now();
    let seconds = now.as_second().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(HR_SECRET.as_bytes()).expect("any length");
    mac.update(format!("{body}{seconds}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let mut request = signed("bamboo", "", now, body);
    request.headers.clear();
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-bamboohr-timestamp", &seconds),
        ("x-bamboohr-signature", &signature),
    ] {
        request
            .headers
            .insert(name, value.parse().expect("a value"));
    }
    request
}
