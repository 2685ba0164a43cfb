//! Is a deployed stack as its template and this program expect it?

use std::time::Duration;

use contract::Lane;
use domain::Policy;
use ports::Backlog as _;
use ports::queue::BATCH;
use stack_aws::{Function, Mapping, StackError};

use super::Cloud;
use super::alarms::{expected, watched};
use crate::operations::Finding;

/// Functions of every stack, with the queue that calls them.
const FUNCTIONS: [(&str, Option<Lane>); 5] = [
    ("hr-webhook", None),
    ("planner", Some(Lane::Facts)),
    ("terminations", Some(Lane::Terminations)),
    ("clock", None),
    ("reconciler", None),
];

/// What a function has left after the longest that it begins, to record what came of it.
const LEFT: Duration = Duration::from_secs(3);

impl Cloud {
    /// Everything that was looked at.
    pub async fn examine(&self) -> anyhow::Result<Vec<Finding>> {
        let mut found = Vec::new();
        let policy = match self.policy().await {
            Ok(policy) => {
                found.push(Finding::fine(
                    "policy",
                    format!("{} is active", policy.version.short()),
                ));
                Some(policy)
            }
            Err(error) => {
                found.push(Finding::wrong(
                    "policy",
                    format!("{error:#}"),
                    "publish a policy",
                ));
                None
            }
        };
        for (function, queue) in FUNCTIONS {
            self.function(function, queue.as_ref(), &mut found).await;
        }
        for target in policy.iter().flat_map(|policy| policy.targets.keys()) {
            let lane = Lane::Target(target.clone());
            let function = format!("connector-{target}");
            self.function(&function, Some(&lane), &mut found).await;
        }
        self.table(&mut found).await;
        self.alarms(policy.as_deref(), &mut found).await;
        Ok(found)
    }

    async fn function(&self, function: &str, queue: Option<&Lane>, found: &mut Vec<Finding>) {
        let what = format!("function {function}");
        match self.deployed().function(function).await {
            Ok(configured) => {
                let longest = longest(queue);
                found.extend(timeouts(&what, &configured, longest));
            }
            Err(error) => {
                found.push(missing(&what, &error, queue));
                return;
            }
        }
        let Some(lane) = queue else { return };
        let what = format!("queue {lane}");
        match self.lanes().depth(lane).await {
            Ok(depth) if depth.dead > 0 => found.push(Finding::wrong(
                &what,
                format!("{} messages were given up", depth.dead),
                "see `lanyard dead-letter list`",
            )),
            Ok(_) => found.push(Finding::fine(&what, "nothing was given up")),
            Err(fault) => {
                found.push(Finding::wrong(
                    &what,
                    fault.to_string(),
                    "deploy the stack again",
                ));
            }
        }
        match self.deployed().mappings(function).await {
            Ok(mappings) => found.push(mapping(&what, lane, &mappings)),
            Err(error) => found.push(unasked(&what, &error)),
        }
    }

    async fn table(&self, found: &mut Vec<Finding>) {
        match store_dynamodb::inspect(&self.store).await {
            Ok(wrong) if wrong.is_empty() => found.push(Finding::fine(
                "table",
                "has its keys, its index, its stream, recovery and protection",
            )),
            Ok(wrong) => found.extend(wrong.into_iter().map(|wrong| {
                Finding::wrong("table", wrong, "deploy the stack again with its template")
            })),
            Err(fault) => found.push(Finding::wrong(
                "table",
                fault.to_string(),
                "see the table of rights in docs/operating.md",
            )),
        }
    }

    async fn alarms(&self, policy: Option<&Policy>, found: &mut Vec<Finding>) {
        let alarms = match self.deployed().alarms().await {
            Ok(alarms) => alarms,
            Err(error) => return found.push(unasked("alarms", &error)),
        };
        let targets = policy.into_iter().flat_map(|policy| policy.targets.keys());
        found.extend(watched(&expected(targets), &alarms));
    }
}

/// The longest that a function begins: a request, and before it, on the connectors' lanes, the time for
/// which they begin some.
fn longest(queue: Option<&Lane>) -> Duration {
    match queue {
        Some(Lane::Terminations | Lane::Target(_)) => connectors::WORK_FOR + targets::TIMEOUT,
        Some(Lane::Facts) | None => targets::TIMEOUT,
    }
}

