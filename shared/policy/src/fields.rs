//! Typed reading of TOML values. Whoever reads a table asks for its keys by name; what nobody
//! asked for is an unknown key. A value of the wrong type is reported and reads as absent.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use domain::Attr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::names;
use crate::report::{At, Report, Span};

/// A value, where it stands, and what it is called in messages.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    pub(crate) report: &'a Report,
    value: &'a DeValue<'a>,
    pub(crate) at: Span,
    /// "`includes` of role `base`"
    pub(crate) name: String,
}

impl<'a> Node<'a> {
    pub(crate) fn new(
        report: &'a Report,
        file: usize,
        value: &'a Spanned<DeValue<'a>>,
        name: String,
    ) -> Self {
        Self {
            report,
            value: value.get_ref(),
            at: Span::new(file, &value.span()),
            name,
        }
    }

    /// The same value under another name in messages.
    pub(crate) fn called(mut self, name: String) -> Self {
        self.name = name;
        self
    }

    pub(crate) const fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    pub(crate) const fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// The text of a key of a table, without asking for it or complaining about it.
    pub(crate) fn peek(&self, key: &str) -> Option<&'a str> {
        let DeValue::Table(table) = self.value else {
            return None;
        };
        table.get(key)?.get_ref().as_str()
    }

    const fn type_name(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    pub(crate) fn wrong_type(&self, want: &str, example: &str) {
        self.report.error(
            self.at,
            "wrong-type",
            format!("{} is {} and must be {want}", self.name, self.type_name()),
            format!("write for example {example}"),
        );
    }

    /// A text; an empty one too.
    pub(crate) fn any_text(&self) -> Option<At<&'a str>> {
        if let DeValue::String(text) = self.value {
            return Some(At {
                value: text,
                at: self.at,
            });
        }
        self.wrong_type("a text", "`\"...\"`");
        None
    }

    /// A text that is not empty.
    pub(crate) fn text(&self) -> Option<At<&'a str>> {
        let text = self.any_text()?;
        if text.value.trim().is_empty() {
            self.report.error(
                self.at,
                "empty",
                format!("{} is empty", self.name),
                "state a value, or leave the key out",
            );
            return None;
        }
        Some(text)
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        if let DeValue::Boolean(flag) = self.value {
            return Some(*flag);
        }
        self.wrong_type("true or false", "`true`");
        None
    }

    /// A whole number within a range.
    pub(crate) fn count(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let DeValue::Integer(number) = self.value else {
            self.wrong_type("a whole number", &format!("`{}`", range.start()));
            return None;
        };
        let count = i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number));
        if count.is_none() {
            self.report.error(
                self.at,
                "out-of-range",
                format!("{} is {number}", self.name),
                format!("give a number from {} to {}", range.start(), range.end()),
            );
        }
        count
    }

    /// A point in time with its offset.
    pub(crate) fn instant(&self) -> Option<jiff::Timestamp> {
        let example = "`2027-03-31T18:00:00+02:00`";
        let text = match self.value {
            DeValue::Datetime(datetime) => datetime.to_string(),
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.wrong_type("a date and time with an offset", example);
                return None;
            }
        };
        let instant = text.parse().ok();
        if instant.is_none() {
            self.report.error(
                self.at,
                "bad-time",
                format!("{} is not a point in time", self.name),
                format!("give date, time and offset, for example {example}"),
            );
        }
        instant
    }

    /// A day, or a word that stands for one, as written.
    pub(crate) fn day(&self) -> Option<String> {
        match self.value {
            DeValue::Datetime(datetime) => Some(datetime.to_string()),
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.wrong_type("a day", "`2027-03-31`");
                None
            }
        }
    }

    /// The elements of a list.
    pub(crate) fn list(&self) -> Vec<Node<'a>> {
        let DeValue::Array(array) = self.value else {
            self.wrong_type("a list", "`[\"...\"]`");
            return Vec::new();
        };
        array
            .iter()
            .map(|value| {
                Node::new(
                    self.report,
                    self.at.file,
                    value,
                    format!("an entry of {}", self.name),
                )
            })
            .collect()
    }

    /// A list of texts, none empty and none twice.
    pub(crate) fn texts(&self) -> Vec<At<&'a str>> {
        let mut texts: Vec<At<&'a str>> = Vec::new();
        for text in self.list().iter().filter_map(Node::text) {
            if texts.iter().any(|earlier| earlier.value == text.value) {
                self.report.error(
                    text.at,
                    "twice",
                    format!("`{}` stands twice in {}", text.value, self.name),
                    "remove one of the two",
                );
            } else {
                texts.push(text);
            }
        }
        texts
    }

    /// A text, or a list of at least one.
    pub(crate) fn one_or_more(&self) -> Vec<At<&'a str>> {
        if self.is_text() {
            return self.text().into_iter().collect();
        }
        if !matches!(self.value, DeValue::Array(_)) {
            self.wrong_type("a text or a list of texts", "`[\"...\"]`");
            return Vec::new();
        }
        self.not_empty();
        self.texts()
    }

    /// Reports a list without entries.
    pub(crate) fn not_empty(&self) {
        if matches!(self.value, DeValue::Array(array) if array.is_empty()) {
            self.report.error(
                self.at,
                "empty",
                format!("{} is empty", self.name),
                "give at least one entry",
            );
        }
    }

    /// An attribute's name.
    pub(crate) fn attr(&self) -> Option<Attr> {
        attr(self.report, self.text()?)
    }

    /// A list of attributes.
    pub(crate) fn attrs(&self) -> Vec<At<Attr>> {
        self.texts()
            .into_iter()
            .filter_map(|text| {
                let value = attr(self.report, text)?;
                Some(At { value, at: text.at })
            })
            .collect()
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let words: Vec<String> = choices.iter().map(|(w, _)| format!("`{w}`")).collect();
            self.report.error(
                self.at,
                "unknown-word",
                format!("{} cannot be `{}`", self.name, text.value),
                format!("give {}", words.join(" or ")),
            );
        }
        found.map(|(_, choice)| *choice)
    }

    /// A table whose keys the format names.
    pub(crate) fn fields(&self) -> Option<Fields<'a>> {
        self.fields_at(self.at)
    }

    /// The same, with errors about the whole table at another place (its name, say).
    pub(crate) fn fields_at(&self, at: Span) -> Option<Fields<'a>> {
        let DeValue::Table(table) = self.value else {
            self.wrong_type("a table", "`{ key = \"...\" }`");
            return None;
        };
        Some(Fields {
            report: self.report,
            table,
            at,
            name: self.name.clone(),
            asked: RefCell::default(),
        })
    }

    /// A table whose keys the author names.
    pub(crate) fn entries(&self) -> Vec<(At<&'a str>, Node<'a>)> {
        let DeValue::Table(table) = self.value else {
            self.wrong_type("a table", "`{ key = \"...\" }`");
            return Vec::new();
        };
        table
            .iter()
            .map(|(key, value)| {
                let name: &'a str = key.get_ref();
                (
                    At {
                        value: name,
                        at: Span::new(self.at.file, &key.span()),
                    },
                    Node::new(
                        self.report,
                        self.at.file,
                        value,
                        format!("`{name}` of {}", self.name),
                    ),
                )
            })
            .collect()
    }
}

