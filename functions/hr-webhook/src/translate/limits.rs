//! Caps on the shape of JSON, checked before it is parsed.

/// Deepest nesting of arrays and objects.
pub const DEEPEST: usize = 32;

/// Most fields in all objects together.
pub const MOST_FIELDS: usize = 2_000;

/// A cap that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// Nested too deeply.
    #[error("the body is nested more than 32 levels deep")]
    Depth,
    /// Too many fields.
    #[error("the body has more than 2,000 fields")]
    Fields,
}

/// Counts brackets and colons outside strings. What is not JSON is left to the parser.
pub fn check(json: &[u8]) -> Result<(), TooMuch> {
    let mut depth = 0_usize;
    let mut fields = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(TooMuch::Depth);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' => {
                fields += 1;
                if fields > MOST_FIELDS {
                    return Err(TooMuch::Fields);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caps_themselves_pass_and_one_more_does_not() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check(nested(DEEPEST).as_bytes()), Ok(()));
        assert_eq!(check(nested(DEEPEST + 1).as_bytes()), Err(TooMuch::Depth));
        let fields = |count: usize| format!("{{{}}}", vec!["\"a\":1"; count].join(","));
        assert_eq!(check(fields(MOST_FIELDS).as_bytes()), Ok(()));
        assert_eq!(
            check(fields(MOST_FIELDS + 1).as_bytes()),
            Err(TooMuch::Fields)
        );
    }

    #[test]
    fn brackets_and_colons_in_strings_do_not_count() {
        let text = format!(r#"{{"a":"{}\"{}"}}"#, "[".repeat(50), ":".repeat(3_000));
        assert_eq!(check(text.as_bytes()), Ok(()));
    }

    #[test]
    fn closing_brackets_before_opening_ones_earn_no_depth() {
        let text = "]".repeat(100) + &"[".repeat(33);
        assert_eq!(check(text.as_bytes()), Err(TooMuch::Depth));
    }
}
