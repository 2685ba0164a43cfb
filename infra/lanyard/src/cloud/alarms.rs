//! Are the alarms of a stack there, does each tell somebody, and is any of them up?

use std::collections::BTreeSet;

use domain::TargetId;
use stack_aws::Alarm;

use crate::operations::Finding;

/// The alarms of the shared stack and those of a target, as the templates of this version have them. What
/// stops a deployment is beside its function, in the first.
const STACK: &str = include_str!("../../../template.yaml");
const ALARMS: &str = include_str!("../../../alarms.yaml");
const TARGET: &str = include_str!("../../../target.yaml");

/// What names of a target's alarms begin with.
const OF_TARGET: &str = "${Stack}-target-${Target}-";

/// Every alarm of a stack with these targets, by name without the stack's.
pub(super) fn expected<'a>(targets: impl Iterator<Item = &'a TargetId>) -> Vec<String> {
    let mut expected = names(STACK, "${AWS::StackName}-");
    expected.extend(names(ALARMS, "${Stack}-"));
    for target in targets {
        let own = names(TARGET, OF_TARGET).into_iter();
        expected.extend(own.map(|name| format!("target-{target}-{name}")));
    }
    expected
}

/// Names of alarms in a template, without what they begin with.
fn names(template: &str, prefix: &str) -> Vec<String> {
    let lines = template.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("AlarmName: !Sub ")?;
        Some(name.trim_matches('"').strip_prefix(prefix)?.to_owned())
    });
    lines.collect()
}

/// What is wrong with those that are expected, and whom they tell.
pub(super) fn watched(expected: &[String], alarms: &[Alarm]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut topics = BTreeSet::new();
    for name in expected {
        let what = format!("alarm {name}");
        let Some(alarm) = alarms.iter().find(|alarm| alarm.name == *name) else {
            found.push(Finding::wrong(
                &what,
                "is not there",
                "deploy the stack, or the target's, again with its template",
            ));
            continue;
        };
        topics.extend(&alarm.tells);
        if alarm.up {
            found.push(Finding::wrong(
                &what,
                "is up",
                "docs/runbook.md says what it means and what to do",
            ));
        } else if alarm.tells.is_empty() {
            found.push(Finding::wrong(
                &what,
                "tells nobody",
                "enable the alarm's actions, or deploy the stack again with its template",
            ));
        }
    }
    if found.is_empty() {
        let quiet = format!("{} alarms, none of them up", expected.len());
        found.push(Finding::fine("alarms", quiet));
    }
    found.extend(topics.into_iter().map(|topic| heard(topic)));
    found
}

/// That a topic is told does not mean that anybody hears it.
fn heard(topic: &str) -> Finding {
    Finding {
        fix: Some(format!(
            "aws sns list-subscriptions-by-topic --topic-arn {topic} shows who has; `PendingConfirmation` has not"
        )),
        ..Finding::fine(
            "alarm topic",
            format!(
                "{topic} is told; not looked at: whether anybody has confirmed a subscription to it"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:lanyard-Alarms";

    fn alarm(name: &str, up: bool, tells: &[&str]) -> Alarm {
        Alarm {
            name: name.to_owned(),
            up,
            tells: tells.iter().map(|&topic| topic.to_owned()).collect(),
        }
    }

    #[test]
    fn the_templates_name_their_alarms() {
        let wiki = TargetId::from("wiki");
        let expected = expected([&wiki].into_iter());
        for name in [
            "facts-dead",
            "planner-errors",
            "clock-errors",
            "target-wiki-errors",
            "target-wiki-quarantined",
        ] {
            assert!(expected.iter().any(|one| one == name), "{name}");
        }
        let named = [STACK, ALARMS, TARGET].map(|template| template.matches("AlarmName:").count());
        assert_eq!(expected.len(), named.iter().sum::<usize>());
    }

    #[test]
    fn an_alarm_that_is_not_there_or_up_or_tells_nobody_is_found() {
        let expected = ["a", "b", "c", "d"].map(str::to_owned);
        let alarms = [
            alarm("a", false, &[TOPIC]),
            alarm("b", true, &[TOPIC]),
            alarm("c", false, &[]),
        ];
        let found = watched(&expected, &alarms);
        let wrong: Vec<(&str, &str)> = found
            .iter()
            .filter(|finding| !finding.fine)
            .map(|finding| (&*finding.what, &*finding.how))
            .collect();
        assert_eq!(
            wrong,
            [
                ("alarm b", "is up"),
                ("alarm c", "tells nobody"),
                ("alarm d", "is not there"),
            ]
        );
    }

    #[test]
    fn whom_a_topic_reaches_is_not_claimed() {
        let expected = ["a", "b"].map(str::to_owned);
        let alarms = expected.clone().map(|name| alarm(&name, false, &[TOPIC]));
        let found = watched(&expected, &alarms);
        let [quiet, topic] = &found[..] else {
            panic!("{found:?}");
        };
        assert!(quiet.fine && topic.fine);
        assert!(topic.how.contains("not looked at"), "{}", topic.how);
        let command = topic.fix.as_deref().expect("a command");
        assert!(
            command.contains(&format!("--topic-arn {TOPIC}")),
            "{command}"
        );
    }
}
