//! `lambda-sandbox run --scenario`: a run, step by step, from a file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::process::{Command, Output};

use support::Extensions;

/// Runs a scenario with the extension `alpha`.
fn run(name: &str, scenario: &str) -> Output {
    let extensions = Extensions::new();
    let alpha = extensions.named("alpha");
    let file = extensions.path().join(name);
    std::fs::write(&file, scenario).unwrap();
    Command::new(env!("CARGO_BIN_EXE_lambda-sandbox"))
        .args(["run", "--json", "--scenario", file.to_str().unwrap(), "--extension", alpha.to_str().unwrap()])
        .args(["--payload", "\"default\"", "--", env!("CARGO_BIN_EXE_sandbox-test-runtime")])
        .output()
        .unwrap()
}

/// The names of the events that tell one step from another, with what they came to.
fn story(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let told = events.filter_map(|event| match event["event"].as_str().unwrap() {
        "invocation_done" => {
            let response = event["response"].as_str().map(str::to_owned);
            Some(response.unwrap_or_else(|| event["fault"]["fault"].as_str().unwrap_or("error").to_owned()))
        }
        "connections_cut" => Some("cut".to_owned()),
        name @ ("frozen" | "thawed") => Some(name.to_owned()),
        "shutdown_started" => Some(format!("shutdown {}", event["reason"].as_str().unwrap())),
        _ => None,
    });
    told.collect()
}

/// What it says on standard error, where nothing was started.
fn refusal(name: &str, scenario: &str) -> String {
    let output = run(name, scenario);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn steps_are_carried_out_one_after_the_other() {
    let scenario = r#"
        shutdown = "failure"
        steps = [
            { invoke = { payload = { n = 1 }, times = 2, gap = "20ms" } },
            "thaw",
            { wait = "10ms" },
            "freeze",
            "cut",
            { invoke = {} },
            { invoke = { payload = "hang", timeout = "300ms", expect = "timeout" } },
            { invoke = { payload = "error", expect = "error" } },
            { kill = "alpha" },
            { invoke = { expect = "failure" } },
            { invoke = {} },
        ]
    "#;
    let output = run("scenario.toml", scenario);
    // Each invocation that goes well ends frozen.
    let expected = [
        "frozen {\"n\":1} thawed frozen {\"n\":1}",
        "thawed frozen cut",
        "thawed frozen \"default\"",
        "thawed shutdown timeout timeout",
        "frozen error",
        "thawed shutdown failure extension_crash",
        "frozen \"default\"",
        "thawed shutdown failure",
    ];
    assert_eq!(story(&output).join(" "), expected.join(" "));
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn json_says_the_same() {
    let output =
        run("scenario.json", r#"{"steps": [{"invoke": {"payload": "echo", "times": 2}}, "freeze"]}"#);
    let told = story(&output);
    assert_eq!(told, ["frozen", "\"echo\"", "thawed", "frozen", "\"echo\"", "thawed", "shutdown spindown"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn an_invocation_that_ends_otherwise_than_expected_gives_exit_code_1() {
    let output = run("scenario.toml", "[[steps]]\ninvoke = { expect = \"timeout\" }\n");
    assert_eq!(story(&output)[1], "\"default\"");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_mistake_is_told_with_its_line_and_nothing_is_started() {
    let error = refusal("a.toml", "steps = [\n  { invoke = { tims = 3 } },\n]\n");
    assert!(error.contains("a.toml: TOML parse error at line 2, column 16"), "{error}");
    assert!(error.contains("unknown field `tims`, expected one of `payload`, `times`"), "{error}");

    let error = refusal("a.json", "{\"steps\": [\n  {\"wait\": \"5\"}]}");
    let expected = "a.json: invalid value: string \"5\", expected a duration as text, such as \"250ms\", \"2s\" or \"1m\" at line 2";
    assert!(error.contains(expected), "{error}");

    let error = refusal("b.toml", "steps = [\n  \"sleep\",\n]\n");
    assert!(
        error.contains("line 2") && error.contains("unknown variant `sleep`, expected one of"),
        "{error}"
    );
    let error = refusal("c.toml", "steps = [\"freeze\", { kill = \"beta\" }]\n");
    assert!(error.contains("step 2: nothing is called \"beta\""), "{error}");
    assert!(error.contains("there is alpha, runtime"), "{error}");
    let error = refusal("d.yaml", "steps: []");
    assert!(error.contains("d.yaml: its name ends neither in .toml nor in .json"), "{error}");
}
