//! Texts of other people as the page shows them.

use std::borrow::Cow;

/// Characters of one text that are shown; files have the whole.
const TEXT: usize = 240;

/// A part of a sentence: words, or the name of something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) name: bool,
}

/// A text with a capital letter, cut at its backticks: what stands between two is a name.
pub(super) fn sentence(text: &str) -> Vec<Piece> {
    let text = shown(text);
    let mut pieces: Vec<Piece> = text
        .split('`')
        .zip([false, true].into_iter().cycle())
        .map(|(part, name)| Piece {
            text: part.to_owned(),
            name,
        })
        .collect();
    if let Some(first) = pieces.first_mut().and_then(|piece| piece.text.get_mut(..1)) {
        first.make_ascii_uppercase();
    }
    pieces
}

/// The first eight characters of an opaque id.
pub(super) fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// A text as the page shows it: cut to a length, and with a mark in place of characters that
/// draw nothing and could reorder or hide what stands around them.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let long = text.chars().nth(TEXT).is_some();
    if !long && !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut clean: String = text
        .chars()
        .take(TEXT)
        .map(|c| if is_unseen(c) { '\u{fffd}' } else { c })
        .collect();
    if long {
        clean.push('…');
    }
    Cow::Owned(clean)
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_leave_a_mark() {
        assert_eq!(shown("a\u{202e}b\0c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(shown("ليلى"), "ليلى");
    }

    #[test]
    fn sentences_begin_with_a_capital_and_set_names_apart() {
        let parts = |text| {
            let parts = sentence(text).into_iter();
            parts
                .map(|piece| (piece.text, piece.name))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            parts("holds `wiki/admins` by hand"),
            [
                ("Holds ".to_owned(), false),
                ("wiki/admins".to_owned(), true),
                (" by hand".to_owned(), false)
            ]
        );
        assert_eq!(parts("ö"), [("ö".to_owned(), false)]);
        assert_eq!(parts("`a`")[1], ("a".to_owned(), true));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let long = "é".repeat(TEXT + 1);
        assert_eq!(shown(&long).chars().count(), TEXT + 1);
        assert!(shown(&long).ends_with('…'));
        assert_eq!(shown(&"é".repeat(TEXT)), "é".repeat(TEXT));
    }
}
