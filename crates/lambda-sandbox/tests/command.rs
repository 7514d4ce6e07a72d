//! The command `lambda-sandbox run`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::Extensions;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lambda-sandbox")).arg("run").args(arguments).output().unwrap()
}

#[test]
fn a_run_prints_a_timeline_with_the_processes_output() {
    let extensions = Extensions::new();
    let path = extensions.named("alpha");
    let runtime = env!("CARGO_BIN_EXE_sandbox-test-runtime");
    let arguments =
        ["--extension", path.to_str().unwrap(), "--invocations", "2", "--gap", "20ms", "--payload", "echo"];
    let output = run(&[&arguments[..], &["--env", "A=1", "--", runtime, "ready"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for part in [
        "extension  alpha registered for INVOKE, SHUTDOWN",
        "ready      runtime",
        "4 bytes after",
        "; alpha +",
        "[alpha] arguments 0",
        "[runtime] responded 202",
        "shutdown   starts, reason spindown",
        "(exit code 0); runtime after",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert_eq!(text.matches(" ms invocation ").count(), 2, "{text}");
}

#[test]
fn with_json_every_line_is_an_event() {
    let runtime = env!("CARGO_BIN_EXE_sandbox-test-runtime");
    let output = run(&["--json", "--payload", "echo", "--", runtime]);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("init_started", "shutdown_done"));
    let done = events.iter().find(|event| event["event"] == "invocation_done").unwrap();
    assert_eq!(done["response"], "echo");
    assert!(done["handlerMs"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_failed_invocation_or_init_gives_exit_code_1() {
    let runtime = env!("CARGO_BIN_EXE_sandbox-test-runtime");
    let output = run(&["--payload", "error", "--", runtime]);
    assert_eq!(output.status.code(), Some(1));
    let output = run(&["--", runtime, "exit"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("lambda-sandbox: init failed: runtime ended (exit code 7)"), "{error}");
}

#[test]
fn an_interrupted_run_shuts_down_in_order() {
    let runtime = env!("CARGO_BIN_EXE_sandbox-test-runtime");
    let mut run = Command::new(env!("CARGO_BIN_EXE_lambda-sandbox"))
        .args(["run", "--invocations", "2", "--gap", "60s", "--payload", "echo", "--", runtime])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(" ms invocation ")));
    kill(Pid::from_raw(i32::try_from(run.id()).unwrap()), Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.contains("shutdown   done")), "{rest:?}");
    assert!(run.wait().unwrap().success());
}

#[test]
fn serve_answers_clients_until_it_is_interrupted_and_then_shuts_down_in_order() {
    let extensions = Extensions::new();
    let path = extensions.named("alpha");
    let runtime = env!("CARGO_BIN_EXE_sandbox-test-runtime");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_lambda-sandbox"))
        .args(["serve", "--listen", "127.0.0.1:0", "--extension", path.to_str().unwrap(), "--", runtime])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map(Result::unwrap);
    let endpoint = lines.find(|line| line.contains(" endpoint ")).unwrap();
    let (_, address) = endpoint.split_once("http://").unwrap();
    let (address, _) = address.split_once(';').unwrap();
    let path = "/2015-03-31/functions/function/invocations";
    let answer = support::http::send(address, "POST", path, &[], "{}").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert!(lines.any(|line| line.contains(" ms invocation ")));
    kill(Pid::from_raw(i32::try_from(serve.id()).unwrap()), Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.contains("[alpha] goes")), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("shutdown   done")), "{rest:?}");
    assert!(serve.wait().unwrap().success());
}

#[test]
fn an_address_that_is_taken_is_found_before_anything_is_started() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_lambda-sandbox"))
        .args(["serve", "--listen", &address, "--", "true"])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with(&format!("lambda-sandbox: {address} can't be listened on: ")), "{error}");
}
