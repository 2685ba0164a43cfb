//! Expressions where names are made and where targets begin: ladders and scopes.

use super::{checked, said};

const LADDER: &str = r#"
[targets.desk]
mode = "observe"
base_url = "https://desk.example.com"
token = "desk-token"
scope = { employment_type = "employee" }
scope_where = "country != 'BR' || manager_status == 'manager'"

[targets.desk.attributes]
userName = { identifier = "short" }
externalId = { key = true }

[identifiers.short]
ladder = [
    { expr = "Left(given_name, 1) + Coalesce(preferred_family_name, family_name)" },
    "{given_name}.{family_name}{n}",
]

[entitlements.desk]
target = "desk"

[roles.desk]
entitlements = ["desk"]

[[rules]]
id = "desk"
when = "everyone"
roles = ["desk"]

[given]
given_name = "Zoë"
family_name = "Müller"
department = "Sales"
employment_type = "employee"
country = "PT"
start_date = 2026-03-02
"#;

fn with(examples: &str) -> String {
    checked(&format!("{LADDER}{examples}"))
}

#[test]
fn a_step_makes_names_and_a_scope_decides_by_expressions() {
    let examples = r#"
[[examples]]
name = "by-the-step"
entitlements = ["desk", "staff"]
attributes.desk = { userName = "zmueller" }

[[examples]]
name = "by-the-preferred-name"
given = { preferred_family_name = "Groß" }
attributes.desk = { userName = "zgross" }

[[examples]]
name = "without-a-family-name-the-step-yields-nothing"
without = ["given_name"]
attributes.desk = { userName = "uexample" }

[[examples]]
name = "outside"
given = { country = "BR" }
entitlements = ["staff"]

[[examples]]
name = "inside-all-the-same"
given = { country = "BR", manager_status = "manager" }
attributes.desk = { userName = "zmueller" }

[[examples]]
name = "without-a-value-it-does-not-hold"
without = ["country"]
entitlements = ["staff"]

[[examples]]
name = "outside-by-the-table"
given = { employment_type = "intern" }
entitlements = ["staff"]
"#;
    assert_eq!(with(examples), "");
}

#[test]
fn a_scope_that_no_example_leaves_is_untested() {
    let inside = "\n[[examples]]\nname = \"in\"\nattributes.desk = { userName = \"zmueller\" }\n";
    let told = with(inside);
    assert!(
        told.contains("warning[untested]: no two examples lie on both sides"),
        "{told}"
    );
    assert!(told.contains("scope_where = "), "{told}");
}

#[test]
fn what_could_surprise_is_an_error_here_too() {
    for (line, other, wants) in [
        (
            "scope_where = \"country != 'BR' || manager_status == 'manager'\"",
            "scope_where = \"contry == 'BR'\"",
            "error[unknown-attribute]: `contry` is not an attribute",
        ),
        (
            "scope_where = \"country != 'BR' || manager_status == 'manager'\"",
            "scope_where = \"country\"",
            "error[",
        ),
        (
            "{ expr = \"Left(given_name, 1) + Coalesce(preferred_family_name, family_name)\" }",
            "{ expr = \"Left(given_nam, 1)\" }",
            "error[unknown-attribute]: `given_nam` is not an attribute",
        ),
        (
            "{ expr = \"Left(given_name, 1) + Coalesce(preferred_family_name, family_name)\" }",
            "{ expr = \"'admin'\" }",
            "error[bad-ladder]: the expression reads no attribute",
        ),
        (
            "{ expr = \"Left(given_name, 1) + Coalesce(preferred_family_name, family_name)\" }",
            "{ expr = \"personal_email\" }",
            "error[bad-ladder]: `personal_email` is never sent to a target",
        ),
        (
            "{ expr = \"Left(given_name, 1) + Coalesce(preferred_family_name, family_name)\" }",
            "{ template = \"{given_name}\" }",
            "error[",
        ),
        (
            "    \"{given_name}.{family_name}{n}\",\n",
            "",
            "warning[ladder-ends]: the last step is an expression",
        ),
        (
            "    \"{given_name}.{family_name}{n}\",\n",
            "    \"{family_name}\",\n    \"{family_name}\",\n",
            "error[twice]: `{family_name}` stands twice",
        ),
    ] {
        assert!(LADDER.contains(line), "{line}");
        let told = said(&LADDER.replace(line, other));
        assert!(told.contains(wants), "`{wants}` in\n{told}");
    }
}
