//! The part of OData `$filter` that the directory understands.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use crate::error::GraphError;
use crate::schema::{self, EXTENSIONS, Properties, Property};

/// Properties of users that `eq` does not find without the index.
const INDEX_ONLY: &[&str] = &[
    "companyName",
    "employeeHireDate",
    "employeeType",
    "mobilePhone",
    "officeLocation",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "passwordPolicies",
    "postalCode",
    "preferredLanguage",
    "showInAddressList",
    "streetAddress",
];

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// A property, and the value that it equals.
    Equals(Vec<String>, Value),
    Differs(Vec<String>, Value),
    StartsWith(Vec<String>, String),
    EndsWith(Vec<String>, String),
    In(Vec<String>, Vec<Value>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

impl Filter {
    /// Parses a filter over the properties of `table`.
    pub(crate) fn parse(text: &str, table: &'static [Property]) -> Result<Self, GraphError> {
        let mut parser = Parser {
            tokens: tokens(text)?.into_iter().peekable(),
            table,
        };
        let filter = parser.any()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(_) => Err(syntax()),
        }
    }

    /// Whether it is for the eventually consistent index only.
    pub(crate) fn is_advanced(&self) -> bool {
        match self {
            Filter::Differs(..) | Filter::EndsWith(..) | Filter::Not(_) => true,
            Filter::Equals(path, value) => value.is_null() || is_in_index(path),
            Filter::StartsWith(path, _) => is_in_index(path),
            Filter::In(path, values) => values.len() > 15 || is_in_index(path),
            Filter::And(one, other) | Filter::Or(one, other) => {
                one.is_advanced() || other.is_advanced()
            }
        }
    }

    pub(crate) fn matches(&self, values: &Properties) -> bool {
        match self {
            Filter::Equals(path, wanted) => equals(at(values, path), wanted),
            Filter::Differs(path, wanted) => !equals(at(values, path), wanted),
            Filter::StartsWith(path, start) => {
                lower(at(values, path)).is_some_and(|text| text.starts_with(&start.to_lowercase()))
            }
            Filter::EndsWith(path, end) => {
                lower(at(values, path)).is_some_and(|text| text.ends_with(&end.to_lowercase()))
            }
            Filter::In(path, all) => all.iter().any(|one| equals(at(values, path), one)),
            Filter::And(one, other) => one.matches(values) && other.matches(values),
            Filter::Or(one, other) => one.matches(values) || other.matches(values),
            Filter::Not(inner) => !inner.matches(values),
        }
    }

    /// A property and a text that every match has, to begin with.
    pub(crate) fn narrows(&self) -> Option<(&str, &str)> {
        match self {
            Filter::Equals(path, Value::String(text)) => match path.as_slice() {
                [name] => Some((name, text)),
                _ => None,
            },
            Filter::And(one, other) => one.narrows().or_else(|| other.narrows()),
            Filter::Equals(..)
            | Filter::Differs(..)
            | Filter::StartsWith(..)
            | Filter::EndsWith(..)
            | Filter::In(..)
            | Filter::Or(..)
            | Filter::Not(_) => None,
        }
    }
}

/// Whether only the index finds users by a property
/// (<https://learn.microsoft.com/graph/aad-advanced-queries>).
fn is_in_index(path: &[String]) -> bool {
    path.first()
        .is_some_and(|name| INDEX_ONLY.contains(&name.as_str()))
}

fn at<'v>(values: &'v Properties, path: &[String]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(values.get(first)?, |value, part| value.get(part))
        .filter(|value| !value.is_null())
}

fn lower(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_lowercase)
}

/// Text compares in any case, as in the directory.
fn equals(value: Option<&Value>, wanted: &Value) -> bool {
    match (value, wanted) {
        (Some(Value::String(one)), Value::String(other)) => {
            one.to_lowercase() == other.to_lowercase()
        }
        (Some(one), other) => one == other,
        (None, other) => other.is_null(),
    }
}

fn syntax() -> GraphError {
    GraphError::odata("Invalid filter clause: syntax error.")
}

fn tokens(text: &str) -> Result<Vec<Token>, GraphError> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' => {}
            '(' => all.push(Token::Open),
            ')' => all.push(Token::Close),
            ',' => all.push(Token::Comma),
            '\'' => {
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        // Two quotes are one.
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            chars.next();
                            literal.push('\'');
                        }
                        Some('\'') => break,
                        Some(other) => literal.push(other),
                        None => {
                            return Err(GraphError::odata(
                                "Invalid filter clause: there is an unterminated string literal.",
                            ));
                        }
                    }
                }
                // Text right after a literal is an unescaped quote inside it.
                if chars.peek().is_some_and(|next| !" ),".contains(*next)) {
                    return Err(syntax());
                }
                all.push(Token::Text(literal));
            }
            first => {
                let mut word = String::from(first);
                while let Some(next) = chars.next_if(|next| !" (),'".contains(*next)) {
                    word.push(next);
                }
                all.push(Token::Word(word));
            }
        }
    }
    Ok(all)
}

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
    table: &'static [Property],
}

