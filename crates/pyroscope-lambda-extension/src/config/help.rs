//! What people are told: `--help`, `--version` and the table for the README.

use std::env::consts::{ARCH, OS};
use std::fmt::Write as _;

use super::variable::{Group, Unset, VARIABLES, Variable};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// No line of the help is longer, in characters.
const COLUMNS: usize = 100;

/// What `--help` prints.
#[must_use]
pub fn help_text() -> String {
    let mut text = format!(
        "{NAME} {VERSION}
Relays the profiles of an AWS Lambda function to Pyroscope, without making the function wait.

Usage: {NAME} [check [--dry-run] | --help | --version]

In Lambda it takes no arguments: the platform starts it from /opt/extensions.

  check
      says what the settings mean, tries the way to the remote step by step, sends it one tiny
      profile, and says what is wrong and what to do about it. Needs no Lambda. Ends with 0 where
      profiles can arrive, with 1 where they can't. With --dry-run no profile is sent.

Everything is set with environment variables of the function. An empty value means unset, but for
the one variable that says otherwise. Booleans are true or false (also 1, t, 0, f); durations are
such as 10s, 500ms or 1m30s.
"
    );
    for group in Group::ALL {
        push_line(&mut text, "");
        push_line(&mut text, &format!("{}:", group.title()));
        for variable in variables_of(group) {
            push_line(&mut text, &format!("  {}", variable.name));
            let meaning = variable.meaning.replace('`', "");
            // The default is one word to the wrapping, so that it is never torn.
            let default = format!("[default: {}]", variable.unset.text().replace('`', ""));
            push_wrapped(&mut text, meaning.split(' ').chain([default.as_str()]), "      ");
        }
    }
    text
}

/// The variables for the README: one Markdown table a group, with the group's title in bold above it.
#[must_use]
pub fn markdown_table() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        if !text.is_empty() {
            push_line(&mut text, "");
        }
        push_line(&mut text, &format!("**{}**\n", group.title()));
        push_line(&mut text, "| variable | default | meaning |\n|---|---|---|");
        for variable in variables_of(group) {
            let default = match variable.unset {
                Unset::Value(value) => format!("`{value}`"),
                Unset::Means(words) => words.to_owned(),
            };
            let cells = [format!("`{}`", variable.name), default, variable.meaning.to_owned()];
            push_line(&mut text, &format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
        }
    }
    text
}

/// What `--version` prints: name, version and what it was built for.
#[must_use]
pub fn version_text() -> String {
    let environment = if cfg!(target_env = "musl") {
        "-musl"
    } else if cfg!(target_env = "gnu") {
        "-gnu"
    } else {
        ""
    };
    format!("{NAME} {VERSION} ({ARCH}-{OS}{environment})\n")
}

fn variables_of(group: Group) -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().copied().filter(move |variable| variable.group == group)
}

fn push_line(text: &mut String, line: &str) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "{line}");
}

/// Appends words in lines of [`COLUMNS`] at most, each behind `indent`.
pub(crate) fn push_wrapped<'text>(text: &mut String, words: impl Iterator<Item = &'text str>, indent: &str) {
    let mut line = String::new();
    for word in words {
        let fits = line.chars().count() + 1 + word.chars().count() <= COLUMNS;
        if line.is_empty() {
            line.push_str(indent);
        } else if fits {
            line.push(' ');
        } else {
            push_line(text, &line);
            line.clear();
            line.push_str(indent);
        }
        line.push_str(word);
    }
    push_line(text, &line);
}
