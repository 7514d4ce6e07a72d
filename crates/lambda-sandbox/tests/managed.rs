//! Managed Instances: no INVOKE for extensions, invocations side by side, no freeze, no reset.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::time::{Duration, Instant};

use lambda_sandbox::{Builder, InitializationType, InvokeError, ShutdownReason};
use serde_json::{Value, json};
use support::{Extensions, line, lines, sandbox};

fn managed(extensions: &Extensions) -> Builder {
    sandbox()
        .args(["ready", "4"])
        .initialization(InitializationType::LambdaManagedInstances)
        .extension(extensions.named("alpha"))
}

#[tokio::test]
async fn invoke_is_refused_and_shutdown_alone_is_taken() {
    let extensions = Extensions::new();
    let sandbox =
        managed(&extensions).env("PLAN_alpha", "try=INVOKE,SHUTDOWN events=SHUTDOWN").start().await.unwrap();
    let tried: Value = serde_json::from_str(&line(&sandbox, "alpha", "tried 403 ").await).unwrap();
    let refusal =
        json!({"errorMessage": "INVOKE: ErrorInvalidEventType", "errorType": "Extension.InvalidEventType"});
    assert_eq!(tried, refusal);
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn invocations_run_side_by_side_and_nothing_is_frozen() {
    let extensions = Extensions::new();
    let sandbox = managed(&extensions).env("PLAN_alpha", "events=SHUTDOWN").start().await.unwrap();
    let started = Instant::now();
    let (a, b, c) =
        tokio::join!(sandbox.invoke("sleep:400"), sandbox.invoke("sleep:401"), sandbox.invoke("sleep:402"));
    assert_eq!(
        [a.unwrap().text(), b.unwrap().text(), c.unwrap().text()],
        ["sleep:400", "sleep:401", "sleep:402"]
    );
    assert!(started.elapsed() < Duration::from_millis(1200), "{:?}", started.elapsed());
    assert!(!sandbox.is_frozen());
    assert!(lines(&sandbox, "alpha", "event ").is_empty());
}

#[tokio::test]
async fn a_crash_ends_the_environment() {
    let extensions = Extensions::new();
    let sandbox = managed(&extensions).env("PLAN_alpha", "events=SHUTDOWN").start().await.unwrap();
    let invocation = sandbox.invoke("exit:1").await.unwrap();
    assert!(invocation.fault.is_some(), "{invocation:?}");
    assert!(matches!(sandbox.invoke("echo").await, Err(InvokeError::Ended)));
}
