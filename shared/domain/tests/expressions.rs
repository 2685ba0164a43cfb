//! Every expression ends with a value or with the reason why there is none, whatever the texts.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

use std::collections::BTreeSet;

use domain::expr::{Comparison, Computed, Form, LONGEST_TEXT, List, Number, Test, Text};
use domain::{Attr, Attrs, Slot};
use proptest::prelude::*;

const ATTRS: [Attr; 3] = [Attr::Title, Attr::Team, Attr::City];

/// Any text, and texts that grow quickly or are cut in awkward places.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::sample::select(vec!["", "a", "ab", "ﬀ", "ß", "e\u{301}", "İ", "が", "👩‍🚀"])
            .prop_map(str::to_owned),
        (0..=LONGEST_TEXT).prop_map(|length| "a".repeat(length)),
    ]
}

fn lists(text: impl Strategy<Value = Text> + Clone + 'static) -> BoxedStrategy<List> {
    let boxed = || text.clone().prop_map(Box::new);
    prop_oneof![
        prop::collection::vec(text.clone(), 0..4).prop_map(List::Of),
        (boxed(), boxed()).prop_map(|(text, separator)| List::Split { text, separator }),
    ]
    .boxed()
}

fn tests(text: impl Strategy<Value = Text> + Clone + 'static) -> BoxedStrategy<Test> {
    let boxed = || text.clone().prop_map(Box::new);
    let how = prop::sample::select(vec![
        Comparison::Equal,
        Comparison::Unequal,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ]);
    let number = || {
        prop_oneof![
            any::<i64>().prop_map(Number::Literal),
            boxed().prop_map(Number::Characters),
            lists(text.clone()).prop_map(|list| Number::Elements(Box::new(list))),
        ]
    };
    let leaf = prop_oneof![
        any::<bool>().prop_map(Test::Literal),
        (how.clone(), boxed(), boxed()).prop_map(|(how, a, b)| Test::Texts(how, a, b)),
        (how, number(), number()).prop_map(|(how, a, b)| Test::Numbers(how, a, b)),
        (boxed(), boxed()).prop_map(|(a, b)| Test::StartsWith(a, b)),
        (boxed(), boxed()).prop_map(|(a, b)| Test::EndsWith(a, b)),
        (boxed(), boxed()).prop_map(|(a, b)| Test::Contains(a, b)),
        (boxed(), lists(text.clone())).prop_map(|(a, list)| Test::In(a, list)),
        boxed().prop_map(Test::Stated),
    ];
    let list = prop::collection::vec(text.clone(), 0..3);
    leaf.prop_recursive(2, 8, 3, move |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let row = || prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            boxed().prop_map(Test::Not),
            row().prop_map(Test::All),
            row().prop_map(Test::Either),
            (boxed(), boxed(), boxed()).prop_map(|(t, a, b)| Test::If(t, a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Test::Agree(a, b)),
            (list.clone(), boxed()).prop_map(|(list, test)| Test::Any(list, test)),
            (list.clone(), boxed()).prop_map(|(list, test)| Test::Every(list, test)),
        ]
    })
    .boxed()
}

fn texts() -> BoxedStrategy<Text> {
    let leaf = prop_oneof![
        words().prop_map(|word| Text::Literal(word.into())),
        prop::sample::select(&ATTRS[..]).prop_map(Text::Attr),
        any::<u8>().prop_map(Text::Element),
    ];
    let form = prop::sample::select(vec![
        Form::Lower,
        Form::Upper,
        Form::Trimmed,
        Form::WithoutDiacritics,
    ]);
    let number = prop_oneof![0..8_usize, any::<usize>()];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let row = || prop::collection::vec(inner.clone(), 0..4);
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 0..3);
        let list = lists(inner.clone());
        let condition = tests(inner.clone()).prop_map(Box::new);
        prop_oneof![
            row().prop_map(Text::Concat),
            (condition, boxed(), boxed()).prop_map(|(t, a, b)| Text::If(t, a, b)),
            row().prop_map(Text::Coalesce),
            (boxed(), boxed(), pairs).prop_map(|(subject, otherwise, cases)| Text::Switch {
                subject,
                otherwise,
                cases
            }),
            (form.clone(), boxed()).prop_map(|(form, text)| Text::Form(form, text)),
            (boxed(), boxed(), boxed()).prop_map(|(text, old, new)| Text::Replace {
                text,
                old,
                new
            }),
            (boxed(), number.clone(), number.clone()).prop_map(|(text, start, length)| Text::Mid {
                text,
                start,
                length
            }),
            (boxed(), number.clone()).prop_map(|(text, length)| Text::Left(text, length)),
            (boxed(), number.clone()).prop_map(|(text, length)| Text::Right(text, length)),
            (boxed(), prop::collection::vec(list.clone(), 0..3))
                .prop_map(|(separator, lists)| Text::Join { separator, lists }),
            (list, number.clone()).prop_map(|(list, index)| Text::Item(Box::new(list), index)),
        ]
    })
    .boxed()
}

fn worker() -> impl Strategy<Value = Attrs> {
    let slot = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Slot::Null)),
        4 => words().prop_map(|text| Some(Slot::from(text.as_str()))),
    ];
    prop::collection::vec(slot, ATTRS.len()).prop_map(|slots| {
        let stated = ATTRS.into_iter().zip(slots);
        stated
            .filter_map(|(attr, slot)| Some((attr, slot?)))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_ends_and_stays_short(root in texts(), worker in worker(), one in any::<bool>()) {
        let attrs: BTreeSet<Attr> = ATTRS.into_iter().take(if one { 1 } else { 3 }).collect();
        let expression = Computed { root, attrs, source: "".into() };
        let slot = expression.slot(&worker);
        prop_assert_eq!(&slot, &expression.slot(&worker));
        match &slot {
            Some(Slot::Text(text)) => prop_assert!(text.len() <= LONGEST_TEXT),
            // What clears was cleared, and by one attribute alone.
            Some(Slot::Null) => {
                prop_assert!(one && worker.iter().any(|(_, slot)| *slot == Slot::Null));
            }
            None => {}
        }
    }

    #[test]
    fn every_test_ends(root in tests(texts()), worker in worker()) {
        let attrs = ATTRS.into_iter().collect();
        let expression = Computed { root, attrs, source: "".into() };
        prop_assert_eq!(expression.holds(&worker), expression.verdict(&worker) == Ok(true));
        if let Ok(truth) = expression.verdict(&worker) {
            let opposite = Computed { root: Test::Not(Box::new(expression.root)), ..expression };
            prop_assert_eq!(opposite.verdict(&worker), Ok(!truth));
        }
    }
}
