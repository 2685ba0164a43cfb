//! Queues: FIFO with FIFO dead letters, after five receives, for fourteen days, longer invisible than six time-outs,
//! encrypted; batches of ten with partial answers and a ceiling. Their names are those of `contract::Lane`.

use contract::Lane;
use domain::TargetId;
use ports::queue::{BATCH, MAX_RECEIVES};
use serde_json::Value;
use tests::aws::template::{Template, line};

use crate::{number, templates};

const QUEUE: &str = "AWS::SQS::Queue";
const FOURTEEN_DAYS: u64 = 14 * 24 * 3_600;

/// Every queue but the dead letters, with its file, name and properties.
async fn lanes() -> Vec<(&'static Template, &'static str, &'static Value)> {
    let templates = templates().await;
    let mut lanes = Vec::new();
    for template in [&templates.shared, &templates.target] {
        for (name, queue) in template.all(QUEUE) {
            let queue = &queue["Properties"];
            if !queue["RedrivePolicy"].is_null() {
                lanes.push((template, name, queue));
            }
        }
    }
    assert_eq!(lanes.len(), 3);
    lanes
}

#[tokio::test]
async fn each_is_called_as_the_code_calls_it() {
    let target = TargetId::from("{Target}");
    let lanes = lanes().await;
    let prefix = |template: &Template| {
        let functions = template.all("AWS::Lambda::Function");
        let (_, function) = functions.first().expect("a function");
        let variables = &function["Properties"]["Environment"]["Variables"];
        let prefix = line(&variables["LANYARD_QUEUE_PREFIX"]);
        prefix.rsplit('/').next().unwrap_or_default().to_owned()
    };
    for (name, lane) in [
        ("Facts", Lane::Facts),
        ("Terminations", Lane::Terminations),
        ("Lane", Lane::Target(target)),
    ] {
        let (template, _, queue) = lanes
            .iter()
            .find(|(_, found, _)| *found == name)
            .expect("the lane");
        let wanted = format!("{}{lane}", prefix(template));
        assert_eq!(line(&queue["QueueName"]), wanted);
        assert_eq!(queue["FifoQueue"], true, "{name}");
    }
}

#[tokio::test]
async fn each_has_dead_letters_that_only_it_fills() {
    for (template, name, queue) in lanes().await {
        let redrive = &queue["RedrivePolicy"];
        assert_eq!(
            number(&redrive["maxReceiveCount"]),
            u64::from(MAX_RECEIVES),
            "{name}"
        );
        let dead = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str();
        let dead = template.properties(dead.expect("a queue"));
        assert_eq!(dead["FifoQueue"], true, "{name}");
        let own = line(&queue["QueueName"]);
        let (stack, lane) = own.split_once("}-").expect("a prefix");
        assert_eq!(line(&dead["QueueName"]), format!("{stack}}}-dead-{lane}"));
        let allow = &dead["RedriveAllowPolicy"];
        assert_eq!(allow["redrivePermission"], "byQueue");
        assert_eq!(
            line(&allow["sourceQueueArns"]),
            format!("[arn:{{AWS::Partition}}:sqs:{{AWS::Region}}:{{AWS::AccountId}}:{own}]")
        );
    }
}

#[tokio::test]
async fn each_keeps_two_weeks_and_is_encrypted() {
    for (name, queue) in templates().await.every(QUEUE) {
        let queue = &queue["Properties"];
        assert_eq!(
            number(&queue["MessageRetentionPeriod"]),
            FOURTEEN_DAYS,
            "{name}"
        );
        let managed = line(&queue["SqsManagedSseEnabled"]);
        assert_eq!(managed, "if(Hardened, {AWS::NoValue}, true)", "{name}");
        let key = line(&queue["KmsMasterKeyId"]);
        assert!(
            key == "if(Hardened, {Key.Arn}, {AWS::NoValue})"
                || key == "if(Hardened, {KeyArn}, {AWS::NoValue})",
            "{name}: {key}"
        );
    }
}

#[tokio::test]
async fn each_hides_a_message_for_six_timeouts_and_its_function_knows() {
    for (template, name, queue) in lanes().await {
        let (mapping, function) = reader(template, name);
        let visibility = number(&queue["VisibilityTimeout"]);
        let timeout = number(&function["Timeout"]);
        assert!(
            visibility >= 6 * timeout,
            "{name}: {visibility} s for {timeout} s"
        );
        let variables = &function["Environment"]["Variables"];
        assert_eq!(
            number(&variables["LANYARD_VISIBILITY_TIMEOUT_S"]),
            visibility,
            "{name}"
        );

        assert_eq!(number(&mapping["BatchSize"]), BATCH as u64, "{name}");
        assert_eq!(
            line(&mapping["FunctionResponseTypes"]),
            "[ReportBatchItemFailures]"
        );
        // FIFO queues have none.
        assert!(
            mapping["MaximumBatchingWindowInSeconds"].is_null(),
            "{name}"
        );
        let ceiling = line(&mapping["ScalingConfig"]["MaximumConcurrency"]);
        let ceiling = match ceiling.trim_matches(['{', '}']) {
            parameter if ceiling.starts_with('{') => {
                let parameter = &template.document["Parameters"][parameter];
                assert!(
                    number(&parameter["MinValue"]) >= 2 && number(&parameter["MaxValue"]) <= 1_000
                );
                number(&parameter["Default"])
            }
            plain => plain.parse().expect("a number"),
        };
        assert!((2..=1_000).contains(&ceiling), "{name}: {ceiling}");
    }
}

/// The event source mapping of a queue, and the function behind it.
fn reader<'t>(template: &'t Template, queue: &str) -> (&'t Value, &'t Value) {
    let mappings = template.all("AWS::Lambda::EventSourceMapping");
    let of_queue = mappings.iter().filter(|(_, mapping)| {
        line(&mapping["Properties"]["EventSourceArn"]) == format!("{{{queue}.Arn}}")
    });
    let [(_, mapping)] = of_queue.collect::<Vec<_>>()[..] else {
        panic!("{queue} has not exactly one reader");
    };
    let mapping = &mapping["Properties"];
    // It calls the alias.
    let alias = mapping["FunctionName"]["Ref"].as_str().expect("an alias");
    let function = template.properties(alias)["FunctionName"]["Ref"].as_str();
    (mapping, template.properties(function.expect("a function")))
}
