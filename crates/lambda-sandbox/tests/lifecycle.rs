//! The order of things: start, invocations, shutdown.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::time::Duration;

use lambda_sandbox::{Event, Sandbox, ShutdownReason};
use support::{Extensions, eventually, line, lines, sandbox};

#[tokio::test]
async fn extensions_register_before_the_runtime_starts_and_all_are_ready_before_the_first_invocation() {
    let extensions = Extensions::new();
    let builder = sandbox()
        .extension(extensions.named("alpha"))
        .extension(extensions.named("beta"))
        .env("PLAN_beta", "start=sleep:100");
    let mut events = builder.events();
    let sandbox = builder.start().await.unwrap();
    sandbox.invoke("echo").await.unwrap();
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    assert!(report.is_clean(), "{report:?}");

    let mut order = Vec::new();
    while let Ok(record) = events.try_recv() {
        match record.event {
            Event::ExtensionStarted { name, .. } => order.push(format!("start {name}")),
            Event::ExtensionRegistered { name, .. } => order.push(format!("register {name}")),
            Event::RuntimeStarted { .. } => order.push("start runtime".to_owned()),
            Event::FirstNext { name } => order.push(format!("next {name}")),
            Event::InitDone(_) => order.push("init done".to_owned()),
            Event::InvokeStarted { .. } => order.push("invoke".to_owned()),
            Event::Response { .. } => order.push("response".to_owned()),
            Event::InvocationDone(_) => order.push("done".to_owned()),
            Event::Frozen => order.push("frozen".to_owned()),
            Event::Thawed => order.push("thawed".to_owned()),
            Event::ShutdownStarted { .. } => order.push("shutdown".to_owned()),
            Event::ShutdownDone(_) => order.push("gone".to_owned()),
            _ => {}
        }
    }
    // Those of one extension may overtake another's.
    let at = |what: &str| {
        order.iter().position(|step| step == what).unwrap_or_else(|| panic!("no {what} in {order:?}"))
    };
    assert!(at("start beta") < at("register alpha"), "{order:?}");
    assert!(
        at("register alpha") < at("start runtime") && at("register beta") < at("start runtime"),
        "{order:?}"
    );
    for ready in ["next alpha", "next beta", "next runtime"] {
        assert!(at(ready) < at("init done"), "{order:?}");
    }
    assert!(at("start runtime") < at("next runtime"), "{order:?}");
    let rest = order.split_off(at("init done"));
    assert_eq!(rest, ["init done", "invoke", "response", "frozen", "done", "thawed", "shutdown", "gone"]);
}

#[tokio::test]
async fn an_invocation_tells_the_handlers_time_and_what_each_extension_added() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("slow"))
        .extension(extensions.named("quick"))
        .env("PLAN_slow", "invoke=sleep:300")
        .start()
        .await
        .unwrap();
    let invocation = sandbox.invoke("sleep:100").await.unwrap();
    assert!(invocation.is_ok(), "{invocation:?}");
    assert_eq!(invocation.text(), "sleep:100");
    assert!(invocation.handler >= Duration::from_millis(100), "{invocation:?}");
    assert!(invocation.handler < Duration::from_millis(290), "{invocation:?}");
    assert!(invocation.after_response >= Duration::from_millis(50), "{invocation:?}");
    let slow = invocation.extensions.iter().find(|extension| extension.name == "slow").unwrap();
    assert_eq!(slow.after_response, Some(invocation.after_response));
    let quick = invocation.extensions.iter().find(|extension| extension.name == "quick").unwrap();
    assert_eq!(quick.after_response, Some(Duration::ZERO));
}

