//! Questions put to people, and what became of the answers: they are data, and are never asked
//! for again.

use contract::report::FindingRow;
use domain::case::{Case, CaseState, Subject, Verdict};
use domain::record::CorrelatedBy;
use domain::{Finding, Problem};
use planner::operator::{Answer, Said};
use ports::cases::Which;
use ports::{Cases as _, Objects as _};
use reconciler::Finished;
use tests::world::{Company, Says, policy_text};

const ANA: (&str, &str) = ("Ana", "Silva");

pub(super) fn said() -> Said {
    Said {
        by: "kim".into(),
        reason: "asked HR".into(),
    }
}

fn with_address(worker: &str, names: (&str, &str), start: &str, address: &str) -> Says {
    Says::hires(worker, names, "Engineering", start).that("work_email", address)
}

pub(super) fn ana(worker: &str, start: &str) -> Says {
    with_address(worker, ANA, start, "ana.silva@example.com")
}

pub(super) fn ends(worker: &str, day: &str) -> Says {
    Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_date", day)
}

/// Addresses are generated: two people may state the same one.
pub(super) fn generated_addresses() -> String {
    policy_text().replace("stated = \"work_email\"\n", "")
}

/// Several keys with weights instead of one rule, and people of another organisation.
fn weighted() -> String {
    let text = generated_addresses().replace(
        "\"contractor\" = [\"Contingent Worker\"]",
        "\"contractor\" = [\"Contingent Worker\"]\n\"acquired\" = []",
    );
    let (before, rest) = text.split_once("[[correlation]]").expect("a rule");
    let (_, after) = rest.split_once("confidence = 95").expect("its end");
    let weights = r#"
[correlation]
link = 80
case = 50
ended = "link"
active = { contractor = "link", employee = "link", acquired = "link" }

[correlation.keys]
work_email = { finds = true, agree = 50 }
personal_email = { finds = true, agree = 50 }
family_name = { agree = 25, contradict = 30 }
given_name = { agree = 15, contradict = 20 }
"#;
    format!("{before}{weights}{after}")
}

pub(super) async fn open(company: &Company) -> Vec<Case> {
    company.world.store.cases(Which::Open).await.expect("cases")
}

/// The one question that waits.
pub(super) async fn question(company: &Company) -> Case {
    let mut open = open(company).await;
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

pub(super) async fn answer(company: &Company, answer: Answer) -> Case {
    let id = question(company).await.id;
    let operator = company.world.operator();
    let case = operator.answer(&id, answer, &said()).await.expect("taken");
    company.world.settle().await;
    case
}

pub(super) async fn rows(company: &Company, night: &Finished) -> Vec<FindingRow> {
    let summary = &night.manifest.summary;
    let folder = reconciler::report::folder(summary.date, &summary.run);
    let key = format!("{folder}{}", reconciler::report::FINDINGS_NDJSON);
    let body = company.world.objects.get(&key).await.expect("a read");
    reconciler::report::ndjson::Reader::new(&*body.expect("a file"))
        .expect("a header")
        .map(|row| row.expect("a row"))
        .collect()
}

fn disputed(seat: &ports::store::Seat) -> bool {
    seat.record.findings.iter().any(|finding| {
        matches!(
            finding,
            Finding::Parked {
                problem: Problem::Disputed { .. },
                ..
            }
        )
    })
}

#[tokio::test]
async fn a_decision_is_never_asked_again() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ana("E2", "2026-03-02")).await;
    let case = question(&company).await;
    let record = domain::RecordKey::from(&company.world.identity("E2"));
    assert_eq!(case.subject, Subject::Record { record });
    assert_eq!(case.candidates.len(), 1);
    assert_eq!(case.candidates[0].identity, company.world.identity("E1"));
    assert_eq!(case.candidates[0].confidence, 95);
    let clues: Vec<(&str, bool)> = case.candidates[0]
        .clues
        .iter()
        .map(|clue| (&*clue.attr, clue.agrees))
        .collect();
    assert_eq!(clues, [("family_name", true), ("work_email", true)]);

    let decided = answer(&company, Answer::Same(None)).await;
    assert_eq!(decided.verdict().map(Verdict::name), Some("same"));
    let seat = company.world.seat("E1").await.expect("an item");
    assert_eq!(seat.record.records.len(), 2);
    assert_eq!(
        seat.record.records[1].by,
        CorrelatedBy::Operator("kim".into())
    );
    assert_eq!(company.dir.user_count(), 1);

    // Late facts, another planner, nights, and the day on which it used to be asked again.
    company
        .world
        .hr(Says::about("E2")
            .that("department", "Sales")
            .from("2026-02-01"))
        .await;
    company.world.hr(ends("E1", "2026-03-05")).await;
    for day in ["2026-03-03T09:00:00Z", "2026-03-20T09:00:00Z"] {
        company.world.until(day).await;
        company.world.night().await;
        assert_eq!(open(&company).await, [], "{day}");
    }
    assert_eq!(
        company.active("E1"),
        (true, true),
        "the other record goes on"
    );
    let all = company.world.store.cases(Which::All).await.expect("cases");
    assert_eq!(all, [decided]);
    let again = company.world.operator();
    let said = said();
    let refused = again.answer(&all[0].id, Answer::Different(None), &said);
    assert!(refused.await.is_err(), "an answer is not given twice");
}

