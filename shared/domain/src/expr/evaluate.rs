//! The walk over an expression.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparison, Form, LONGEST_TEXT, List, Number, Test, Text, functions};
use crate::{Attr, Attrs, Slot};

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// It touches an attribute that is absent, or an element that a list does not have.
    Absent,
    /// It touches an attribute that is cleared.
    Cleared,
    /// A text in it is longer than [`LONGEST_TEXT`].
    TooLong,
}

/// A text's value.
pub(super) fn text<'a>(expr: &'a Text, attrs: &'a Attrs) -> Result<Cow<'a, str>, Lack> {
    Scope {
        attrs,
        element: None,
    }
    .text(expr)
}

/// A test's value.
pub(super) fn test(expr: &Test, attrs: &Attrs) -> Result<bool, Lack> {
    Scope {
        attrs,
        element: None,
    }
    .test(expr)
}

/// What an expression can see.
#[derive(Clone, Copy)]
struct Scope<'a> {
    attrs: &'a Attrs,
    element: Option<&'a Element<'a>>,
}

/// The element under test, and those of the tests around it.
struct Element<'a> {
    value: &'a str,
    outer: Option<&'a Element<'a>>,
}

type Words<'a> = Vec<Cow<'a, str>>;

impl<'a> Scope<'a> {
    fn text(self, expr: &'a Text) -> Result<Cow<'a, str>, Lack> {
        let text = match expr {
            Text::Literal(text) => Cow::Borrowed(&**text),
            Text::Attr(attr) => Cow::Borrowed(self.attr(*attr)?),
            Text::Element(outwards) => Cow::Borrowed(self.element(*outwards)?),
            Text::Concat(parts) => {
                let mut out = String::new();
                for part in parts {
                    push(&mut out, &self.text(part)?)?;
                }
                Cow::Owned(out)
            }
            Text::If(test, yes, no) => self.text(if self.test(test)? { yes } else { no })?,
            Text::Coalesce(options) => self.coalesce(options)?,
            Text::Switch {
                subject,
                otherwise,
                cases,
            } => self.switch(subject, otherwise, cases)?,
            Text::Form(form, text) => formed(*form, self.text(text)?),
            Text::Replace { text, old, new } => {
                let (text, old, new) = (self.text(text)?, self.text(old)?, self.text(new)?);
                functions::replace(text, &old, &new).ok_or(Lack::TooLong)?
            }
            Text::Mid {
                text,
                start,
                length,
            } => functions::mid(self.text(text)?, start.saturating_sub(1), *length),
            Text::Left(text, length) => functions::mid(self.text(text)?, 0, *length),
            Text::Right(text, length) => functions::right(self.text(text)?, *length),
            Text::Join { separator, lists } => self.join(separator, lists)?,
            Text::Item(list, index) => {
                let words = self.list(list)?;
                let at = index.checked_sub(1).ok_or(Lack::Absent)?;
                words.into_iter().nth(at).ok_or(Lack::Absent)?
            }
        };
        if text.len() > LONGEST_TEXT {
            return Err(Lack::TooLong);
        }
        Ok(text)
    }

    fn attr(self, attr: Attr) -> Result<&'a str, Lack> {
        match self.attrs.get(attr) {
            Some(Slot::Text(text)) => Ok(text),
            Some(Slot::Null) => Err(Lack::Cleared),
            None => Err(Lack::Absent),
        }
    }

