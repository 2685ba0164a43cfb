use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn checked(profile: &Profile, create: bool, writes: &[(&str, Option<&str>)]) -> String {
    let paths: Vec<Path> = writes
        .iter()
        .map(|(path, _)| Path::parse(path).unwrap().for_writes(profile.manager))
        .collect();
    let values = writes.iter().map(|(_, value)| *value);
    let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
    let rules = Rules::new(profile).unwrap();
    let checked = if create {
        rules.check_create("create", &writes)
    } else {
        rules.check("update", &writes)
    };
    checked.map_or_else(|fault| fault.to_string(), |()| "fine".into())
}

fn required(paths: &[&str]) -> Profile {
    Profile {
        required: paths.iter().map(|path| AttrPath::from(*path)).collect(),
        ..Profile::rfc()
    }
}

#[test]
fn a_required_attribute_is_there_with_a_value_or_the_create_is_refused() {
    let work = "emails[type eq \"work\"].value";
    let manager = format!("{ENTERPRISE}:manager.value");
    for (rule, writes, fine) in [
        ("displayName", vec![("displayName", Some("A"))], true),
        ("displayName", vec![("DISPLAYNAME", Some("A"))], true),
        ("displayName", vec![("displayName", None)], false),
        ("displayName", vec![("displayName", Some(" "))], false),
        ("displayName", vec![("nickName", Some("A"))], false),
        ("name.givenName", vec![("name.givenName", Some("A"))], true),
        (
            "name.givenName",
            vec![("name.familyName", Some("A"))],
            false,
        ),
        ("emails", vec![(work, Some("a@x.example"))], true),
        ("emails", vec![("userName", Some("a@x.example"))], false),
        (work, vec![(work, Some("a@x.example"))], true),
        (
            work,
            vec![("emails[type eq \"home\"].value", Some("a@x.example"))],
            false,
        ),
        (&manager, vec![(&*manager, Some("7"))], true),
        // An extension's `title` is another one.
        ("title", vec![("urn:example:x:title", Some("A"))], false),
        ("urn:example:x:title", vec![("title", Some("A"))], false),
    ] {
        let got = checked(&required(&[rule]), true, &writes);
        assert_eq!(got == "fine", fine, "{rule} {writes:?}: {got}");
        if !fine {
            assert_eq!(
                got,
                format!(
                    "reject: create: there is no value for `{rule}`, which the target's profile \
                     lists under `required`; map it, or give the person one"
                )
            );
        }
        // An update may leave out what the account has already.
        assert_eq!(checked(&required(&[rule]), false, &writes), "fine");
    }
    let bare = Profile {
        manager: domain::profile::ManagerForm::Bare,
        ..required(&[&manager])
    };
    assert_eq!(checked(&bare, true, &[(&manager, Some("7"))]), "fine");
    assert!(Rules::new(&required(&["e mail"])).is_err());
}

#[test]
fn a_user_name_that_does_not_fit_is_not_shown() {
    let rule = |max_len, email| Profile {
        user_name: UserNameRule {
            max_len,
            email,
            folded: false,
        },
        ..Profile::rfc()
    };
    let long = "reject: update: the user name is longer than 5 characters, which is the most that \
                `user_name.max_len` of the target's profile allows; give it another template";
    let odd = "reject: update: the user name is no e-mail address, which `user_name.email` of the \
               target's profile asks for; give it another template";
    for (profile, name, expected) in [
        (rule(None, false), "canary canary canary", "fine"),
        (rule(Some(5), false), "cana\u{1F600}", "fine"),
        (rule(Some(5), false), "canary", long),
        (rule(None, true), "ana@canary.example", "fine"),
        (rule(None, true), "canary", odd),
        (rule(None, true), "canary@localhost", odd),
        (rule(None, true), "@canary.example", odd),
        (rule(None, true), "a@canary..example", odd),
        (rule(None, true), "a@b@canary.example", odd),
        (rule(None, true), "a canary@canary.example", odd),
        (rule(None, true), "canary@x.example\n", odd),
    ] {
        assert_eq!(
            checked(&profile, false, &[("userName", Some(name))]),
            expected
        );
        // Another attribute may look like anything.
        assert_eq!(checked(&profile, false, &[("title", Some(name))]), "fine");
    }
}

#[test]
fn a_list_of_one_takes_one_element() {
    let profile = Profile {
        single_valued: vec!["Emails".into(), "urn:example:x:tags".into()],
        ..Profile::rfc()
    };
    let refused = |list: &str| {
        format!(
            "reject: update: several elements of `{list}`, which holds one by `single_valued` of \
             the target's profile; map one of them"
        )
    };
    let (work, home) = (
        "emails[type eq \"work\"].value",
        "emails[type eq \"home\"].value",
    );
    let some = Some("x");
    for (writes, expected) in [
        (vec![(work, some), (home, some)], refused("Emails")),
        (vec![(work, some), (home, None)], "fine".into()),
        (
            vec![(work, some), ("emails[type eq \"work\"].display", some)],
            "fine".into(),
        ),
        (
            vec![
                ("phoneNumbers[type eq \"work\"].value", some),
                ("phoneNumbers[type eq \"home\"].value", some),
            ],
            "fine".into(),
        ),
        (
            vec![
                ("urn:example:x:tags[type eq \"a\"].value", some),
                ("urn:example:x:tags[type eq \"b\"].value", some),
            ],
            refused("urn:example:x:tags"),
        ),
    ] {
        assert_eq!(checked(&profile, false, &writes), expected, "{writes:?}");
    }
}

#[test]
fn what_is_not_proven_is_named() {
    let profile = Profile {
        unproven: [Operation::Disable, Operation::Rename].into(),
        ..Profile::rfc()
    };
    for operation in Operation::ALL {
        let checked = check_proven(&profile, &[operation]);
        assert_eq!(checked.is_ok(), profile.proves(operation));
    }
    let both = [Operation::Update, Operation::Rename];
    assert_eq!(
        check_proven(&profile, &both).unwrap_err().to_string(),
        "reject: the target's profile does not prove `rename` (`unproven`); run `lanyard probe`, \
         or say in the profile that it works"
    );
}
