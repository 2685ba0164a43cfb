//! Looks for personal data where none may be: log lines, metrics, queue messages, object keys.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::Attr;
use jiff::Timestamp;

use super::verdict::Check;
use crate::company::Company;

/// Attributes whose values stand for nothing else, so that finding one is finding a person.
const TELLING: [Attr; 4] = [
    Attr::PersonalEmail,
    Attr::WorkEmail,
    Attr::WorkPhone,
    Attr::EmployeeNumber,
];

/// Employee numbers are digits and would be found in any time stamp; those with a marker are not.
const SHORTEST: usize = 8;

pub(super) struct Canary {
    tokens: Vec<String>,
    /// The queues' folder, if they have one.
    queues: Option<PathBuf>,
    messages: BTreeSet<String>,
}

impl Canary {
    pub(super) fn new(company: &Company, queues: Option<PathBuf>) -> Self {
        let mut tokens: BTreeSet<String> = BTreeSet::new();
        tokens.extend(company.settings.marker.as_deref().map(str::to_lowercase));
        for contract in company.people.iter().flat_map(|person| &person.contracts) {
            tokens.insert(contract.worker_id.to_lowercase());
            for attrs in [
                contract.attrs(Timestamp::MIN),
                contract.attrs(Timestamp::MAX),
            ] {
                let values = TELLING.iter().filter_map(|attr| attrs.text(*attr));
                tokens.extend(
                    values
                        .map(str::to_lowercase)
                        .filter(|text| text.len() >= SHORTEST),
                );
            }
        }
        Self {
            tokens: tokens.into_iter().collect(),
            queues,
            messages: BTreeSet::new(),
        }
    }

    /// Reads the queues' journal before it is shortened.
    pub(super) fn read_queues(&mut self) -> std::io::Result<()> {
        let Some(folder) = &self.queues else {
            return Ok(());
        };
        for entry in std::fs::read_dir(folder)? {
            let text = std::fs::read_to_string(entry?.path())?;
            let sent = text.lines().filter(|line| line.contains("\"op\":\"sent\""));
            self.messages.extend(sent.map(str::to_owned));
        }
        Ok(())
    }

    /// What was found.
    pub(super) fn check(&self, lines: &[String], keys: &[String]) -> Check {
        let messages: Vec<String> = self.messages.iter().cloned().collect();
        let mut differences = Vec::new();
        for (place, texts) in [
            ("a log line or metric", lines),
            ("a queue message", &messages),
            ("an object key", keys),
        ] {
            let leaked = texts.iter().filter(|text| self.is_leak(text)).count();
            if leaked > 0 {
                differences.push(format!("{place} holds personal data, {leaked} times"));
            }
        }
        let queues = if self.queues.is_some() {
            format!(", {} queue messages", messages.len())
        } else {
            String::new()
        };
        Check::none_differ(
            "no personal data in logs, metrics and keys",
            format!(
                "{} log lines and metrics{queues}, {} object keys",
                lines.len(),
                keys.len()
            ),
            differences,
        )
    }

    fn is_leak(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.tokens
            .iter()
            .any(|token| text.contains(token.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::Settings;

    #[test]
    fn a_planted_leak_is_found() {
        let company = Company::new(Settings {
            seed: 1,
            people: 50,
            first_day: jiff::civil::date(2026, 1, 5),
            days: 20,
            marker: Some("zqxj".into()),
        });
        let canary = Canary::new(&company, None);
        let clean = [r#"{"message":"decided","identity":"cf14eb"}"#.to_owned()];
        assert!(canary.check(&clean, &[]).holds);
        for leak in ["hello Zqxj", "p7zqxj@mail.example", "W00003ZQXJ"] {
            assert!(!canary.check(&[leak.to_owned()], &[]).holds, "{leak}");
            assert!(!canary.check(&[], &[leak.to_owned()]).holds, "{leak}");
        }
    }
}
