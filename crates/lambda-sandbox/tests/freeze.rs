//! What is frozen does not run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::path::Path;
use std::time::Duration;

use lambda_sandbox::{InitializationType, ShutdownReason};
use support::{Extensions, eventually, process_state, sandbox};

fn count(path: &Path) -> u64 {
    std::fs::read_to_string(path).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn between_invocations_every_process_is_stopped_and_goes_on_at_the_next() {
    let extensions = Extensions::new();
    let file = extensions.path().join("count");
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", format!("count={}", file.display()))
        .start()
        .await
        .unwrap();
    // Before the first invocation it runs.
    let before = count(&file);
    eventually("counting", || async { (count(&file) > before + 3).then_some(()) }).await;

    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
    assert!(sandbox.is_frozen());
    for pid in [sandbox.extension_pid("alpha").unwrap(), sandbox.runtime_pid().unwrap()] {
        assert_eq!(process_state(pid), Some('T'));
    }
    let bytes = std::fs::read(&file).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(std::fs::read(&file).unwrap(), bytes);

    assert!(sandbox.invoke("sleep:50").await.unwrap().is_ok());
    assert_ne!(std::fs::read(&file).unwrap(), bytes);

    // By hand.
    sandbox.thaw();
    let before = count(&file);
    eventually("counting", || async { (count(&file) > before + 3).then_some(()) }).await;
    sandbox.freeze().await;
    assert_eq!(process_state(sandbox.runtime_pid().unwrap()), Some('T'));

    // A frozen environment can be shut down.
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn without_freezing_processes_run_on() {
    let extensions = Extensions::new();
    let file = extensions.path().join("count");
    let sandbox = sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", format!("count={}", file.display()))
        .freeze(false)
        .start()
        .await
        .unwrap();
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
    assert!(!sandbox.is_frozen());
    let before = count(&file);
    eventually("counting", || async { (count(&file) > before + 3).then_some(()) }).await;
}

#[tokio::test]
async fn provisioned_concurrency_waits_frozen_for_its_first_invocation() {
    let extensions = Extensions::new();
    let provisioned = || {
        let alpha = sandbox().extension(extensions.path().join("alpha"));
        alpha.initialization(InitializationType::ProvisionedConcurrency)
    };
    extensions.named("alpha");
    let sandbox = provisioned().start().await.unwrap();
    assert!(sandbox.is_frozen());
    assert_eq!(process_state(sandbox.extension_pid("alpha").unwrap()), Some('T'));
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());

    let sandbox = provisioned().freeze(false).start().await.unwrap();
    assert!(!sandbox.is_frozen());
}