/// The attribute of a name, or an error with the name that was probably meant.
pub(crate) fn attr(report: &Report, name: At<&str>) -> Option<Attr> {
    let found = Attr::from_name(name.value);
    if found.is_none() {
        let near = names::nearest(name.value, Attr::ALL.iter().map(|attr| attr.name()));
        report.error(
            name.at,
            "unknown-attribute",
            format!("`{}` is not an attribute", name.value),
            match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "attributes are a closed set, listed in docs/policy.md; map the source's \
                         own fields onto `extension_1` to `extension_15`"
                    .to_owned(),
            },
        );
    }
    found
}

/// A table that is being read.
pub(crate) struct Fields<'a> {
    pub(crate) report: &'a Report,
    table: &'a DeTable<'a>,
    pub(crate) at: Span,
    pub(crate) name: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// The same table under another name in messages.
    pub(crate) fn called(mut self, name: String) -> Self {
        self.name = name;
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The value of a key, if the table has it.
    pub(crate) fn get(&self, key: &'static str) -> Option<Node<'a>> {
        self.asked.borrow_mut().push(key);
        let value = self.table.get(key)?;
        Some(Node::new(
            self.report,
            self.at.file,
            value,
            format!("`{key}` of {}", self.name),
        ))
    }

    /// Whether the table has a key, without asking for it.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The text of a key, without asking for it or complaining about it.
    pub(crate) fn peek(&self, key: &str) -> Option<&'a str> {
        self.table.get(key)?.get_ref().as_str()
    }

    /// The value of a key that the table must have.
    pub(crate) fn need(&self, key: &'static str, example: &str) -> Option<Node<'a>> {
        let node = self.get(key);
        if node.is_none() {
            self.report.error(
                self.at,
                "missing-key",
                format!("{} lacks `{key}`", self.name),
                format!("add for example `{key} = {example}`"),
            );
        }
        node
    }

    /// A list of texts that may be left out.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<At<&'a str>> {
        self.get(key).map_or_else(Vec::new, |node| node.texts())
    }

    /// Whether a list is left out or has no entries.
    pub(crate) fn lists_nothing(&self, key: &'static str) -> bool {
        match self.table.get(key).map(Spanned::get_ref) {
            None => true,
            Some(value) => value.as_array().is_some_and(|array| array.is_empty()),
        }
    }

    /// True or false; false where left out.
    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.get(key).and_then(|node| node.flag()).unwrap_or(false)
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.into_inner();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if asked.contains(&name) {
                continue;
            }
            let help = if let Some(near) = names::nearest(name, asked.iter().copied()) {
                format!("did you mean `{near}`?")
            } else {
                let keys: Vec<String> = asked.iter().map(|key| format!("`{key}`")).collect();
                format!("the keys here are {}", keys.join(", "))
            };
            self.report.error(
                Span::new(self.at.file, &key.span()),
                "unknown-key",
                format!("`{name}` is not a key of {}", self.name),
                help,
            );
        }
    }
}
