//! Pages, and everything that can be wrong with them.

use serde_json::{Map, Value, json};

use crate::error::{GraphError, Refusal};
use crate::faults::{Fault, FaultKind};
use crate::query::{Query, seal, unseal};
use crate::reply::Reply;
use crate::state::Ask;

const FOREIGN: &str = "https://graph.example.net/v1.0";

/// Where a page begins.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The first is 1.
    number: usize,
    delivered: usize,
    /// The id of the last object before it.
    pub(crate) after: String,
    pub(crate) size: usize,
    /// How many objects there are on all pages, where it was asked for.
    pub(crate) total: Option<usize>,
}

impl Page {
    pub(crate) fn of(ask: Ask<'_>, query: &Query, default: usize) -> Result<Self, GraphError> {
        let size = query.top.unwrap_or(default).max(1);
        let page = match &query.skip_token {
            None => Page {
                number: 1,
                delivered: 0,
                after: String::new(),
                size,
                total: None,
            },
            Some(token) => read(token, size).ok_or_else(|| {
                GraphError::new(
                    400,
                    "Directory_ExpiredPageToken",
                    Refusal::Invalid,
                    "The specified page token value is not valid.",
                )
            })?,
        };
        let failing = ask.quirks.fire_if(
            FaultKind::PageError,
            &|fault| matches!(fault, Fault::PageError { page: at, .. } if *at == page.number),
        );
        if let Some(Fault::PageError { status, .. }) = failing {
            return Err(GraphError::new(
                status,
                "UnknownError",
                Refusal::Invalid,
                "The page is not available.",
            ));
        }
        Ok(page)
    }

    fn token(&self) -> String {
        seal(&format!(
            "{}|{}|{}",
            self.number, self.delivered, self.after
        ))
    }

    /// The body of a page. `ids` holds one more than fits if there is more.
    pub(crate) fn reply(
        &self,
        ask: Ask<'_>,
        query: &Query,
        link_base: &str,
        mut ids: Vec<String>,
        render: &dyn Fn(&str) -> Value,
    ) -> Reply {
        let quirks = ask.quirks;
        let mut more = ids.len() > self.size;
        ids.truncate(self.size);
        let short = quirks.fire_if(
            FaultKind::ShortPages,
            &|fault| matches!(fault, Fault::ShortPages { max } if ids.len() > (*max).max(1)),
        );
        if let Some(Fault::ShortPages { max }) = short {
            ids.truncate(max.max(1));
            more = true;
        }
        let end = self.delivered + ids.len();
        let truncated = quirks.fire_if(
            FaultKind::TruncatedList,
            &|fault| matches!(fault, Fault::TruncatedList { deliver } if end > *deliver || (end == *deliver && more)),
        );
        if let Some(Fault::TruncatedList { deliver }) = truncated {
            ids.truncate(deliver.saturating_sub(self.delivered));
            more = false;
        }
        if !ids.is_empty() && quirks.has(FaultKind::EmptyList) {
            ids.clear();
            more = false;
        }
        let mut body = Map::new();
        body.insert(
            "@odata.context".to_owned(),
            json!(format!("{link_base}/$metadata")),
        );
        let value = ids.iter().map(|id| render(id)).collect::<Vec<_>>();
        body.insert("value".to_owned(), Value::Array(value));
        if let Some(total) = self.total {
            body.insert("@odata.count".to_owned(), json!(total));
        }
        if more {
            let mut next = Page {
                number: self.number + 1,
                delivered: self.delivered + ids.len(),
                after: ids.last().cloned().unwrap_or_default(),
                size: self.size,
                total: None,
            };
            if quirks.has(FaultKind::RepeatedNextLink) {
                next = self.clone();
            }
            let base = if quirks.has(FaultKind::ForeignNextLink) {
                FOREIGN
            } else {
                link_base
            };
            let path = quirks.seen.path;
            let next = link(base, path, &query.kept, "$skiptoken", &next.token());
            body.insert("@odata.nextLink".to_owned(), json!(next));
        }
        Reply::json(200, Value::Object(body))
    }
}

fn read(token: &str, size: usize) -> Option<Page> {
    let text = unseal(token)?;
    let mut parts = text.splitn(3, '|');
    let number = parts.next()?.parse().ok()?;
    let delivered = parts.next()?.parse().ok()?;
    let after = parts.next()?.to_owned();
    Some(Page {
        number,
        delivered,
        after,
        size,
        total: None,
    })
}

pub(crate) fn link(base: &str, path: &str, kept: &str, name: &str, token: &str) -> String {
    let and = if kept.is_empty() { "" } else { "&" };
    format!("{base}{path}?{kept}{and}{name}={token}")
}
