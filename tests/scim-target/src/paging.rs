//! Pages of a list: by index (RFC 7644 section 3.4.2.4) and by cursor (RFC 9865).

use crate::error::ScimError;
use crate::faults::{Fault, FaultKind, Quirks};
use crate::options::Paging;
use crate::truth::PagingTruth;

/// What a request says about paging.
#[derive(Debug, Default, Clone)]
pub(crate) struct Asked {
    pub(crate) start_index: Option<i64>,
    pub(crate) count: Option<i64>,
    /// `Some("")` asks for the first page.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) paging: Paging,
    pub(crate) default_page: usize,
    pub(crate) max_page: usize,
    single_page: usize,
    short_by: usize,
}

impl Limits {
    pub(crate) fn of(truth: &PagingTruth) -> Self {
        Self {
            paging: truth.method,
            default_page: truth.default_page,
            max_page: truth.max_page,
            single_page: truth.single_page,
            short_by: truth.short_by,
        }
    }
}

/// One page of keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) total: usize,
    pub(crate) keys: Vec<u64>,
    pub(crate) by: By,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum By {
    Index { start: usize },
    Cursor { next: Option<String> },
}

/// Cuts the page out of `all`, which is ascending.
pub(crate) fn page(
    all: &[u64],
    asked: &Asked,
    limits: Limits,
    quirks: Quirks<'_>,
) -> Result<Page, ScimError> {
    if limits.paging != Paging::OneList
        && quirks
            .fire_if(FaultKind::NoPaging, &|_| !all.is_empty())
            .is_some()
    {
        return Ok(one_list(all));
    }
    match limits.paging {
        Paging::OneList => Ok(one_list(all)),
        Paging::CursorOrOnePage if asked.cursor.is_none() => {
            let alone = Limits {
                max_page: limits.single_page,
                ..limits
            };
            let first = Asked {
                start_index: None,
                ..asked.clone()
            };
            index_page(all, &first, alone, quirks)
        }
        Paging::Both if asked.cursor.is_none() => index_page(all, asked, limits, quirks),
        Paging::IndexOnly => index_page(all, asked, limits, quirks),
        Paging::Both | Paging::CursorOnly | Paging::CursorOrOnePage => {
            cursor_page(all, asked, limits, quirks)
        }
    }
}

fn one_list(all: &[u64]) -> Page {
    Page {
        total: all.len(),
        keys: all.to_vec(),
        by: By::Index { start: 1 },
    }
}

fn index_page(
    all: &[u64],
    asked: &Asked,
    limits: Limits,
    quirks: Quirks<'_>,
) -> Result<Page, ScimError> {
    let start = asked
        .start_index
        .map_or(1, |start| usize::try_from(start).unwrap_or(1))
        .max(1);
    let size = asked
        .count
        .map_or(limits.default_page, |count| {
            usize::try_from(count).unwrap_or(0)
        })
        .min(limits.max_page);
    refuse_page((start - 1).checked_div(size).unwrap_or(0) + 1, quirks)?;
    let mut skipped = (start - 1).min(all.len());
    let back = skipped.saturating_sub(size);
    if back < skipped && quirks.has(FaultKind::RepeatedPage) {
        skipped = back;
    }
    let mut keys: Vec<u64> = all.iter().skip(skipped).take(size).copied().collect();
    shorten(&mut keys, skipped, quirks);
    Ok(Page {
        total: all.len(),
        keys,
        by: By::Index { start },
    })
}

fn cursor_page(
    all: &[u64],
    asked: &Asked,
    limits: Limits,
    quirks: Quirks<'_>,
) -> Result<Page, ScimError> {
    let size = match asked.count {
        None => limits.default_page,
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| ScimError::bad("invalidCount", format!("`{count}` is no page size")))?,
    }
    .min(limits.max_page);
    let sent = asked.cursor.as_deref().unwrap_or_default();
    let from = if sent.is_empty() {
        Cursor::default()
    } else {
        Cursor::parse(sent)?
    };
    if !sent.is_empty() && quirks.has(FaultKind::ExpiredCursor) {
        return Err(ScimError::bad("expiredCursor", "the cursor has expired"));
    }
    refuse_page(from.page + 1, quirks)?;
    if sent.is_empty() && !all.is_empty() && quirks.has(FaultKind::EmptyPageWithCursor) {
        let next = Cursor::default().to_string();
        return Ok(Page {
            total: all.len(),
            keys: Vec::new(),
            by: By::Cursor { next: Some(next) },
        });
    }
    let skipped = all.partition_point(|key| *key <= from.after);
    let size = if all.len() - skipped > size {
        size.saturating_sub(limits.short_by).max(1)
    } else {
        size
    };
    let mut keys: Vec<u64> = all.iter().skip(skipped).take(size).copied().collect();
    let truncated = shorten(&mut keys, skipped, quirks);
    let more = !truncated && skipped + keys.len() < all.len();
    let next = keys.last().filter(|_| more).map(|last| {
        if !sent.is_empty() && quirks.has(FaultKind::RepeatedCursor) {
            return sent.to_owned();
        }
        Cursor {
            after: *last,
            page: from.page + 1,
        }
        .to_string()
    });
    Ok(Page {
        total: all.len(),
        keys,
        by: By::Cursor { next },
    })
}

fn refuse_page(number: usize, quirks: Quirks<'_>) -> Result<(), ScimError> {
    let fault = quirks.fire_if(
        FaultKind::PageError,
        &|fault| matches!(fault, Fault::PageError { page, .. } if *page == number),
    );
    match fault {
        Some(Fault::PageError { status, .. }) => Err(ScimError::new(
            status,
            format!("page {number} is not available"),
        )),
        _ => Ok(()),
    }
}

/// Drops what the faults keep back. Answers whether the list ends here although it should not.
fn shorten(keys: &mut Vec<u64>, skipped: usize, quirks: Quirks<'_>) -> bool {
    let length = keys.len();
    if let Some(Fault::ShortPages { max }) = quirks.fire_if(
        FaultKind::ShortPages,
        &|fault| matches!(fault, Fault::ShortPages { max } if *max < length),
    ) {
        keys.truncate(max);
    }
    let length = keys.len();
    if let Some(Fault::TruncatedList { deliver }) = quirks.fire_if(
        FaultKind::TruncatedList,
        &|fault| matches!(fault, Fault::TruncatedList { deliver } if skipped + length > *deliver),
    ) {
        keys.truncate(deliver.saturating_sub(skipped));
        return true;
    }
    false
}

/// "Everything after this key", and how many pages came before.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    after: u64,
    page: usize,
}

impl Cursor {
    fn parse(text: &str) -> Result<Self, ScimError> {
        let parse = || {
            let bytes = hex::decode(text).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (after, page) = text.split_once('.')?;
            Some(Self {
                after: after.parse().ok()?,
                page: page.parse().ok()?,
            })
        };
        parse().ok_or_else(|| ScimError::bad("invalidCursor", "the cursor is not one of ours"))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(format!("{}.{}", self.after, self.page)))
    }
}
