//! Timeouts and crashes end an environment; the next invocation gets a new one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::time::Duration;

use lambda_sandbox::{Exit, Fault, Invocation, Sandbox, ShutdownReason};
use support::{Extensions, eventually, lines, sandbox};

/// The next invocation succeeds in an environment that is new, but for what is in `/tmp`.
async fn comes_back(sandbox: &Sandbox, extension: &str) -> Invocation {
    std::fs::write(sandbox.tmp_dir().join("kept"), "1").unwrap();
    let invocation = sandbox.invoke("echo").await.unwrap();
    assert!(invocation.is_ok(), "{invocation:?}");
    assert_eq!(invocation.init.as_ref().map(|init| init.generation), Some(2));
    assert_eq!(sandbox.init_report().generation, 2);
    assert!(sandbox.tmp_dir().join("kept").exists());
    let both = || Some(lines(sandbox, extension, "identifier ")).filter(|identifiers| identifiers.len() == 2);
    let identifiers = eventually("both registrations", async || both()).await;
    assert_ne!(identifiers[0], identifiers[1]);
    invocation
}

fn shutdown_reason(sandbox: &Sandbox, extension: &str) -> String {
    let events = lines(sandbox, extension, "event 200 text/plain; charset=utf-8 ");
    let event: serde_json::Value = serde_json::from_str(&events[0]).unwrap();
    event["shutdownReason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_function_that_does_not_answer_in_time_is_reset() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .timeout(Duration::from_millis(500))
        .start()
        .await
        .unwrap();
    let invocation = sandbox.invoke("hang").await.unwrap();
    let waiting_for = vec!["runtime".to_owned()];
    assert_eq!(invocation.fault, Some(Fault::Timeout { limit: Duration::from_millis(500), waiting_for }));
    assert_eq!(invocation.response, None);
    assert!(invocation.handler >= Duration::from_millis(500), "{invocation:?}");
    assert_eq!(invocation.reset.as_ref().unwrap().reason, ShutdownReason::Timeout);
    assert_eq!(shutdown_reason(&sandbox, "alpha"), "timeout");
    comes_back(&sandbox, "alpha").await;
}

#[tokio::test]
async fn an_extension_that_holds_next_too_long_is_reset_but_the_client_has_its_response() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .extension(extensions.named("beta"))
        .env("PLAN_beta", "invoke=hang")
        .timeout(Duration::from_millis(500))
        .start()
        .await
        .unwrap();
    let invocation = sandbox.invoke("echo").await.unwrap();
    assert_eq!(invocation.text(), "echo");
    assert!(!invocation.is_ok());
    let waiting_for = vec!["beta".to_owned()];
    assert_eq!(invocation.fault, Some(Fault::Timeout { limit: Duration::from_millis(500), waiting_for }));
    assert_eq!(invocation.extensions[1].after_response, None);
    let reset = invocation.reset.unwrap();
    assert!(!reset.process("alpha").unwrap().killed, "{reset:?}");
    assert!(reset.process("beta").unwrap().killed, "{reset:?}");
}

#[tokio::test]
async fn a_crash_of_the_runtime_is_reset() {
    let extensions = Extensions::new();
    let sandbox = sandbox().extension(extensions.named("alpha")).start().await.unwrap();
    let invocation = sandbox.invoke("exit:5").await.unwrap();
    assert_eq!(invocation.fault, Some(Fault::RuntimeExit { exit: Exit { code: Some(5), signal: None } }));
    assert_eq!(shutdown_reason(&sandbox, "alpha"), "failure");
    comes_back(&sandbox, "alpha").await;
}

#[tokio::test]
async fn an_extension_that_ends_even_with_code_0_fails_the_invocation() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .extension(extensions.named("beta"))
        .env("PLAN_beta", "invoke=exit:0")
        .start()
        .await
        .unwrap();
    let invocation = sandbox.invoke("sleep:2000").await.unwrap();
    let exit = Exit { code: Some(0), signal: None };
    assert_eq!(invocation.fault, Some(Fault::ExtensionCrash { name: "beta".to_owned(), exit }));
    assert_eq!(invocation.fault.unwrap().error_type(), "Extension.Crash");
    assert_eq!(shutdown_reason(&sandbox, "alpha"), "failure");
}

#[tokio::test]
async fn an_extension_that_reports_an_exit_error_fails_the_invocation() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", "invoke=exit-error")
        .start()
        .await
        .unwrap();
    let invocation = sandbox.invoke("sleep:1000").await.unwrap();
    let fault = invocation.fault.unwrap();
    assert!(matches!(&fault, Fault::ExtensionError { init: false, .. }), "{fault:?}");
    assert_eq!(fault.error_type(), "Extension.TestReason");
}

#[tokio::test]
async fn an_extension_that_is_killed_is_found_dead_by_the_invocation_or_by_the_next() {
    let extensions = Extensions::new();
    let sandbox = sandbox().extension(extensions.named("alpha")).start().await.unwrap();
    let exit = Exit { code: None, signal: Some(9) };
    let crash = Some(Fault::ExtensionCrash { name: "alpha".to_owned(), exit });

    let (invocation, killed) = tokio::join!(sandbox.invoke("sleep:5000"), sandbox.kill("alpha"));
    assert!(killed);
    assert_eq!(invocation.unwrap().fault, crash);
    assert!(!sandbox.kill("alpha").await);

    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
    assert!(sandbox.is_frozen());
    assert!(sandbox.kill("alpha").await);
    assert_eq!(sandbox.invoke("echo").await.unwrap().fault, crash);
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
}

#[tokio::test]
async fn one_invocation_may_have_a_shorter_time_than_the_others() {
    let sandbox = sandbox().start().await.unwrap();
    let limit = Duration::from_millis(300);
    let invocation = sandbox.invoke_within("hang", limit).await.unwrap();
    let waiting_for = vec!["runtime".to_owned()];
    assert_eq!(invocation.deadline_ms - invocation.started_ms, 300);
    assert_eq!(invocation.fault, Some(Fault::Timeout { limit, waiting_for }));
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
}
