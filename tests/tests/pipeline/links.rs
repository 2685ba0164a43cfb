//! Links of accounts and of worker records: made by operators, and repaired by them.

use contract::report::Class;
use domain::TargetId;
use planner::operator::Answer;
use serde_json::json;
use tests::world::{Company, Says, policy_text, unlimited};

use super::cases::{ana, answer, ends, generated_addresses, open, question, rows, said};

/// E1's user name on the wiki is taken by an account that nobody made.
async fn with_a_stranger_on_the_wiki() -> (Company, String) {
    let text = policy_text();
    let (before, wiki) = text.split_once("[targets.wiki]").expect("a target");
    let wiki = wiki.replacen("adopt = \"user_name\"", "adopt = \"never\"", 1);
    let company = Company::with_policy(&format!("{before}[targets.wiki]{wiki}")).await;
    let stranger = json!({ "userName": "ana.silva@example.com", "active": true });
    let stranger = company.wiki.insert_user(stranger).expect("inserted");
    (company, stranger.id)
}

#[tokio::test]
async fn an_account_is_adopted_by_a_human_where_policy_never_does() {
    let (mut company, stranger) = with_a_stranger_on_the_wiki().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    assert_eq!(company.active("E1"), (true, false), "policy says never");
    let night = company.world.night().await;
    let found = rows(&company, &night).await;
    let ghost = found.iter().find(|row| row.class == Class::O4).expect("O4");
    assert_eq!(ghost.candidate_confidence, Some(95));
    let case = question(&company).await;
    assert!(ghost.evidence.contains(&format!("case:{}", case.id)));
    let known = company.world.seat("E1").await.expect("an item").record;
    assert!(known.ties.is_empty());

    answer(&company, Answer::Adopt(None)).await;
    let account = company.on_wiki("E1").expect("taken over");
    assert_eq!((&*account.id, account.active), (&*stranger, true));
    assert_eq!(account.groups, ["editors", "readers"]);
    assert_eq!(company.wiki.user_count(), 1);
    let night = company.world.night().await;
    let found = rows(&company, &night).await;
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((night.sent(), open(&company).await.len()), (0, 0));
    // Like any account of ours from then on.
    company.world.hr(ends("E1", "2026-03-01")).await;
    assert_eq!(company.active("E1"), (false, false));
}

#[tokio::test]
async fn an_account_that_is_left_alone_is_no_orphan_any_more() {
    let (mut company, stranger) = with_a_stranger_on_the_wiki().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.night().await;
    answer(&company, Answer::LeaveAlone).await;
    company.reset_calls();
    for _ in 0..2 {
        let night = company.world.night().await;
        let found = rows(&company, &night).await;
        let row = found
            .iter()
            .find(|row| *row.account_id == *stranger)
            .expect("a row");
        assert_eq!(
            (row.class, &*row.decision, &*row.decided_by),
            (Class::O11, "decided", "kim")
        );
        assert!(found.iter().all(|row| row.class != Class::O4));
        assert_eq!(open(&company).await, []);
    }
    assert_eq!(company.wiki.calls().writes(), 0, "nobody touched it");
}

