//! The strategy `end` on a platform that takes the subscription, and then does not tell when a handler has ended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod telemetry_support;

use std::process::Stdio;
use std::time::Duration;

use telemetry_support::{PATIENCE, Platform, post, runtime_done};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const FALLBACK: &str = "does as `invoke`";

fn extension(platform: &Platform, strategy: &str) -> Child {
    // Any port will do that is free now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Command::new(env!("CARGO_BIN_EXE_pyroscope-lambda-extension"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", &platform.address)
        .env("PYROSCOPE_REMOTE_ADDRESS", "http://127.0.0.1:9")
        .env("PYROSCOPE_PORT", port.to_string())
        .env("PYROSCOPE_FLUSH_STRATEGY", strategy)
        .env("PYROSCOPE_SPOOL_DIR", "")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Shuts the environment down and gives what the extension wrote.
async fn end(platform: &Platform, child: Child) -> String {
    platform.shut_down();
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("the extension ends").unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[tokio::test]
async fn no_hold_passes_its_bound_and_after_three_in_vain_there_is_none() {
    let mut platform = Platform::start(&[200]).await;
    let child = extension(&platform, "end");
    platform.asked().await;
    assert_eq!(post(platform.telemetry_port(), "[]").await, 200);
    let limit = Duration::from_millis(1_500);
    for request_id in ["r-1", "r-2", "r-3"] {
        let held = platform.invoke(request_id, Some(limit)).await;
        assert!(held > limit / 3 && held < limit, "{held:?}");
    }
    let held = platform.invoke("r-4", Some(PATIENCE * 2)).await;
    assert!(held < PATIENCE / 4, "{held:?}");
    let log = end(&platform, child).await;
    assert_eq!(log.matches(FALLBACK).count(), 1, "{log}");
}

#[tokio::test]
async fn a_platform_that_never_posts_anything_holds_up_no_long_invocation() {
    let mut platform = Platform::start(&[200]).await;
    let child = extension(&platform, "end");
    platform.asked().await;
    let held = platform.invoke("r-1", Some(Duration::from_secs(900))).await;
    assert!(held < PATIENCE / 4, "{held:?}");
    end(&platform, child).await;
}

#[tokio::test]
async fn where_the_deadline_is_unknown_the_budget_is_the_bound() {
    let mut platform = Platform::start(&[200]).await;
    let child = extension(&platform, "end");
    platform.asked().await;
    assert_eq!(post(platform.telemetry_port(), "[]").await, 200);
    let held = platform.invoke("r-1", None).await;
    assert!(held >= Duration::from_millis(490) && held < PATIENCE / 4, "{held:?}");
    end(&platform, child).await;
}

#[tokio::test]
async fn word_that_came_before_the_invocation_was_seen_ends_the_hold_at_once() {
    let mut platform = Platform::start(&[200]).await;
    let child = extension(&platform, "end");
    platform.asked().await;
    assert_eq!(post(platform.telemetry_port(), &runtime_done(&["r-1"])).await, 200);
    let held = platform.invoke("r-1", Some(PATIENCE * 2)).await;
    assert!(held < PATIENCE / 4, "{held:?}");
    let log = end(&platform, child).await;
    assert!(!log.contains(FALLBACK), "{log}");
}

#[tokio::test]
async fn no_other_strategy_asks_for_telemetry() {
    for strategy in ["auto", "invoke", "background"] {
        let mut platform = Platform::start(&[200]).await;
        let child = extension(&platform, strategy);
        platform.asked().await;
        assert_eq!(platform.subscriptions().len(), 0, "{strategy}");
        end(&platform, child).await;
    }
}
