//! A company in which every personal value carries a marker, and everything goes wrong.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use domain::TargetId;
use jiff::SignedDuration;
use ports::queue::Queues as _;
use ports::store::Health;
use ports::{Clock as _, Fault as OurFault, Store as _};
use scim_target::{Fault, FaultKind, RetryAfter};
use serde_json::{Value, json};
use tests::world::{Company, Says, signed};

use super::people::{about, bamboo, bamboo_post, hire, user_name, worker};
use super::{FOREIGN_MARK, MARK};

/// Statuses with which a target refuses, quoting what it was sent.
const REFUSALS: [u16; 9] = [400, 403, 404, 409, 412, 413, 422, 500, 503];

/// What came of it.
pub struct Life {
    /// Status and body of every answer to HR.
    pub answers: Vec<(i64, String)>,
    /// How targets were described while they were left alone.
    pub healths: Vec<String>,
}

impl Life {
    /// Everything, one thing after the other.
    pub async fn lived(company: &mut Company) -> Self {
        let mut life = Self {
            answers: Vec::new(),
            healths: Vec::new(),
        };
        life.joins(company).await;
        Box::pin(life.posts_that_are_refused(company)).await;
        life.records_that_are_bad(company).await;
        Box::pin(life.targets_that_refuse(company)).await;
        life.answers_that_get_lost(company).await;
        life.names_that_are_taken(company).await;
        life.targets_that_are_left_alone(company).await;
        life.messages_that_nobody_can_work(company).await;
        life.moves_and_endings(company).await;
        life.nights(company).await;
        life
    }

    /// A signed post; whatever follows from it.
    async fn post(&mut self, company: &mut Company, request: ApiGatewayV2httpRequest) -> i64 {
        let answer = company.world.webhook.handle(request).await;
        company.world.settle().await;
        self.answered(&answer)
    }

