//! Query options, and the tokens that next links carry.

use axum::http::HeaderMap;

use crate::error::GraphError;
use crate::filter::Filter;
use crate::schema::Property;

/// The most objects in a page.
const MAX_TOP: usize = 999;

#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) select: Option<Vec<String>>,
    pub(crate) filter: Option<Filter>,
    pub(crate) top: Option<usize>,
    pub(crate) skip_token: Option<String>,
    pub(crate) delta_token: Option<String>,
    /// The manager is wanted along with the user.
    pub(crate) expand_manager: bool,
    pub(crate) count: bool,
    /// The options without the tokens, as they came: a next link repeats them.
    pub(crate) kept: String,
}

impl Query {
    pub(crate) fn parse(
        text: &str,
        headers: &HeaderMap,
        table: &'static [Property],
    ) -> Result<Self, GraphError> {
        let mut query = Query::default();
        let mut order = false;
        let mut kept = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let lower = name.to_ascii_lowercase();
            if !matches!(lower.as_str(), "$skiptoken" | "$deltatoken") {
                kept.append_pair(&name, &value);
            }
            match lower.as_str() {
                "$select" => {
                    let names = value.split(',').map(|part| part.trim().to_owned());
                    query.select.get_or_insert_default().extend(names);
                }
                "$filter" => query.filter = Some(Filter::parse(&value, table)?),
                "$top" => {
                    let top = value.parse().ok().filter(|top| (1..=MAX_TOP).contains(top));
                    let top = top.ok_or_else(|| {
                        GraphError::unsupported(format!("Invalid page size specified: '{value}'."))
                    })?;
                    query.top = Some(top);
                }
                "$skiptoken" => query.skip_token = Some(value.into_owned()),
                "$deltatoken" => query.delta_token = Some(value.into_owned()),
                "$expand" if matches!(value.as_ref(), "manager" | "manager($select=id)") => {
                    query.expand_manager = true;
                }
                "$count" => query.count = value == "true",
                "$orderby" => order = true,
                "$search" | "$skip" | "$expand" => {
                    return Err(GraphError::unsupported(format!(
                        "The query option '{name}' is not supported."
                    )));
                }
                other if other.starts_with('$') => {
                    return Err(GraphError::odata(format!(
                        "The query option '{name}' is not known."
                    )));
                }
                _ => {}
            }
        }
        query.kept = kept.finish();
        let advanced = query.filter.as_ref().is_some_and(Filter::is_advanced)
            || (order && query.filter.is_some());
        let eventual = headers
            .get("consistencylevel")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"eventual"));
        if (advanced && !query.count) || (query.count && !eventual) {
            return Err(GraphError::unsupported(
                "Unsupported query: it needs the header ConsistencyLevel: eventual and $count=true.",
            ));
        }
        if query.count && query.expand_manager {
            return Err(GraphError::unsupported(
                "Unsupported query: $expand is not supported with $count and ConsistencyLevel: eventual.",
            ));
        }
        Ok(query)
    }

    pub(crate) fn select(&self) -> Option<&[String]> {
        self.select.as_deref()
    }
}

/// Hides what a link says, so that clients keep it as it is.
pub(crate) fn seal(text: &str) -> String {
    hex::encode(text)
}

/// Reads what [`seal`] hid.
pub(crate) fn unseal(token: &str) -> Option<String> {
    String::from_utf8(hex::decode(token).ok()?).ok()
}