/// The longest that it begins, then the function, then the queue that shows a message again.
fn timeouts(what: &str, function: &Function, longest: Duration) -> Vec<Finding> {
    let number = |variable: &str| {
        let text = function.settings.get(variable)?;
        text.parse::<i64>().ok()
    };
    let told = number("LANYARD_FUNCTION_TIMEOUT_S");
    let visibility = number("LANYARD_VISIBILITY_TIMEOUT_S");
    let needed = i64::try_from((longest + LEFT).as_secs()).unwrap_or(i64::MAX);
    let redeploy = "deploy the stack again with its template";
    let mut found = Vec::new();
    if let Some(state) = &function.inactive {
        found.push(Finding::wrong(what, format!("is {state}"), redeploy));
    }
    if told != Some(function.timeout) {
        let told = told.map_or_else(|| "nothing".to_owned(), |told| format!("{told} s"));
        found.push(Finding::wrong(
            what,
            format!("is ended after {} s and was told {told}", function.timeout),
            redeploy,
        ));
    }
    if function.timeout < needed {
        found.push(Finding::wrong(
            what,
            format!(
                "is ended after {} s, and what it begins may take {needed} s",
                function.timeout
            ),
            redeploy,
        ));
    }
    if visibility.is_some_and(|visibility| visibility <= function.timeout) {
        found.push(Finding::wrong(
            what,
            "works on messages that its queue shows to others meanwhile",
            redeploy,
        ));
    }
    if found.is_empty() {
        let last = format!("is there, and has {} s", function.timeout);
        found.push(Finding::fine(what, last));
    }
    found
}

fn mapping(what: &str, lane: &Lane, mappings: &[Mapping]) -> Finding {
    let suffix = format!("-{lane}");
    let redeploy = "deploy the stack again with its template";
    let Some(mapping) = mappings.iter().find(|one| one.queue.ends_with(&suffix)) else {
        return Finding::wrong(what, "calls no function", redeploy);
    };
    let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
    if !mapping.enabled {
        return Finding::wrong(
            what,
            "does not call its function",
            "enable the event source mapping; messages wait meanwhile and are lost after 14 days",
        );
    }
    if !mapping.partial {
        return Finding::wrong(
            what,
            "has whole batches come back for one failure",
            redeploy,
        );
    }
    if mapping.batch > most {
        return Finding::wrong(what, "hands over more than a batch", redeploy);
    }
    Finding::fine(what, "calls its function")
}

fn missing(what: &str, error: &StackError, queue: Option<&Lane>) -> Finding {
    match (error, queue) {
        (StackError::NoFunction(_), Some(Lane::Target(target))) => Finding::wrong(
            what,
            format!("policy has the target `{target}`, and nothing is deployed for it"),
            "deploy infra/target.yaml for it; docs/aws.md says how",
        ),
        (StackError::NoFunction(_), _) => Finding::wrong(
            what,
            "is not there",
            "deploy the stack again with its template",
        ),
        _ => unasked(what, error),
    }
}

fn unasked(what: &str, error: &StackError) -> Finding {
    Finding::wrong(
        what,
        error.to_string(),
        "see the table of rights in docs/operating.md",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn function(timeout: i64, told: &str, visibility: &str) -> Function {
        let settings = [
            ("LANYARD_FUNCTION_TIMEOUT_S", told),
            ("LANYARD_VISIBILITY_TIMEOUT_S", visibility),
        ];
        Function {
            name: "s-planner".into(),
            timeout,
            inactive: None,
            settings: settings
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn time_outs_in_the_wrong_order_are_found() {
        let said = |function: &Function| -> Vec<bool> {
            let found = timeouts("function planner", function, longest(Some(&Lane::Facts)));
            found.iter().map(|finding| finding.fine).collect()
        };
        assert_eq!(said(&function(60, "60", "360")), [true]);
        assert_eq!(said(&function(60, "30", "360")), [false], "drift");
        assert_eq!(said(&function(60, "60", "60")), [false], "shown to others");
        assert_eq!(
            said(&function(5, "5", "30")),
            [false],
            "shorter than a request"
        );
        assert_eq!(said(&function(60, "", "")), [false], "told nothing");
        let connector = |timeout: i64| {
            let function = function(timeout, &timeout.to_string(), "360");
            timeouts(
                "function terminations",
                &function,
                longest(Some(&Lane::Terminations)),
            )
        };
        assert!(connector(43)[0].fine);
        assert!(!connector(42)[0].fine, "work is begun for half a minute");
    }

    #[test]
    fn a_queue_has_to_call_its_function_and_no_other() {
        let one = |queue: &str, enabled, partial| Mapping {
            queue: format!("arn:aws:sqs:eu-central-1:1:{queue}"),
            enabled,
            batch: 10,
            partial,
        };
        let fine = |mappings: &[Mapping]| mapping("queue", &Lane::Facts, mappings).fine;
        assert!(fine(&[one("lanyard-facts.fifo", true, true)]));
        assert!(!fine(&[]));
        assert!(!fine(&[one("lanyard-terminations.fifo", true, true)]));
        assert!(!fine(&[one("lanyard-facts.fifo", false, true)]));
        assert!(!fine(&[one("lanyard-facts.fifo", true, false)]));
    }
}
