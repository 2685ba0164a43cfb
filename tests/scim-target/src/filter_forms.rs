//! Which filters a dialect understands, and how it reads them.

use scim_v2::filter::{CompValue, CompareOp};

use crate::error::ScimError;
use crate::filter::{self, Check, Expr, invalid};
use crate::schema::{Kind, Located};
use crate::truth::{FilterForms, FilterTruth, OddFilter};

/// The filter, or `None` where the target overlooks it.
pub(crate) fn read(kind: Kind, text: &str, truth: &FilterTruth) -> Result<Option<Expr>, ScimError> {
    let forms = match kind {
        Kind::User => truth.users,
        Kind::Group => truth.groups,
    };
    let read = parse(kind, text, truth).and_then(|expr| {
        if understood(&expr, forms, truth.and) {
            Ok(expr)
        } else {
            Err(invalid("filters of this form are not supported"))
        }
    });
    match (read, truth.unsupported) {
        (Ok(expr), _) => Ok(Some(expr)),
        (Err(error), OddFilter::Refused) => Err(error),
        (Err(_), OddFilter::Ignored) => Ok(None),
    }
}

fn parse(kind: Kind, text: &str, truth: &FilterTruth) -> Result<Expr, ScimError> {
    let expr = if truth.and_binds_tighter {
        filter::parse(kind, text, truth.bare_extension_names)?
    } else {
        filter::parse(kind, &left_to_right(text), truth.bare_extension_names)?
    };
    match truth.max_nodes {
        Some(max) if nodes(&expr) > max => {
            Err(invalid(format!("the filter has more than {max} nodes")))
        }
        Some(_) | None => Ok(expr),
    }
}

fn nodes(expr: &Expr) -> usize {
    match expr {
        Expr::And(items) | Expr::Or(items) => 1 + items.iter().map(nodes).sum::<usize>(),
        Expr::Not(inner) | Expr::Element(_, inner) => 1 + nodes(inner),
        Expr::Test(..) => 1,
    }
}

fn understood(expr: &Expr, forms: FilterForms, and: bool) -> bool {
    let FilterForms::Equality(forms) = forms else {
        return true;
    };
    let Some(mut names) = equalities(expr) else {
        return false;
    };
    let listed = |names: &[String]| {
        forms.iter().any(|form| {
            form.len() == names.len() && form.iter().all(|name| names.iter().any(|n| n == name))
        })
    };
    names.sort_unstable();
    listed(&names) || and && names.chunks(1).all(listed)
}

/// The attributes of a conjunction of `attribute eq "text"`.
fn equalities(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::And(items) => {
            let mut names = Vec::new();
            for item in items {
                names.extend(equalities(item)?);
            }
            Some(names)
        }
        Expr::Test(at, Check::Compare(CompareOp::Eq, CompValue::Str(_))) => Some(vec![name(at)]),
        Expr::Test(..) | Expr::Or(_) | Expr::Not(_) | Expr::Element(..) => None,
    }
}

fn name(at: &Located) -> String {
    match at.sub {
        None => at.attr.name.to_owned(),
        Some(sub) => format!("{}.{}", at.attr.name, sub.name),
    }
}

/// The filter with parentheses that make `and` and `or` bind alike, from left to right.
fn left_to_right(text: &str) -> String {
    let mut folded = String::new();
    let mut term: Vec<String> = Vec::new();
    let mut joined: Option<String> = None;
    for word in words(text) {
        if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") {
            folded = join(&folded, joined.as_deref(), &term);
            term.clear();
            joined = Some(word);
        } else {
            let inner = word
                .strip_prefix('(')
                .and_then(|word| word.strip_suffix(')'));
            term.push(match inner {
                Some(inner) => format!("({})", left_to_right(inner)),
                None => word,
            });
        }
    }
    join(&folded, joined.as_deref(), &term)
}

fn join(folded: &str, by: Option<&str>, term: &[String]) -> String {
    let term = term.join(" ");
    match by {
        None => term,
        Some(by) => format!("({folded}) {by} {term}"),
    }
}

/// The words between spaces that are in no string, parentheses or brackets.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for letter in text.chars() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
        if letter.is_whitespace() && !quoted && depth == 0 {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::left_to_right;

    #[test]
    fn words_are_folded_from_left_to_right() {
        for (text, folded) in [
            ("a eq \"1\"", "a eq \"1\""),
            (
                "a eq \"1\" or b eq \"2\" and c pr",
                "((a eq \"1\") or b eq \"2\") and c pr",
            ),
            (
                "a eq \"x and \\\" or y\" and not (b pr or c pr and d pr)",
                "(a eq \"x and \\\" or y\") and not (((b pr) or c pr) and d pr)",
            ),
            (
                "e[type eq \"w\" and value pr] or a pr",
                "(e[type eq \"w\" and value pr]) or a pr",
            ),
        ] {
            assert_eq!(left_to_right(text), folded);
        }
    }
}
