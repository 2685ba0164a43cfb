//! A company to plan for: a policy of any shape, one worker with a recorded decision and accounts
//! everywhere, and the event of a promotion.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::plan::{Compiled, Input, next_record, plan};
use domain::{
    AccountId, AccountRecord, Change, EventId, Fact, Generation, Hash, IdentityId, IdentityRecord,
    Ownership, Pii, Plan, RecordKey, SourceId, TargetId,
};
use hr_webhook::Salt;
use hr_webhook::request::Body;
use hr_webhook::translate::{Context, translate};
use jiff::Timestamp;

/// The worker on the day of the hire: 44 fields with those of the envelope, 1.1 KB.
const HIRE: &str = r#"{"schema":"lanyard.worker.v1","type":"worker.changed","worker_id":"E1001","version":11,"effective":"2024-03-01","recorded_at":"2024-02-10T09:30:00Z","attributes":{"employee_number":"001001","person_key":"P-5512","given_name":"Zoë","family_name":"Müller","middle_name":null,"preferred_given_name":"Zo","preferred_family_name":null,"display_name":"Zoë Müller","work_email":"zo.mueller@example.com","personal_email":"zoe@example.net","work_phone":"+49 30 5550100","mobile_phone":"+49 170 5550100","department":"Department 7","division":"Product","cost_center":"CC-4711","company":"Example GmbH","team":"Platform","title":"Engineer","job_code":"J07-4","location":"Site 3","city":"Berlin","region":"BE","country":"DE","employment_type":"employee","worker_status":"active","manager_id":"E0007","manager_status":"individual","start_date":"2024-03-01","end_date":null,"original_hire_date":"2024-03-01","time_zone":"Europe/Berlin","clearance":"standard","language":"de-DE","extension_1":"A17","extension_2":"40h","extension_3":"BE-4","extension_4":null,"extension_5":"no"}}"#;

/// Our salt; any bytes do.
const SALT: &[u8] = b"0123456789abcdef0123456789abcdef";

/// The planned instant.
const NOW: &str = "2026-03-02T09:00:00Z";

/// How large a policy is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Targets.
    pub targets: usize,
    /// Mappings of each target.
    pub mappings: usize,
}

/// Everything that is there before the event arrives.
pub struct Company {
    /// The policy, compiled.
    pub compiled: Compiled,
    /// The queue event that makes the planner look, as Lambda hands it over.
    #[allow(
        dead_code,
        reason = "the planner's benchmark uses it, the kernels do not"
    )]
    pub envelope: String,
    /// The promotion, as HR states it: the whole record again.
    pub event: String,
    salt: Salt,
    source: SourceId,
    event_id: EventId,
    /// Whose.
    pub identity: IdentityId,
    /// The fact of the hire.
    pub hire: Fact,
    recorded: IdentityRecord,
    accounts: BTreeMap<TargetId, AccountRecord>,
    identifiers: BTreeMap<Box<str>, Pii<Box<str>>>,
    now: Timestamp,
}

impl Company {
    /// A hundred rules, and targets of that shape.
    pub fn new(shape: Shape) -> Self {
        let text = policy_text(shape);
        let loaded = policy::load_files([("policy.toml".to_owned(), text)])
            .unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.policy.rules.len(), 100);
        let compiled = Compiled::new(loaded.policy);
        let salt = Salt::new(SALT).expect("any length");
        let source = SourceId::from("hr");
        let now = NOW.parse().expect("an instant");
        let identifiers = BTreeMap::from([
            ("email".into(), Pii::new("zo.mueller@example.com".into())),
            ("user_name".into(), Pii::new("zo.mueller".into())),
        ]);
        let first = EventId::from("msg_2KWPBgLlAfxdpx2AI54pPJ85f4V");
        let hire = fact(&compiled, &salt, &source, &first, HIRE, now);
        let identity = IdentityId::from(&hire.record);
        let records = [(hire.record.clone(), vec![hire.clone()])];
        let nothing = BTreeMap::new();
        let input = Input {
            identity: &identity,
            records: &records,
            recorded: None,
            accounts: &nothing,
            identifiers: &identifiers,
            at: now,
        };
        let before = plan(&compiled, &input);
        Self {
            envelope: envelope(&hire.record),
            event: promotion(),
            event_id: EventId::from("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"),
            recorded: next_record(None, &input, &before),
            accounts: carried_out(&before),
            identifiers,
            compiled,
            salt,
            source,
            identity,
            hire,
            now,
        }
    }

    /// What the recorded decision rests on, to which the new fact is added.
    pub fn records(&self) -> [(RecordKey, Vec<Fact>); 1] {
        [(self.hire.record.clone(), vec![self.hire.clone()])]
    }

    /// The event as a fact.
    pub fn fact(&self) -> Fact {
        let Self {
            compiled,
            salt,
            source,
            event_id,
            event,
            now,
            ..
        } = self;
        fact(compiled, salt, source, event_id, event, *now)
    }

    /// What a plan over these records rests on.
    pub fn input<'a>(&'a self, records: &'a [(RecordKey, Vec<Fact>)]) -> Input<'a> {
        Input {
            identity: &self.identity,
            records,
            recorded: Some(&self.recorded),
            accounts: &self.accounts,
            identifiers: &self.identifiers,
            at: self.now,
        }
    }

    /// What the recorded decision and the connectors left.
    #[allow(
        dead_code,
        reason = "the kernels use it, the planner's benchmark does not"
    )]
    pub fn account(&self, target: &TargetId) -> &AccountRecord {
        &self.accounts[target]
    }
}

