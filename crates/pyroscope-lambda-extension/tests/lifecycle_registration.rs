//! How the extension makes itself known to the platform, and where it can't.

mod support;

use std::time::Duration;

use support::extension::PROGRAM;
use support::platform::IDENTIFIER;
use support::{Extension, Platform, Reply, accepted, free_port, sink};
use tokio::time::sleep;

const REFUSAL: &str =
    r#"{"errorMessage":"INVOKE: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}"#;

#[tokio::test]
async fn it_registers_for_invoke_and_shutdown_under_its_file_name_and_asks_with_its_identifier() {
    let platform = Platform::start().await;
    let _extension = Extension::of("http://127.0.0.1:9").on(&platform).await;
    let registration = platform.registered(1).await;
    assert_eq!(registration.start, "POST /2020-01-01/extension/register HTTP/1.1");
    assert_eq!(registration.header("lambda-extension-name"), "pyroscope-lambda-extension");
    assert_eq!(registration.text(), r#"{"events":["INVOKE","SHUTDOWN"]}"#);
    let next = platform.asked(1).await;
    assert_eq!(next.start, "GET /2020-01-01/extension/event/next HTTP/1.1");
    assert_eq!(next.header("lambda-extension-identifier"), IDENTIFIER);
    assert_eq!(next.header("host"), platform.address.to_string());
}

#[tokio::test]
async fn profiles_are_taken_before_it_registers() {
    let platform = Platform::start().await;
    for _ in 0..10 {
        let setup = Extension::of("http://127.0.0.1:9");
        platform.knock_at(setup.its_port());
        let asked = platform.calls("/next").len();
        let _extension = setup.set("AWS_LAMBDA_RUNTIME_API", platform.address.to_string()).start();
        platform.asked(asked + 1).await;
        assert!(platform.was_open());
    }
}

#[tokio::test]
async fn it_waits_for_an_api_that_is_not_up_yet() {
    let port = free_port();
    let extension = Extension::of("http://127.0.0.1:9")
        .set("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"))
        .start();
    extension.logs("registration failed; trying again").await;
    sleep(Duration::from_millis(300)).await;
    let platform = Platform::start_at(port).await;
    platform.asked(1).await;
}

#[tokio::test]
async fn it_tries_again_where_the_api_stumbles() {
    let platform = Platform::start().await;
    platform.registers(Reply::Bytes(""));
    platform.registers(Reply::Status(503, "not yet"));
    platform.registers(Reply::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"));
    let _extension = Extension::of("http://127.0.0.1:9").on(&platform).await;
    assert_eq!(platform.calls("/register").len(), 4);
}

#[tokio::test]
async fn the_address_of_the_api_may_be_a_url_with_a_path() {
    let platform = Platform::start().await;
    let url = format!("http://{}/.rt/", platform.address);
    let _extension = Extension::of("http://127.0.0.1:9").set("AWS_LAMBDA_RUNTIME_API", url).start();
    let next = platform.asked(1).await;
    assert_eq!(next.target(), "/.rt/2020-01-01/extension/event/next");
}

#[tokio::test]
async fn on_managed_instances_it_registers_for_shutdown_alone() {
    let (platform, sink) = (Platform::start().await, sink().await);
    let mut extension = Extension::of(&sink.url())
        .set("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")
        .on(&platform)
        .await;
    let registrations = platform.calls("/register");
    assert_eq!(registrations.len(), 1);
    assert_eq!(registrations[0].text(), r#"{"events":["SHUTDOWN"]}"#);
    extension.profile("managed").await;
    accepted(&sink, 1).await;
    platform.shutdown(Duration::from_secs(2));
    assert_eq!(extension.ends().await.code(), Some(0));
}

#[tokio::test]
async fn a_platform_that_refuses_invoke_is_asked_for_shutdown_alone() {
    let platform = Platform::start().await;
    platform.registers(Reply::Status(403, REFUSAL));
    let _extension = Extension::of("http://127.0.0.1:9").on(&platform).await;
    let registrations = platform.calls("/register");
    let events: Vec<_> = registrations.iter().map(support::http::Message::text).collect();
    assert_eq!(events, [r#"{"events":["INVOKE","SHUTDOWN"]}"#, r#"{"events":["SHUTDOWN"]}"#]);
}

#[tokio::test]
async fn a_platform_that_refuses_for_good_ends_it_with_its_reason() {
    let platform = Platform::start().await;
    let refusal = r#"{"errorMessage":"name is wrong","errorType":"Extension.InvalidExtensionName"}"#;
    platform.registers(Reply::Status(403, refusal));
    let mut extension = Extension::of("http://127.0.0.1:9")
        .set("AWS_LAMBDA_RUNTIME_API", platform.address.to_string())
        .start();
    assert_eq!(extension.ends().await.code(), Some(1));
    let error = extension.lines("level=error").remove(0);
    assert!(error.contains("Extension.InvalidExtensionName: name is wrong"), "{error}");
}

#[tokio::test]
async fn without_a_lambda_it_ends_and_says_how_to_run_without_one() {
    let mut extension = Extension::of("http://127.0.0.1:9").start();
    assert_eq!(extension.ends().await.code(), Some(1));
    let error = extension.lines("level=error").remove(0);
    assert!(error.contains("AWS_LAMBDA_RUNTIME_API is not set"), "{error}");
    assert!(error.contains("PYROSCOPE_DEV_MODE=true"), "{error}");
}

#[tokio::test]
async fn its_name_is_that_of_the_file_that_was_started() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("renamed-extension");
    std::os::unix::fs::symlink(PROGRAM, &path).unwrap();
    let platform = Platform::start().await;
    let _extension = Extension::of_program(&path, "http://127.0.0.1:9").on(&platform).await;
    let registration = platform.registered(1).await;
    assert_eq!(registration.header("lambda-extension-name"), "renamed-extension");
}
