//! A port that is in use.

mod support;

use std::net::TcpListener;
use std::time::Duration;

use support::{Extension, Platform, free_port};

#[tokio::test]
async fn in_lambda_a_port_in_use_is_told_once_and_events_are_asked_for_all_the_same() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let platform = Platform::start().await;
    let mut extension = Extension::of("http://127.0.0.1:9").port(port).on(&platform).await;
    platform.invoke();
    platform.asked(2).await;
    platform.shutdown(Duration::from_secs(10));
    assert_eq!(extension.ends().await.code(), Some(0));
    let told = extension.lines("can't listen");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&format!("localhost:{port}")) && told[0].contains("level=error"), "{}", told[0]);
    assert!(
        told[0].contains("PYROSCOPE_PORT") && told[0].contains("profiles will not be taken"),
        "{}",
        told[0]
    );
}

#[tokio::test]
async fn in_dev_mode_a_port_in_use_ends_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut extension =
        Extension::of("http://127.0.0.1:9").port(port).set("PYROSCOPE_DEV_MODE", "true").start();
    assert_eq!(extension.ends().await.code(), Some(1));
    let told = extension.lines("can't listen").remove(0);
    assert!(told.contains(&format!("localhost:{port}")) && told.contains("PYROSCOPE_PORT"), "{told}");
}

#[tokio::test]
async fn a_port_that_is_in_use_on_ipv6_alone_costs_ipv6_alone() {
    let port = free_port();
    let Ok(_taken) = TcpListener::bind(("::1", port)) else { return }; // a machine without IPv6
    let extension = Extension::of("http://127.0.0.1:9").port(port).dev().await;
    extension.profile("taken").await;
    assert_eq!(extension.lines("[::1] is taken by another process").len(), 1);
}
