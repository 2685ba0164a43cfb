//! What the target says of itself. Claims are hints: whatever an experiment shows counts more.

use ports::Secrets;
use serde_json::Value;

use super::json;
use super::lab::{Lab, Stop};

const SINGULAR: &str = "/ServiceProviderConfig";
const PLURAL: &str = "/ServiceProviderConfigs";

pub(super) async fn read<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let mut config = None;
    for document in [SINGULAR, PLURAL] {
        let reply = lab.document(document).await?;
        if reply.ok() && reply.body.is_object() {
            config = Some((document, reply.body));
            break;
        }
    }
    match &config {
        Some((document, body)) => {
            lab.seen("discovery.config", *document, "there");
            lab.seen(
                "discovery.claims",
                claims(body),
                "hints; experiments count more",
            );
            let page =
                |holder: &str, name: &str| json::get(json::get(body, holder)?, name)?.as_u64();
            lab.known.claimed_page = page("pagination", "maxPageSize")
                .or_else(|| page("filter", "maxResults"))
                .filter(|size| *size > 0)
                .map(|size| (size, *document));
        }
        None => lab.seen(
            "discovery.config",
            "absent",
            "neither in the singular nor the plural",
        ),
    }
    for (key, document) in [
        ("discovery.schemas", "/Schemas"),
        ("discovery.resource_types", "/ResourceTypes"),
    ] {
        let reply = lab.document(document).await?;
        let there = reply.ok() && json::is_list(&reply.body);
        let value = if there { "present" } else { "absent" };
        let count = json::list(&reply.body, "Resources").len();
        lab.seen(key, value, format!("{}, {count} documents", reply.said()));
    }
    Ok(())
}

fn claims(config: &Value) -> String {
    let feature = |name: &str| {
        let supported = json::flag(json::get(config, name)?, "supported")?;
        Some(format!("{name} {}", if supported { "yes" } else { "no" }))
    };
    let paging = |name: &str| {
        let supported = json::flag(json::get(config, "pagination")?, name)?;
        Some(format!(
            "{name} paging {}",
            if supported { "yes" } else { "no" }
        ))
    };
    let features = ["patch", "bulk", "filter", "sort", "etag"];
    let said: Vec<String> = features
        .into_iter()
        .filter_map(feature)
        .chain(["index", "cursor"].into_iter().filter_map(paging))
        .collect();
    said.join(", ")
}
