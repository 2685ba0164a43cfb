//! Memberships that several people share.

use domain::{Desired, EntitlementId, Generation, Outcome};
use ports::Fault;
use ports::target::TargetError;

use crate::company::{Company, account, batch};

fn staff() -> EntitlementId {
    "staff".into()
}

#[tokio::test]
async fn a_group_that_several_get_is_written_once() {
    let company = Company::new();
    for name in ["ana", "ben", "cem"] {
        company.has(name, &[], Desired::Active, &["staff"]).await;
    }
    assert_eq!(company.deliver(&["ana", "ben", "cem"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), ["memberships +3 -0"]);
    for name in ["ana", "ben", "cem"] {
        let record = company.record(name).await;
        assert!(record.grants.contains(&staff()), "{name}");
        assert_eq!(record.applied, Generation(2));
        assert_eq!(record.outcome, Some(Outcome::Applied));
        assert!(!company.owes(name).await);
    }
    // A second message: nobody is called.
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), [""; 0]);
}

#[tokio::test]
async fn accounts_are_made_one_by_one_and_join_together() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company.wants(name, &["payables", "staff"]).await;
    }
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed, []);
    assert_eq!(
        company.dir.take_calls(),
        [
            "find",
            "create a-ana",
            "find",
            "create a-ben",
            "memberships +2 -0",
            "memberships +2 -0"
        ]
    );
    assert_eq!(company.record("ben").await.grants.len(), 2);
}

#[tokio::test]
async fn somebody_who_shares_nothing_goes_alone() {
    let company = Company::new();
    company.has("ana", &[], Desired::Active, &["staff"]).await;
    company
        .has("ben", &[], Desired::Active, &["approvers"])
        .await;
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), ["grant a-ana", "grant a-ben"]);
}

#[tokio::test]
async fn a_member_who_is_refused_spoils_nothing_for_the_others() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company.has(name, &[], Desired::Active, &["staff"]).await;
    }
    let refused = TargetError::Fault(Fault::reject("no licence is left"));
    let pair = (staff(), account("ana"));
    company.dir.state().refuses.insert(pair, refused);
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed, []);
    let ana = company.record("ana").await;
    assert_eq!(ana.parked.as_deref(), Some("no licence is left"));
    assert!(!ana.grants.contains(&staff()));
    let ben = company.record("ben").await;
    assert_eq!((ben.parked, ben.grants.len()), (None, 1));
}

#[tokio::test]
async fn a_lost_answer_is_nobodys_success() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company.has(name, &[], Desired::Active, &["staff"]).await;
    }
    let lost = TargetError::Unknown {
        why: "reset".into(),
    };
    company.dir.state().answers.push_back(Err(lost));
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed.len(), 2);
    for name in ["ana", "ben"] {
        assert!(company.owes(name).await, "{name}");
        assert_eq!(company.record(name).await.applied, Generation(1));
    }
    company.dir.take_calls();
    assert_eq!(company.deliver_again(&["ana", "ben"]).await.failed, []);
    assert_eq!(company.dir.take_calls(), ["memberships +2 -0"]);
}

#[tokio::test]
async fn what_is_taken_together_is_looked_back_at_by_group() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company.has(name, &["staff"], Desired::Active, &[]).await;
    }
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed, []);
    assert_eq!(
        company.dir.take_calls(),
        ["memberships +0 -2", "holders of staff"]
    );
    assert!(company.record("ana").await.grants.is_empty());
}

#[tokio::test]
async fn a_removal_that_did_not_happen_is_not_recorded() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company.has(name, &["staff"], Desired::Active, &[]).await;
    }
    company.dir.state().keeps = true;
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed.len(), 2);
    let ana = company.record("ana").await;
    assert!(ana.grants.contains(&staff()));
    assert!(company.owes("ana").await);
}

#[tokio::test]
async fn nobody_holds_both_sides_in_between() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company
            .has(name, &["payables"], Desired::Active, &["approvers"])
            .await;
    }
    let refused = TargetError::Fault(Fault::reject("501"));
    let pair = (EntitlementId::from("payables"), account("ana"));
    company.dir.state().refuses.insert(pair, refused);
    // The target itself asserts that no pair is ever held.
    assert_eq!(company.deliver(&["ana", "ben"]).await.failed, []);
    assert_eq!(
        company.dir.take_calls(),
        [
            "memberships +0 -2",
            "holders of payables",
            "memberships +1 -0"
        ]
    );
    let (ana, ben) = (company.record("ana").await, company.record("ben").await);
    assert!(ana.grants.contains(&EntitlementId::from("payables")));
    assert!(!ana.grants.contains(&EntitlementId::from("approvers")));
    assert!(ben.grants.contains(&EntitlementId::from("approvers")));
}

#[tokio::test]
async fn an_ending_goes_first_and_alone() {
    let company = Company::new();
    company.has("ana", &[], Desired::Active, &["staff"]).await;
    company.has("ben", &[], Desired::Active, &["staff"]).await;
    company.has("eva", &["staff"], Desired::Disabled, &[]).await;
    assert_eq!(company.deliver(&["ana", "ben", "eva"]).await.failed, []);
    assert_eq!(
        company.dir.take_calls(),
        [
            "disable a-eva",
            "revoke a-eva",
            "read a-eva",
            "held a-eva",
            "memberships +2 -0"
        ]
    );
}

#[tokio::test]
async fn one_account_has_one_message_at_a_time() {
    let company = Company::new();
    for name in ["ana", "ben"] {
        company.has(name, &[], Desired::Active, &["staff"]).await;
    }
    let twice = company.connector.handle(batch(&["ana", "ana", "ben"], 1));
    assert_eq!(twice.await.failed, []);
    // The second of them finds nothing left to do.
    assert_eq!(company.dir.take_calls(), ["memberships +2 -0"]);
}

#[tokio::test]
async fn a_target_that_takes_many_gets_everybody_at_once() {
    let company = Company::new();
    company.dir.state().takes_many = true;
    company.wants("new", &[]).await;
    company.has("eva", &[], Desired::Disabled, &[]).await;
    company.has("ana", &[], Desired::Active, &["staff"]).await;
    assert_eq!(company.deliver(&["new", "eva", "ana"]).await.failed, []);
    assert_eq!(
        company.dir.take_calls(),
        ["find", "3 records", "read a-eva"],
        "and what matters for security is read back"
    );
    assert!(!company.record("eva").await.active);
    assert!(company.record("ana").await.grants.contains(&staff()));
    assert_eq!(company.record("new").await.id, Some(account("new")));
}

#[tokio::test]
async fn a_lost_request_of_many_comes_back_for_each() {
    let company = Company::new();
    company.dir.state().takes_many = true;
    company.wants("new", &[]).await;
    company.has("eva", &[], Desired::Disabled, &[]).await;
    let lost = TargetError::Unknown {
        why: "reset".into(),
    };
    company.dir.state().answers.push_back(Err(lost));
    assert_eq!(company.deliver(&["new", "eva"]).await.failed.len(), 2);
    assert!(company.owes("new").await && company.owes("eva").await);
    assert!(company.record("eva").await.active);
}