#[tokio::test]
async fn events_and_headers_are_those_of_lambda() {
    let extensions = Extensions::new();
    let sandbox =
        sandbox().function_name("thumbnails").extension(extensions.named("alpha")).start().await.unwrap();
    let invocation = sandbox.invoke("echo").await.unwrap();
    sandbox.shutdown(ShutdownReason::Spindown).await;

    let id = &invocation.request_id;
    let deadline = invocation.deadline_ms;
    assert!(deadline - invocation.started_ms == 10_000, "{invocation:?}");
    let two = || Some(lines(&sandbox, "alpha", "event 200 ")).filter(|events| events.len() == 2);
    let events = eventually("both events", async || two()).await;
    let invoke: serde_json::Value =
        serde_json::from_str(events[0].strip_prefix("application/json ").unwrap()).unwrap();
    assert_eq!(invoke["eventType"], "INVOKE");
    assert_eq!(invoke["requestId"], id.as_str());
    assert_eq!(invoke["deadlineMs"], deadline);
    assert_eq!(invoke["invokedFunctionArn"], "arn:aws:lambda:eu-central-1:123456789012:function:thumbnails");
    assert_eq!(invoke["tracing"]["type"], "X-Amzn-Trace-Id");
    let shutdown = events[1].strip_prefix("text/plain; charset=utf-8 ").unwrap();
    let shutdown: serde_json::Value = serde_json::from_str(shutdown).unwrap();
    assert_eq!(shutdown["eventType"], "SHUTDOWN");
    assert_eq!(shutdown["shutdownReason"], "spindown");
    assert!(shutdown["deadlineMs"].as_u64().unwrap() > invocation.started_ms);

    let headers = line(&sandbox, "runtime", "headers ").await;
    for (name, value) in [
        ("lambda-runtime-aws-request-id", id.as_str()),
        ("lambda-runtime-deadline-ms", &deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:thumbnails",
        ),
        ("lambda-runtime-trace-id", invoke["tracing"]["value"].as_str().unwrap()),
    ] {
        assert!(headers.contains(&format!("({name:?}, {value:?})")), "{name} in {headers}");
    }
    assert_eq!(line(&sandbox, "runtime", "responded ").await, r#"202 {"status":"OK"}"#);
}

#[tokio::test]
async fn each_side_sees_its_own_variables() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("CUSTOMER", "1")
        .env("_HIDDEN", "1")
        .extension_env("ONLY_EXTENSION", "1")
        .runtime_env("ONLY_RUNTIME", "1")
        .start()
        .await
        .unwrap();
    let extension = line(&sandbox, "alpha", "variables ").await;
    assert_eq!(
        extension,
        "AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME \
         AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_RUNTIME_API AWS_REGION \
         AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN CUSTOMER ONLY_EXTENSION PATH TMPDIR TZ"
    );
    assert_eq!(line(&sandbox, "alpha", "arguments ").await, "0");
    let runtime = line(&sandbox, "runtime", "variables ").await;
    for name in ["CUSTOMER", "ONLY_RUNTIME", "_HANDLER", "_HIDDEN", "LAMBDA_TASK_ROOT", "AWS_EXECUTION_ENV"] {
        assert!(runtime.split(' ').any(|known| known == name), "{name} in {runtime}");
    }
    assert!(!runtime.contains("ONLY_EXTENSION"));
}

#[tokio::test]
async fn an_error_of_the_function_is_no_fault_of_the_environment() {
    let sandbox = sandbox().start().await.unwrap();
    let pid = sandbox.runtime_pid();
    let invocation = sandbox.invoke("error").await.unwrap();
    assert_eq!(invocation.function_error.unwrap().error_type, "Function.Oops");
    assert_eq!(invocation.fault, None);
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
    assert_eq!(sandbox.runtime_pid(), pid);
}

#[tokio::test]
async fn an_extension_without_invoke_is_not_waited_for() {
    let extensions = Extensions::new();
    let sandbox = sandbox()
        .extension(extensions.named("idle"))
        .env("PLAN_idle", "events=SHUTDOWN")
        .start()
        .await
        .unwrap();
    let invocation = sandbox.invoke("echo").await.unwrap();
    assert!(invocation.is_ok());
    assert!(invocation.extensions.is_empty());
    assert!(lines(&sandbox, "idle", "event ").is_empty());
}

#[tokio::test]
async fn nothing_is_left_when_a_sandbox_is_dropped() {
    let extensions = Extensions::new();
    let sandbox: Sandbox = sandbox().extension(extensions.named("alpha")).start().await.unwrap();
    sandbox.invoke("echo").await.unwrap();
    let pids = [sandbox.extension_pid("alpha").unwrap(), sandbox.runtime_pid().unwrap()];
    let tmp = sandbox.tmp_dir().to_owned();
    assert!(tmp.is_dir());
    drop(sandbox);
    assert!(!tmp.exists());
    eventually("the end of the processes", || async {
        pids.iter().all(|pid| support::process_state(*pid).is_none()).then_some(())
    })
    .await;
}
