//! The alarms of a stack.

use crate::{Deployed, StackError};

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name without the stack's.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// The topics that are told; none where its actions are off. Whether anybody listens there, a topic does
    /// not say to CloudWatch.
    pub tells: Vec<String>,
}

impl Deployed {
    /// Every alarm of the stack, by name.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, StackError> {
        let prefix = format!("{}-", self.name);
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let asked = self
                .watch
                .describe_alarms()
                .alarm_name_prefix(&prefix)
                .set_next_token(after);
            let answer = asked.send().await;
            let answer =
                answer.map_err(|error| StackError::of("CloudWatch", "DescribeAlarms", &error))?;
            found.extend(answer.metric_alarms().iter().map(|alarm| {
                let name = alarm.alarm_name().unwrap_or_default();
                let acts = alarm.actions_enabled().unwrap_or(false);
                Alarm {
                    name: name.strip_prefix(&prefix).unwrap_or(name).to_owned(),
                    up: alarm
                        .state_value()
                        .is_some_and(|state| state.as_str() == "ALARM"),
                    tells: alarm
                        .alarm_actions()
                        .iter()
                        .filter(|_| acts)
                        .cloned()
                        .collect(),
                }
            }));
            after = answer.next_token().map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}
