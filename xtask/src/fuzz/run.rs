//! One target for a bounded time, and what it found.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::tool::Targets;
use crate::error::Error;

/// How long one input may take, in seconds: the slowest takes a few ms.
const INPUT_SECONDS: u32 = 30;

/// What one run came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) target: String,
    /// How many inputs were tried.
    pub(super) executions: u64,
    /// How many a second.
    pub(super) a_second: u64,
    /// How many branches of the code were reached.
    pub(super) edges: u64,
    /// How many inputs of the corpus reach them.
    pub(super) inputs: u64,
    /// What went wrong, each as a sentence.
    pub(super) findings: Vec<String>,
}

// === impl Targets ===

impl Targets {
    /// Runs one target. What it learns stays in its corpus for the next run.
    pub(super) fn run(
        &self,
        target: String,
        time: Duration,
    ) -> impl Future<Output = Result<Outcome, Error>> + use<> {
        let place = |kind: &str| self.folder.join(kind).join(&target);
        let (corpus, seeds, findings) = (place("corpus"), place("seeds"), place("findings"));
        let log = self.folder.join("logs").join(format!("{target}.log"));
        let mut command = Command::new(self.binaries.join(&target));
        command
            .args([&corpus, &seeds])
            .arg(format!("-max_total_time={}", time.as_secs()))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg("-print_final_stats=1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        async move {
            for folder in [&corpus, &seeds, &findings] {
                create(folder)?;
            }
            log.parent().map_or(Ok(()), create)?;
            let file = fs::File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
            let status = command.stderr(file).status().await.map_err(Error::io(format!("run {target}")))?;
            let text = fs::read(&log).map_err(Error::io(format!("read {}", log.display())))?;
            let mut outcome = Outcome::of(target, &String::from_utf8_lossy(&text));
            if !status.success() && outcome.findings.is_empty() {
                outcome.findings.push(format!(
                    "{} ended with {status}; see {}",
                    outcome.target,
                    log.display()
                ));
            }
            Ok(outcome)
        }
    }
}

fn create(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))
}

// === impl Outcome ===

impl Outcome {
    /// Reads what libFuzzer writes.
    fn of(target: String, log: &str) -> Self {
        let mut outcome = Self { target, ..Self::default() };
        let mut said = None;
        let mut lines = log.lines();
        while let Some(line) = lines.next() {
            if let Some(figure) = line.strip_prefix("stat::number_of_executed_units:") {
                outcome.executions = figure.trim().parse().unwrap_or_default();
            } else if let Some(figure) = line.strip_prefix("stat::average_exec_per_sec:") {
                outcome.a_second = figure.trim().parse().unwrap_or_default();
            } else if line.starts_with('#') {
                outcome.edges = figure_behind(line, "cov: ").unwrap_or(outcome.edges);
                outcome.inputs = figure_behind(line, "corp: ").unwrap_or(outcome.inputs);
            } else if line.contains(" panicked at ") {
                said = lines.next().map(str::to_owned);
            } else if let Some((_, file)) = line.split_once("Test unit written to ") {
                let said =
                    said.take().unwrap_or_else(|| "it crashed, hung or took too much memory".to_owned());
                outcome.findings.push(format!("{}: {said}, with {file}", outcome.target));
            }
        }
        outcome
    }
}

fn figure_behind(line: &str, word: &str) -> Option<u64> {
    let (_, rest) = line.split_once(word)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn what_libfuzzer_writes_is_read() {
        let quiet = "INFO: Running with entropic power schedule (0xFF, 100).\n\
            #2\tINITED cov: 3 ft: 3 corp: 1/1b exec/s: 0 rss: 33Mb\n\
            #2684794\tREDUCE cov: 1003 ft: 4658 corp: 958/264Kb lim: 4096 exec/s: 16779 rss: 31Mb L: 278/4074 MS: 1 EraseBytes-\n\
            Done 7470395 runs in 601 second(s)\n\
            stat::number_of_executed_units: 7470395\n\
            stat::average_exec_per_sec:     12429\n";
        let mut expected = Outcome {
            target: "push".to_owned(),
            executions: 7_470_395,
            a_second: 12_429,
            edges: 1003,
            inputs: 958,
            findings: vec![],
        };
        assert_eq!(Outcome::of("push".to_owned(), quiet), expected);

        let found = "\nthread '<unnamed>' (15188) panicked at fuzz_targets/push.rs:29:38:\n\
            assertion `left == right` failed\n\
            artifact_prefix='/t/'; Test unit written to /t/crash-6b71\n";
        expected.findings = vec!["push: assertion `left == right` failed, with /t/crash-6b71".to_owned()];
        assert_eq!(Outcome::of("push".to_owned(), &[quiet, found].concat()), expected);
    }
}
