//! Many people at once.

use std::collections::BTreeSet;

use contract::Lane;

use crate::company::{Company, TODAY, policy};

const PEOPLE: usize = 250;
/// Members that one write of a group binds at most.
const BOUND: usize = 20;

fn given(n: usize) -> String {
    format!("Person{n}")
}

async fn posts(company: &mut Company, department: &str) {
    for n in 0..PEOPLE {
        let hire = Company::hires(&format!("E{n}"), (&given(n), "Silva"), department, TODAY);
        company.world.post(hire).await;
    }
}

/// Everything is decided before anything is carried out.
async fn plans(company: &Company) {
    while company.world.work(&Lane::Facts).await > 0 {}
}

fn members(company: &Company, group: &str) -> BTreeSet<String> {
    let group = company.graph.group_by_display_name(group);
    group.expect("a group").members
}

/// 1.05 x ceil(people / size).
fn at_most(people: usize, size: usize) -> u64 {
    (people.div_ceil(size) * 105 / 100) as u64
}

#[tokio::test]
async fn one_more_group_for_everybody_takes_a_write_for_twenty() {
    let mut company = Company::new().await;
    posts(&mut company, "Finance").await;
    company.world.settle().await;
    assert_eq!(members(&company, "Ledger").len(), PEOPLE);
    assert_eq!(company.graph.user_count(), PEOPLE);
    let text = policy().replace(
        "entitlements = [\"ledger\", \"invoices\"]",
        "entitlements = [\"ledger\", \"invoices\", \"customers\"]",
    );
    let company = company.restarted(&text);
    company.reset_calls();
    for n in 0..PEOPLE {
        company.world.look(&format!("E{n}")).await;
    }
    plans(&company).await;
    company.world.settle().await;
    assert_eq!(members(&company, "Customers").len(), PEOPLE);
    let writes = company.graph.usage().writes;
    assert!(writes <= at_most(PEOPLE, BOUND), "{writes} writes");
    assert_eq!(
        company.asked("PATCH", "/groups/{id}"),
        writes,
        "nothing else"
    );
    company.ends().await;
}

#[tokio::test]
async fn a_merger_takes_a_creation_for_each_and_a_write_for_twenty() {
    let text = policy().replace(
        "roles = [\"finance\"]",
        "roles = [\"finance\"]\nstate = \"draft\"",
    );
    let mut company = Company::with_policy(&text).await;
    posts(&mut company, "Finance").await;
    plans(&company).await;
    company.world.settle().await;
    assert_eq!(members(&company, "All staff").len(), PEOPLE);
    assert_eq!(company.asked("POST", "/users"), PEOPLE as u64);
    let binds = company.asked("PATCH", "/groups/{id}");
    assert!(binds <= at_most(PEOPLE, BOUND), "{binds} writes");
    assert_eq!(company.asked("POST", "/groups/{id}/members/$ref"), 0);
    company.ends().await;
}
