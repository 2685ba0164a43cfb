//! What is done to texts. Positions and lengths count characters, and reach as far as there are
//! any.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::LONGEST_TEXT;

/// Characters after the first `skip`, at most `take` of them.
pub(super) fn mid(text: Cow<'_, str>, skip: usize, take: usize) -> Cow<'_, str> {
    let start = offset(&text, skip);
    let rest = text.get(start..).unwrap_or_default();
    let end = start + offset(rest, take);
    cut(text, start, end)
}

/// The last characters.
pub(super) fn right(text: Cow<'_, str>, take: usize) -> Cow<'_, str> {
    let characters = text.chars().count();
    mid(text, characters.saturating_sub(take), usize::MAX)
}

/// Where a character begins, in bytes; the end where there are fewer.
fn offset(text: &str, characters: usize) -> usize {
    text.char_indices()
        .nth(characters)
        .map_or(text.len(), |(at, _)| at)
}

fn cut(text: Cow<'_, str>, start: usize, end: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(start..end).unwrap_or_default().to_owned()),
    }
}

/// Without white space at both ends.
pub(super) fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Every occurrence replaced; `None` where that becomes too long.
pub(super) fn replace<'a>(text: Cow<'a, str>, old: &str, new: &str) -> Option<Cow<'a, str>> {
    if old.is_empty() {
        return Some(text);
    }
    let found = text.matches(old).count();
    if found == 0 {
        return Some(text);
    }
    let longer = found.saturating_mul(new.len());
    let length = text.len() - found * old.len();
    (length.saturating_add(longer) <= LONGEST_TEXT).then(|| Cow::Owned(text.replace(old, new)))
}

/// A text cut at every separator.
pub(super) fn split<'a>(text: Cow<'a, str>, separator: &str) -> Vec<Cow<'a, str>> {
    if separator.is_empty() {
        return vec![text];
    }
    match text {
        Cow::Borrowed(text) => text.split(separator).map(Cow::Borrowed).collect(),
        Cow::Owned(text) => text
            .split(separator)
            .map(|word| Cow::Owned(word.to_owned()))
            .collect(),
    }
}

/// Latin letters without diacritics. Marks that are letters of their own in other scripts stay:
/// `が` without its mark would be another syllable.
pub(super) fn without_diacritics(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for composed in text.nfc() {
        // A mark for which there is no composed letter stands alone behind its letter.
        if is_combining_mark(composed) && out.ends_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        match spelled(composed) {
            Some(letters) => out.push_str(letters),
            None => match plain(composed) {
                Some(letter) => out.push(letter),
                None => out.push(composed),
            },
        }
    }
    Cow::Owned(out)
}

/// The ASCII letter under the marks of a composed character.
fn plain(composed: char) -> Option<char> {
    let mut parts = std::iter::once(composed).nfd();
    let letter = parts.next().filter(char::is_ascii_alphabetic)?;
    parts.all(is_combining_mark).then_some(letter)
}

/// Latin letters that have no decomposition.
const fn spelled(letter: char) -> Option<&'static str> {
    Some(match letter {
        'Æ' => "AE",
        'æ' => "ae",
        'Œ' => "OE",
        'œ' => "oe",
        'ẞ' => "SS",
        'ß' => "ss",
        'Ø' => "O",
        'ø' => "o",
        'Đ' | 'Ð' => "D",
        'đ' | 'ð' => "d",
        'Ħ' => "H",
        'ħ' => "h",
        'ı' => "i",
        'Ł' => "L",
        'ł' => "l",
        'Þ' => "Th",
        'þ' => "th",
        'Ŧ' => "T",
        'ŧ' => "t",
        _ => return None,
    })
}