#[tokio::test]
async fn t21_two_people_with_one_address_are_told_apart_for_ever() {
    let mut company = Company::with_policy(&generated_addresses()).await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ana("E2", "2026-03-02")).await;
    answer(&company, Answer::Different(None)).await;
    let (first, second) = (
        company.on_dir("E1").expect("an account"),
        company.on_dir("E2").expect("an account"),
    );
    assert_ne!(first.id, second.id);
    assert_eq!(
        (&*first.user_name, &*second.user_name),
        ("ana.silva", "ana.silva2")
    );
    assert!(!disputed(&company.world.seat("E2").await.expect("an item")));
    // The address goes and comes back; both end; a night passes.
    company
        .world
        .hr(Says::about("E2").that("work_email", "x@example.com"))
        .await;
    company
        .world
        .hr(Says::about("E2").that("work_email", "ana.silva@example.com"))
        .await;
    company.world.hr(ends("E1", "2026-03-10")).await;
    company.world.until("2026-03-12T09:00:00Z").await;
    company.world.night().await;
    assert_eq!(open(&company).await, []);
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(company.active("E2"), (true, true));
    // A third record is a question of its own, about one of them who works here and one who left.
    company.world.hr(ana("E3", "2026-03-12")).await;
    let case = question(&company).await;
    assert_eq!(case.candidates.len(), 2);
    let operator = company.world.operator();
    let said = said();
    let unnamed = operator.answer(&case.id, Answer::Same(None), &said);
    assert!(unnamed.await.is_err(), "who is meant has to be said");
    let one = Answer::Different(Some(company.world.identity("E2")));
    operator.answer(&case.id, one, &said).await.expect("taken");
    company.world.settle().await;
    // What is left is a rehire by policy.
    let seat = company.world.seat("E1").await.expect("an item");
    assert_eq!(seat.record.records.len(), 2);
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(open(&company).await, []);
}

#[tokio::test]
async fn t20_whoever_was_told_apart_waits_for_an_address_of_their_own_and_not_for_a_human() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ends("E1", "2026-03-10")).await;
    company.world.until("2026-03-20T09:00:00Z").await;
    let aurel = with_address(
        "E9",
        ("Aurel", "Stan"),
        "2026-03-20",
        "ana.silva@example.com",
    );
    company.world.hr(aurel).await;
    let case = question(&company).await;
    let clue = &case.candidates[0].clues[0];
    assert_eq!((&*clue.attr, clue.agrees), ("family_name", false));
    assert!(case.candidates[0].confidence < 95);
    answer(&company, Answer::Different(None)).await;
    assert!(
        company.on_dir("E9").is_none(),
        "nobody's address is given on"
    );
    let seat = company.world.seat("E9").await.expect("an item");
    assert!(!disputed(&seat), "{:?}", seat.record.findings);
    company
        .world
        .hr(Says::about("E9").that("work_email", "aurel.stan@example.com"))
        .await;
    assert_eq!(company.active("E9"), (true, true));
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(open(&company).await, []);
}

