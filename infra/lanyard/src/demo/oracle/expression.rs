//! Expressions as the other witness reads them: plainly, on owned texts, without the planner's
//! evaluation. Nobody in our stories has an attribute cleared, and no text there is long.

use domain::Attrs;
use domain::expr::{Comparison, Form, List, Number, Test, Text};

/// A text's value; `None` where it touches what is absent, or what this witness leaves to others.
pub(super) fn text(expr: &Text, attrs: &Attrs, around: &[String]) -> Option<String> {
    let value = |expr: &Text| text(expr, attrs, around);
    Some(match expr {
        Text::Literal(literal) => literal.to_string(),
        Text::Attr(attr) => attrs.text(*attr)?.to_owned(),
        Text::Element(outwards) => around.iter().rev().nth(usize::from(*outwards))?.clone(),
        Text::Concat(parts) => parts
            .iter()
            .map(value)
            .collect::<Option<Vec<_>>>()?
            .concat(),
        Text::If(condition, yes, no) => value(if test(condition, attrs, around)? {
            yes
        } else {
            no
        })?,
        Text::Coalesce(options) => {
            let stated: Vec<String> = options.iter().filter_map(value).collect();
            let filled = stated.iter().find(|text| !text.is_empty());
            filled.or(stated.first())?.clone()
        }
        Text::Switch {
            subject,
            otherwise,
            cases,
        } => {
            let subject = value(subject)?;
            for (key, then) in cases {
                if value(key)? == subject {
                    return value(then);
                }
            }
            value(otherwise)?
        }
        Text::Form(form, inner) => {
            let inner = value(inner)?;
            match form {
                Form::Lower => inner.to_lowercase(),
                Form::Upper => inner.to_uppercase(),
                Form::Trimmed => inner.trim().to_owned(),
                Form::WithoutDiacritics => return None,
            }
        }
        Text::Replace { text, old, new } => value(text)?.replace(&value(old)?, &value(new)?),
        Text::Mid {
            text,
            start,
            length,
        } => value(text)?.chars().skip(start - 1).take(*length).collect(),
        Text::Left(text, length) => value(text)?.chars().take(*length).collect(),
        Text::Right(text, length) => {
            let all: Vec<char> = value(text)?.chars().collect();
            all.iter().rev().take(*length).rev().collect()
        }
        Text::Join { separator, lists } => {
            let words: Option<Vec<Vec<String>>> = lists
                .iter()
                .map(|list| words(list, attrs, around))
                .collect();
            words?.concat().join(&value(separator)?)
        }
        Text::Item(list, index) => words(list, attrs, around)?.get(index - 1)?.clone(),
    })
}

/// A test's value.
pub(super) fn test(expr: &Test, attrs: &Attrs, around: &[String]) -> Option<bool> {
    let truth = |expr: &Test| test(expr, attrs, around);
    let value = |expr: &Text| text(expr, attrs, around);
    Some(match expr {
        Test::Literal(literal) => *literal,
        Test::Not(inner) => !truth(inner)?,
        Test::All(tests) => !any(tests.iter().map(|test| Some(!truth(test)?)))?,
        Test::Either(tests) => any(tests.iter().map(truth))?,
        Test::If(condition, yes, no) => truth(if truth(condition)? { yes } else { no })?,
        Test::Agree(a, b) => truth(a)? == truth(b)?,
        Test::Texts(how, a, b) => is(*how, &value(a)?, &value(b)?),
        Test::Numbers(how, a, b) => {
            is(*how, &number(a, attrs, around)?, &number(b, attrs, around)?)
        }
        Test::StartsWith(text, start) => value(text)?.starts_with(&value(start)?),
        Test::EndsWith(text, end) => value(text)?.ends_with(&value(end)?),
        Test::Contains(text, part) => value(text)?.contains(&value(part)?),
        Test::In(text, list) => words(list, attrs, around)?.contains(&value(text)?),
        Test::Stated(text) => value(text).is_some_and(|text| !text.is_empty()),
        Test::Any(list, inner) => any(each(list, inner, attrs, around)?.into_iter())?,
        Test::Every(list, inner) => {
            let each = each(list, inner, attrs, around)?;
            !any(each.into_iter().map(|truth| Some(!truth?)))?
        }
    })
}

