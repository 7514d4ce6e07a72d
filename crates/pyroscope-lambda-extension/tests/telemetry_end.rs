//! The strategy `end` in a whole environment: a handler that uploads, freezes, a remote that takes its time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use lambda_sandbox::{Builder, InitializationType, Sandbox, ShutdownReason};
use pyroscope_sink::{Behaviour, Options, Sink};

const EXTENSION: &str = env!("CARGO_BIN_EXE_pyroscope-lambda-extension");
const DELIVERED: &str = "profile delivered";
const FALLBACK: &str = "does as `invoke`";

/// The function: this file's own test program, started anew. Its handler does what the event says.
#[test]
#[ignore = "no test, but the function that the tests invoke"]
fn function() {
    let (Ok(api), Ok(relay)) = (std::env::var("AWS_LAMBDA_RUNTIME_API"), std::env::var("RELAY")) else {
        return;
    };
    loop {
        let (head, event) = call(&api, "GET", "/2018-06-01/runtime/invocation/next", "");
        let name = "lambda-runtime-aws-request-id: ";
        let id =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned)).unwrap();
        if event.starts_with("upload") {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
            let path = format!("/ingest?name=app&format=folded&from={}&until={now}", now - 10);
            let (head, _) = call(&relay, "POST", &path, "main;handler 1\n");
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        }
        if event.ends_with("crash") {
            std::process::exit(1);
        }
        call(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), "{}");
    }
}

/// One request over one connection: head and body of the answer.
fn call(address: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn slow_sink(latency_ms: u64) -> Sink {
    let latency = Duration::from_millis(latency_ms);
    Sink::start(Options::default().behaviour(Behaviour::normal().latency(latency))).await.unwrap()
}

fn environment(sink: &Sink) -> Builder {
    // Any port will do that is free now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Sandbox::builder(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "function", "--nocapture"])
        .timeout(Duration::from_secs(10))
        .runtime_env("RELAY", format!("127.0.0.1:{port}"))
        .extension(EXTENSION)
        .extension_env("PYROSCOPE_PORT", port.to_string())
        .extension_env("PYROSCOPE_SPOOL_DIR", "")
        .extension_env("PYROSCOPE_REMOTE_ADDRESS", sink.url())
        .extension_env("PYROSCOPE_FLUSH_STRATEGY", "end")
        .extension_env("PYROSCOPE_FLUSH_BUDGET", "5s")
        .extension_env("PYROSCOPE_LOG_LEVEL", "debug")
}

/// How often the extension has logged it.
fn logged(sandbox: &Sandbox, text: &str) -> usize {
    let name = Path::new(EXTENSION).file_name().unwrap().to_str().unwrap();
    sandbox.logs().iter().filter(|line| line.process == name && line.text.contains(text)).count()
}

/// Waits until the extension has logged it so often. In a frozen environment: until the line that is written is read.
async fn eventually_logged(sandbox: &Sandbox, text: &str, times: usize) {
    let started = Instant::now();
    while logged(sandbox, text) != times {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{text}: not {times} times in {:#?}",
            sandbox.logs()
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_a_handler_uploads_is_delivered_before_the_environment_freezes() {
    let sink = slow_sink(300).await;
    let sandbox = environment(&sink).start().await.unwrap();
    for delivered in 1..=3 {
        let invocation = sandbox.invoke("upload").await.unwrap();
        assert!(invocation.is_ok(), "{invocation:?}");
        assert!(sandbox.is_frozen());
        eventually_logged(&sandbox, DELIVERED, delivered).await;
        assert_eq!(sink.arrivals().accepted().count(), delivered);
    }
    // An invocation that uploads nothing is held for no longer than the platform takes to tell of its end.
    let invocation = sandbox.invoke("idle").await.unwrap();
    assert!(invocation.is_ok() && invocation.after_response < Duration::from_secs(2), "{invocation:?}");
    assert_eq!(logged(&sandbox, FALLBACK), 0);
    assert!(sandbox.shutdown(ShutdownReason::Spindown).await.is_clean());
}

#[tokio::test]
async fn a_handler_that_crashes_costs_none_of_its_uploads() {
    let sink = slow_sink(100).await;
    let sandbox = environment(&sink).start().await.unwrap();
    let invocation = sandbox.invoke("upload and crash").await.unwrap();
    assert!(invocation.fault.is_some() && invocation.reset.is_some(), "{invocation:?}");
    assert_eq!(sink.arrivals().accepted().count(), 1);
}

#[tokio::test]
async fn where_the_platform_has_no_telemetry_it_does_as_invoke() {
    let sink = slow_sink(700).await;
    // A budget within which nothing gets through.
    let environment = environment(&sink).extension_env("PYROSCOPE_FLUSH_BUDGET", "1ms");
    let sandbox = environment.telemetry(false).start().await.unwrap();
    eventually_logged(&sandbox, FALLBACK, 1).await;
    // INVOKE may reach the extension after the upload, which is then waited for at once; else by the next invocation.
    for event in ["upload", "idle"] {
        let invocation = sandbox.invoke(event).await.unwrap();
        assert!(invocation.is_ok(), "{invocation:?}");
    }
    assert!(sandbox.is_frozen());
    eventually_logged(&sandbox, DELIVERED, 1).await;
    assert_eq!(logged(&sandbox, FALLBACK), 1);
}

#[tokio::test]
async fn managed_instances_are_not_asked_for_telemetry() {
    let sink = slow_sink(0).await;
    let environment = environment(&sink).initialization(InitializationType::LambdaManagedInstances);
    let mut events = environment.events();
    let sandbox = environment.start().await.unwrap();
    assert!(sandbox.invoke("upload").await.unwrap().is_ok());
    eventually_logged(&sandbox, DELIVERED, 1).await;
    while let Ok(record) = events.try_recv() {
        assert!(!matches!(record.event, lambda_sandbox::Event::TelemetrySubscribed { .. }), "{record:?}");
    }
    assert_eq!(logged(&sandbox, FALLBACK), 0);
}
