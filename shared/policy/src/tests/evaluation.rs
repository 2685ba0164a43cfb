//! Expressions: what they are worth.

use domain::expr::LONGEST_TEXT;
use domain::policy::Expr;
use domain::{Attr, Attrs, Slot};

use super::linter::{beside, rule};

/// The value of a mapping for these attributes; `None` where nothing is written.
fn value(expression: &str, attrs: &[(Attr, Option<&str>)]) -> Option<Slot> {
    let file = format!(
        "[targets.extra]\nmode = \"observe\"\nbase_url = \"https://example.com\"\ntoken = \
         \"extra-token\"\n[targets.extra.attributes]\nuserName = \"{{work_email}}\"\nexternalId = {{ \
         key = true }}\ntitle = {{ expr = '''{expression}''' }}\n"
    );
    let policy = match crate::load_files(beside(&file)) {
        Ok(loaded) => loaded.policy,
        Err(errors) => panic!("{}", errors.render()),
    };
    let attrs: Attrs = attrs
        .iter()
        .map(|(attr, text)| (*attr, text.map_or(Slot::Null, Slot::from)))
        .collect();
    let mapping = policy.targets["extra"]
        .mappings
        .iter()
        .find(|mapping| mapping.path.as_ref() == "title")
        .unwrap();
    let Expr::Computed(expression) = &mapping.expr else {
        panic!("{mapping:?}");
    };
    expression.slot(&attrs)
}