    fn answered(&mut self, answer: &ApiGatewayV2httpResponse) -> i64 {
        let body = match &answer.body {
            Some(Body::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let headers = format!("{:?}", answer.headers);
        self.answers
            .push((answer.status_code, format!("{headers} {body}")));
        answer.status_code
    }

    async fn says(&mut self, company: &mut Company, says: Says) {
        let count = self.answers.len() as u64;
        let (_, request) = says.request(count, company.world.clock.now());
        let status = self.post(company, request).await;
        assert_eq!(status, 202, "{:?}", self.answers.last());
    }

    async fn joins(&mut self, company: &mut Company) {
        self.says(company, hire(0)).await;
        for n in 1..4 {
            self.says(company, hire(n).that("manager_id", &worker(0)))
                .await;
        }
        self.says(company, hire(1).that("manager_id", &worker(0)))
            .await;
        let foreign = hire(4)
            .that("given_name", FOREIGN_MARK)
            .that("work_email", "");
        self.says(company, foreign).await;

        let body = json!({ "employees": [
            bamboo(20, "Created"),
            { "id": format!("B-{MARK}-21"), "action": format!("{MARK}ed"), "fields": {} },
            format!("{MARK} is not an object"),
            bamboo(22, "Created"),
        ] });
        let request = bamboo_post(company, &body.to_string());
        assert_eq!(self.post(company, request).await, 202);
        let body = json!({ "employees": [{ "id": MARK, "action": MARK }] });
        let request = bamboo_post(company, &body.to_string());
        assert_eq!(self.post(company, request).await, 400);
    }

    /// Posts that prove nothing, or say nothing that can be read.
    async fn posts_that_are_refused(&mut self, company: &mut Company) {
        let now = company.world.clock.now();
        let event = format!("evt-{MARK}-refused");
        let good = json!({
            "schema": "lanyard.worker.v1",
            "type": "worker.changed",
            "worker_id": worker(90),
            "recorded_at": "2026-03-02T07:00:00Z",
            "attributes": { "given_name": format!("{MARK}90") },
        });
        let changed = |path: &str, value: Value| {
            let mut body = good.clone();
            *body.pointer_mut(path).expect("a member") = value;
            body.to_string()
        };
        for body in [
            format!("{MARK} is not JSON"),
            format!("{{\"worker_id\": \"{MARK}\", "),
            format!("[\"{MARK}\"]"),
            changed("/schema", json!(MARK)),
            changed("/type", json!(format!("worker.{MARK}"))),
            changed("/worker_id", json!("")),
            changed("/worker_id", json!(MARK.repeat(1000))),
            changed("/recorded_at", json!(format!("yesterday {MARK}"))),
            changed("/attributes", json!(MARK)),
            changed("/attributes", json!({ "given_name": [MARK] })),
            changed("/attributes", json!({ "given_name": { "is": MARK } })),
        ] {
            let request = signed("hr", &event, now, &body);
            assert_eq!(self.post(company, request).await, 400, "{body}");
        }
        for (source, name, value) in [
            ("hr", "webhook-signature", format!("v1,{MARK}")),
            ("hr", "webhook-timestamp", MARK.to_owned()),
            ("hr", "webhook-id", format!("another-{MARK}")),
            (MARK, "x-other", MARK.to_owned()),
        ] {
            let mut request = signed(source, &event, now, &good.to_string());
            let name: aws_lambda_events::http::HeaderName = name.parse().expect("a name");
            request
                .headers
                .insert(name, value.parse().expect("a value"));
            assert_eq!(self.post(company, request).await, 401);
        }
        let mut request = signed("hr", &event, now, &good.to_string());
        let kind = format!("text/{MARK}").parse().expect("a value");
        request.headers.insert("content-type", kind);
        assert_eq!(self.post(company, request).await, 415);

        // The same event with another body; a queue that is down.
        let request = signed("hr", &event, now, &good.to_string());
        assert_eq!(self.post(company, request.clone()).await, 202);
        let other = changed("/attributes/given_name", json!(format!("{MARK}91")));
        let other = signed("hr", &event, now, &other);
        assert_eq!(self.post(company, other).await, 409);
        company
            .world
            .lanes
            .fail_next(OurFault::retry("the queue is full"));
        assert_eq!(self.post(company, request).await, 503);
    }

    /// Records that policy parks.
    async fn records_that_are_bad(&mut self, company: &mut Company) {
        let marked = |n: usize, attr: &str| hire(n).that(attr, &format!("{MARK} {attr}"));
        for (n, attr) in [
            "department",
            "employment_type",
            "worker_status",
            "start_date",
            "end_date",
            "end_mode",
            "time_zone",
            "manager_id",
        ]
        .into_iter()
        .enumerate()
        {
            self.says(company, marked(30 + n, attr)).await;
        }
        self.says(company, hire(38).not("family_name")).await;
        self.says(company, hire(39).that("given_name", "")).await;
        // Two people at once with one address.
        let address = format!("{MARK}1.work_email@example.com");
        self.says(company, hire(40).that("work_email", &address))
            .await;
        let told = company.world.seat(&worker(40)).await.expect("an item");
        let told = format!("{:?}", told.record.findings);
        assert!(told.contains("Disputed"), "{told}");
    }

    /// Every kind of refusal of every kind of request, with an answer that quotes it.
    async fn targets_that_refuse(&mut self, company: &mut Company) {
        let by_post = company
            .dir
            .log()
            .iter()
            .any(|r| r.path.ends_with(".search"));
        for (n, code) in REFUSALS.into_iter().enumerate() {
            let refuse = |method: &str, path: &str| {
                let fault = Fault::StatusQuoting { code };
                fault.once().method(method).path(path)
            };
            let create = refuse("POST", "/Users").after(u64::from(by_post));
            let look_up = if by_post {
                refuse("POST", "/Users/.search")
            } else {
                refuse("GET", "/Users").query("externalId")
            };
            let title = format!("{MARK} {code}");
            self.says(company, hire(100 + n)).await;
            for (rule, says) in [
                (create, hire(50 + n)),
                (look_up, hire(60 + n)),
                (refuse("PATCH", "/Groups"), hire(70 + n)),
                (refuse("PATCH", "/Users"), about(1).that("title", &title)),
                (refuse("PATCH", "/Users"), Says::deletes(&worker(70 + n))),
                (refuse("GET", "/Users/"), Says::deletes(&worker(100 + n))),
            ] {
                let faults = company.dir.faults().clone();
                let before = faults.fired(FaultKind::StatusQuoting);
                faults.add(rule.clone());
                self.says(company, says).await;
                let fired = faults.fired(FaultKind::StatusQuoting) - before;
                assert_eq!(fired, 1, "{code} {rule:?}");
                // A target that is left alone is asked again later.
                let dir = TargetId::from("dir");
                let health = company.world.store.health(&dir).await.expect("a read");
                if let Health::Quarantined { .. } = health {
                    self.healths.push(format!("{health:?}"));
                    company.world.pass(SignedDuration::from_hours(2)).await;
                }
            }
        }
        company.dir.faults().clear();
    }

    async fn answers_that_get_lost(&mut self, company: &mut Company) {
        let faults = company.dir.faults().clone();
        faults.add(Fault::DropAfterCommit.once().method("POST"));
        self.says(company, hire(80)).await;
        faults.add(Fault::DropBeforeCommit.once().method("PATCH"));
        self.says(company, about(2).that("title", &format!("{MARK} 2")))
            .await;
        faults.add(Fault::HtmlBadGateway.once());
        self.says(company, hire(81)).await;
        let retry_after = RetryAfter::Seconds(20);
        faults.add(Fault::TooManyRequests { retry_after }.times(2));
        self.says(company, hire(82)).await;
        for kind in [
            FaultKind::DropAfterCommit,
            FaultKind::DropBeforeCommit,
            FaultKind::HtmlBadGateway,
            FaultKind::TooManyRequests,
        ] {
            assert!(faults.fired(kind) > 0, "{kind:?}");
        }
        faults.clear();
    }

    /// Taken by somebody who shows, by somebody who does not, and by nobody.
    async fn names_that_are_taken(&mut self, company: &mut Company) {
        let theirs = json!({ "userName": user_name(83), "externalId": MARK, "active": true });
        company.dir.insert_user(theirs).expect("inserted");
        self.says(company, hire(83)).await;
        let nobodys = json!({ "userName": user_name(84), "active": false, "title": MARK });
        company.dir.insert_user(nobodys).expect("inserted");
        self.says(company, hire(84)).await;
        let hidden = json!({ "userName": user_name(85), "active": false });
        company.dir.insert_user(hidden).expect("inserted");
        company.dir.faults().add(Fault::HideInactive);
        self.says(company, hire(85)).await;
        company.dir.faults().clear();
    }

    /// A target whose token is refused, and one that ignores filters.
    async fn targets_that_are_left_alone(&mut self, company: &mut Company) {
        for (n, fault) in [
            (86, Fault::StatusQuoting { code: 401 }),
            (87, Fault::FilterIgnored),
        ] {
            company.dir.faults().add(fault.clone().times(8));
            self.says(company, hire(n)).await;
            let dir = TargetId::from("dir");
            let health = company.world.store.health(&dir).await.expect("a read");
            assert!(matches!(health, Health::Quarantined { .. }), "{fault:?}");
            self.healths.push(format!("{health:?}"));
            company.dir.faults().clear();
            company.world.pass(SignedDuration::from_hours(3)).await;
        }
    }

    async fn messages_that_nobody_can_work(&mut self, company: &mut Company) {
        let refuse = Fault::StatusQuoting { code: 503 };
        company
            .wiki
            .faults()
            .add(refuse.always().method("POST").path("/Users"));
        self.says(company, hire(88)).await;
        let lane = contract::Lane::Target(TargetId::from("wiki"));
        assert!(!company.world.lanes.dead_letters(&lane).is_empty());
        company.wiki.faults().clear();
        company.world.pass(SignedDuration::from_hours(1)).await;
        assert!(company.on_wiki(&worker(88)).is_some());
    }

    async fn moves_and_endings(&mut self, company: &mut Company) {
        let mover = about(2)
            .that("department", "Treasury")
            .that("family_name", &format!("Souza{MARK}"))
            .not("manager_id");
        self.says(company, mover.as_event(&format!("{MARK}-move")))
            .await;
        let undo = Says::rescinds(&worker(2), &format!("{MARK}-move"));
        self.says(company, undo).await;
        let leaver = about(3)
            .that("worker_status", "terminated")
            .that("end_mode", "now");
        self.says(company, leaver).await;
        let day = about(80).that("end_date", "2026-03-10");
        self.says(company, day).await;
        company.world.until("2026-03-12T08:00:00Z").await;
        let again = hire(89)
            .that("work_email", &format!("{MARK}80.work_email@example.com"))
            .that("family_name", &format!("Silva{MARK}80"))
            .that("start_date", "2026-03-12");
        self.says(company, again).await;
        let body = json!({ "employees": [bamboo(20, "Deleted")] });
        let request = bamboo_post(company, &body.to_string());
        assert_eq!(self.post(company, request).await, 202);
    }

    /// Other people's hands, and listings that do not end well.
    async fn nights(&mut self, company: &mut Company) {
        company.world.night().await;
        let ghost = json!({
            "userName": format!("ghost.{MARK}"),
            "active": true,
            "emails": [{ "value": format!("{MARK}@example.com"), "type": "work" }],
        });
        let ghost = company.dir.insert_user(ghost).expect("inserted").id;
        let staff = company.dir.group_by_display_name("staff").expect("a group");
        company.dir.add_member(&staff.id, &ghost).expect("added");
        let drifted = company.on_dir(&worker(1)).expect("an account").id;
        let title = json!({ "title": format!("Emperor {MARK}") });
        company.dir.update_user(&drifted, title).expect("updated");
        let deleted = company.on_dir(&worker(0)).expect("an account").id;
        assert!(company.dir.delete_user(&deleted));
        let left = company.on_dir(&worker(3)).expect("an account").id;
        let back = json!({ "active": true });
        company.dir.update_user(&left, back).expect("updated");
        let found = company.world.night().await;
        let dir = &found.manifest.summary.targets[&TargetId::from("dir")];
        assert!(dir.findings.len() > 3, "{:?}", dir.findings);

        let refuse = Fault::StatusQuoting { code: 400 };
        company
            .dir
            .faults()
            .add(refuse.once().method("GET").path("/Users"));
        let blind = company.world.night().await;
        let dir = &blind.manifest.summary.targets[&TargetId::from("dir")];
        assert!(dir.users.is_err());
        company.dir.faults().clear();
    }

    /// That the company was there at all.
    pub fn assert_lived(&self, company: &Company) {
        let marked = |user: &scim_target::User| super::is_marked(&user.json.to_string());
        assert!(
            company
                .dir
                .users()
                .iter()
                .filter(|user| marked(user))
                .count()
                > 20
        );
        assert!(
            company
                .wiki
                .users()
                .iter()
                .filter(|user| marked(user))
                .count()
                > 20
        );
        let user = company.on_dir(&worker(1)).expect("an account").json;
        for path in ["/userName", "/name/givenName", "/title", "/emails/0/value"] {
            let value = user.pointer(path).and_then(Value::as_str);
            assert!(value.is_some_and(super::is_marked), "{path} in {user}");
        }
        let statuses: std::collections::BTreeSet<i64> =
            self.answers.iter().map(|(status, _)| *status).collect();
        let all = [202, 400, 401, 409, 415, 503];
        assert!(statuses.iter().eq(&all), "{statuses:?}");
    }
}
