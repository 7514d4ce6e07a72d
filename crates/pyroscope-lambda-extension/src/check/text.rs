//! How a check looks: plain text, aligned, in lines of at most 100 columns where words allow.

use std::fmt::Write as _;

use super::Settings;
use super::settings::meaning;
use super::step::{Finding, Step, Summary};
use crate::clock::milliseconds;
use crate::config::push_wrapped;

/// Where what was found begins.
const INDENT: &str = "                                 ";

/// What comes before the steps.
pub(super) fn head(settings: &Settings) -> String {
    let mut text =
        concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), ": checks the way to the remote\n")
            .to_owned();
    let mut section = |title: &str, pairs: Vec<(&str, String)>, width: usize| {
        let _ = writeln!(text, "\n{title}:");
        for (word, said) in pairs {
            let _ = writeln!(text, "  {word:width$}  {said}");
        }
    };
    let set: Vec<_> = settings.set.iter().map(|shown| (shown.name, shown.to_string())).collect();
    let longest = set.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    section(if set.is_empty() { "Nothing is set" } else { "What is set" }, set, longest);
    section("What it means", meaning(&settings.config), 17);
    if !settings.warnings.is_empty() {
        text.push_str("\nWarnings:\n");
        for warning in &settings.warnings {
            push_wrapped(&mut text, warning.to_string().split(' '), "  ");
        }
    }
    text.push_str("\nSteps:\n");
    text
}

/// One step, in as many lines as it takes.
pub(super) fn step(step: &Step) -> String {
    let took = step.took.map_or_else(|| "-".to_owned(), |took| format!("{} ms", milliseconds(took)));
    let (mark, found) = match &step.finding {
        Finding::Fine(found) => ("ok", found.as_str()),
        Finding::Doubtful(found) => ("doubt", found.as_str()),
        Finding::Failed { found, .. } => ("FAILED", found.as_str()),
        Finding::Skipped(why) => ("-", *why),
    };
    let mut text = String::new();
    push_wrapped(&mut text, found.split(' '), INDENT);
    let start = format!("  {mark:6}  {:11}  {took:>8}  ", step.name);
    text.replace_range(..INDENT.len().min(text.len()), &start);
    if let Finding::Failed { said, cure, .. } = &step.finding {
        if let Some(said) = said {
            // A remote's words must not steer the terminal.
            let said = said.replace(|char: char| char.is_control(), " ");
            push_wrapped(&mut text, ["said:"].into_iter().chain(said.split_whitespace()), INDENT);
        }
        if let Some(cure) = cure {
            push_wrapped(&mut text, ["cure:"].into_iter().chain(cure.split(' ')), INDENT);
        }
    }
    text
}

/// What comes after the steps.
pub(super) fn tail(summary: &Summary, dry_run: bool) -> String {
    let doubts = match summary.doubtful {
        0 => String::new(),
        1 => " One doubt, above.".to_owned(),
        more => format!(" {more} doubts, above."),
    };
    match summary.failed {
        0 if dry_run => format!("\nProfiles can arrive, as far as can be told without one.{doubts}\n"),
        0 => format!("\nProfiles arrive.{doubts}\n"),
        _ => format!("\nProfiles can't arrive.{doubts}\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::remote::fault::Fault;

    #[test]
    fn long_words_of_a_remote_are_wrapped_and_can_not_steer_the_terminal() {
        let said = format!("401: \u{1b}[2J{}\r\n{}", "no ".repeat(30), "x".repeat(120));
        let finding = Finding::of_fault(Fault::Unauthorized, said);
        let text = step(&Step::timed(Step::CREDENTIALS, Duration::from_millis(1234), finding));
        assert!(text.starts_with("  FAILED  credentials   1234 ms  the remote does not accept"), "{text}");
        assert!(!text.contains(['\u{1b}', '\r']), "{text:?}");
        let long = text.lines().filter(|line| line.chars().count() > 100).count();
        assert_eq!(long, 1, "the one word that is longer: {text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with(INDENT)), "{text}");
    }
}