#[tokio::test]
async fn t01_a_rehire_who_was_recognised_early_survives_the_ending_of_the_old_record() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.until("2026-03-20T09:00:00Z").await;
    let rehired = ana("E9", "2026-03-20").that("department", "Sales");
    company.world.hr(rehired).await;
    answer(&company, Answer::Same(None)).await;
    company
        .world
        .hr(ends("E1", "2026-03-10").from("2026-03-10"))
        .await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["readers", "staff"]);
    assert_eq!(company.dir.user_count(), 1);
}

#[tokio::test]
async fn a_question_that_answers_itself_is_closed() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ana("E2", "2026-03-02")).await;
    let case = question(&company).await;
    company
        .world
        .hr(Says::about("E2").that("work_email", "ana.silva-2@example.com"))
        .await;
    let closed = company.world.store.case(&case.id).await.expect("a read");
    assert!(matches!(
        closed.expect("a case").state,
        CaseState::Closed { .. }
    ));
    assert_eq!(company.active("E2"), (true, true));
}

#[tokio::test]
async fn t10_several_keys_tell_the_same_person_from_a_relative() {
    let mut company = Company::with_policy(&weighted()).await;
    let at_home = |says: Says| says.that("personal_email", "silva@home.example");
    company.world.hr(at_home(ana("E1", "2026-03-02"))).await;
    // 50 + 50 + 25 + 15, at most 100: the same.
    company.world.hr(at_home(ana("E2", "2026-03-02"))).await;
    let seat = company.world.seat("E1").await.expect("an item");
    assert_eq!(seat.record.records.len(), 2);
    assert_eq!(
        seat.record.records[1].by,
        CorrelatedBy::Rule("weights".into())
    );
    assert_eq!(seat.record.records[1].confidence, 100);
    // 50 + 25 - 20 = 55: a relative, or Ana under another name.
    let rui = Says::hires("E3", ("Rui", "Silva"), "Sales", "2026-03-02");
    company.world.hr(at_home(rui)).await;
    let case = question(&company).await;
    assert_eq!(case.candidates[0].confidence, 55);
    answer(&company, Answer::Different(None)).await;
    assert_eq!(company.active("E3"), (true, true));
    // 50 - 30 - 20 = 0: somebody else, and nobody is asked.
    let li = Says::hires("E4", ("Mei", "Li"), "Sales", "2026-03-02");
    company.world.hr(at_home(li)).await;
    assert_eq!(open(&company).await, []);
    assert_eq!(company.active("E4"), (true, true));
}

#[tokio::test]
async fn t22_a_contractor_with_a_new_address_is_found_by_the_other_keys() {
    let mut company = Company::with_policy(&weighted()).await;
    let contract = Says::contracts("C1", ANA, "2026-03-02", Some("2026-06-30"))
        .that("personal_email", "ana@home.example");
    company.world.hr(contract).await;
    company.world.until("2026-04-01T09:00:00Z").await;
    // 50 + 25 + 15 = 90, although the business address is another one.
    let employee = with_address("E7", ANA, "2026-04-01", "a.silva@example.com")
        .that("personal_email", "ana@home.example");
    company.world.hr(employee).await;
    assert!(company.on_dir("E7").is_none());
    assert_eq!(company.groups("C1"), ["editors", "readers", "staff"]);
    assert_eq!(open(&company).await, []);
}

