//! B12: what a policy of 500 rules costs one person, and what a thousand expressions cost whoever
//! publishes them.
//!
//! Subjects: `Engine::matching` over 500 rules of three columns, exact values and beginnings, for
//! one person, without expressions and with one in every third rule; `policy::load_files` over a
//! thousand rules with a `where` of some 20 parts each, and over the same rules without.
//!
//! Floor of the rules: the same conditions one by one. The goals are times, as people feel them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark: what does not hold shall stop it"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use domain::evaluate::{Engine, all_hold};
use domain::{Attr, Attrs, Policy, Slot};
use tests::bench::{Bench, Goal};

/// Longest that 500 rules may take for one person.
const RULES_NS: f64 = 50_000.0;

/// Longest that a thousand expressions may take.
const EXPRESSIONS_NS: f64 = 1e9;

const BASE: &str = r#"
[sources.hr]
zone = "UTC"
format = "canonical"
verify = "standard-webhooks"
secrets = ["hr"]

[targets.directory]
mode = "enforce"
base_url = "https://directory.example.com"
token = "directory"

[targets.directory.attributes]
userName = "{work_email}"
externalId = { key = true }

[entitlements.staff]
target = "directory"

[roles.base]
entitlements = ["staff"]
"#;

/// The expression of a rule; no two are the same.
fn expression(n: usize) -> String {
    format!(
        "(title.startsWith('Senior ') || ['Lead ', 'Head '].exists(it, title.startsWith(it))) && \
         !title.contains('Intern {n}') && Coalesce(team, 'none') != 'Team {n}'"
    )
}

/// A policy of that many rules, an expression in every so many.
fn files(rules: usize, every: Option<usize>) -> Vec<(String, String)> {
    let mut text = String::from(BASE);
    for n in 0..rules {
        let title = match n % 4 {
            0 => format!("title = \"Engineer {}\", ", n % 25),
            1 => "title = { prefix = [\"Senior \", \"Lead \"] }, ".to_owned(),
            2 => "country = { not_in = [\"BR\", \"IN\"] }, ".to_owned(),
            _ => String::new(),
        };
        writeln!(
            text,
            "[[rules]]\nid = \"r{n:04}\"\nroles = [\"base\"]\nwhen = {{ {title}department = [\"Department \
             {}\", \"Division {}\"], employment_type = [\"employee\", \"intern\"] }}",
            n % 20,
            n / 20
        )
        .expect("a text grows");
        if every.is_some_and(|every| n % every == 0) {
            writeln!(text, "where = \"{}\"", expression(n)).expect("a text grows");
        }
    }
    vec![("policy.toml".to_owned(), text)]
}

fn load(files: &[(String, String)]) -> Policy {
    match policy::load_files(files.to_vec()) {
        Ok(loaded) => loaded.policy,
        Err(errors) => panic!("{}", errors.render()),
    }
}

fn person() -> Attrs {
    [
        (Attr::Department, "Department 7"),
        (Attr::Title, "Senior Engineer"),
        (Attr::Team, "Platform"),
        (Attr::Country, "DE"),
        (Attr::EmploymentType, "employee"),
    ]
    .into_iter()
    .map(|(attr, text)| (attr, Slot::from(text)))
    .collect()
}

fn one_by_one(policy: &Policy, attrs: &Attrs) -> Vec<usize> {
    let rules = policy.rules.iter().enumerate();
    rules
        .filter(|(_, rule)| {
            all_hold(&rule.when, attrs)
                && rule
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds(attrs))
        })
        .map(|(index, _)| index)
        .collect()
}

fn main() -> ExitCode {
    let plain = load(&files(500, None));
    let mixed = load(&files(500, Some(3)));
    let (table, with_expressions) = (Engine::new(&plain), Engine::new(&mixed));
    let person = person();
    // A benchmark of the wrong answer would flatter.
    assert_eq!(table.matching(&person), one_by_one(&plain, &person));
    assert_eq!(
        with_expressions.matching(&person),
        one_by_one(&mixed, &person)
    );
    assert!(table.matching(&person).len() >= 5);
    let asked = table.matching(&person);
    let asked = asked
        .iter()
        .filter(|index| mixed.rules[**index].filter.is_some());
    assert!(asked.count() >= 3, "expressions decide for this person");

    let rules = Bench::new("B12 500 rules, one person")
        .case("one by one", || one_by_one(&plain, &person))
        .case("table", || table.matching(&person))
        .case("table and expressions", || {
            with_expressions.matching(&person)
        })
        .rounds(15)
        .run();
    let (bare, linted) = (files(1000, None), files(1000, Some(1)));
    // The parser has a thread of its own, whose time counts.
    let publish = Bench::new("B12 1,000 rules, loaded")
        .process_time()
        .case_once("without expressions", || load(&bare))
        .case_once("with 1,000 expressions", || load(&linted))
        .run();

    let time = |measured: &tests::bench::Measured, case| {
        measured.nanoseconds(case).expect("it was measured")
    };
    let spent = [
        ("500 rules by table", time(&rules, "table"), RULES_NS),
        (
            "500 rules by table, 167 expressions",
            time(&rules, "table and expressions"),
            RULES_NS,
        ),
        (
            "linting 1,000 expressions",
            time(&publish, "with 1,000 expressions") - time(&publish, "without expressions"),
            EXPRESSIONS_NS,
        ),
    ];
    let mut met = true;
    for (what, nanoseconds, goal) in spent {
        let (spent, goal) = (nanoseconds / 1e6, goal / 1e6);
        met &= spent <= goal;
        writeln!(std::io::stdout(), "{what}: {spent:.4} ms (goal {goal} ms)")
            .expect("somebody listens");
    }
    let ratios = rules.finish(&[Goal::new("table", "one by one", 1.0)]);
    if met { ratios } else { ExitCode::FAILURE }
}
