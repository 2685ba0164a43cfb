//! Links of accounts and of worker records: made by operators, and repaired by them.

use contract::report::Class;
use domain::TargetId;
use planner::operator::Answer;
use serde_json::json;
use tests::world::{Company, Says, policy_text};

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
    let mut company = Company::with_policy(&generated_addresses()).await;
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