#[tokio::test]
async fn an_unlinked_account_is_nobody_s_until_it_is_given_to_somebody() {
    let (mut company, stranger) = with_a_stranger_on_the_wiki().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.night().await;
    answer(&company, Answer::Adopt(None)).await;
    company.reset_calls();
    let identity = company.world.identity("E1");
    let wiki = TargetId::from("wiki");
    let operator = company.world.operator();
    operator
        .unlink_account(&identity, &wiki, &said())
        .await
        .expect("taken");
    company.world.settle().await;
    assert_eq!(
        company.wiki.calls().writes(),
        0,
        "the account stays as it is"
    );
    let seat = company.world.seat_at("E1", "wiki").await.expect("an item");
    let record = &seat.accounts[&wiki];
    assert_eq!(record.id, None, "the record forgot it");
    assert!(
        record
            .parked
            .as_deref()
            .is_some_and(|why| why.contains("operator"))
    );
    assert!(seat.owed.is_empty());
    // It is nobody's, whatever key it carries, and is not taken back at night.
    for _ in 0..2 {
        let night = company.world.night().await;
        let found = rows(&company, &night).await;
        let row = found
            .iter()
            .find(|row| *row.account_id == *stranger)
            .expect("a row");
        assert_eq!((row.class, &*row.identity), (Class::O3, ""));
        let seat = company.world.seat_at("E1", "wiki").await.expect("an item");
        assert_eq!(seat.accounts[&wiki].id, None);
    }
    let twice = company.world.operator();
    assert!(
        twice
            .unlink_account(&identity, &wiki, &said())
            .await
            .is_err()
    );
    // Whose it is, is a question that waits, night after night.
    let case = question(&company).await;
    company
        .world
        .hr(Says::hires("E2", ("Rui", "Costa"), "Sales", "2026-03-02"))
        .await;
    let (rui, said) = (company.world.identity("E2"), said());
    let has_one = company
        .world
        .operator()
        .answer(&case.id, Answer::Adopt(Some(rui)), &said)
        .await;
    assert!(has_one.is_err(), "Rui has an account there");
    answer(&company, Answer::Adopt(Some(identity))).await;
    let account = company.on_wiki("E1").expect("taken back");
    assert_eq!((account.id, account.active), (stranger, true));
    let night = company.world.night().await;
    assert_eq!((night.sent(), rows(&company, &night).await.len()), (0, 0));
}

#[tokio::test]
async fn a_record_that_was_linked_wrongly_founds_its_own() {
    let mut company = Company::with_policy(&unlimited(&generated_addresses())).await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    company.world.hr(ends("E1", "2026-03-10")).await;
    company.world.until("2026-03-20T09:00:00Z").await;
    let other = ana("E9", "2026-03-20").that("department", "Sales");
    company.world.hr(other).await;
    assert_eq!(company.active("E1"), (true, true), "taken for a rehire");
    let record = domain::RecordKey::from(&company.world.identity("E9"));
    company
        .world
        .operator()
        .move_record(&record, None, &said())
        .await
        .expect("taken");
    company.world.settle().await;
    assert_eq!(company.active("E1"), (false, false), "who left has left");
    assert_eq!(company.active("E9"), (true, true));
    assert_eq!(company.groups("E9"), ["readers", "staff"]);
    company
        .world
        .hr(Says::about("E9").that("department", "Engineering"))
        .await;
    assert_eq!(company.groups("E9"), ["editors", "readers", "staff"]);
    let night = company.world.night().await;
    assert_eq!((night.sent(), open(&company).await.len()), (0, 0));
    // And back again.
    let to = company.world.identity("E1");
    company
        .world
        .operator()
        .move_record(&record, Some(&to), &said())
        .await
        .expect("taken");
    company.world.settle().await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.active("E9"), (false, false), "one account of two");
}

#[tokio::test]
async fn t14_two_identities_that_are_one_person_become_one() {
    let mut company = Company::new().await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    let twin = Says::hires("E2", ("Ana Maria", "Silva"), "Finance", "2026-03-02");
    company.world.hr(twin).await;
    assert_eq!(
        company
            .dir
            .users()
            .iter()
            .filter(|user| user.active)
            .count(),
        2
    );
    let record = domain::RecordKey::from(&company.world.identity("E2"));
    let to = company.world.identity("E1");
    company
        .world
        .operator()
        .move_record(&record, Some(&to), &said())
        .await
        .expect("taken");
    company.world.settle().await;
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.active("E2"), (false, false));
    assert!(company.on_dir("E2").expect("kept").groups.is_empty());
    let seat = company.world.seat("E1").await.expect("an item");
    assert_eq!(seat.record.records.len(), 2);
    // Facts about either reach the one; nothing is asked, and nobody is due for ever.
    company.world.hr(ends("E1", "2026-03-05")).await;
    company.world.until("2026-04-10T09:00:00Z").await;
    assert_eq!(company.active("E1"), (true, true));
    company.world.hr(ends("E2", "2026-04-10")).await;
    company.world.until("2026-04-12T09:00:00Z").await;
    assert_eq!(company.active("E1"), (false, false));
    let night = company.world.night().await;
    assert_eq!((night.sent(), open(&company).await.len()), (0, 0));
}

