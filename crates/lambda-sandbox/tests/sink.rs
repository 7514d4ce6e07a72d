//! `--sink`: a stand-in for the remote Pyroscope, whose uploads are in the timeline.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::Extensions;

/// The test extension uploads at each INVOKE and at SHUTDOWN.
const PLAN: &str = "PLAN_alpha=invoke=upload:orders shutdown=upload:farewell";

fn command(subcommand: &str, options: &[&str], extensions: &Extensions) -> Command {
    let alpha = extensions.named("alpha");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-sandbox"));
    command
        .arg(subcommand)
        .args(["--extension", alpha.to_str().unwrap(), "--env", PLAN])
        .args(options)
        .args(["--", env!("CARGO_BIN_EXE_sandbox-test-runtime")]);
    command
}

fn run(options: &[&str]) -> Output {
    let options = [&["--payload", "echo", "--invocations", "2"], options].concat();
    command("run", &options, &Extensions::new()).output().unwrap()
}

#[test]
fn uploads_are_lines_of_the_timeline_the_last_one_before_the_end_too() {
    let output = run(&["--sink"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains(" ms remote     http://127.0.0.1:"), "{text}");
    let upload = " ms upload     200 /ingest, 20 bytes: orders samples:count";
    assert_eq!(text.matches(upload).count(), 2, "{text}");
    assert!(text.contains(" ms upload     200 /ingest, 20 bytes: farewell samples:count"), "{text}");
    let at = |part: &str| text.find(part).unwrap();
    assert!(at("shutdown   starts") < at("farewell") && at("farewell") < at("shutdown   done"), "{text}");
}

#[test]
fn with_json_an_upload_is_an_event() {
    // What is set by hand does not keep profiles from the sink that was asked for.
    let elsewhere = "PYROSCOPE_REMOTE_ADDRESS=http://127.0.0.1:9";
    let output = run(&["--json", "--sink", "127.0.0.1:0", "--env", elsewhere, "--extension-env", elsewhere]);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "remote_listening");
    assert!(events[0]["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let uploads: Vec<_> = events.iter().filter(|event| event["event"] == "upload").collect();
    assert_eq!(uploads.len(), 3, "{text}");
    assert!(uploads[0]["sinceStartMs"].as_f64().unwrap() > 0.0);
    assert_eq!((&uploads[0]["status"], &uploads[0]["bytes"]), (&200.into(), &20.into()));
    let expected = serde_json::json!(
        {"app": "orders", "profileTypes": ["samples:count"], "profiles": 1, "samples": 2, "bytes": 20}
    );
    assert_eq!(uploads[0]["series"], serde_json::json!([expected]));
}

#[test]
fn a_connection_to_the_sink_is_one_to_the_outside() {
    let output = run(&["--sink", "--env", "PLAN_alpha=connect=remote", "--initialization", "snap-start"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(" cut: alpha to ") || text.contains(" NOT cut: alpha to "), "{text}");
}

#[test]
fn the_page_is_there_for_as_long_as_the_function_is_served() {
    let extensions = Extensions::new();
    let mut serve = command("serve", &["--listen", "127.0.0.1:0", "--sink"], &extensions)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut address = |kind: &str| {
        let line = lines.find(|line| line.contains(&format!(" ms {kind} "))).unwrap();
        let (_, address) = line.split_once("http://").unwrap();
        address.split([';', ' ']).next().unwrap().to_owned()
    };
    let (remote, endpoint) = (address("remote"), address("endpoint"));
    let path = "/2015-03-31/functions/function/invocations";
    assert_eq!(support::http::send(&endpoint, "POST", path, &[], "{}").unwrap().status, 200);
    assert!(lines.any(|line| line.contains(" ms upload ")));
    let page = support::http::send(&remote, "GET", "/", &[], "").unwrap();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<html"), "{page:?}");
    kill(Pid::from_raw(i32::try_from(serve.id()).unwrap()), Signal::SIGINT).unwrap();
    assert!(lines.any(|line| line.contains("shutdown   done")));
    assert!(serve.wait().unwrap().success());
}

#[test]
fn an_address_that_is_taken_is_found_before_anything_is_started() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--sink", &address]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with(&format!("lambda-sandbox: --sink: {address}: cannot listen: ")), "{error}");
}
