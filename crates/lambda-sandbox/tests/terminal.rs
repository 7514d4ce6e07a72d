//! What a person at a terminal sees.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use nix::pty::openpty;
use support::Extensions;

/// Runs the command on a terminal of its own and reads what appears there.
fn on_a_terminal(variables: &[(&str, &str)]) -> String {
    let extensions = Extensions::new();
    let alpha = extensions.named("alpha");
    let terminal = openpty(None, None).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-sandbox"));
    command
        .args(["run", "--invocations", "2", "--gap", "500ms", "--payload", "sleep:300"])
        .args(["--extension", alpha.to_str().unwrap(), "--", env!("CARGO_BIN_EXE_sandbox-test-runtime")])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(terminal.slave);
    let mut child = command.spawn().unwrap();
    // It holds the terminal's other end, whose closing ends the reading.
    drop(command);
    let mut shown = Vec::new();
    // The end of a terminal is an error.
    let _ = File::from(terminal.master).read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap()
}

#[test]
fn a_terminal_shows_what_goes_on_and_each_process_in_its_colour() {
    let shown = on_a_terminal(&[]);
    for part in ["… invocation, 0.", "… frozen, 0.", "\x1b[36m", "\x1b[35m", "[runtime] "] {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
    assert!(shown.ends_with("\r\x1b[2K"), "the last line is cleared:\n{shown}");
}

#[test]
fn without_colours_where_they_are_not_wanted_and_plain_where_the_terminal_can_do_no_more() {
    let shown = on_a_terminal(&[("NO_COLOR", "1")]);
    assert!(shown.contains("… frozen") && !shown.contains("\x1b[3"), "{shown}");
    let shown = on_a_terminal(&[("TERM", "dumb")]);
    assert!(shown.contains(" ms invocation ") && !shown.contains('\x1b'), "{shown}");
}
