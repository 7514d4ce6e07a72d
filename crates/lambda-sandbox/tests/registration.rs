//! Who may register, for what, and what the others are told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use lambda_sandbox::{Fault, InitError, Limits, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;
use support::{Extensions, call, line, lines, sandbox};

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const ID: &str = "00000000-0000-4000-8000-000000000000";
const INIT_ERROR: &str = "/2020-01-01/extension/init/error";

fn error(status: u16, error_type: &str, message: &str) -> (u16, Value) {
    (status, json!({"errorType": error_type, "errorMessage": message}))
}

async fn ask(
    sandbox: &Sandbox,
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> (u16, Value) {
    let answer = call(sandbox, method, path, headers, body).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test]
async fn a_registration_is_answered_with_the_function_and_an_identifier() {
    let extensions = Extensions::new();
    let sandbox =
        sandbox().extension(extensions.named("alpha")).function_name("thumbnails").start().await.unwrap();
    let answer = line(&sandbox, "alpha", "registered 200 ").await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        answer,
        json!({
            "functionName": "thumbnails",
            "functionVersion": "$LATEST",
            "handler": "index.handler",
            "accountId": "123456789012",
        })
    );
    assert_eq!(line(&sandbox, "alpha", "identifier ").await.len(), 36);
}

#[tokio::test]
async fn an_event_that_does_not_exist_is_refused_and_a_second_try_is_taken() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", "try=INVOKE,SLEEP")
        .start()
        .await
        .unwrap();
    let tried = line(&sandbox, "alpha", "tried 403 ").await;
    let tried: Value = serde_json::from_str(&tried).unwrap();
    assert_eq!(
        tried,
        json!({"errorType": "Extension.InvalidEventType", "errorMessage": "SLEEP: ErrorInvalidEventType"})
    );
}

#[tokio::test]
async fn a_second_registration_is_refused() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", "try=SHUTDOWN")
        .limits(Limits { init: Duration::from_millis(500), ..Limits::default() })
        .start()
        .await
        .unwrap_err();
    // The test extension has no identifier then, and so fails at its first `next`.
    let message = sandbox.to_string();
    assert!(
        message.contains("State transition from Registered to Registered failed for extension alpha.")
            && message.contains("Extension.InvalidExtensionState"),
        "{message}"
    );
}

