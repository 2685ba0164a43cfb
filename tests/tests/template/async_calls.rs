//! Asynchronous calls and schedules: nothing is repeated blindly, what fails goes to a queue, schedules know their zone, and
//! each may call one thing.

use reconciler::LONGEST_OBSERVATION;
use serde_json::Value;
use tests::aws::template::line;

use crate::{number, templates};

#[tokio::test]
async fn the_clock_is_not_repeated_and_its_failures_are_kept() {
    let shared = &templates().await.shared;
    let configs = shared.all("AWS::Lambda::EventInvokeConfig");
    let [(_, config)] = configs[..] else {
        panic!("the clock alone is called asynchronously");
    };
    let config = &config["Properties"];
    assert_eq!(line(&config["FunctionName"]), "{Clock}");
    assert_eq!(number(&config["MaximumRetryAttempts"]), 0);
    assert_eq!(number(&config["MaximumEventAgeInSeconds"]), 60);
    let kept = line(&config["DestinationConfig"]["OnFailure"]["Destination"]);
    assert_eq!(kept, "{Undelivered.Arn}");
}

#[tokio::test]
async fn schedules_have_a_zone_and_dead_letters() {
    let shared = &templates().await.shared;
    let schedules = shared.all("AWS::Scheduler::Schedule");
    assert_eq!(schedules.len(), 2);
    for (name, schedule) in schedules {
        let schedule = &schedule["Properties"];
        assert_eq!(
            line(&schedule["ScheduleExpressionTimezone"]),
            "{Zone}",
            "{name}"
        );
        assert!(!schedule["FlexibleTimeWindow"]["Mode"].is_null(), "{name}");
        assert_eq!(line(&schedule["KmsKeyArn"]), "{Key.Arn}", "{name}");
        let target = &schedule["Target"];
        assert_eq!(
            line(&target["DeadLetterConfig"]["Arn"]),
            "{Undelivered.Arn}",
            "{name}"
        );
        assert_eq!(line(&target["RoleArn"]), format!("{{{name}Role.Arn}}"));
    }
    let minute = shared.properties("Minute");
    assert_eq!(minute["ScheduleExpression"], "rate(1 minute)");
    assert_eq!(line(&minute["Target"]["Arn"]), "{ClockAliaslive}");
    assert_eq!(
        number(&minute["Target"]["RetryPolicy"]["MaximumRetryAttempts"]),
        0
    );
    let night = shared.properties("Nightly");
    assert_eq!(line(&night["ScheduleExpression"]), "{Night}");
    assert_eq!(line(&night["Target"]["Arn"]), "{Reconcile}");
    assert_eq!(line(&night["Target"]["Input"]), "{\"zone\":\"{Zone}\"}");
}

#[tokio::test]
async fn the_nightly_run_outlives_a_step_and_keeps_no_data_in_its_state() {
    let shared = &templates().await.shared;
    let machine = shared.properties("Reconcile");
    let states = &machine["Definition"]["States"];
    let inner = &states["Targets"]["ItemProcessor"]["States"];
    let parts = &inner["Parts"]["ItemProcessor"];
    let calls = [
        ("observe", &inner["Observe"]),
        ("compare", &parts["States"]["Compare"]),
        ("limit", &states["Limit"]),
        ("enqueue", &states["Enqueue"]),
        ("finish", &states["Finish"]),
    ];
    for (step, state) in calls {
        assert_eq!(state["Parameters"]["Payload"]["step"], step);
    }
    assert_eq!(states["Told"]["Parameters"]["step"], "begin");
    let told = "States.JsonMerge($$.Execution.Input, $.told, false)";
    assert_eq!(states["Begin"]["Parameters"]["Payload.$"], told);
    for (step, state) in calls.into_iter().chain([("begin", &states["Begin"])]) {
        assert_eq!(state["Parameters"]["FunctionName"], "${Reconciler}");
        let retry = &state["Retry"];
        // What is wrong for good does not get better.
        assert_eq!(line(&retry[0]["ErrorEquals"]), "[Reject]", "{step}");
        assert_eq!(number(&retry[0]["MaxAttempts"]), 0, "{step}");
        assert!(number(&retry[1]["MaxAttempts"]) > 0, "{step}");
    }
    // Legs go on while their answer is `again`, and one target does not end the others.
    for (choice, state) in [
        (&states["Begun?"]["Choices"][0], "Begin"),
        (&inner["Observed?"]["Choices"][1], "Observe"),
        (&states["Sent?"]["Choices"][0], "Enqueue"),
        (&states["Finished?"]["Choices"][0], "Finish"),
    ] {
        assert_eq!(choice["StringEquals"], "again");
        assert_eq!(choice["Next"], state);
    }
    // A target that asks for a pause has it.
    let wait = "$.observed.answer.wait";
    let choice = &inner["Observed?"]["Choices"][0];
    assert_eq!(choice["Variable"], wait);
    assert_eq!(choice["IsPresent"], true);
    let rest = &inner["Rest"];
    assert_eq!(choice["Next"], "Rest");
    assert_eq!(
        (&rest["Type"], &rest["Next"]),
        (&"Wait".into(), &"Observe".into())
    );
    assert_eq!(rest["SecondsPath"], wait);
    // What reads for too long is given up early enough for the rest of the run.
    let longest = u64::try_from(LONGEST_OBSERVATION.as_secs()).expect("hours");
    assert!(longest + 2 * 3_600 <= number(&machine["Definition"]["TimeoutSeconds"]));
    assert_eq!(inner["Observe"]["Catch"][0]["Next"], "Unobserved");
    assert_eq!(inner["Parts"]["Catch"][0]["Next"], "Unobserved");
    assert_eq!(parts["ProcessorConfig"]["Mode"], "DISTRIBUTED");
    // The answers of a few hundred calls would be more than a state holds.
    let done = serde_json::json!({ "done": true });
    let (compare, targets) = (&parts["States"]["Compare"], &states["Targets"]);
    for (state, goes_to) in [
        (compare, Value::Null),
        (&inner["Parts"], Value::Null),
        (targets, "$.compared".into()),
        (&states["Limit"], "$.limited".into()),
    ] {
        assert_eq!(state["ResultSelector"], done);
        assert_eq!(state["ResultPath"], goes_to);
    }
    assert_eq!(
        inner["Unobserved"]["Result"],
        serde_json::json!({ "done": false })
    );
    let substitutions = &machine["DefinitionSubstitutions"];
    assert_eq!(line(&substitutions["Reconciler"]), "{ReconcilerAliaslive}");
    assert_eq!(
        machine["LoggingConfiguration"]["IncludeExecutionData"],
        false
    );
}
