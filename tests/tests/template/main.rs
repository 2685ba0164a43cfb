//! The expanded templates of `infra/`, line by line of the checklist that they are held to: one module a line, the exact
//! verbs of every role, and no drift between template and code.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite stops at what does not hold"
)]

mod alarms;
mod async_calls;
mod edge;
mod functions;
mod objects;
mod queues;
mod roles;
mod stack;
mod table;

use serde_json::Value;
use tests::aws::template::{Template, expand};
use tokio::sync::OnceCell;

/// What is deployed: the shared stack, one target, and the alarms.
#[derive(Debug)]
struct Templates {
    shared: Template,
    target: Template,
    alarms: Template,
}

impl Templates {
    fn all(&self) -> [&Template; 3] {
        [&self.shared, &self.target, &self.alarms]
    }

    /// Every resource of a type in any of them, with its file and name.
    fn every(&self, kind: &str) -> Vec<(String, &Value)> {
        let named = |template: &'_ Template, name: &str| format!("{}: {name}", template.file);
        self.all()
            .into_iter()
            .flat_map(|template| {
                let found = template.all(kind);
                let found = found
                    .into_iter()
                    .map(move |(name, resource)| (named(template, name), resource));
                found.collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Expanded once for all tests.
async fn templates() -> &'static Templates {
    static TEMPLATES: OnceCell<Templates> = OnceCell::const_new();
    TEMPLATES
        .get_or_init(|| async {
            let expanded = async |file| expand(file).await.unwrap_or_else(|e| panic!("{e}"));
            Templates {
                shared: expanded("template.yaml").await,
                target: expanded("target.yaml").await,
                alarms: expanded("alarms.yaml").await,
            }
        })
        .await
}

/// A number, which templates may write as text.
fn number(value: &Value) -> u64 {
    let text = value.as_str().and_then(|text| text.parse().ok());
    value
        .as_u64()
        .or(text)
        .unwrap_or_else(|| panic!("{value} is not a number"))
}