fn fact(
    compiled: &Compiled,
    salt: &Salt,
    source_id: &SourceId,
    event: &EventId,
    body: &str,
    now: Timestamp,
) -> Fact {
    let context = Context {
        source_id,
        source: &compiled.policy.sources[source_id],
        policy: &compiled.policy,
        salt,
        event,
        // The intake's; it was made over the bytes whose signature was verified.
        payload: Hash::default(),
        now,
    };
    let translated = translate(&context, &Body::Text(body)).unwrap_or_else(|_| panic!("readable"));
    translated.facts.into_iter().next().expect("one record")
}

/// The same record with another title, team, cost centre and telephone.
fn promotion() -> String {
    [
        (r#""version":11"#, r#""version":12"#),
        (r#""effective":"2024-03-01""#, r#""effective":"2026-03-01""#),
        ("2024-02-10T09:30:00Z", "2026-02-20T09:30:00Z"),
        (r#""title":"Engineer""#, r#""title":"Lead""#),
        (r#""team":"Platform""#, r#""team":"Identity""#),
        ("CC-4711", "CC-4812"),
        ("+49 30 5550100", "+49 30 5550199"),
    ]
    .iter()
    .fold(HIRE.to_owned(), |text, (was, want)| {
        assert!(text.contains(was));
        text.replace(was, want)
    })
}

/// A batch of one message, as Lambda receives it from a FIFO queue.
fn envelope(record: &RecordKey) -> String {
    let body = contract::PlanRequest::new(record.clone(), contract::Cause::Fact);
    serde_json::json!({ "Records": [{
        "messageId": "5cee6b06-6ea1-5a5b-b2e0-35a5d6b1c2ab",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a".repeat(8),
        "body": serde_json::to_string(&body).expect("JSON"),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "AWSTraceHeader": "Root=1-698b0000-0123456789abcdef01234567;Parent=53995c3f42cd8ad8",
            "SentTimestamp": "1770716400000",
            "SequenceNumber": "18849496460467696128",
            "MessageGroupId": record.as_str(),
            "SenderId": "AROAEXAMPLEEXAMPLE123:hr-webhook",
            "MessageDeduplicationId": "0".repeat(64),
            "ApproximateFirstReceiveTimestamp": "1770716400010",
        },
        "messageAttributes": {},
        "md5OfBody": "7b270e59b47ff90a553787216d55d91d",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:lanyard-facts.fifo",
        "awsRegion": "eu-central-1",
    }]})
    .to_string()
}

/// What the connectors remember once a first plan was carried out.
fn carried_out(plan: &Plan) -> BTreeMap<TargetId, AccountRecord> {
    let account = |changes: &[Change]| {
        let mut record = AccountRecord {
            id: Some(AccountId::from("2819c223-7f76-453a-919d-413861904646")),
            ownership: Some(Ownership::Created),
            active: true,
            applied: Generation(1),
            ..AccountRecord::default()
        };
        for change in changes {
            match change {
                Change::Create { attrs, .. } => record.attrs.extend(
                    attrs
                        .iter()
                        .map(|(path, change)| (path.clone(), change.want.clone())),
                ),
                Change::Grant { entitlement } => {
                    record.grants.insert(entitlement.clone());
                }
                other => panic!("not part of a hire: {}", other.name()),
            }
        }
        record
    };
    plan.targets
        .iter()
        .map(|(name, target)| (name.clone(), account(&target.changes)))
        .collect()
}

/// A hundred rules in a mix: exact values, two conditions, lists, prefixes, exceptions. The
/// worker meets nine of them.
fn policy_text(shape: Shape) -> String {
    let mut text = SOURCES.to_owned();
    let out = &mut text;
    let list = |name: &str, n: usize| -> String {
        let values: Vec<String> = (0..n).map(|i| format!(r#""{name} {i}" = []"#)).collect();
        values.join("\n")
    };
    add(
        out,
        format_args!(
            "[standards.department]\nclosed = true\n[standards.department.values]\n{}\n",
            list("Department", 20)
        ),
    );
    add(
        out,
        format_args!(
            "[standards.location]\nclosed = true\n[standards.location.values]\n{}\n",
            list("Site", 20)
        ),
    );
    for n in 0..80 {
        let target = n % shape.targets;
        add(
            out,
            format_args!("[entitlements.group-{n}]\ntarget = \"target-{target}\"\n"),
        );
    }
    for n in 0..40 {
        add(
            out,
            format_args!(
                "[roles.role-{n}]\nentitlements = [\"group-{n}\", \"group-{}\"]\n",
                n + 40
            ),
        );
    }
    let mut rules: Vec<(String, usize)> = Vec::new();
    for n in 0..20 {
        rules.push((format!(r#"department = "Department {n}""#), n));
        rules.push((
            format!(r#"department = "Department {n}", title = ["Lead", "Head"]"#),
            n + 20,
        ));
        rules.push((format!(r#"location = "Site {n}""#), (n + 5) % 40));
        let other = (n + 1) % 20;
        rules.push((
            format!(
                r#"department = ["Department {n}", "Department {other}"], employment_type = "employee""#
            ),
            (n + 10) % 40,
        ));
        rules.push((
            format!(
                r#"job_code = {{ prefix = ["J{n:02}-"] }}, country = {{ not_in = ["US", "CA"] }}"#
            ),
            (n + 30) % 40,
        ));
    }
    for (n, (when, role)) in rules.into_iter().enumerate() {
        add(
            out,
            format_args!(
                "[[rules]]\nid = \"rule-{n:03}\"\nwhen = {{ {when} }}\nroles = [\"role-{role}\"]\n"
            ),
        );
    }
    for n in 0..shape.targets {
        add(
            out,
            format_args!(
                "[targets.target-{n}]\nmode = \"enforce\"\nbase_url = \"https://target-{n}.example/scim/v2\"\n\
                 token = \"target-{n}\"\nprofile = \"rfc\"\n[targets.target-{n}.attributes]\n{MAPPINGS}"
            ),
        );
        for extra in 12..shape.mappings {
            let attr = EXTRA[extra % EXTRA.len()];
            add(
                out,
                format_args!(
                    "\"urn:example:params:scim:schemas:extension:hr:2.0:User:field{extra}\" = {attr}\n"
                ),
            );
        }
    }
    text
}

fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes all");
}

const SOURCES: &str = r#"
required = ["given_name", "family_name", "department", "employment_type", "start_date"]

[sources.hr]
zone = "Europe/Berlin"
format = "canonical"
verify = "standard-webhooks"
secrets = ["hr-signing"]

[standards.employment_type]
closed = true
values = { "employee" = ["Permanent"], "contractor" = ["Contingent Worker"], "intern" = [] }

[standards.worker_status]
closed = true
values = { "active" = [], "leave" = [], "terminated" = [], "no_show" = [] }

[standards.country]
values = { "DE" = ["Germany"], "PT" = ["Portugal"], "US" = ["USA"], "CA" = ["Canada"] }

[zones]
"Site 3" = "Europe/Berlin"

[identifiers.user_name]
ladder = ["{given_name}.{family_name}", "{given_name}.{family_name}{n}"]

[identifiers.email]
ladder = ["{given_name}.{family_name}", "{given_name}.{family_name}{n}"]
suffix = "@example.com"
stated = "work_email"
"#;

/// Twelve attributes as an application wants them.
const MAPPINGS: &str = r#"
userName = { identifier = "user_name" }
externalId = { key = true }
"name.givenName" = "{preferred_given_name|given_name}"
"name.familyName" = "{family_name}"
displayName = { first_of = ["{preferred_given_name} {family_name}", "{display_name}"] }
title = "{title}"
preferredLanguage = { lookup = "country", table = { DE = "de-DE", PT = "pt-PT" }, default = "en", strength = "fill_if_empty" }
'emails[type eq "work"].value' = { identifier = "email" }
'phoneNumbers[type eq "work"].value' = "{work_phone}"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = "{department}"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter" = "{cost_center}"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = { manager = true }
"#;

/// What the further attributes of a large target hold, in turns.
const EXTRA: [&str; 8] = [
    r#""{employee_number}""#,
    r#""{city}, {country}""#,
    r#""{team}""#,
    r#"{ lookup = "region", table = { BE = "Berlin", BY = "Bayern" } }"#,
    r#""{extension_1}""#,
    r#""{company}""#,
    r#"{ first_of = ["{extension_9}", "{extension_2}"] }"#,
    r#""{given_name:initial}{family_name:lower}""#,
];
