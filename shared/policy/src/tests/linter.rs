//! Expressions: what is refused, where, and in which words.

use super::{GOOD, said};

/// A file with a rule that has the condition, on line 5.
pub(super) fn rule(expression: &str) -> String {
    let quote = if expression.contains('\n') {
        "'''\n"
    } else {
        "'''"
    };
    format!(
        "[[rules]]\nid = \"extra\"\nwhen = \"everyone\"\nroles = [\"base\"]\nwhere = \
         {quote}{expression}{}\n",
        quote.trim_end()
    )
}

/// The files of a good policy and one more.
pub(super) fn beside(file: &str) -> [(String, String); 2] {
    [("good.toml", GOOD), ("case.toml", file)].map(|(name, text)| (name.into(), text.into()))
}

/// What the loader says about a condition, as `code column length: message`, columns counted from
/// the expression's begin.
fn about(expression: &str) -> String {
    let before = "where = '''".len();
    match crate::load_files(beside(&rule(expression))) {
        Ok(_) => "fine".to_owned(),
        Err(errors) => {
            let said = errors.diagnostics().iter().map(|d| {
                let column = if d.line == 5 {
                    d.column.saturating_sub(before)
                } else {
                    d.column
                };
                format!("{} {column} {}: {}", d.code, d.length, d.message)
            });
            said.collect::<Vec<_>>().join("; ")
        }
    }
}

