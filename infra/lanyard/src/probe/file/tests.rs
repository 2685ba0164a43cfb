use domain::profile::{DeleteEffect, Operation, UserNameRule};
use target_scim::probe::{Finding, How};

use super::*;

fn finding(key: &'static str, how: How, note: &str) -> Finding {
    Finding {
        key,
        value: String::new(),
        how,
        note: note.to_owned(),
    }
}

fn report(profile: Profile, findings: Vec<Finding>) -> Report {
    Report {
        target: "wiki".into(),
        marker: "lanyard-probe-1a2b3c".into(),
        stopped: None,
        findings,
        profile,
        left: Vec::new(),
        requests: 99,
    }
}

fn over(base: &str, from: Profile) -> ProfileFile {
    ProfileFile {
        name: "wiki".to_owned(),
        base: base.to_owned(),
        from,
    }
}

#[test]
fn holds_what_differs_and_how_it_was_found_out() {
    let profile = Profile {
        delete: DeleteEffect::Deactivates,
        required: vec!["emails[type eq \"work\"].value".into()],
        user_name: UserNameRule {
            max_len: Some(21),
            email: false,
            folded: true,
        },
        page_size: 50,
        unproven: [Operation::Enable].into(),
        ..Profile::rfc()
    };
    let findings = vec![
        finding("delete", How::Seen, "the user is there,\nand blocked"),
        finding("page_size", How::Claimed("/ServiceProviderConfig"), ""),
        finding("patch", How::Seen, "changed, and read back"),
    ];
    let text = over("rfc", Profile::rfc()).text(&report(profile, findings));
    let want = "\
# The dialect of `wiki`, as `lanyard probe` found it out (lanyard-probe-1a2b3c, 99 requests).
# Whatever is not here is as in the base. To use it:
#
#     [targets.wiki]
#     profile = \"wiki\"

[profiles.wiki]
base = \"rfc\"
# seen: the user is there, and blocked
delete = \"deactivates\"
# claimed by /ServiceProviderConfig
page_size = 50
required = [\"emails[type eq \\\"work\\\"].value\"]
unproven = [\"enable\"]
user_name = { email = false, folded = true, max_len = 21 }
";
    assert_eq!(text, want);
    DeTable::parse(&text).unwrap();
}

#[test]
fn a_budget_stands_beside_the_other_keys() {
    let mut profile = Profile::rfc();
    profile.budget.reserve_percent = 20;
    profile.budget.rates = vec![domain::budget::Rate {
        of: domain::budget::Counts::Writes,
        count: 600,
        seconds: 60,
        burst: 100,
    }];
    let text = over("rfc", Profile::rfc()).text(&report(profile, Vec::new()));
    assert!(text.contains("\nreserve_percent = 20\n"), "{text}");
    let rate = "rates = [{ burst = 100, count = 600, of = \"writes\", seconds = 60 }]";
    assert!(text.contains(rate), "{text}");
    assert!(
        !text.contains("workers") && !text.contains("budget"),
        "{text}"
    );
    DeTable::parse(&text).unwrap();
}

#[test]
fn nothing_that_differs_is_a_profile_all_the_same() {
    let text = over("rfc", Profile::rfc()).text(&report(Profile::rfc(), Vec::new()));
    assert!(
        text.ends_with("[profiles.wiki]\nbase = \"rfc\"\n"),
        "{text}"
    );
}

#[test]
fn a_profile_of_the_policy_s_own_is_not_built_upon() {
    let folder = std::env::temp_dir().join(format!("lanyard-probe-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("a.toml", "[sources.hr]\nzone = \"UTC\"\n");
    write("notes.txt", "[targets.wiki]\nprofile = \"notes\"\n");
    assert_eq!(profile_of(&folder, "wiki").unwrap(), None);
    write(
        "b.toml",
        "[targets.wiki]\nprofile = \"wiki\"\n[targets.crm]\nprofile = \"rfc\"\n",
    );
    assert_eq!(
        profile_of(&folder, "wiki").unwrap().as_deref(),
        Some("wiki")
    );

    let policy = crate::demo::policy().unwrap();
    let mut target = policy.targets.values().next().unwrap().clone();
    target.profile.etag = true;
    let own = ProfileFile::new(&folder, "wiki", &target).unwrap();
    assert_eq!((own.base.as_str(), &own.from), ("rfc", &Profile::rfc()));
    let shipped = ProfileFile::new(&folder, "crm", &target).unwrap();
    assert_eq!(
        (shipped.base.as_str(), &shipped.from),
        ("rfc", &target.profile)
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