fn each(
    list: &[Text],
    inner: &Test,
    attrs: &Attrs,
    around: &[String],
) -> Option<Vec<Option<bool>>> {
    let words: Option<Vec<String>> = list.iter().map(|word| text(word, attrs, around)).collect();
    let tested = words?.into_iter().map(|word| {
        let around = [around, &[word]].concat();
        test(inner, attrs, &around)
    });
    Some(tested.collect())
}

/// True where one is; otherwise unknown where one is.
fn any(tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let all: Vec<Option<bool>> = tests.collect();
    if all.contains(&Some(true)) {
        return Some(true);
    }
    (!all.contains(&None)).then_some(false)
}

fn is<T: Ord>(how: Comparison, a: &T, b: &T) -> bool {
    match how {
        Comparison::Equal => a == b,
        Comparison::Unequal => a != b,
        Comparison::Less => a < b,
        Comparison::AtMost => a <= b,
        Comparison::Greater => a > b,
        Comparison::AtLeast => a >= b,
    }
}

fn number(number: &Number, attrs: &Attrs, around: &[String]) -> Option<i64> {
    let count = match number {
        Number::Literal(number) => return Some(*number),
        Number::Characters(inner) => text(inner, attrs, around)?.chars().count(),
        Number::Elements(list) => words(list, attrs, around)?.len(),
    };
    i64::try_from(count).ok()
}

fn words(list: &List, attrs: &Attrs, around: &[String]) -> Option<Vec<String>> {
    match list {
        List::Of(words) => words.iter().map(|word| text(word, attrs, around)).collect(),
        List::Split {
            text: inner,
            separator,
        } => {
            let (inner, separator) = (text(inner, attrs, around)?, text(separator, attrs, around)?);
            Some(inner.split(&separator).map(str::to_owned).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::policy::{Expr, Policy};
    use domain::{Attr, Slot};

    use super::*;
    use crate::demo::sample;

    fn leads(policy: &Policy, attrs: &Attrs) -> Option<bool> {
        let rule = policy
            .rules
            .iter()
            .find(|rule| rule.id.as_str() == "managers");
        let filter = rule.unwrap().filter.as_ref().unwrap();
        let found = test(&filter.root, attrs, &[]);
        // Two readings of one expression, which share no code.
        assert_eq!(found, filter.verdict(attrs).ok());
        found
    }

    fn on_wiki(policy: &Policy, attrs: &Attrs) -> Option<String> {
        let wiki = &policy.targets["wiki"];
        let title = wiki.mappings.iter().find(|one| &*one.path == "title");
        let Expr::Computed(computed) = &title.unwrap().expr else {
            panic!("the title is computed");
        };
        let found = text(&computed.root, attrs, &[]);
        let slot = found.as_deref().map(Slot::from);
        assert_eq!(slot, computed.slot(attrs));
        found
    }

    #[test]
    fn the_witness_reads_the_sample_expressions_by_itself() {
        let policy = sample::policy().unwrap();
        let worker = |pairs: &[(Attr, &str)]| -> Attrs {
            pairs
                .iter()
                .map(|(attr, text)| (*attr, Slot::from(*text)))
                .collect()
        };
        let head = [
            (Attr::Title, "Head of Data"),
            (Attr::EmploymentType, "contractor"),
        ];
        let lead = [(Attr::ManagerStatus, "manager")];
        let clerk = [(Attr::Title, "Clerk"), (Attr::EmploymentType, "employee")];
        let individual = [(Attr::Title, "Clerk"), (Attr::ManagerStatus, "individual")];
        for (pairs, leads_people, title) in [
            (&head[..], Some(true), Some("Head of Data (external)")),
            (&lead, Some(true), None),
            (&clerk, None, Some("Clerk")),
            (&individual, Some(false), None),
        ] {
            let attrs = worker(pairs);
            assert_eq!(leads(&policy, &attrs), leads_people, "{pairs:?}");
            assert_eq!(on_wiki(&policy, &attrs).as_deref(), title, "{pairs:?}");
        }
    }
}
