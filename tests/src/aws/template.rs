//! A template as the service will see it, and plain questions about it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokio::process::Command;

use super::{AwsError, failed};
use crate::third_party::ThirdParty;

/// The workspace.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap_or(root)
}

/// Expands `infra/<file>` with AWS's own translator of SAM.
pub async fn expand(file: &str) -> Result<Template, AwsError> {
    let python = ThirdParty::aws_python().await?;
    let script = format!("expand-template infra/{file}");
    let output = Command::new(python)
        .arg(root().join("scripts/expand-template"))
        .arg(root().join("infra").join(file))
        .output()
        .await
        .map_err(|e| failed(&script, &e))?;
    if !output.status.success() {
        return Err(failed(&script, &String::from_utf8_lossy(&output.stderr)));
    }
    let document = serde_json::from_slice(&output.stdout).map_err(|e| failed(&script, &e))?;
    Ok(Template {
        file: file.to_owned(),
        document,
    })
}

/// An expanded template.
#[derive(Clone, Debug)]
pub struct Template {
    /// The file that it was made from.
    pub file: String,
    /// All of it.
    pub document: Value,
}

impl Template {
    /// Every resource of a type, by its logical name.
    pub fn all(&self, kind: &str) -> Vec<(&str, &Value)> {
        self.resources()
            .iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(name, resource)| (name.as_str(), resource))
            .collect()
    }

    /// The properties of a resource. Panics where there is none of that name.
    pub fn properties(&self, name: &str) -> &Value {
        let resource = self.resources().get(name);
        let resource = resource.unwrap_or_else(|| panic!("{} has no resource `{name}`", self.file));
        &resource["Properties"]
    }

    /// Every resource.
    pub fn resources(&self) -> &Map<String, Value> {
        let resources = self.document["Resources"].as_object();
        resources.unwrap_or_else(|| panic!("{} has no resources", self.file))
    }
}

/// A value on one line, with what CloudFormation would put in for names that are told: `!Ref X` is `{X}`, `!GetAtt X.Y`
/// is `{X.Y}`, and `!Sub` its text.
pub fn line(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(is) => is.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(line).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => object(fields),
    }
}

fn object(fields: &Map<String, Value>) -> String {
    let only = || fields.iter().next().filter(|_| fields.len() == 1);
    match only() {
        Some((key, of)) if key == "Ref" => format!("{{{}}}", line(of)),
        Some((key, Value::Array(path))) if key == "Fn::GetAtt" => {
            let path: Vec<String> = path.iter().map(line).collect();
            format!("{{{}}}", path.join("."))
        }
        Some((key, Value::String(text))) if key == "Fn::Sub" => text.replace("${", "{"),
        Some((key, Value::Array(parts))) if key == "Fn::If" => {
            let parts: Vec<String> = parts.iter().map(line).collect();
            format!("if({})", parts.join(", "))
        }
        _ => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{key}: {}", line(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}