impl Parser {
    fn any(&mut self) -> Result<Filter, GraphError> {
        let mut left = self.all()?;
        while self.skip("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter, GraphError> {
        let mut left = self.one()?;
        while self.skip("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, GraphError> {
        if self.skip("not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.tokens.next_if_eq(&Token::Open).is_some() {
            let inner = self.any()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        let word = self.word()?;
        if self.tokens.next_if_eq(&Token::Open).is_some() {
            let path = self.path()?;
            self.expect(&Token::Comma)?;
            let Value::String(text) = self.value()? else {
                return Err(syntax());
            };
            self.expect(&Token::Close)?;
            return match word.to_ascii_lowercase().as_str() {
                "startswith" => Ok(Filter::StartsWith(path, text)),
                "endswith" => Ok(Filter::EndsWith(path, text)),
                _ => Err(GraphError::unsupported(format!(
                    "The function '{word}' is not supported."
                ))),
            };
        }
        let path = self.checked(&word)?;
        match self.word()?.as_str() {
            "eq" => Ok(Filter::Equals(path, self.value()?)),
            "ne" => Ok(Filter::Differs(path, self.value()?)),
            "in" => {
                self.expect(&Token::Open)?;
                let mut values = vec![self.value()?];
                while self.tokens.next_if_eq(&Token::Comma).is_some() {
                    values.push(self.value()?);
                }
                self.expect(&Token::Close)?;
                Ok(Filter::In(path, values))
            }
            other => Err(GraphError::unsupported(format!(
                "Unsupported or invalid query filter operator '{other}'."
            ))),
        }
    }

    fn path(&mut self) -> Result<Vec<String>, GraphError> {
        let word = self.word()?;
        self.checked(&word)
    }

    fn checked(&self, word: &str) -> Result<Vec<String>, GraphError> {
        let path: Vec<String> = word.split('/').map(str::to_owned).collect();
        let known = match path.as_slice() {
            [one, part] if one == "onPremisesExtensionAttributes" => {
                return if EXTENSIONS.contains(&part.as_str()) {
                    Ok(path)
                } else {
                    Err(GraphError::odata(format!(
                        "Could not find a property named '{part}'."
                    )))
                };
            }
            [one] => schema::find(self.table, one),
            _ => None,
        };
        match known {
            Some(property) if property.filters => Ok(path),
            Some(_) => Err(GraphError::unsupported(format!(
                "Unsupported property filter clause for '{word}'."
            ))),
            None => Err(GraphError::odata(format!(
                "Could not find a property named '{word}'."
            ))),
        }
    }

    fn value(&mut self) -> Result<Value, GraphError> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Value::String(text)),
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "null" => Ok(Value::Null),
                _ => Err(syntax()),
            },
            Some(Token::Open | Token::Close | Token::Comma) | None => Err(syntax()),
        }
    }

    fn word(&mut self) -> Result<String, GraphError> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Text(_) | Token::Open | Token::Close | Token::Comma) | None => {
                Err(syntax())
            }
        }
    }

    fn skip(&mut self, word: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(found) if found == word))
            .is_some()
    }

    fn expect(&mut self, token: &Token) -> Result<(), GraphError> {
        self.tokens.next_if_eq(token).map(|_| ()).ok_or_else(syntax)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Filter;
    use crate::schema::USER;

    #[test]
    fn filters_match_in_any_case() {
        let user = json!({
            "id": "1", "employeeId": "E1", "displayName": "Pat O'Neil", "accountEnabled": true,
            "userPrincipalName": "pat@contoso.com",
            "onPremisesExtensionAttributes": { "extensionAttribute3": "x" },
        });
        let user = user.as_object().unwrap();
        for (text, expected) in [
            ("employeeId eq 'e1'", true),
            ("employeeId eq 'E2'", false),
            ("displayName eq 'Pat O''Neil'", true),
            ("accountEnabled eq true and employeeId eq 'E1'", true),
            ("accountEnabled eq false or employeeId eq 'E1'", true),
            (
                "onPremisesExtensionAttributes/extensionAttribute3 eq 'X'",
                true,
            ),
            (
                "onPremisesExtensionAttributes/extensionAttribute4 eq 'x'",
                false,
            ),
            ("startswith(displayName,'pat ')", true),
            ("endsWith(userPrincipalName,'@CONTOSO.com')", true),
            ("employeeId in ('E7', 'E1')", true),
            ("not (employeeId eq 'E1')", false),
            ("employeeId ne 'E1'", false),
            ("mail eq null", true),
        ] {
            let filter = Filter::parse(text, USER).unwrap();
            assert_eq!(filter.matches(user), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for (text, code) in [
            ("employeeId eq 'O'Neil'", "BadRequest"),
            ("employeeId eq 'open", "BadRequest"),
            ("employeeId eq", "BadRequest"),
            ("employeeId eq E1", "BadRequest"),
            ("nosuch eq 'x'", "BadRequest"),
            (
                "onPremisesExtensionAttributes/extensionAttribute16 eq 'x'",
                "BadRequest",
            ),
            ("jobTitle eq 'x'", "Request_UnsupportedQuery"),
            ("employeeId gt 'x'", "Request_UnsupportedQuery"),
            ("contains(displayName,'x')", "Request_UnsupportedQuery"),
            ("employeeId eq 'x')", "BadRequest"),
        ] {
            assert_eq!(Filter::parse(text, USER).unwrap_err().code, code, "{text}");
        }
        let filter = Filter::parse("accountEnabled eq true and id eq 'x'", USER).unwrap();
        assert_eq!(filter.narrows(), Some(("id", "x")));
        assert_eq!(
            Filter::Equals(vec!["mail".into()], Value::Null).narrows(),
            None
        );
    }
}