const CASES: &[(&str, &str)] = &[
    ("'ééé' == $", "expression-syntax 10 1: `$` is not CEL"),
    (
        "title == 'é'\n  && 'é' = title",
        "expression-syntax 10 1: `=` is not CEL",
    ),
    (
        "title == 'a' && (",
        "expression-syntax 18 0: the expression ends too early",
    ),
    (
        "title == 'Eng' ? true : ",
        "expression-syntax 25 0: the expression ends too early",
    ),
    (
        "department = 'Sales'",
        "expression-syntax 12 1: `=` is not CEL",
    ),
    (
        "department == \"Sales",
        "expression-syntax 15 1: `\"Sales` is not CEL",
    ),
    (
        "departmnt == 'Sales'",
        "unknown-attribute 1 9: `departmnt` is not an attribute",
    ),
    (
        "worker.department == 'Sales'",
        "bad-expression 7 1: `.department` has no meaning in a policy",
    ),
    (
        "department == Sales",
        "unknown-attribute 15 5: `Sales` is not an attribute",
    ),
    (
        "employment_type == 'contracter'",
        "unreachable-value 20 12: `employment_type` is never `contracter`",
    ),
    (
        "employment_type in ['employee', 'interns']",
        "unreachable-value 33 9: `employment_type` is never `interns`",
    ),
    (
        "'x' in department",
        "expression-type 8 10: this is a text and must be a list",
    ),
    (
        "department in 'x'",
        "expression-type 15 3: this is a text and must be a list",
    ),
    (
        "department",
        "expression-type 1 10: `where` of rule `extra` is a text and must be true or false",
    ),
    (
        "size(department)",
        "expression-type 1 16: `where` of rule `extra` is a number and must be true or false",
    ),
    (
        "true",
        "bad-expression 0 10: `where` of rule `extra` reads no attribute",
    ),
    (
        "1 == 1",
        "bad-expression 0 12: `where` of rule `extra` reads no attribute",
    ),
    (
        "title == 1",
        "expression-type 7 2: a text cannot be compared with a number like this",
    ),
    (
        "title == null",
        "bad-expression 10 4: `null` has no meaning in a policy",
    ),
    (
        "title > 5",
        "expression-type 7 1: a text cannot be compared with a number like this",
    ),
    (
        "size(title) > 2 && size(title) < 'x'",
        "expression-type 32 1: a number cannot be compared with a text like this",
    ),
    (
        "title + 1 == 'x'",
        "expression-type 9 1: this is a number and must be a text",
    ),
    (
        "1 + 2 == 3",
        "expression-type 1 1: this is a number and must be a text; expression-type 5 1: this is a number and must be a text",
    ),
    (
        "size(title) * 2 == 4",
        "bad-expression 13 1: there is no arithmetic in a policy",
    ),
    (
        "-size(title) == 1",
        "bad-expression 1 1: there is no arithmetic in a policy",
    ),
    (
        "title[0] == 'x'",
        "bad-expression 6 1: `[...]` behind a value has no meaning in a policy",
    ),
    (
        "{'a': 'b'} == title",
        "bad-expression 1 1: a table has no meaning in a policy",
    ),
    (
        "Foo{a: 1} == title",
        "bad-expression 4 1: this has no meaning in a policy",
    ),
    (
        "2.5 == 2.5",
        "bad-expression 1 3: a number with a fraction has no meaning in a policy; bad-expression 8 3: a number with a fraction has no meaning in a policy",
    ),
    (
        "2u == size(title)",
        "bad-expression 1 2: a number with `u` has no meaning in a policy",
    ),
    (
        "b'x' == title",
        "expression-syntax 2 1: `'` is not expected here",
    ),
    (
        "r'x' == title",
        "expression-syntax 2 1: `'` is not expected here",
    ),
    (
        "title.matches('^a.*')",
        "unknown-function 7 7: `matches` is not a function",
    ),
    (
        "SelectUniqueValue(title, given_name) == 'x'",
        "unknown-function 1 17: `SelectUniqueValue` is not a function",
    ),
    (
        "tolower(title) == 'x'",
        "unknown-function 1 7: `tolower` is not a function",
    ),
    (
        "ToLower(title, 'tr') == 'x'",
        "function-arguments 1 7: `ToLower` cannot have 2 arguments",
    ),
    (
        "title.ToLower() == 'x'",
        "function-arguments 7 7: `ToLower` is not called like this",
    ),
    (
        "startsWith(title, 'x')",
        "function-arguments 1 10: `startsWith` is not called like this",
    ),
    (
        "size(title, title) == 2",
        "function-arguments 1 4: `size` cannot have 2 arguments",
    ),
    (
        "['a'].map(x, x) == title",
        "unknown-function 7 3: `map` is not a function",
    ),
    ("[title].exists(x, x == 'a')", "fine"),
    (
        "title.exists(x, x == 'a')",
        "expression-loop 1 5: only a list that is written out, with at least one element, can be gone through",
    ),
    (
        "[].exists(x, x == 'a')",
        "expression-loop 1 1: only a list that is written out, with at least one element, can be gone through",
    ),
    (
        "['a'].exists(title, title == 'a')",
        "expression-loop 14 5: an element needs a name of its own",
    ),
    (
        "['a'].exists(x, ['b'].exists(x, x == 'b'))",
        "expression-loop 30 1: an element needs a name of its own",
    ),
    (
        "Split(title, ' ').exists(x, x == 'a')",
        "expression-loop 1 5: only a list that is written out, with at least one element, can be gone through",
    ),
    (
        "Mid(title, 0, 2) == 'x'",
        "expression-type 12 1: a position or a length is a whole number that is written out",
    ),
    (
        "Left(title, size(title)) == 'x'",
        "expression-type 13 4: a position or a length is a whole number that is written out",
    ),
    (
        "Left(title, 5000) == 'x'",
        "expression-type 13 4: a position or a length is a whole number that is written out",
    ),
    (
        "Switch(title, 'x', 'a') == 'x'",
        "function-arguments 1 6: `Switch` cannot have 3 arguments",
    ),
    (
        "Switch(title, 'x', 'a', 'b', 'a', 'c') == 'x'",
        "twice 30 3: this key of `Switch` stands there already",
    ),
    (
        "Switch(employment_type, 'x', 'employes', 'b') == 'x'",
        "unreachable-value 30 10: `employment_type` is never `employes`",
    ),
    (
        "Replace(title, '', 'x') == 'x'",
        "empty 16 2: an empty text is found nowhere",
    ),
    (
        "title == 'a' ? 'x' : true",
        "expression-type 22 4: this is true or false and must be a text, as the other choice is",
    ),
    ("(title == 'a' ? title : 'b') == 'c'", "fine"),
    (
        "!title",
        "expression-type 2 5: this is a text and must be true or false",
    ),
    (
        "title && true",
        "expression-type 1 5: this is a text and must be true or false",
    ),
    ("!(title == 'a') == true", "fine"),
    ("personal_email == 'x'", "fine"),
    ("has(title)", "fine"),
    (
        "has(title) && !has(worker.title)",
        "bad-expression 26 1: `.title` has no meaning in a policy",
    ),
    (
        ".title == 'x'",
        "unknown-attribute 2 5: `.title` is not an attribute",
    ),
    ("title == 'x' // why not", "fine"),
    ("", "empty 0 6: `where` of rule `extra` is empty"),
    ("  ", "empty 0 8: `where` of rule `extra` is empty"),
    (
        "title == 'x')",
        "expression-syntax 13 1: `)` is not expected here",
    ),
    (
        "lifecycle == 'activ'",
        "unreachable-value 14 7: `lifecycle` is never `activ`",
    ),
    ("employment_type.startsWith('emp')", "fine"),
    (
        "employment_type.startsWith('Emp')",
        "unreachable-value 28 5: no value of `employment_type` begins with `Emp`",
    ),
    (
        "title\n  == 'x' &&\n  depart == 'y'",
        "unknown-attribute 3 6: `depart` is not an attribute",
    ),
    (
        "title == 'é' && depart == 'y'",
        "unknown-attribute 17 6: `depart` is not an attribute",
    ),
];

