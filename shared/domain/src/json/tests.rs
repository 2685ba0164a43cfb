use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde::Serialize;

use super::*;

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Pair(u8, i64);

#[derive(Serialize)]
struct Named {
    #[serde(rename = "a \"name\"")]
    a: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<u8>,
}

#[derive(Serialize)]
enum Kinds {
    Unit,
    New(f64),
    Tuple(i8, char),
    Struct { a: f32, b: () },
}

#[derive(Serialize)]
#[serde(tag = "op")]
enum Tagged {
    Unit,
    Struct { a: u128 },
    New(Named),
}

fn check<T: Serialize>(value: T) {
    let theirs = serde_json::to_string(&value).expect("JSON");
    let ours = String::from_utf8(to_vec(&value).expect("JSON")).expect("UTF-8");
    assert_eq!(ours, theirs);
}

#[test]
fn every_shape_is_as_serde_json_writes_it() {
    check((Unit, (), Pair(255, i64::MIN), Some(1_u16), None::<u16>));
    let named = |list: &[u8]| Named {
        a: Some(true),
        list: list.into(),
    };
    check([named(&[]), named(&[1, 2])]);
    check([
        Kinds::Unit,
        Kinds::New(1.0),
        Kinds::New(f64::NAN),
        Kinds::Tuple(-1, '"'),
        Kinds::Struct { a: 0.1, b: () },
    ]);
    check([
        Tagged::Unit,
        Tagged::Struct { a: u128::MAX },
        Tagged::New(named(&[3])),
    ]);
    check((BTreeMap::<u8, u8>::new(), BTreeSet::<u8>::new()));
    check(serde_json::json!({ "a": [{}, [], null, -1, 1.5, { "b": "c" }] }));
}

#[test]
fn keys_are_texts() {
    check(BTreeMap::from([(-1, 'a'), (20, 'b')]));
    check(BTreeMap::from([(true, 1), (false, 2)]));
    check(BTreeMap::from([('"', 1), ('b', 2)]));
    for bad in [
        to_vec(&BTreeMap::from([((), 1)])),
        to_vec(&BTreeMap::from([([1], 1)])),
    ] {
        assert!(bad.is_err());
    }
}

#[test]
fn every_byte_of_a_text_at_every_place() {
    for code in 0..=0x180 {
        let odd = char::from_u32(code).expect("no surrogate");
        for before in 0..40 {
            let mut text = "a".repeat(before);
            text.push(odd);
            text.push_str(&"b".repeat(before % 5));
            check(text);
        }
    }
}

proptest! {
    #[test]
    fn texts_are_as_serde_json_writes_them(text in ".*", list in proptest::collection::vec("\\PC*", 0..4)) {
        check((&text, &list));
    }
}
