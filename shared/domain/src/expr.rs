//! Expressions over attributes: a closed, typed language whose every program ends with a value or
//! with the reason why there is none.
//!
//! The `policy` crate reads them from CEL, and refuses what is too large, too deep or too dear
//! before it becomes one of these. There is no loop but over the elements of a list that is
//! written out, no text grows beyond [`LONGEST_TEXT`], and recursion is as deep as the source was.
//!
//! Absent, cleared and empty stay three inputs. What touches an absent attribute has no value;
//! only [`Text::Coalesce`], [`Test::Stated`], and the sides of `&&`, `||` and of a choice that do
//! not matter look past it.

mod evaluate;
mod functions;

use std::collections::BTreeSet;

use crate::{Attr, Attrs, Slot};

pub use evaluate::Lack;

/// Most bytes of any text inside an evaluation. What would be longer has no value, so that
/// replacing and joining cannot multiply.
pub const LONGEST_TEXT: usize = 4096;

/// An expression with what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computed<T> {
    /// What is evaluated.
    pub root: T,
    /// Every attribute that it reads.
    pub attrs: BTreeSet<Attr>,
    /// As people wrote it.
    pub source: Box<str>,
}

impl Computed<Text> {
    /// The value for an account: `None` changes nothing there, null clears. An expression over one
    /// attribute alone clears where that is cleared; one over several then has no value.
    pub fn slot(&self, attrs: &Attrs) -> Option<Slot> {
        match evaluate::text(&self.root, attrs) {
            Ok(text) => Some(Slot::Text(text.into())),
            Err(Lack::Cleared) if self.attrs.len() == 1 => Some(Slot::Null),
            Err(Lack::Cleared | Lack::Absent | Lack::TooLong) => None,
        }
    }
}

impl Computed<Test> {
    /// Whether the condition holds. One without a value does not.
    pub fn holds(&self, attrs: &Attrs) -> bool {
        evaluate::test(&self.root, attrs).unwrap_or(false)
    }

    /// Whether the condition holds, or why that cannot be said.
    pub fn verdict(&self, attrs: &Attrs) -> Result<bool, Lack> {
        evaluate::test(&self.root, attrs)
    }
}

/// What yields a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// As written.
    Literal(Box<str>),
    /// An attribute's value.
    Attr(Attr),
    /// The element under test of a surrounding [`Test::Any`] or [`Test::Every`], counted from the
    /// innermost.
    Element(u8),
    /// One after the other.
    Concat(Vec<Text>),
    /// One or the other.
    If(Box<Test>, Box<Text>, Box<Text>),
    /// The first that has a value and is not empty; else the first that is empty.
    Coalesce(Vec<Text>),
    /// The value beside the first key that equals the subject.
    Switch {
        /// What is looked up.
        subject: Box<Text>,
        /// For subjects that no key equals.
        otherwise: Box<Text>,
        /// Keys and values.
        cases: Vec<(Text, Text)>,
    },
    /// Another form of a text.
    Form(Form, Box<Text>),
    /// Every occurrence of one text replaced.
    Replace {
        /// Where.
        text: Box<Text>,
        /// What; an empty one occurs nowhere.
        old: Box<Text>,
        /// By what.
        new: Box<Text>,
    },
    /// Characters from a position, from 1, as many as there are.
    Mid {
        /// Of what.
        text: Box<Text>,
        /// The first, from 1.
        start: usize,
        /// How many.
        length: usize,
    },
    /// The first characters.
    Left(Box<Text>, usize),
    /// The last characters.
    Right(Box<Text>, usize),
    /// The elements of lists with a text between them.
    Join {
        /// Between the elements.
        separator: Box<Text>,
        /// The elements.
        lists: Vec<List>,
    },
    /// An element of a list, from 1; none has no value.
    Item(Box<List>, usize),
}

/// What is done to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Without white space at both ends.
    Trimmed,
    /// Latin letters without diacritics (`é` becomes `e`, `ø` becomes `o`).
    WithoutDiacritics,
}

/// What is true or false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// As written.
    Literal(bool),
    /// The opposite.
    Not(Box<Test>),
    /// False where one is false, whatever the others lack.
    All(Vec<Test>),
    /// True where one is true, whatever the others lack.
    Either(Vec<Test>),
    /// One or the other.
    If(Box<Test>, Box<Test>, Box<Test>),
    /// Whether both are true or both false.
    Agree(Box<Test>, Box<Test>),
    /// Texts, compared by their characters' numbers.
    Texts(Comparison, Box<Text>, Box<Text>),
    /// Numbers.
    Numbers(Comparison, Number, Number),
    /// Whether a text begins with another.
    StartsWith(Box<Text>, Box<Text>),
    /// Whether a text ends with another.
    EndsWith(Box<Text>, Box<Text>),
    /// Whether a text contains another.
    Contains(Box<Text>, Box<Text>),
    /// Whether a list has a text.
    In(Box<Text>, List),
    /// Whether a text has a value that is not empty.
    Stated(Box<Text>),
    /// Whether the test holds for an element.
    Any(Vec<Text>, Box<Test>),
    /// Whether the test holds for all elements.
    Every(Vec<Text>, Box<Test>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// What is a whole number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    /// As written.
    Literal(i64),
    /// How many characters a text has.
    Characters(Box<Text>),
    /// How many elements a list has.
    Elements(Box<List>),
}

/// What is a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// Written out.
    Of(Vec<Text>),
    /// A text, cut at every separator; an empty separator cuts nowhere.
    Split {
        /// What is cut.
        text: Box<Text>,
        /// Where.
        separator: Box<Text>,
    },
}
