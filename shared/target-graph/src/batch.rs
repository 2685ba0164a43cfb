//! `$batch`: up to 20 requests in one, each with an answer of its own, which come in any order.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use target_http::Method;

use crate::permission::Action;

/// The most parts in one batch.
pub(crate) const MOST: usize = 20;

/// One request of a batch.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) action: Action,
    pub(crate) method: Method,
    /// Below the base URL, percent-encoded.
    pub(crate) url: String,
    pub(crate) body: Option<Value>,
    /// Whether 404 says that it was so already.
    pub(crate) absent_is_done: bool,
    /// For the index that answers more filters and lags behind.
    pub(crate) eventual: bool,
}

impl Part {
    pub(crate) fn get(action: Action, url: String) -> Self {
        Self::new(action, Method::Get, url, None)
    }

    pub(crate) fn new(action: Action, method: Method, url: String, body: Option<Value>) -> Self {
        Self {
            action,
            method,
            url,
            body,
            absent_is_done: false,
            eventual: false,
        }
    }

    pub(crate) fn eventual(mut self) -> Self {
        self.eventual = true;
        self
    }

    pub(crate) fn or_absent(mut self) -> Self {
        self.absent_is_done = true;
        self
    }
}

/// The answer to a request, within a batch or not.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Box<str>>,
    /// Null where it is empty or cannot be read.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Whether it was not carried out, because one before it failed.
    pub(crate) const fn is_untried(&self) -> bool {
        self.status == 424
    }
}

/// The body of a batch. Sequential means that each part waits for the one before it and is left
/// out where that one failed.
pub(crate) fn body(parts: &[Part], sequential: bool) -> Value {
    let requests = parts.iter().enumerate().map(|(at, part)| {
        let mut request = Map::new();
        request.insert("id".into(), (at + 1).to_string().into());
        request.insert("method".into(), part.method.name().into());
        request.insert("url".into(), part.url.clone().into());
        let mut headers = Map::new();
        if let Some(body) = &part.body {
            headers.insert("Content-Type".into(), "application/json".into());
            request.insert("body".into(), body.clone());
        }
        if part.eventual {
            headers.insert("ConsistencyLevel".into(), "eventual".into());
        }
        if !headers.is_empty() {
            request.insert("headers".into(), Value::Object(headers));
        }
        if sequential && at > 0 {
            request.insert("dependsOn".into(), json!([at.to_string()]));
        }
        Value::Object(request)
    });
    json!({"requests": requests.collect::<Vec<_>>()})
}

/// The answers in the order of the parts; `None` where one is missing. `None` for the whole where
/// it is no answer to a batch.
pub(crate) fn replies(mut answer: Value, parts: usize) -> Option<Vec<Option<Reply>>> {
    let responses = answer.get_mut("responses")?.as_array_mut()?;
    let mut by_id: BTreeMap<String, Reply> = responses
        .iter_mut()
        .filter_map(|response| {
            let id = response.get("id")?.as_str()?.to_owned();
            Some((id, reply(response)?))
        })
        .collect();
    Some(
        (1..=parts)
            .map(|at| by_id.remove(&at.to_string()))
            .collect(),
    )
}

fn reply(response: &mut Value) -> Option<Reply> {
    let status = response.get("status")?.as_u64()?;
    let body = response.get_mut("body").map(Value::take);
    let header = |name: &str| {
        let headers = response.get("headers")?.as_object()?;
        let (_, value) = headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        match value {
            Value::String(text) => Some(Box::<str>::from(text.as_str())),
            Value::Number(number) => Some(number.to_string().into()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    };
    Some(Reply {
        status: u16::try_from(status).ok()?,
        retry_after: header("retry-after"),
        body: body.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_matched_by_id_whatever_their_order() {
        let answer = json!({"responses": [
            {"id": "3", "status": 429, "headers": {"RETRY-AFTER": "7"}},
            {"id": "1", "status": 200, "body": {"id": "x"}},
            {"id": "9", "status": 200},
        ]});
        let replies = replies(answer, 3).unwrap();
        let [Some(one), None, Some(three)] = &replies[..] else {
            panic!("{} replies", replies.len());
        };
        assert_eq!((one.status, &one.body), (200, &json!({"id": "x"})));
        assert_eq!(three.retry_after.as_deref(), Some("7"));
    }

    #[test]
    fn only_a_sequential_batch_has_dependencies() {
        let part = || Part::get(Action::ReadUsers, "/users/x".into());
        let depends = |sequential| {
            let body = body(&[part(), part(), part()], sequential);
            let of = |request: &Value| request.get("dependsOn").cloned();
            let requests = body["requests"].as_array().unwrap();
            requests.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(depends(false), [None, None, None]);
        assert_eq!(
            depends(true),
            [None, Some(json!(["1"])), Some(json!(["2"]))]
        );
    }
}