#[tokio::test]
async fn callers_that_are_not_known_are_told_so() {
    let sandbox = sandbox().start().await.unwrap();
    assert_eq!(
        ask(&sandbox, "POST", REGISTER, &[], "{}").await,
        error(403, "Extension.InvalidExtensionName", "Empty extension name")
    );
    assert_eq!(
        ask(&sandbox, "POST", REGISTER, &[("Lambda-Extension-Name", "late")], r#"{"events":["INVOKE"]}"#)
            .await,
        error(403, "Extension.RegistrationClosed", "Extension registration closed already")
    );
    let message = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension";
    assert_eq!(
        ask(&sandbox, "POST", REGISTER, &[("Lambda-Extension-Name", "late")], r#"{"events":["SHUTDOWN"]}"#)
            .await,
        error(403, "Extension.InvalidEventType", message)
    );
    assert_eq!(
        ask(&sandbox, "POST", REGISTER, &[("Lambda-Extension-Name", "late")], "nonsense").await.1["errorType"],
        "InvalidRequestFormat"
    );
    assert_eq!(
        ask(&sandbox, "GET", NEXT, &[], "").await,
        error(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
    );
    assert_eq!(
        ask(&sandbox, "GET", NEXT, &[("Lambda-Extension-Identifier", "nonsense")], "").await,
        error(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
    );
    assert_eq!(
        ask(&sandbox, "GET", NEXT, &[("Lambda-Extension-Identifier", ID)], "").await,
        error(403, "Extension.UnknownExtensionIdentifier", &format!("Unknown extension {ID}"))
    );
    assert_eq!(
        ask(&sandbox, "POST", INIT_ERROR, &[("Lambda-Extension-Identifier", ID)], "").await,
        error(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
    );
    let response = "/2018-06-01/runtime/invocation/nonsense/response";
    assert_eq!(
        ask(&sandbox, "POST", response, &[], "{}").await,
        error(400, "InvalidRequestID", "Invalid request ID")
    );
    assert_eq!(
        ask(&sandbox, "PUT", "/2022-07-01/telemetry", &[("Lambda-Extension-Identifier", ID)], "{}").await,
        error(403, "Extension.UnknownExtensionIdentifier", &format!("Unknown extension {ID}"))
    );
}

#[tokio::test]
async fn an_extension_in_the_runtimes_own_process_takes_part_in_invocations() {
    let sandbox = sandbox().arg("internal").start().await.unwrap();
    let invocation = sandbox.invoke("echo").await.unwrap();
    assert!(invocation.is_ok(), "{invocation:?}");
    let names: Vec<&str> = invocation.extensions.iter().map(|extension| extension.name.as_str()).collect();
    assert_eq!(names, ["inner"]);
    assert!(line(&sandbox, "runtime", "inner 200 ").await.contains(&invocation.request_id));
}

#[tokio::test]
async fn a_response_is_taken_once() {
    let sandbox = sandbox().start().await.unwrap();
    assert!(sandbox.invoke("twice").await.unwrap().is_ok());
    // The second answer may be written after the invocation has ended, and its process been stopped.
    sandbox.thaw();
    let responded = support::eventually("a second answer", || async {
        Some(lines(&sandbox, "runtime", "responded ")).filter(|lines| lines.len() == 2)
    })
    .await;
    assert!(responded[0].starts_with("202 "), "{responded:?}");
    assert!(!responded[1].starts_with("202 "), "{responded:?}");
}

#[tokio::test]
async fn an_extension_that_does_not_register_is_named_with_what_it_wrote() {
    let extensions = Extensions::new();
    let limits = Limits { init: Duration::from_millis(300), ..Limits::default() };
    let builder =
        sandbox().extension(extensions.named("alpha")).extension(extensions.named("beta")).limits(limits);
    let error = builder.env("PLAN_beta", "start=hang").start().await.unwrap_err();
    assert!(
        matches!(&error, InitError::Timeout { name, step: "register", .. } if name == "beta"),
        "{error:?}"
    );
    assert!(error.to_string().contains("arguments 0"), "{error}");
}

#[tokio::test]
async fn an_extension_that_ends_during_init_fails_it_with_what_it_wrote() {
    let extensions = Extensions::new();
    let builder = sandbox().extension(extensions.named("alpha")).env("PLAN_alpha", "start=exit:3");
    let error = builder.start().await.unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("extension `alpha` ended (exit code 3); its last lines:"), "{message}");
    assert!(message.contains("leaves at start"), "{message}");
}

#[tokio::test]
async fn an_extension_that_reports_an_init_error_fails_the_init() {
    let extensions = Extensions::new();
    let builder = sandbox().extension(extensions.named("alpha")).env("PLAN_alpha", "registered=init-error");
    let error = builder.start().await.unwrap_err();
    let InitError::Fault { fault, .. } = &error else { panic!("{error:?}") };
    assert!(
        matches!(fault, Fault::ExtensionError { name, init: true, error_type, .. }
            if name == "alpha" && error_type == "Extension.TestReason"),
        "{fault:?}"
    );
}

#[tokio::test]
async fn a_file_that_can_not_be_executed_fails_the_init() {
    let extensions = Extensions::new();
    let path = extensions.path().join("plain");
    std::fs::write(&path, "no program").unwrap();
    let error = sandbox().extension(&path).start().await.unwrap_err();
    assert!(matches!(error, InitError::Launch { .. }), "{error:?}");
    assert!(error.to_string().contains("plain could not be started"), "{error}");
}

#[tokio::test]
async fn a_runtime_that_does_not_come_up_fails_the_init() {
    let error = sandbox().arg("exit").start().await.unwrap_err();
    assert!(error.to_string().starts_with("runtime ended (exit code 7)"), "{error}");
    let error = sandbox().arg("init-error").start().await.unwrap_err();
    assert!(
        error.to_string().starts_with("runtime reported an init error of type Runtime.NoSuchModule"),
        "{error}"
    );
    let limits = Limits { init: Duration::from_millis(300), ..Limits::default() };
    let error = sandbox().arg("hang").limits(limits).start().await.unwrap_err();
    assert!(error.to_string().starts_with("runtime did not ask for its first event within 300ms"), "{error}");
}