#[test]
fn says_where_and_what_is_wrong() {
    for (expression, expected) in CASES {
        assert_eq!(about(expression), *expected, "{expression}");
    }
}

#[test]
fn shows_the_place_inside_the_expression() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = "everyone"
where = """
department == 'Sales' &&
  SelectUniqueValue(titel, 'a') == 'x'
"""
roles = ["base"]

[targets.extra]
mode = "observe"
base_url = "https://example.com"
token = "extra-token"

[targets.extra.attributes]
userName = { expr = "ToLower(personal_email)" }
externalId = { key = true }
title = { expr = "title == \"\\u0041\"" }
nickName = { expr = 'Join(" ", given_name, fammily_name)' }
"#,
        ),
        @r#"
        error[unknown-function]: `SelectUniqueValue` is not a function
         --> case.toml:6:3
          |
        6 |   SelectUniqueValue(titel, 'a') == 'x'
          |   ^^^^^^^^^^^^^^^^^
          = help: whether a value is taken is the store's knowledge: make a ladder under `[identifiers.<name>]` and map it with `{ identifier = "<name>" }`

        error[private-attribute]: `expr` of `userName` of `attributes` of target `extra` would send the private address to a target
          --> case.toml:16:21
           |
        16 | userName = { expr = "ToLower(personal_email)" }
           |                     ^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: map `work_email`: `personal_email` is for finding the person, and is never provisioned

        error[expression-type]: `expr` of `title` of `attributes` of target `extra` is true or false and must be a text
          --> case.toml:18:18
           |
        18 | title = { expr = "title == \"\\u0041\"" }
           |                  ^^^^^^^^^^^^^^^^^^^^^^
           = help: turn it into a text, for example with `IIF(..., "yes", "no")`

        error[unknown-attribute]: `fammily_name` is not an attribute
          --> case.toml:19:44
           |
        19 | nickName = { expr = 'Join(" ", given_name, fammily_name)' }
           |                                            ^^^^^^^^^^^^
           = help: did you mean `family_name`? a text stands in quotes

        4 errors
        "#
    );
}

/// A row of terms.
fn row(term: &str, sign: &str, count: usize) -> String {
    vec![term; count].join(sign)
}

