//! The Telemetry API.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use lambda_sandbox::Sandbox;
use serde_json::Value;
use support::{Extensions, eventually, line, lines, sandbox};

fn items(sandbox: &Sandbox, extension: &str) -> Vec<Value> {
    let batches = lines(sandbox, extension, "telemetry ");
    batches.iter().flat_map(|batch| serde_json::from_str::<Vec<Value>>(batch).unwrap()).collect()
}

#[tokio::test]
async fn a_subscriber_that_holds_next_is_told_when_the_runtime_is_done() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", "telemetry=platform invoke=done")
        .start()
        .await
        .unwrap();
    assert_eq!(line(&sandbox, "alpha", "subscribed ").await, "200 OK");
    let first = sandbox.invoke("echo").await.unwrap();
    assert!(first.is_ok(), "{first:?}");
    let second = sandbox.invoke("error").await.unwrap();
    assert_eq!(second.fault, None);

    sandbox.thaw();
    let items = eventually("the second report", || async {
        let items = items(&sandbox, "alpha");
        (items.iter().filter(|item| item["type"] == "platform.report").count() == 2).then_some(items)
    })
    .await;
    let mut types: Vec<&str> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    let invocation = ["platform.start", "platform.runtimeDone", "platform.report"];
    // Subscribing and the runtime's start overlap.
    let mut init = [
        "platform.initStart",
        "platform.extension",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.initReport",
    ];
    init.sort_unstable();
    types[..init.len()].sort_unstable();
    assert_eq!(types, [&init[..], &invocation, &invocation].concat());
    let done: Vec<&Value> = items
        .iter()
        .filter(|item| item["type"] == "platform.runtimeDone")
        .map(|item| &item["record"])
        .collect();
    assert_eq!((&done[0]["requestId"], &done[0]["status"]), (&first.request_id.into(), &"success".into()));
    assert!(done[0]["metrics"]["durationMs"].is_f64());
    assert_eq!(done[0]["metrics"]["producedBytes"], 4);
    assert_eq!((&done[1]["requestId"], &done[1]["status"]), (&second.request_id.into(), &"error".into()));
}

#[tokio::test]
async fn the_functions_output_goes_to_those_who_asked_for_it() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", "telemetry=function")
        .freeze(false)
        .start()
        .await
        .unwrap();
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
    let items = eventually("the function's answer", || async {
        Some(items(&sandbox, "alpha")).filter(|items| {
            items.iter().any(|item| item["record"].as_str().unwrap().starts_with("responded 202"))
        })
    })
    .await;
    assert!(items.iter().all(|item| item["type"] == "function"), "{items:?}");
}

#[tokio::test]
async fn after_the_first_next_a_subscription_is_refused() {
    let extensions = Extensions::new();
    let sandbox =
        sandbox().extension(extensions.named("alpha")).env("PLAN_alpha", "late=1").start().await.unwrap();
    let answer = eventually("an answer", || async { lines(&sandbox, "alpha", "subscribed ").pop() }).await;
    assert!(answer.starts_with("403 ") && answer.contains("Telemetry.SubscriptionClosed"), "{answer}");
}

#[tokio::test]
async fn without_a_telemetry_api_the_answer_is_202() {
    let extensions = Extensions::new();
    let builder = sandbox().telemetry(false).extension(extensions.named("alpha"));
    let sandbox = builder.env("PLAN_alpha", "telemetry=platform").start().await.unwrap();
    let answer = line(&sandbox, "alpha", "subscribed 202 ").await;
    assert_eq!(
        answer,
        r#"{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}"#
    );
}
