//! Our evaluation against that of the `cel` crate, on random expressions of what both know. A
//! missing attribute is an undeclared variable there: an error where we have no value.

use cel::{Context, Value};
use domain::policy::Rule;
use domain::{Attr, Attrs, Slot};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::GOOD;

const ATTRS: [Attr; 4] = [Attr::Title, Attr::Team, Attr::City, Attr::Division];

/// Texts that are found in each other, with characters of several bytes.
fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "", "a", "b", "ab", "aba", "é", "éa", "日本", "a b", "'",
    ])
    .prop_map(str::to_owned)
}

fn literal(word: &str) -> String {
    format!("'{}'", word.replace('\'', "\\'"))
}

fn text(depth: u32, element: bool) -> BoxedStrategy<String> {
    let attr = prop::sample::select(ATTRS.to_vec()).prop_map(|attr| attr.name().to_owned());
    let leaf = if element {
        prop_oneof![
            attr,
            words().prop_map(|word| literal(&word)),
            Just("it".to_owned())
        ]
        .boxed()
    } else {
        prop_oneof![attr, words().prop_map(|word| literal(&word))].boxed()
    };
    if depth == 0 {
        return leaf;
    }
    let part = move || text(depth - 1, element);
    prop_oneof![
        3 => leaf,
        1 => (part(), part()).prop_map(|(a, b)| format!("({a} + {b})")),
        1 => (test(depth - 1, element), part(), part()).prop_map(|(t, a, b)| format!("({t} ? {a} : {b})")),
    ]
    .boxed()
}

fn test(depth: u32, element: bool) -> BoxedStrategy<String> {
    let text = move || text(depth.saturating_sub(1), element);
    let compared = (
        text(),
        prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]),
        text(),
    )
        .prop_map(|(a, sign, b)| format!("{a} {sign} {b}"));
    let called = (
        text(),
        prop::sample::select(vec!["startsWith", "endsWith", "contains"]),
        text(),
    )
        .prop_map(|(a, name, b)| format!("{a}.{name}({b})"));
    let sized = (
        text(),
        prop::sample::select(vec!["==", "<", ">="]),
        0..5,
        any::<bool>(),
    )
        .prop_map(|(a, sign, n, method)| {
            if method {
                format!("{a}.size() {sign} {n}")
            } else {
                format!("size({a}) {sign} {n}")
            }
        });
    let list = move || prop::collection::vec(text(), 1..4).prop_map(|list| list.join(", "));
    let within = (text(), list()).prop_map(|(a, list)| format!("{a} in [{list}]"));
    let flag = any::<bool>().prop_map(|flag| flag.to_string());
    if depth == 0 {
        return prop_oneof![compared, called, sized, within, flag].boxed();
    }
    let part = move || test(depth - 1, element);
    let row = |sign: &'static str| {
        prop::collection::vec(part(), 2..4).prop_map(move |parts| {
            let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
            parts.join(sign)
        })
    };
    let simple = prop_oneof![
        2 => compared,
        2 => called,
        1 => sized,
        1 => within,
        2 => row(" && "),
        2 => row(" || "),
        1 => part().prop_map(|test| format!("!({test})")),
        1 => (part(), part(), part()).prop_map(|(t, a, b)| format!("(({t}) ? ({a}) : ({b}))")),
        1 => (part(), part()).prop_map(|(a, b)| format!("({a}) == ({b})")),
    ];
    if element {
        return simple.boxed();
    }
    let over = (
        list(),
        prop::sample::select(vec!["exists", "all"]),
        test(depth - 1, true),
    )
        .prop_map(|(list, name, test)| format!("[{list}].{name}(it, {test})"));
    prop_oneof![8 => simple, 2 => over].boxed()
}

fn attrs() -> impl Strategy<Value = Attrs> {
    prop::collection::vec(prop::option::weighted(0.7, words()), ATTRS.len()).prop_map(|values| {
        let stated = ATTRS.iter().zip(values);
        stated
            .filter_map(|(attr, value)| Some((*attr, Slot::from(value?.as_str()))))
            .collect()
    })
}

/// The rule with that condition, or what the linter says.
fn rule(expression: &str) -> Result<Rule, String> {
    let case = format!(
        "[[rules]]\nid = \"a\"\nwhen = \"everyone\"\nroles = [\"base\"]\nwhere = '''{expression}'''\n"
    );
    let files = [("good.toml", GOOD), ("case.toml", &case)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let loaded = crate::load_files(files).map_err(|errors| errors.render())?;
    Ok(loaded.policy.rules[0].clone())
}

/// What the crate's interpreter says; `None` for an error.
fn theirs(expression: &str, attrs: &Attrs) -> Option<bool> {
    let program = cel::Program::compile(expression).unwrap();
    let mut context = Context::default();
    for (attr, slot) in attrs.iter() {
        let text = slot.text().unwrap().to_owned();
        context.add_variable_from_value(attr.name(), text);
    }
    match program.execute(&context) {
        Ok(Value::Bool(value)) => Some(value),
        Ok(other) => panic!("{expression} is {other:?}"),
        Err(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        max_global_rejects: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn says_what_the_interpreter_says(expression in test(3, false), attrs in attrs()) {
        let rule = match rule(&expression) {
            Ok(rule) => rule,
            // A condition that reads nothing, or one that is too large.
            Err(said) => {
                let known = ["reads no attribute", "expression-size", "expression-cost"];
                prop_assert!(known.iter().any(|known| said.contains(known)), "{}", said);
                return Err(TestCaseError::reject("refused"));
            }
        };
        let ours = rule.filter.as_ref().unwrap().verdict(&attrs).ok();
        prop_assert_eq!(ours, theirs(&expression, &attrs), "{} of {:?}", expression, attrs);
    }
}

#[test]
fn the_comparison_sees_every_answer_and_can_fail() {
    let mut runner = TestRunner::deterministic();
    let (mut answers, mut noticed) = ([0; 3], 0);
    for _ in 0..600 {
        let mut draw = || {
            (test(3, false), attrs())
                .new_tree(&mut runner)
                .unwrap()
                .current()
        };
        let (expression, attrs) = draw();
        let Ok(rule) = rule(&expression) else {
            continue;
        };
        let truth = theirs(&expression, &attrs);
        answers[truth.map_or(2, usize::from)] += 1;
        // An evaluation that reads what is absent as empty is another language.
        let mut filled: Attrs = ATTRS.iter().map(|attr| (*attr, Slot::from(""))).collect();
        filled.overlay(&attrs);
        let wrong = rule.filter.as_ref().unwrap().verdict(&filled).ok();
        noticed += usize::from(wrong != truth);
    }
    assert!(answers.iter().all(|count| *count > 50), "{answers:?}");
    assert!(noticed > 50, "{noticed}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_that_somebody_writes_stops_the_loader(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "title", "'a'", "\"b\"", "(", ")", "[", "]", "{", "}", "?", ":", ".", ",", "+", "-",
                "!", "==", "&&", "||", "in", "1", "1u", "2.5", "null", "true", "size", "exists",
                "Join", "Switch", "has", "map", " ", "\n", "\\", "r'", "$", "é", "`x`", "//", ">",
            ]),
            0..60,
        ),
    ) {
        let _said = rule(&tokens.concat());
    }
}
