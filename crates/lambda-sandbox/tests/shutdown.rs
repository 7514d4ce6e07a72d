//! The runtime goes first, then the extensions, and two seconds after the start nobody is left.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::time::Duration;

use lambda_sandbox::{Exit, InvokeError, Limits, Sandbox, ShutdownReason};
use support::{Extensions, line, lines, sandbox};

const SIGKILL: Exit = Exit { code: None, signal: Some(9) };
const SIGTERM: Exit = Exit { code: None, signal: Some(15) };

#[tokio::test]
async fn the_runtime_ends_before_the_extensions_are_told() {
    let extensions = Extensions::new();
    let sandbox = sandbox().extension(extensions.named("alpha")).start().await.unwrap();
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    let (alpha, runtime) = (report.process("alpha").unwrap(), report.process("runtime").unwrap());
    assert_eq!(runtime.exit, Some(SIGTERM));
    assert!(!runtime.killed);
    assert_eq!(alpha.exit, Some(Exit { code: Some(0), signal: None }));
    assert!(runtime.after <= alpha.after, "{report:?}");
    assert!(report.is_clean() && report.total < Duration::from_secs(1), "{report:?}");
    line(&sandbox, "alpha", "goes").await;
    assert!(matches!(sandbox.invoke("echo").await, Err(InvokeError::Ended)));
}

#[tokio::test]
async fn a_runtime_that_ignores_sigterm_is_killed_at_its_share() {
    let extensions = Extensions::new();
    let script = format!("trap '' TERM; while true; do {}; done", env!("CARGO_BIN_EXE_sandbox-test-runtime"));
    let sandbox = Sandbox::builder("/bin/sh").args(["-c", &script]).extension(extensions.named("alpha"));
    let sandbox = sandbox.start().await.unwrap();
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    let (alpha, runtime) = (report.process("alpha").unwrap(), report.process("runtime").unwrap());
    assert!(runtime.killed && runtime.exit == Some(SIGKILL), "{report:?}");
    assert!(
        runtime.after >= Duration::from_millis(300) && runtime.after < Duration::from_millis(600),
        "{report:?}"
    );
    assert!(alpha.after >= Duration::from_millis(300) && !alpha.killed, "{report:?}");
}

#[tokio::test]
async fn an_extension_that_hangs_is_killed_two_seconds_after_the_start() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .extension(extensions.named("beta"))
        .env("PLAN_beta", "shutdown=hang")
        .start()
        .await
        .unwrap();
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    let (alpha, beta) = (report.process("alpha").unwrap(), report.process("beta").unwrap());
    assert!(!alpha.killed, "{report:?}");
    assert!(beta.killed && beta.exit == Some(SIGKILL), "{report:?}");
    assert!(beta.after >= Duration::from_secs(2) && beta.after < Duration::from_millis(2500), "{report:?}");
    assert!(!report.is_clean());
}

#[tokio::test]
async fn an_extension_that_is_not_registered_for_shutdown_is_killed_outright() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", "events=INVOKE")
        .start()
        .await
        .unwrap();
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    let alpha = report.process("alpha").unwrap();
    assert!(alpha.killed && alpha.exit == Some(SIGKILL), "{report:?}");
    assert!(report.total < Duration::from_secs(1), "{report:?}");
    assert!(lines(&sandbox, "alpha", "event ").is_empty());
}

#[tokio::test]
async fn the_deadline_in_the_event_is_that_of_the_whole_shutdown() {
    let extensions = Extensions::new();
    let limits = Limits { shutdown: Duration::from_millis(700), ..Limits::default() };
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", "shutdown=hang")
        .limits(limits)
        .start()
        .await
        .unwrap();
    let report = sandbox.shutdown(ShutdownReason::Failure).await;
    assert!(
        report.total >= Duration::from_millis(700) && report.total < Duration::from_millis(1200),
        "{report:?}"
    );
}