#[test]
fn functions_yield_what_administrators_expect() {
    let attrs = [
        (Attr::GivenName, Some("Åse")),
        (Attr::FamilyName, Some("Müller-Øst")),
        (Attr::Title, Some(" Senior Engineer ")),
        (Attr::Department, Some("Data")),
        (Attr::Team, Some("")),
    ];
    for (expression, expected) in [
        (r#"given_name + "." + family_name"#, "Åse.Müller-Øst"),
        (
            r#"NormalizeDiacritics(given_name + " " + family_name)"#,
            "Ase Muller-Ost",
        ),
        (
            r#"NormalizeDiacritics("ẞ Łódź þing が й a\u0331b")"#,
            "SS Lodz thing が й ab",
        ),
        ("ToLower(family_name)", "müller-øst"),
        (r#"ToUpper("straße")"#, "STRASSE"),
        ("Trim(title)", "Senior Engineer"),
        ("Left(given_name, 1) + Right(family_name, 3)", "ÅØst"),
        ("Mid(family_name, 2, 4)", "ülle"),
        ("Mid(family_name, 9, 400)", "st"),
        ("Mid(family_name, 90, 4)", ""),
        ("Left(given_name, 0)", ""),
        (r#"Replace(family_name, "-", " ")"#, "Müller Øst"),
        (r#"Join(", ", family_name, given_name)"#, "Müller-Øst, Åse"),
        (
            r#"Join("", Split(family_name, "-"), given_name)"#,
            "MüllerØstÅse",
        ),
        (r#"Item(Split(family_name, "-"), 2)"#, "Øst"),
        ("Coalesce(team, middle_name, department)", "Data"),
        ("Coalesce(team, middle_name)", ""),
        (
            r#"Switch(department, "other", "Sales", "S", "Data", "D")"#,
            "D",
        ),
        (
            r#"Switch(department, "other", "Sales", "S", "Legal", "L")"#,
            "other",
        ),
        (
            "IIF(IsNullOrEmpty(middle_name), given_name, middle_name)",
            "Åse",
        ),
        (r#"IsPresent(team) ? team : "none""#, "none"),
        (r#"size(given_name) == 3 ? "three" : "other""#, "three"),
        (
            r#"["Sales", "Data"].exists(it, it == department) ? "yes" : "no""#,
            "yes",
        ),
        (
            r#"["D", "a"].all(it, department.contains(it)) ? "yes" : "no""#,
            "yes",
        ),
    ] {
        assert_eq!(
            value(expression, &attrs),
            Some(Slot::from(expected)),
            "{expression}"
        );
    }
}

#[test]
fn what_is_missing_never_clears() {
    let title = |slot| [(Attr::Title, slot), (Attr::Department, Some("Data"))];
    for (expression, cleared, absent) in [
        // One attribute: cleared there, cleared here.
        ("title", Some(Slot::Null), None),
        (r#"ToUpper("x" + title)"#, Some(Slot::Null), None),
        // Several: nothing.
        ("title + department", None, None),
        (r#"Switch(title, department, "a", "b")"#, None, None),
        // What asks, answers.
        (
            r#"Coalesce(title, "none")"#,
            Some("none".into()),
            Some("none".into()),
        ),
        (
            r#"has(title) ? title : "none""#,
            Some("none".into()),
            Some("none".into()),
        ),
        (r#"IIF(title == "a", "x", "y")"#, Some(Slot::Null), None),
        // What does not matter, does not matter.
        (
            r#"department == "Data" || title == "a" ? "x" : "y""#,
            Some("x".into()),
            Some("x".into()),
        ),
    ] {
        assert_eq!(value(expression, &title(None)), cleared, "{expression}");
        let rest = &title(None)[1..];
        assert_eq!(value(expression, rest), absent, "{expression}");
    }
    let no_such_element = r#"Item(Split(department, "-"), 2)"#;
    assert_eq!(value(no_such_element, &title(None)), None);
}

#[test]
fn texts_do_not_multiply() {
    let long = "a".repeat(LONGEST_TEXT);
    let attrs = [(Attr::Title, Some(long.as_str()))];
    assert_eq!(value("title", &attrs), Some(Slot::from(long.as_str())));
    assert_eq!(value(r#"title + "a""#, &attrs), None);
    assert_eq!(value(r#"Replace(title, "a", "aa")"#, &attrs), None);
    assert_eq!(value(r#"Join("", title, title)"#, &attrs), None);
    assert_eq!(value(r#"ToUpper(Replace(title, "a", "ß"))"#, &attrs), None);
    let short = r#"Left(Replace(Left(title, 2048), "a", "aa"), 3)"#;
    assert_eq!(value(short, &attrs), Some(Slot::from("aaa")));
    let longer = "a".repeat(LONGEST_TEXT + 1);
    let attrs = [(Attr::Title, Some(longer.as_str()))];
    assert_eq!(value("title", &attrs), None);
    assert_eq!(
        value(r#"has(title) ? "yes" : "no""#, &attrs),
        Some(Slot::from("yes"))
    );
}

#[test]
fn what_is_missing_gives_no_access() {
    for (expression, with, absent, cleared, empty) in [
        ("title == 'Clerk'", true, false, false, false),
        // The opposite of nothing is nothing.
        ("title != 'Chief'", true, false, false, true),
        ("!(title == 'Chief')", true, false, false, true),
        ("!title.startsWith('Chief')", true, false, false, true),
        ("!(title in ['Chief'])", true, false, false, true),
        ("size(title) >= 0", true, false, false, true),
        ("['Chief'].all(it, it != title)", true, false, false, true),
        // Who asks, knows.
        ("IsNullOrEmpty(title)", false, true, true, true),
        ("!has(title)", false, true, true, true),
        (
            "Coalesce(title, 'Clerk') == 'Clerk'",
            true,
            true,
            true,
            true,
        ),
    ] {
        let files = beside(&rule(expression));
        let policy = crate::load_files(files).unwrap().policy;
        let filter = policy
            .rules
            .iter()
            .find_map(|rule| rule.filter.as_ref())
            .unwrap();
        let holds = |slot: Option<Slot>| {
            let attrs: Attrs = slot.into_iter().map(|slot| (Attr::Title, slot)).collect();
            filter.holds(&attrs)
        };
        let found = (
            holds(Some("Clerk".into())),
            holds(None),
            holds(Some(Slot::Null)),
            holds(Some("".into())),
        );
        assert_eq!(found, (with, absent, cleared, empty), "{expression}");
    }
}
