//! Who is who by weights, work by hand, and what leavers leave behind.

use domain::Attr;
use domain::policy::{MatchAction, TargetKind, WeightedKey};

use super::GOOD;
use crate::load_files;

const WEIGHTS: &str = r#"
[correlation]
link = 80
case = 40
ended = "link"
active = { contractor = "link", employee = "case" }

[correlation.keys]
work_email = { finds = true, agree = 70 }
family_name = { agree = 20, contradict = 30 }
"#;

fn with(extra: &str) -> Result<crate::Loaded, crate::Errors> {
    let files = [("good.toml", GOOD), ("people.toml", extra)];
    load_files(files.map(|(name, text)| (name.to_owned(), text.to_owned())))
}

fn errors(extra: &str) -> String {
    with(extra).expect_err("an error").render()
}

#[test]
fn several_keys_have_weights() {
    let weights = with(WEIGHTS).unwrap().policy.weights.unwrap();
    assert_eq!((weights.link, weights.case), (80, 40));
    assert_eq!(weights.ended, MatchAction::Link);
    assert_eq!(weights.active["employee"], MatchAction::Case);
    let key = |attr, finds, agree, contradict| WeightedKey {
        attr,
        finds,
        agree,
        contradict,
    };
    assert!(weights.keys.contains(&key(Attr::WorkEmail, true, 70, 0)));
    assert!(weights.keys.contains(&key(Attr::FamilyName, false, 20, 30)));
    assert_eq!(weights.keys.len(), 2);
}

#[test]
fn weights_that_find_nobody_are_refused() {
    let nobody = errors(&WEIGHTS.replace("finds = true, ", ""));
    assert!(
        nobody.contains("no key of `correlation` finds anybody"),
        "{nobody}"
    );
    let never = errors(
        &WEIGHTS
            .replace("case = 40", "case = 91")
            .replace("80", "95"),
    );
    assert!(
        never.contains("come to 90, and `case` begins at 91"),
        "{never}"
    );
    let turned = errors(&WEIGHTS.replace("case = 40", "case = 81"));
    assert!(turned.contains("`case` is 81 and `link` is 80"), "{turned}");
    let unknown = errors(&WEIGHTS.replace("family_name", "surname"));
    assert!(unknown.contains("surname"), "{unknown}");
    let derived = errors(&WEIGHTS.replace("family_name", "lifecycle"));
    assert!(derived.contains("derived and never stated"), "{derived}");
}

const BADGES: &str = r#"
[targets.badges]
mode = "enforce"
kind = "manual"
owner = "facilities"
due_days = 5
attributes = { userName = "{work_email}" }
"#;

#[test]
fn a_target_by_hand_needs_an_owner_and_a_time_and_no_address() {
    let policy = with(BADGES).unwrap().policy;
    let TargetKind::Manual(desk) = &policy.targets["badges"].kind else {
        panic!("not by hand");
    };
    assert_eq!(
        (&*desk.owner, desk.due_days, desk.ending_days),
        ("facilities", 5, 1)
    );
    let nobody = errors(&BADGES.replace("owner = \"facilities\"\n", ""));
    assert!(nobody.contains("lacks `owner`"), "{nobody}");
    let never = errors(&BADGES.replace("due_days = 5\n", ""));
    assert!(never.contains("lacks `due_days`"), "{never}");
    let called = errors(&format!(
        "{BADGES}base_url = \"https://badges.example.com\"\n"
    ));
    assert!(
        called.contains("no meaning where `kind` is `manual`"),
        "{called}"
    );
    let elsewhere = errors(&BADGES.replace("kind = \"manual\"\n", ""));
    assert!(
        elsewhere.contains("write `kind = \"manual\"`"),
        "{elsewhere}"
    );
}

#[test]
fn a_hand_over_says_who_and_what() {
    let section =
        "[handover]\nwho = \"manager\"\nowner = \"it-desk\"\nwhat = [\"mail\"]\ndue_days = 10\n";
    let handover = with(section).unwrap().policy.handover.unwrap();
    assert!(handover.manager);
    assert_eq!((&*handover.owner, handover.due_days), ("it-desk", 10));
    let nothing = errors(&section.replace("\"mail\"", ""));
    assert!(nothing.contains("what"), "{nothing}");
    let nobody = errors(&section.replace("\"manager\"", "\"somebody\""));
    assert!(nobody.contains("somebody"), "{nobody}");
}