#[test]
fn refuses_what_is_too_large_deep_or_dear_before_it_can_harm() {
    let nested =
        |count: usize| format!("{}title{} == 'x'", "Trim(".repeat(count), ")".repeat(count));
    let list = format!("[{}]", row("'a'", ", ", 18));
    let loops = format!(
        "{list}.exists(x, {list}.exists(y, {list}.exists(z, x == y && y == z && z == title)))"
    );
    for (expression, code) in [
        (
            format!("title == '{}'", "x".repeat(2048)),
            "expression-size",
        ),
        (row("1", "+", 50_000), "expression-size"),
        (row("1", "+", 900), "expression-size"),
        (row("title == 'x'", "||", 60), "expression-size"),
        (
            format!("{}title == 'x'", "!".repeat(500)),
            "expression-depth",
        ),
        (format!("{}1 == 1", "-".repeat(500)), "expression-depth"),
        (format!("{}1", "(".repeat(700)), "expression-depth"),
        ("[".repeat(25), "expression-depth"),
        (
            row("title == 'x' ? title == 'y' : ", "", 30),
            "expression-depth",
        ),
        (nested(24), "expression-depth"),
        // What is no text for the parser is none here either, or the parser stops by itself.
        (format!("'\n{}", "(".repeat(700)), "expression-depth"),
        (format!("'\\q{}", "[".repeat(90)), "expression-"),
        (
            format!(
                "title == {}'a'{}",
                "(has(title) ? 'b' : ".repeat(20),
                ")".repeat(20)
            ),
            "expression-depth",
        ),
        (format!("r'\\' + {}", "(".repeat(700)), "expression-syntax"),
        (loops, "expression-cost"),
    ] {
        let said = about(&expression);
        assert!(said.starts_with(code), "{said}: {expression}");
    }
    assert_eq!(about(&nested(21)), "fine");
    assert_eq!(about(&row("title == 'x'", " || ", 49)), "fine");
}

#[test]
fn what_may_be_parsed_fits_a_small_stack() {
    // The deepest and longest that the guard lets through, on a quarter of a usual thread's stack.
    let texts = [
        row("1", "+", 256),
        row("title", ".", 255),
        row("title", " && ", 255),
        format!("{}title{}", "(".repeat(24), ")".repeat(24)),
        format!("{}title", "!-".repeat(12)),
        format!("{}'y'", row("title == 'x' ? 'a' : ", "", 24)),
        format!("{}1{}", "[".repeat(24), "]".repeat(24)),
        format!("{}1{}", "{1:".repeat(24), "}".repeat(24)),
    ];
    std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(move || {
            for text in texts {
                assert_ne!(about(&text), "fine", "{text}");
            }
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn help_names_what_to_do_instead() {
    for (expression, help) in [
        (
            "SelectUniqueValue(title, 'a') == 'x'",
            "[identifiers.<name>]",
        ),
        ("title.matches('^a')", "`startsWith`"),
        ("IgnoreFlowIfNullOrEmpty(title) == 'x'", "leave it out"),
        ("StripSpaces(title) == 'x'", "`Replace("),
        ("tolower(title) == 'x'", "did you mean `ToLower`?"),
        ("Joins('a', title) == 'x'", "did you mean `Join`?"),
        (
            "Swich(title, 'a', 'b', 'c') == 'x'",
            "did you mean `Switch`?",
        ),
        ("departmnt == 'x'", "did you mean `department`?"),
        ("worker.department == 'x'", "write `department` alone"),
        ("Left(title) == 'x'", "write `Left(text, characters)`"),
        (
            "employment_type == 'contracter'",
            "did you mean `contractor`?",
        ),
    ] {
        let errors = crate::load_files(beside(&rule(expression))).unwrap_err();
        let said = &errors.diagnostics()[0].help;
        assert!(said.contains(help), "{expression}: {said}");
    }
}