/// E1 has a second account on `dir` that carries the same key, as somebody who copied it has.
async fn with_a_second_account() -> (Company, String) {
    let mut company = Company::with_policy(&unlimited(&policy_text())).await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    let key = company.world.identity("E1");
    let second = json!({
        "userName": "ana.silva.admin", "active": true, "externalId": key.as_str(),
    });
    let second = company.dir.insert_user(second).expect("inserted");
    (company, second.id)
}

/// The class, decision and decider of what a night says about an account.
async fn said_of(company: &Company, account: &str) -> (Class, String, String) {
    let night = company.world.night().await;
    let found = rows(company, &night).await;
    let row = found.iter().find(|row| *row.account_id == *account);
    let row = row.unwrap_or_else(|| panic!("no row in {found:?}"));
    (
        row.class,
        row.decision.to_string(),
        row.decided_by.to_string(),
    )
}

fn decided(class: Class) -> (Class, String, String) {
    (class, "decided".to_owned(), "kim".to_owned())
}

#[tokio::test]
async fn a_second_account_is_asked_about_and_goes_with_its_owner() {
    let (mut company, second) = with_a_second_account().await;
    let night = company.world.night().await;
    let found = rows(&company, &night).await;
    let row = found.iter().find(|row| row.class == Class::O5).expect("O5");
    assert_eq!(*row.account_id, *second);
    let case = question(&company).await;
    assert!(row.evidence.contains(&format!("case:{}", case.id)));
    assert_eq!(case.subject.kind(), "double");
    let identity = company.world.identity("E1");
    assert_eq!(case.candidates[0].identity, identity);
    // It cannot be taken over beside the other, and nobody else claims it.
    let operator = company.world.operator();
    let other = Answer::Same(Some("somebody".into()));
    for wrong in [Answer::Adopt(None), Answer::Different(None), other] {
        let refused = operator.answer(&case.id, wrong, &said()).await;
        refused.expect_err("refused");
    }
    answer(&company, Answer::Same(None)).await;
    company.reset_calls();
    for _ in 0..2 {
        assert_eq!(said_of(&company, &second).await, decided(Class::O11));
        assert_eq!(open(&company).await, []);
    }
    assert_eq!(company.dir.calls().writes(), 0, "nobody touched it");
    // When its owner leaves, it is what is left of the access.
    company.world.hr(ends("E1", "2026-03-01")).await;
    let (class, decision, _) = said_of(&company, &second).await;
    assert_eq!((class, &*decision), (Class::O1, "open"));
    assert_eq!(open(&company).await, []);
}

#[tokio::test]
async fn a_second_account_that_is_left_alone_or_removed_is_asked_about_no_more() {
    let (company, second) = with_a_second_account().await;
    company.world.night().await;
    answer(&company, Answer::LeaveAlone).await;
    assert_eq!(said_of(&company, &second).await, decided(Class::O11));
    assert_eq!(open(&company).await, []);

    let (company, second) = with_a_second_account().await;
    company.world.night().await;
    assert_eq!(open(&company).await.len(), 1);
    assert!(company.dir.delete_user(&second));
    company.world.night().await;
    assert_eq!(open(&company).await, []);
}

#[tokio::test]
async fn an_account_that_two_people_claim_is_given_to_one_of_them() {
    let mut company = Company::with_policy(&unlimited(&policy_text())).await;
    company.world.hr(ana("E1", "2026-03-02")).await;
    let ben = Says::hires("E2", ("Ben", "Okafor"), "Sales", "2026-03-02");
    company.world.hr(ben).await;
    let account = company.on_dir("E1").expect("an account").id;
    let ben = company.world.identity("E2");
    let claimed = json!({ "externalId": ben.as_str() });
    company.dir.update_user(&account, claimed).expect("changed");
    let (class, ..) = said_of(&company, &account).await;
    assert_eq!(class, Class::O5);
    let case = question(&company).await;
    assert_eq!(case.candidates.len(), 2);
    let ana = company.world.identity("E1");
    answer(&company, Answer::Same(Some(ana))).await;
    // The night puts the right key into it, and then there is nothing to say.
    company.world.night().await;
    assert_eq!(company.on_dir("E1").expect("its account").id, account);
    let night = company.world.night().await;
    assert_eq!(rows(&company, &night).await, []);
    assert_eq!(open(&company).await, []);
    assert_eq!(company.active("E2"), (true, true));
}
