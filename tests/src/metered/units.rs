//! What DynamoDB charges for: sizes of items, and the units of a request.
//!
//! The service counts names in UTF-8, strings and bytes as they are, numbers at about two digits a
//! byte, and 3 bytes and 1 an element for lists and maps ("Amazon DynamoDB item sizes and formats").

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

/// Bytes that one write unit carries.
const WRITE: usize = 1024;

/// Bytes that one read unit carries, read consistently.
const READ: usize = 4096;

/// Bytes of an item, as the protocol's JSON has it.
pub fn size(item: &Map<String, Value>) -> usize {
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}

fn value(typed: &Value) -> usize {
    let Some((kind, value)) = typed.as_object().and_then(|one| one.iter().next()) else {
        panic!("no value of the protocol: {typed}");
    };
    let text = || value.as_str().expect("a text");
    let list = || value.as_array().expect("a list");
    match kind.as_str() {
        "S" => text().len(),
        "N" => number(text()),
        "B" => BASE64_STANDARD.decode(text()).expect("base64").len(),
        "BOOL" | "NULL" => 1,
        "SS" => list().iter().filter_map(Value::as_str).map(str::len).sum(),
        "NS" => list().iter().filter_map(Value::as_str).map(number).sum(),
        "L" => 3 + list().iter().map(|one| 1 + self::value(one)).sum::<usize>(),
        "M" => {
            let map = value.as_object().expect("a map");
            3 + map.len() + size(map)
        }
        other => panic!("no size is known for `{other}`"),
    }
}

fn number(text: &str) -> usize {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits.div_ceil(2) + 1
}

/// Units of a write, by the larger of the item before and after it.
pub fn write(before: usize, after: usize) -> usize {
    before.max(after).div_ceil(WRITE).max(1)
}

/// Units of a consistent read of so many bytes.
pub fn read(bytes: usize) -> usize {
    bytes.div_ceil(READ).max(1)
}

/// Writes to an index of keys that an item is in where it has both of them.
pub fn index(before: Option<(&str, &str)>, after: Option<(&str, &str)>) -> usize {
    match (before, after) {
        (None, None) => 0,
        (Some(before), Some(after)) if before == after => 0,
        // A key cannot be changed: one entry goes, one comes.
        (Some(_), Some(_)) => 2,
        (Some(_), None) | (None, Some(_)) => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_has_the_size_that_the_service_counts() {
        let item = json!({
            "pk": {"S": "R#1"}, // 2 + 3
            "n": {"N": "-12345"}, // 1 + 4
            "b": {"B": "AAAA"}, // 1 + 3
            "yes": {"BOOL": true}, // 3 + 1
            "l": {"L": [{"S": "ab"}, {"NULL": true}]}, // 1 + 3 + 3 + 2
            "m": {"M": {"k": {"S": "v"}}}, // 1 + 3 + 1 + 2
            "s": {"SS": ["a", "bc"]}, // 1 + 3
        });
        assert_eq!(size(item.as_object().expect("an item")), 38);
    }

    #[test]
    fn units_are_full_ones() {
        assert_eq!([write(0, 0), write(0, 1024), write(1025, 3)], [1, 1, 2]);
        assert_eq!([read(0), read(4096), read(4097)], [1, 1, 2]);
        let (one, two) = (Some(("a", "1")), Some(("a", "2")));
        assert_eq!(
            [
                index(None, one),
                index(one, one),
                index(one, two),
                index(two, None)
            ],
            [1, 0, 2, 1]
        );
    }
}
