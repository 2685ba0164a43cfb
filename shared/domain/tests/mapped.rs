//! What targets map: an expression that many attributes have, on many targets, gives each of them
//! its value, in whatever order policy lists them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use domain::policy::{Expr, Mapping};
use domain::project::Strength;
use domain::{Attr, Compiled, TargetId};
use support::walk::planned;
use support::{at, hire, policy, template};

fn mapping(path: &str, attr: Attr) -> Mapping {
    Mapping {
        path: path.into(),
        expr: Expr::Template(template(attr)),
        strength: Strength::Always,
    }
}

#[test]
fn every_attribute_has_the_value_of_its_own_expression() {
    use Attr::{Department, FamilyName, GivenName, Title};
    let mut policy = policy();
    let mut map = |target: &str, mappings: &[(&str, Attr)]| {
        let target = policy.targets.get_mut(&TargetId::from(target)).unwrap();
        target.mappings = mappings
            .iter()
            .map(|(path, attr)| mapping(path, *attr))
            .collect();
    };
    map(
        "dir",
        &[("b", GivenName), ("a", FamilyName), ("c", GivenName)],
    );
    map(
        "wiki",
        &[
            ("a", Department),
            ("d", Title),
            ("b", FamilyName),
            ("c", GivenName),
        ],
    );
    let facts = vec![hire("h", "2026-01-05", &[])];
    let plan = planned(&Compiled::new(policy), facts, at("2026-02-01T12:00:00Z"));
    let values = |target: &str| -> Vec<String> {
        let attrs = &plan.targets[&TargetId::from(target)].projection.attrs;
        let text = |slot: &domain::Slot| slot.text().unwrap_or("null").to_owned();
        let one = attrs
            .iter()
            .map(|(path, one)| format!("{path}={}", text(one.value.reveal())));
        one.collect()
    };
    assert_eq!(values("dir"), ["a=Silva", "b=Ana", "c=Ana"]);
    // Nobody stated a title.
    assert_eq!(values("wiki"), ["a=Engineering", "b=Silva", "c=Ana"]);
}
