//! A whole environment: a function that posts profiles, the extension beside it, invocations, freezes, the end.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use lambda_sandbox::{Builder, Event, Fault, InitializationType, LogLine, Sandbox, ShutdownReason, Stream};
use pyroscope_sink::{Answer, Behaviour, Reaction, Sink};
use serde_json::Value;
use support::extension::PROGRAM;
use support::{accepted, embedded_metrics, free_port, sink, sink_that};

/// Set where this program runs as the function.
const AS_FUNCTION: &str = "TEST_AS_FUNCTION";

/// The function: posts a profile of the application that the event names, then answers; or, for `hang`, does neither.
///
/// The sandbox starts this very program and has it run this alone.
#[test]
fn the_function() {
    if std::env::var_os(AS_FUNCTION).is_none() {
        return;
    }
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let profiler = format!("127.0.0.1:{}", std::env::var("PYROSCOPE_PORT").unwrap());
    loop {
        let (id, app) = call(&api, "GET /2018-06-01/runtime/invocation/next", "");
        if app == "hang" {
            std::thread::sleep(Duration::from_secs(60));
        }
        call(&profiler, &format!("POST /ingest?name={app}"), "main;work 1");
        call(&api, &format!("POST /2018-06-01/runtime/invocation/{id}/response"), "done");
    }
}

/// Makes a request and gives the invocation's id, if the answer has one, and the answer's body.
fn call(address: &str, line: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut reader = BufReader::new(stream);
    let (mut id, mut length, mut line) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "lambda-runtime-aws-request-id" => value.trim().clone_into(&mut id),
            "content-length" => length = value.trim().parse().unwrap(),
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (id, String::from_utf8(body).unwrap())
}

fn environment(sink: &Sink) -> Builder {
    Sandbox::builder(std::env::current_exe().unwrap())
        .args(["the_function", "--exact", "--nocapture"])
        .runtime_env(AS_FUNCTION, "1")
        .extension(PROGRAM)
        .env("PYROSCOPE_PORT", free_port().to_string())
        .env("PYROSCOPE_REMOTE_ADDRESS", sink.url())
        .env("PYROSCOPE_SPOOL_DIR", "")
        .timeout(Duration::from_secs(20))
}

#[tokio::test]
async fn profiles_of_a_function_arrive_over_freezes_and_the_end_is_clean() {
    let sink = sink().await;
    let builder = environment(&sink);
    let mut events = builder.events();
    let sandbox = builder.start().await.unwrap();
    for number in 0..5 {
        let invocation = sandbox.invoke(format!("invocation-{number}")).await.unwrap();
        assert!(invocation.is_ok(), "{invocation:?} {:#?}", sandbox.logs());
    }
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    assert!(report.is_clean(), "{report:?}");

    let arrivals = sink.arrivals();
    let mut apps: Vec<_> = arrivals.accepted().map(|arrival| arrival.series[0].app.clone()).collect();
    apps.sort();
    assert_eq!(apps, ["invocation-0", "invocation-1", "invocation-2", "invocation-3", "invocation-4"]);
    let mut registered = Vec::new();
    while let Ok(record) = events.try_recv() {
        if let Event::ExtensionRegistered { events, .. } = record.event {
            registered.push(events);
        }
    }
    assert_eq!(registered, [["INVOKE", "SHUTDOWN"]]);
}

#[tokio::test]
async fn a_remote_that_hangs_neither_fails_an_invocation_nor_outlasts_the_shutdown() {
    let sink = sink_that(Behaviour::normal().always(Reaction::Hang)).await;
    let sandbox = environment(&sink).env("PYROSCOPE_FLUSH_BUDGET", "50ms").start().await.unwrap();
    for _ in 0..5 {
        let invocation = sandbox.invoke("hung").await.unwrap();
        assert!(invocation.is_ok(), "{invocation:?}");
    }
    let report = sandbox.shutdown(ShutdownReason::Spindown).await;
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn managed_instances_are_served_whether_the_environment_says_so_or_the_platform_does() {
    for said in ["lambda-managed-instances", "on-demand"] {
        let sink = sink().await;
        let builder = environment(&sink)
            .initialization(InitializationType::LambdaManagedInstances)
            .extension_env("AWS_LAMBDA_INITIALIZATION_TYPE", said);
        let sandbox = builder.start().await.unwrap();
        assert!(sandbox.invoke("managed").await.unwrap().is_ok(), "{said}");
        accepted(&sink, 1).await;
        let report = sandbox.shutdown(ShutdownReason::Spindown).await;
        assert!(report.is_clean(), "{said} {report:?}");
    }
}

#[tokio::test]
async fn after_a_timeout_of_the_function_the_next_environment_is_served() {
    let sink = sink().await;
    let sandbox = environment(&sink).timeout(Duration::from_secs(3)).start().await.unwrap();
    assert!(sandbox.invoke("before").await.unwrap().is_ok());
    let timed_out = sandbox.invoke("hang").await.unwrap();
    assert!(matches!(timed_out.fault, Some(Fault::Timeout { .. })), "{timed_out:?}");
    assert!(timed_out.reset.is_some_and(|reset| reset.is_clean()), "{:#?}", sandbox.logs());
    assert!(sandbox.invoke("after").await.unwrap().is_ok());
    assert!(sandbox.shutdown(ShutdownReason::Spindown).await.is_clean());
    let apps: Vec<_> = sink.series().into_iter().map(|series| series.app).collect();
    assert_eq!(apps, ["after", "before"]);
}

#[tokio::test]
async fn metrics_are_lines_of_the_embedded_metric_format_whose_sums_are_what_happened() {
    let sink = sink_that(Behaviour::normal().next(1, Reaction::Answer(Answer::code(400)))).await;
    let builder = environment(&sink).function_name("orders").env("PYROSCOPE_METRICS", "emf");
    let sandbox = builder.start().await.unwrap();
    for _ in 0..3 {
        assert!(sandbox.invoke("counted").await.unwrap().is_ok());
    }
    assert!(sandbox.shutdown(ShutdownReason::Spindown).await.is_clean());
    let logs = sandbox.logs();
    let told = logs.iter().filter(|line| line.stream == Stream::Stdout && line.text.contains("_aws"));
    let lines: Vec<Value> = told.map(|line| serde_json::from_str(&line.text).unwrap()).collect();
    assert_eq!(lines.len(), 1, "there was less than a minute between: {logs:#?}");
    for line in &lines {
        embedded_metrics::check(line);
        assert_eq!(line["FunctionName"], "orders");
    }
    let sum = |name: &str| lines.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    let sums = ["ProfilesAccepted", "ProfilesDelivered", "ProfilesRefused", "ProfilesLost"].map(sum);
    assert_eq!(sums, [3, 2, 1, 0]);
    assert!(sum("BytesDelivered") > 0);
}

#[tokio::test]
async fn without_being_asked_for_metrics_nothing_is_written_to_standard_output() {
    let sink = sink().await;
    let sandbox = environment(&sink).start().await.unwrap();
    assert!(sandbox.invoke("uncounted").await.unwrap().is_ok());
    assert!(sandbox.shutdown(ShutdownReason::Spindown).await.is_clean());
    let own = |line: &&LogLine| line.process.contains("pyroscope") && line.stream == Stream::Stdout;
    assert_eq!(sandbox.logs().iter().filter(own).count(), 0, "{:#?}", sandbox.logs());
}