#[tokio::test]
async fn t14_a_merger_brings_people_twice_who_are_linked_or_asked_about_once() {
    let mut company = Company::with_policy(&weighted()).await;
    let home = |n: usize| format!("p{n}@home.example");
    let given = |n: usize| format!("Person{n}");
    for n in 0..30 {
        let hire = Says::hires(
            &format!("E{n}"),
            (&given(n), "Silva"),
            "Sales",
            "2026-03-02",
        )
        .that("personal_email", &home(n));
        company.world.post(hire).await;
    }
    company.world.settle().await;
    // The other organisation: 6 of them by all keys, 8 under another given name, 20 strangers.
    for n in 0..34 {
        let (names, address) = match n {
            0..6 => ((given(n), "Silva"), home(n)),
            6..14 => ((format!("Other{n}"), "Silva"), home(n)),
            _ => (
                (format!("Stranger{n}"), "Costa"),
                format!("s{n}@away.example"),
            ),
        };
        let says = Says::hires(&format!("A{n}"), (&names.0, names.1), "Sales", "2026-03-02")
            .that("employment_type", "acquired")
            .that("personal_email", &address);
        company.world.post(says).await;
    }
    company.world.settle().await;
    assert_eq!(company.dir.user_count(), 30 + 20, "nobody has two accounts");
    let cases = open(&company).await;
    assert_eq!(cases.len(), 8);
    for n in 0..6 {
        let seat = company.world.seat(&format!("E{n}")).await.expect("an item");
        assert_eq!(seat.record.records.len(), 2, "E{n}");
    }
    let operator = company.world.operator();
    for n in 6..14 {
        let subject = Subject::Record {
            record: domain::RecordKey::from(&company.world.identity(&format!("A{n}"))),
        };
        let verdict = if n < 10 {
            Answer::Same(None)
        } else {
            Answer::Different(None)
        };
        operator
            .answer(&subject.case(), verdict, &said())
            .await
            .expect("taken");
    }
    company.world.settle().await;
    assert_eq!(company.dir.user_count(), 30 + 20 + 4);
    // The import comes again, as imports do, and nights pass.
    for n in 0..34 {
        let says = Says::about(&format!("A{n}")).that("title", "Specialist");
        company.world.post(says).await;
    }
    company.world.settle().await;
    let night = company.world.night().await;
    assert_eq!(open(&company).await, [], "nobody is asked twice");
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(company.dir.user_count(), 30 + 20 + 4);
    assert_eq!(company.active("E7"), (true, true));
    assert_eq!(
        company.active("A12"),
        (true, false),
        "an account of their own"
    );
}

#[tokio::test]
async fn a_decision_outlives_the_retention_of_accounts() {
    let mut company = Company::with_policy(&generated_addresses()).await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ana("E2", "2026-03-02")).await;
    answer(&company, Answer::Different(None)).await;
    company.world.hr(ana("E3", "2026-03-02")).await;
    let operator = company.world.operator();
    let (case, said) = (question(&company).await.id, said());
    let same = Answer::Same(Some(company.world.identity("E1")));
    operator.answer(&case, same, &said).await.expect("taken");
    company.world.settle().await;
    for worker in ["E1", "E3"] {
        company.world.hr(ends(worker, "2026-03-10")).await;
    }
    company.world.until("2026-07-01T09:00:00Z").await;
    assert!(company.on_dir("E1").is_none(), "deleted after 60 days");
    company.world.night().await;
    // A late correction about the one who was told apart, and a return of the one who was linked.
    company
        .world
        .hr(Says::about("E2").that("title", "Lead").from("2026-03-05"))
        .await;
    let back = Says::about("E3")
        .that("worker_status", "active")
        .not("end_date")
        .that("start_date", "2026-07-01")
        .from("2026-07-01");
    company.world.hr(back).await;
    assert_eq!(open(&company).await, []);
    assert!(company.on_dir("E3").is_none(), "it is E1's record");
    let again = company.on_dir("E1").expect("made anew");
    assert_eq!(
        (&*again.user_name, again.active),
        ("ana.silva", true),
        "the name was kept"
    );
    assert_eq!(company.active("E2"), (true, true));
}
