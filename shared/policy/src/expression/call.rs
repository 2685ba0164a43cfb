//! Calls of functions by name.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue};
use domain::Attr;
use domain::expr::{Form, LONGEST_TEXT, List, Number, Test, Text};

use super::functions;
use super::lower::{Lowered, Lowering, how};
use crate::report::At;

impl Lowering<'_> {
    pub(super) fn function(&mut self, node: &IdedExpr, call: &CallExpr) -> Option<Lowered> {
        let name = call.func_name.as_str();
        let Some(signature) = functions::find(name) else {
            self.error(
                node,
                "unknown-function",
                format!("`{name}` is not a function"),
                how(name),
            );
            return None;
        };
        let given: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        let (least, most) = signature.arguments;
        let written = signature.may_be(call.target.is_some());
        if !written || given.len() < least || given.len() > most {
            self.error(
                node,
                "function-arguments",
                if written {
                    format!("`{name}` cannot have {} arguments", given.len())
                } else {
                    format!("`{name}` is not called like this")
                },
                how(name),
            );
            return None;
        }
        (signature.lower)(self, node, &given)
    }

    pub(super) fn all(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        self.over(given, Test::Every)
    }

    pub(super) fn exists(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        self.over(given, Test::Any)
    }

    pub(super) fn starts_with(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, start] = self.each(given)?;
        if let (Text::Attr(attr), Some(start)) = (&text, given.get(1)) {
            self.can_begin(*attr, start);
        }
        let lowered = Test::StartsWith(Box::new(text), Box::new(start));
        Some(Lowered::Test(lowered))
    }

    pub(super) fn ends_with(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, end] = self.each(given)?;
        let lowered = Test::EndsWith(Box::new(text), Box::new(end));
        Some(Lowered::Test(lowered))
    }

    pub(super) fn contains(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, part] = self.each(given)?;
        let lowered = Test::Contains(Box::new(text), Box::new(part));
        Some(Lowered::Test(lowered))
    }

    pub(super) fn is_present(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text] = self.each(given)?;
        Some(Lowered::Test(Test::Stated(Box::new(text))))
    }

    pub(super) fn is_null_or_empty(
        &mut self,
        _: &IdedExpr,
        given: &[&IdedExpr],
    ) -> Option<Lowered> {
        let [text] = self.each(given)?;
        let stated = Test::Stated(Box::new(text));
        Some(Lowered::Test(Test::Not(Box::new(stated))))
    }

    pub(super) fn size(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let value = given.first()?;
        match self.node(value)? {
            Lowered::Text(text) => Some(Lowered::Number(Number::Characters(Box::new(text)))),
            Lowered::List(list) => Some(Lowered::Number(Number::Elements(Box::new(list)))),
            Lowered::Test(_) | Lowered::Number(_) => {
                self.error(
                    value,
                    "expression-type",
                    "`size` counts the characters of a text or the elements of a list",
                    "give it a text or a list",
                );
                None
            }
        }
    }

    pub(super) fn iif(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [test, yes, no] = given else {
            return None;
        };
        self.choice(test, yes, no)
    }

    pub(super) fn coalesce(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let options: Vec<Option<Text>> = given.iter().map(|option| self.text(option)).collect();
        let options: Option<Vec<Text>> = options.into_iter().collect();
        Some(Lowered::Text(Text::Coalesce(options?)))
    }

    pub(super) fn split(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, separator] = given else {
            return None;
        };
        let (text, cut) = (self.text(text), self.filled(separator));
        Some(Lowered::List(List::Split {
            text: Box::new(text?),
            separator: Box::new(cut?),
        }))
    }

    pub(super) fn item(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [list, position] = given else {
            return None;
        };
        let (list, position) = (self.list(list), self.count(position, 1));
        Some(Lowered::Text(Text::Item(Box::new(list?), position?)))
    }

    pub(super) fn left(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, length] = given else {
            return None;
        };
        let (text, length) = (self.text(text), self.count(length, 0));
        Some(Lowered::Text(Text::Left(Box::new(text?), length?)))
    }

    pub(super) fn right(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, length] = given else {
            return None;
        };
        let (text, length) = (self.text(text), self.count(length, 0));
        Some(Lowered::Text(Text::Right(Box::new(text?), length?)))
    }

    pub(super) fn mid(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, start, length] = given else {
            return None;
        };
        let text = self.text(text);
        let (start, length) = (self.count(start, 1), self.count(length, 0));
        Some(Lowered::Text(Text::Mid {
            text: Box::new(text?),
            start: start?,
            length: length?,
        }))
    }

    pub(super) fn replace(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text, old, new] = given else {
            return None;
        };
        let (text, old, new) = (self.text(text), self.filled(old), self.text(new));
        Some(Lowered::Text(Text::Replace {
            text: Box::new(text?),
            old: Box::new(old?),
            new: Box::new(new?),
        }))
    }

    pub(super) fn lower_case(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        self.form(Form::Lower, given)
    }

    pub(super) fn upper_case(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        self.form(Form::Upper, given)
    }

    pub(super) fn trim(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        self.form(Form::Trimmed, given)
    }

    pub(super) fn normalize(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        self.form(Form::WithoutDiacritics, given)
    }

    fn form(&mut self, form: Form, given: &[&IdedExpr]) -> Option<Lowered> {
        let [text] = self.each(given)?;
        Some(Lowered::Text(Text::Form(form, Box::new(text))))
    }

    /// Every argument as a text, the mistakes in all of them reported.
    fn each<const N: usize>(&mut self, given: &[&IdedExpr]) -> Option<[Text; N]> {
        let texts: Vec<Option<Text>> = given.iter().map(|node| self.text(node)).collect();
        let texts: Option<Vec<Text>> = texts.into_iter().collect();
        texts?.try_into().ok()
    }

    /// `exists` and `all`: over a list that is written out, so that its length is known.
    fn over(
        &mut self,
        given: &[&IdedExpr],
        make: fn(Vec<Text>, Box<Test>) -> Test,
    ) -> Option<Lowered> {
        let [list, element, test] = given else {
            return None;
        };
        let words = match &list.expr {
            Expr::List(words) if !words.elements.is_empty() => &words.elements,
            Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_)
            | Expr::Unspecified => {
                self.error(
                    list,
                    "expression-loop",
                    "only a list that is written out, with at least one element, can be gone \
                     through",
                    "write `[\"a\", \"b\"].exists(name, condition)`",
                );
                return None;
            }
        };
        let name = match &element.expr {
            Expr::Ident(name)
                if Attr::from_name(name).is_none() && !self.elements.contains(name) =>
            {
                name.clone()
            }
            Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_)
            | Expr::Unspecified => {
                self.error(
                    element,
                    "expression-loop",
                    "an element needs a name of its own",
                    "use a name that is no attribute and is not used around it, for example `it`",
                );
                return None;
            }
        };
        let list = self.texts(words);
        let around = self.weight;
        let length = u64::try_from(words.len()).unwrap_or(u64::MAX);
        self.weight = around.saturating_mul(length);
        self.elements.push(name);
        let test = self.test(test);
        self.elements.pop();
        self.weight = around;
        Some(Lowered::Test(make(list?, Box::new(test?))))
    }

    pub(super) fn switch(&mut self, node: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [subject, otherwise, rest @ ..] = given else {
            return None;
        };
        let (subject, otherwise) = (self.text(subject), self.text(otherwise));
        let (pairs, odd) = rest.as_chunks::<2>();
        if !odd.is_empty() {
            self.error(
                node,
                "function-arguments",
                "the last key of `Switch` has no value",
                how("Switch"),
            );
            return None;
        }
        let mut cases: Vec<Option<(Text, Text)>> = Vec::new();
        for [key, value] in pairs {
            if let Some(Text::Attr(attr)) = subject {
                self.can_be(attr, key);
            }
            let (lowered, value) = (self.text(key), self.text(value));
            let repeated = lowered.as_ref().is_some_and(|key| {
                matches!(key, Text::Literal(_))
                    && cases.iter().flatten().any(|(earlier, _)| earlier == key)
            });
            if repeated {
                self.error(
                    key,
                    "twice",
                    "this key of `Switch` stands there already",
                    "remove one of the two: the first counts",
                );
            }
            cases.push(lowered.zip(value));
        }
        let cases: Option<Vec<(Text, Text)>> = cases.into_iter().collect();
        Some(Lowered::Text(Text::Switch {
            subject: Box::new(subject?),
            otherwise: Box::new(otherwise?),
            cases: cases?,
        }))
    }

    pub(super) fn join(&mut self, _: &IdedExpr, given: &[&IdedExpr]) -> Option<Lowered> {
        let [separator, parts @ ..] = given else {
            return None;
        };
        let separator = self.text(separator);
        let mut lists: Vec<List> = Vec::new();
        let mut complete = true;
        for part in parts {
            match self.node(part) {
                Some(Lowered::Text(text)) => match lists.last_mut() {
                    Some(List::Of(words)) => words.push(text),
                    Some(List::Split { .. }) | None => lists.push(List::Of(vec![text])),
                },
                Some(Lowered::List(list)) => lists.push(list),
                Some(Lowered::Test(_) | Lowered::Number(_)) => {
                    complete = false;
                    self.error(
                        part,
                        "expression-type",
                        "`Join` joins texts and lists of texts",
                        how("Join"),
                    );
                }
                None => complete = false,
            }
        }
        let separator = Box::new(separator?);
        complete.then_some(Lowered::Text(Text::Join { separator, lists }))
    }

    /// A text that is not written as empty.
    fn filled(&mut self, node: &IdedExpr) -> Option<Text> {
        let text = self.text(node)?;
        if text == Text::Literal("".into()) {
            self.error(
                node,
                "empty",
                "an empty text is found nowhere",
                "write the text that is looked for",
            );
            return None;
        }
        Some(text)
    }

    /// A whole number that is written out.
    fn count(&mut self, node: &IdedExpr, least: usize) -> Option<usize> {
        if let Expr::Literal(LiteralValue::Int(number)) = &node.expr
            && let Ok(number) = usize::try_from(*number.inner())
            && (least..=LONGEST_TEXT).contains(&number)
        {
            return Some(number);
        }
        self.error(
            node,
            "expression-type",
            "a position or a length is a whole number that is written out",
            format!("write a number from {least} to {LONGEST_TEXT}"),
        );
        None
    }

    /// Reports a written beginning that no value of the attribute has.
    fn can_begin(&self, attr: Attr, start: &IdedExpr) {
        if let Expr::Literal(LiteralValue::String(text)) = &start.expr {
            let start = At {
                value: text.inner(),
                at: self.place.span(self.extent(start)),
            };
            self.vocabulary.check_prefix(self.place.report, attr, start);
        }
    }
}
