//! From CEL's tree to ours, node by node. What has no counterpart is reported at its place.

use std::collections::BTreeSet;
use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SourceInfo, operators};
use domain::Attr;
use domain::expr::{Comparison, List, Number, Test, Text};

use super::cost::{DEAREST, DEEPEST, MOST_NODES};
use super::tree::{descendants, flat};
use super::{CODE, Place, functions};
use crate::names;
use crate::report::At;
use crate::vocabulary::Vocabulary;

const LIST: &str = "a list";

/// A node with its type.
pub(super) enum Lowered {
    Text(Text),
    Test(Test),
    Number(Number),
    List(List),
}

impl Lowered {
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Test(_) => "true or false",
            Self::Number(_) => "a number",
            Self::List(_) => "a list",
        }
    }
}

/// An expression on its way.
pub(super) struct Lowering<'a> {
    pub(super) place: &'a Place<'a>,
    info: &'a SourceInfo,
    pub(super) vocabulary: &'a Vocabulary,
    attrs: BTreeSet<Attr>,
    /// Names of the elements under test, the outermost first.
    pub(super) elements: Vec<String>,
    depth: usize,
    /// How often a node is visited: the product of the lists around it.
    pub(super) weight: u64,
    cost: u64,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(
        place: &'a Place<'a>,
        info: &'a SourceInfo,
        vocabulary: &'a Vocabulary,
    ) -> Self {
        Self {
            place,
            info,
            vocabulary,
            attrs: BTreeSet::new(),
            elements: Vec::new(),
            depth: 0,
            weight: 1,
            cost: 0,
        }
    }

    /// Lowers a whole expression, with the attributes that it reads.
    pub(super) fn run(mut self, root: &IdedExpr) -> Option<(Lowered, BTreeSet<Attr>)> {
        let whole = 0..self.place.text.value.len();
        let nodes = descendants(root).len();
        if nodes > MOST_NODES {
            self.place.error(
                whole,
                "expression-size",
                format!("the expression has {nodes} parts"),
                format!(
                    "keep it below {MOST_NODES}: a table (`lookup`) or several rules say more \
                     clearly what long expressions say"
                ),
            );
            return None;
        }
        let lowered = self.node(root)?;
        if self.cost > DEAREST {
            self.place.error(
                whole,
                "expression-cost",
                format!("the expression may take {} steps", self.cost),
                format!(
                    "keep it below {DEAREST}: lists within lists multiply, so use `in` instead of \
                     `exists` where values are compared"
                ),
            );
            return None;
        }
        Some((lowered, self.attrs))
    }

    pub(super) fn node(&mut self, node: &IdedExpr) -> Option<Lowered> {
        self.cost = self.cost.saturating_add(self.weight);
        if self.depth >= DEEPEST {
            self.error(
                node,
                "expression-depth",
                format!("the expression nests deeper than {DEEPEST}"),
                "split it over several rules, or use `Switch` instead of choices within choices",
            );
            return None;
        }
        self.depth += 1;
        let lowered = self.lower(node);
        self.depth -= 1;
        lowered
    }

    fn lower(&mut self, node: &IdedExpr) -> Option<Lowered> {
        let (what, help) = match &node.expr {
            Expr::Ident(name) => return self.ident(node, name).map(Lowered::Text),
            Expr::Literal(literal) => return self.literal(node, literal),
            Expr::List(list) => {
                let words = self.texts(&list.elements)?;
                return Some(Lowered::List(List::Of(words)));
            }
            Expr::Call(call) => return self.call(node, call),
            Expr::Select(select) => {
                let help = match Attr::from_name(&select.field) {
                    Some(attr) => format!("write `{attr}` alone"),
                    None => {
                        "attributes have no fields: write the attribute's name alone".to_owned()
                    }
                };
                (format!("`.{}`", select.field), help)
            }
            Expr::Map(_) => (
                "a table".to_owned(),
                "use `Switch`, or `lookup` in a mapping".to_owned(),
            ),
            Expr::Struct(_) | Expr::Comprehension(_) | Expr::Unspecified => (
                "this".to_owned(),
                "use attributes, texts, lists of texts and functions".to_owned(),
            ),
        };
        self.error(
            node,
            CODE,
            format!("{what} has no meaning in a policy"),
            help,
        );
        None
    }

    fn ident(&mut self, node: &IdedExpr, name: &str) -> Option<Text> {
        if let Some(outwards) = self.elements.iter().rev().position(|known| known == name) {
            return Some(Text::Element(u8::try_from(outwards).ok()?));
        }
        if let Some(attr) = Attr::from_name(name) {
            self.attrs.insert(attr);
            return Some(Text::Attr(attr));
        }
        let known = Attr::ALL.iter().map(|attr| attr.name());
        let near = names::nearest(name, known.chain(self.elements.iter().map(String::as_str)));
        let help = match near {
            Some(near) => format!("did you mean `{near}`? a text stands in quotes"),
            None => {
                "attributes are a closed set, listed in docs/policy.md; a text stands in quotes"
                    .to_owned()
            }
        };
        self.error(
            node,
            "unknown-attribute",
            format!("`{name}` is not an attribute"),
            help,
        );
        None
    }

    fn literal(&self, node: &IdedExpr, literal: &LiteralValue) -> Option<Lowered> {
        let (what, help) = match literal {
            LiteralValue::String(text) => {
                return Some(Lowered::Text(Text::Literal(text.inner().into())));
            }
            LiteralValue::Boolean(flag) => {
                return Some(Lowered::Test(Test::Literal(*flag.inner())));
            }
            LiteralValue::Int(number) => {
                return Some(Lowered::Number(Number::Literal(*number.inner())));
            }
            LiteralValue::UInt(_) => ("a number with `u`", "leave the `u` out"),
            LiteralValue::Double(_) => ("a number with a fraction", "write a whole number"),
            LiteralValue::Bytes(_) => ("bytes", "write a text"),
            LiteralValue::Null => (
                "`null`",
                "ask `IsNullOrEmpty(...)`: absent, cleared and empty count as one there",
            ),
        };
        self.error(
            node,
            CODE,
            format!("{what} has no meaning in a policy"),
            help,
        );
        None
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Option<Lowered> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, _) => Some(Lowered::Test(Test::All(self.chain(node)?))),
            (operators::LOGICAL_OR, _) => Some(Lowered::Test(Test::Either(self.chain(node)?))),
            (operators::LOGICAL_NOT, [test]) => {
                Some(Lowered::Test(Test::Not(Box::new(self.test(test)?))))
            }
            (operators::ADD, _) => {
                let parts: Vec<Option<Text>> =
                    flat(node).into_iter().map(|part| self.text(part)).collect();
                let parts: Option<Vec<Text>> = parts.into_iter().collect();
                Some(Lowered::Text(Text::Concat(parts?)))
            }
            (operators::CONDITIONAL, [test, yes, no]) => self.choice(test, yes, no),
            (operators::IN, [text, list]) => self.is_in(text, list),
            (operators::EQUALS, [a, b]) => self.compare(node, Comparison::Equal, a, b),
            (operators::NOT_EQUALS, [a, b]) => self.compare(node, Comparison::Unequal, a, b),
            (operators::LESS, [a, b]) => self.compare(node, Comparison::Less, a, b),
            (operators::LESS_EQUALS, [a, b]) => self.compare(node, Comparison::AtMost, a, b),
            (operators::GREATER, [a, b]) => self.compare(node, Comparison::Greater, a, b),
            (operators::GREATER_EQUALS, [a, b]) => self.compare(node, Comparison::AtLeast, a, b),
            (operators::INDEX, _) => {
                self.error(
                    node,
                    CODE,
                    "`[...]` behind a value has no meaning in a policy",
                    "use `Item(list, position)` or `Mid(text, start, characters)`",
                );
                None
            }
            (
                operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO
                | operators::NEGATE,
                _,
            ) => {
                self.error(
                    node,
                    CODE,
                    "there is no arithmetic in a policy",
                    "compare `size(...)` with a number that is written out",
                );
                None
            }
            _ => self.function(node, call),
        }
    }

    /// The tests of a row of `&&` or `||`, every mistake in them reported.
    fn chain(&mut self, node: &IdedExpr) -> Option<Vec<Test>> {
        let tests: Vec<Option<Test>> = flat(node).into_iter().map(|test| self.test(test)).collect();
        tests.into_iter().collect()
    }

    pub(super) fn choice(
        &mut self,
        test: &IdedExpr,
        yes: &IdedExpr,
        no: &IdedExpr,
    ) -> Option<Lowered> {
        let (test, then, other) = (self.test(test), self.node(yes), self.node(no));
        let test = Box::new(test?);
        match (then?, other?) {
            (Lowered::Text(yes), Lowered::Text(no)) => {
                Some(Lowered::Text(Text::If(test, Box::new(yes), Box::new(no))))
            }
            (Lowered::Test(yes), Lowered::Test(no)) => {
                Some(Lowered::Test(Test::If(test, Box::new(yes), Box::new(no))))
            }
            (then, other) => {
                self.wrong(
                    no,
                    &other,
                    match then {
                        Lowered::Test(_) => "true or false, as the other choice is",
                        Lowered::Text(_) => "a text, as the other choice is",
                        Lowered::Number(_) | Lowered::List(_) => "a text or true or false",
                    },
                );
                None
            }
        }
    }

    fn is_in(&mut self, text: &IdedExpr, list: &IdedExpr) -> Option<Lowered> {
        let (value, words) = (self.text(text), self.list(list));
        let (value, words) = (value?, words?);
        if let (Text::Attr(attr), Expr::List(list)) = (&value, &list.expr) {
            for word in &list.elements {
                self.can_be(*attr, word);
            }
        }
        Some(Lowered::Test(Test::In(Box::new(value), words)))
    }

    fn compare(
        &mut self,
        node: &IdedExpr,
        how: Comparison,
        a: &IdedExpr,
        b: &IdedExpr,
    ) -> Option<Lowered> {
        let (left, right) = (self.node(a), self.node(b));
        let equality = matches!(how, Comparison::Equal | Comparison::Unequal);
        let test = match (left?, right?) {
            (Lowered::Text(left), Lowered::Text(right)) => {
                if equality {
                    if let Text::Attr(attr) = left {
                        self.can_be(attr, b);
                    }
                    if let Text::Attr(attr) = right {
                        self.can_be(attr, a);
                    }
                }
                Test::Texts(how, Box::new(left), Box::new(right))
            }
            (Lowered::Number(left), Lowered::Number(right)) => Test::Numbers(how, left, right),
            (Lowered::Test(left), Lowered::Test(right)) if equality => {
                let agree = Test::Agree(Box::new(left), Box::new(right));
                if how == Comparison::Equal {
                    agree
                } else {
                    Test::Not(Box::new(agree))
                }
            }
            (left, right) => {
                self.error(
                    node,
                    "expression-type",
                    format!(
                        "{} cannot be compared with {} like this",
                        left.type_name(),
                        right.type_name()
                    ),
                    "compare texts with texts and numbers with numbers; whether a list has a text \
                     is `text in [...]`",
                );
                return None;
            }
        };
        Some(Lowered::Test(test))
    }

    /// Reports a written value that the attribute never has.
    pub(super) fn can_be(&self, attr: Attr, value: &IdedExpr) {
        if let Expr::Literal(LiteralValue::String(text)) = &value.expr
            && !text.inner().is_empty()
        {
            let value = At {
                value: text.inner(),
                at: self.place.span(self.extent(value)),
            };
            self.vocabulary.check(self.place.report, attr, value);
        }
    }

    pub(super) fn text(&mut self, node: &IdedExpr) -> Option<Text> {
        match self.node(node)? {
            Lowered::Text(text) => Some(text),
            other @ (Lowered::Test(_) | Lowered::Number(_) | Lowered::List(_)) => {
                self.wrong(node, &other, "a text");
                None
            }
        }
    }

    pub(super) fn texts(&mut self, nodes: &[IdedExpr]) -> Option<Vec<Text>> {
        let texts: Vec<Option<Text>> = nodes.iter().map(|node| self.text(node)).collect();
        texts.into_iter().collect()
    }

    pub(super) fn test(&mut self, node: &IdedExpr) -> Option<Test> {
        match self.node(node)? {
            Lowered::Test(test) => Some(test),
            other @ (Lowered::Text(_) | Lowered::Number(_) | Lowered::List(_)) => {
                self.wrong(node, &other, "true or false");
                None
            }
        }
    }

    pub(super) fn list(&mut self, node: &IdedExpr) -> Option<List> {
        match self.node(node)? {
            Lowered::List(list) => Some(list),
            other @ (Lowered::Text(_) | Lowered::Number(_) | Lowered::Test(_)) => {
                self.wrong(node, &other, LIST);
                None
            }
        }
    }

    fn wrong(&self, node: &IdedExpr, is: &Lowered, want: &str) {
        self.error(
            node,
            "expression-type",
            format!("this is {} and must be {want}", is.type_name()),
            match is {
                Lowered::Test(_) => "turn it into a text with `IIF(condition, \"yes\", \"no\")`",
                Lowered::Number(_) => "write a text in quotes",
                Lowered::List(_) => "take one of it with `Item(list, position)`, or `Join` it",
                Lowered::Text(_) if want == LIST => {
                    "write `[\"...\"]`; whether a text contains another is `text.contains(\"...\")`"
                }
                Lowered::Text(_) => {
                    "compare it: `text == \"...\"`, `text in [...]`, `IsPresent(text)`"
                }
            },
        );
    }

    pub(super) fn error(
        &self,
        node: &IdedExpr,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.place.error(self.own(node), code, message, help);
    }

    /// The node's own sign, name or value.
    fn own(&self, node: &IdedExpr) -> Range<usize> {
        let text = self.place.text.value;
        let Some((start, stop)) = self.info.offset_for(node.id) else {
            return 0..text.len();
        };
        let index = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        let (start, end) = (index(start).min(text.len()), index(stop).saturating_add(1));
        let range = start..end.clamp(start, text.len());
        let before = text.get(..start).unwrap_or_default().trim_end();
        match &node.expr {
            // A call's place is its bracket; its name stands before.
            Expr::Call(call) if before.ends_with(&call.func_name) => {
                before.len() - call.func_name.len()..before.len()
            }
            Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_)
            | Expr::Unspecified => range,
        }
    }

    /// From the first to the last sign of a node and everything below it.
    pub(super) fn extent(&self, node: &IdedExpr) -> Range<usize> {
        let own = self.own(node);
        descendants(node).into_iter().fold(own, |extent, node| {
            let own = self.own(node);
            extent.start.min(own.start)..extent.end.max(own.end)
        })
    }
}

/// The help for a name that is no function, or for one that is called in another way.
pub(super) fn how(name: &str) -> String {
    functions::find(name).map_or_else(
        || functions::help(name),
        |known| format!("write `{}`", known.form),
    )
}