    fn element(self, outwards: u8) -> Result<&'a str, Lack> {
        let mut element = self.element.ok_or(Lack::Absent)?;
        for _ in 0..outwards {
            element = element.outer.ok_or(Lack::Absent)?;
        }
        Ok(element.value)
    }

    fn coalesce(self, options: &'a [Text]) -> Result<Cow<'a, str>, Lack> {
        let mut empty = None;
        let mut lack = None;
        for option in options {
            match self.text(option) {
                Ok(text) if text.is_empty() => empty = empty.or(Some(text)),
                Ok(text) => return Ok(text),
                // Cleared only where all of them are: an absent one says nothing.
                Err(other) => lack = Some(lack.map_or(other, |lack: Lack| lack.min(other))),
            }
        }
        empty.ok_or(lack.unwrap_or(Lack::Absent))
    }

    fn switch(
        self,
        subject: &'a Text,
        otherwise: &'a Text,
        cases: &'a [(Text, Text)],
    ) -> Result<Cow<'a, str>, Lack> {
        let subject = self.text(subject)?;
        for (key, value) in cases {
            if self.text(key)? == subject {
                return self.text(value);
            }
        }
        self.text(otherwise)
    }

    fn join(self, separator: &'a Text, lists: &'a [List]) -> Result<Cow<'a, str>, Lack> {
        let separator = self.text(separator)?;
        let mut out = String::new();
        let mut first = true;
        for list in lists {
            for word in self.list(list)? {
                if !first {
                    push(&mut out, &separator)?;
                }
                push(&mut out, &word)?;
                first = false;
            }
        }
        Ok(Cow::Owned(out))
    }

    fn list(self, list: &'a List) -> Result<Words<'a>, Lack> {
        match list {
            List::Of(words) => words.iter().map(|word| self.text(word)).collect(),
            List::Split { text, separator } => {
                let (text, separator) = (self.text(text)?, self.text(separator)?);
                Ok(functions::split(text, &separator))
            }
        }
    }

    fn test(self, expr: &'a Test) -> Result<bool, Lack> {
        Ok(match expr {
            Test::Literal(value) => *value,
            Test::Not(test) => !self.test(test)?,
            Test::All(tests) => !decided(tests.iter().map(|t| self.test(t).map(|v| !v)))?,
            Test::Either(tests) => decided(tests.iter().map(|test| self.test(test)))?,
            Test::If(test, yes, no) => self.test(if self.test(test)? { yes } else { no })?,
            Test::Agree(a, b) => self.test(a)? == self.test(b)?,
            Test::Texts(how, a, b) => compared(*how, self.text(a)?.cmp(&self.text(b)?)),
            Test::Numbers(how, a, b) => compared(*how, self.number(a)?.cmp(&self.number(b)?)),
            Test::StartsWith(text, start) => {
                let (text, start) = (self.text(text)?, self.text(start)?);
                text.starts_with(&*start)
            }
            Test::EndsWith(text, end) => {
                let (text, end) = (self.text(text)?, self.text(end)?);
                text.ends_with(&*end)
            }
            Test::Contains(text, part) => {
                let (text, part) = (self.text(text)?, self.text(part)?);
                text.contains(&*part)
            }
            Test::In(text, list) => {
                let text = self.text(text)?;
                self.list(list)?.contains(&text)
            }
            Test::Stated(text) => match self.text(text) {
                Ok(text) => !text.is_empty(),
                Err(Lack::Absent | Lack::Cleared) => false,
                Err(Lack::TooLong) => true,
            },
            Test::Any(list, test) => {
                let words = self.words(list)?;
                decided(words.iter().map(|word| self.test_of(word, test)))?
            }
            Test::Every(list, test) => {
                let words = self.words(list)?;
                !decided(words.iter().map(|word| Ok(!self.test_of(word, test)?)))?
            }
        })
    }

    fn words(self, list: &'a [Text]) -> Result<Words<'a>, Lack> {
        list.iter().map(|word| self.text(word)).collect()
    }

    fn test_of(self, value: &str, test: &Test) -> Result<bool, Lack> {
        let element = Element {
            value,
            outer: self.element,
        };
        Scope {
            attrs: self.attrs,
            element: Some(&element),
        }
        .test(test)
    }

    fn number(self, number: &'a Number) -> Result<i64, Lack> {
        let count = match number {
            Number::Literal(number) => return Ok(*number),
            Number::Characters(text) => self.text(text)?.chars().count(),
            Number::Elements(list) => self.list(list)?.len(),
        };
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// Whether one is true, whatever the others lack (CEL's `||`, which has no order).
fn decided(tests: impl Iterator<Item = Result<bool, Lack>>) -> Result<bool, Lack> {
    let mut lack = None;
    for test in tests {
        match test {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(found) => lack = lack.or(Some(found)),
        }
    }
    lack.map_or(Ok(false), Err)
}

fn compared(how: Comparison, found: Ordering) -> bool {
    match how {
        Comparison::Equal => found.is_eq(),
        Comparison::Unequal => found.is_ne(),
        Comparison::Less => found.is_lt(),
        Comparison::AtMost => found.is_le(),
        Comparison::Greater => found.is_gt(),
        Comparison::AtLeast => found.is_ge(),
    }
}

fn formed(form: Form, text: Cow<'_, str>) -> Cow<'_, str> {
    match form {
        Form::Lower => Cow::Owned(text.to_lowercase()),
        Form::Upper => Cow::Owned(text.to_uppercase()),
        Form::Trimmed => functions::trimmed(text),
        Form::WithoutDiacritics => functions::without_diacritics(text),
    }
}

fn push(out: &mut String, text: &str) -> Result<(), Lack> {
    if out.len() + text.len() > LONGEST_TEXT {
        return Err(Lack::TooLong);
    }
    out.push_str(text);
    Ok(())
}
