//! The arguments, and what they are made of.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Parser};
use lambda_sandbox::InitializationType;
use thiserror::Error;

/// A Lambda execution environment on this machine.
#[derive(Debug, Parser)]
#[command(name = "lambda-sandbox", version)]
pub(crate) enum Command {
    /// Run a function and its extensions, and show what happens and when
    Run(Box<Run>),
    /// Keep a function and its extensions ready for clients that invoke it over HTTP, until Ctrl-C
    Serve(Box<Serve>),
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// How often the function is invoked
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) invocations: u32,
    /// The time between two invocations, in which everything is frozen
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub(crate) gap: Duration,
    /// The event: JSON, or a file with it after an @
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    pub(crate) payload: Payload,
    /// What happens, step by step, from a file in TOML or JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["invocations", "gap"])]
    pub(crate) scenario: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) environment: Environment,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where clients are listened for
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) environment: Environment,
}

/// What the environment is made of.
#[derive(Args, Debug)]
pub(crate) struct Environment {
    /// An external extension: an executable, registered under its file name (may be repeated)
    #[arg(long = "extension", value_name = "PATH")]
    pub(crate) extensions: Vec<PathBuf>,
    /// The function's timeout
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// The function's memory and the CPU share that comes with it: 1769 MB is one vCPU [default: 512 MB, and all CPUs]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub(crate) memory: Option<u32>,
    /// Let processes run on between invocations
    #[arg(long)]
    pub(crate) no_freeze: bool,
    /// Cut connections that lead out of the sandbox where it has been frozen for longer than this, as a NAT does
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "no_freeze")]
    pub(crate) cut_connections: Option<Duration>,
    /// Where the environment comes from: on-demand, provisioned-concurrency, snap-start or lambda-managed-instances
    #[arg(long, value_name = "TYPE", default_value = "on-demand", value_parser = initialization)]
    pub(crate) initialization: InitializationType,
    /// A variable for the function and the extensions (may be repeated)
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<Pair>,
    /// A variable for the extensions alone (may be repeated)
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) extension_env: Vec<Pair>,
    /// A variable for the function alone (may be repeated)
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) runtime_env: Vec<Pair>,
    /// The function's name
    #[arg(long, value_name = "NAME", default_value = "sandbox-function")]
    pub(crate) function_name: String,
    /// The function's handler, for runtimes that look for one
    #[arg(long, value_name = "HANDLER", default_value = "index.handler")]
    pub(crate) handler: String,
    /// The function's directory [default: the current one]
    #[arg(long, value_name = "PATH")]
    pub(crate) task_root: Option<PathBuf>,
    /// Take the extensions' profiles as a remote Pyroscope does, at this address [default: a free port], and show each upload
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    pub(crate) sink: Option<SocketAddr>,
    /// Print every event as a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The program that speaks the Runtime API, and its arguments
    #[arg(last = true, required = true, value_name = "BOOTSTRAP")]
    pub(crate) bootstrap: Vec<String>,
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair(pub(crate) String, pub(crate) String);

/// What the function is invoked with.
#[derive(Clone, Debug)]
pub(crate) struct Payload(pub(crate) Bytes);

/// What is wrong with an argument.
#[derive(Debug, Error)]
pub(crate) enum ArgumentError {
    #[error("no unit that is known; write 250ms, 2s or 1m")]
    Unit,
    #[error("no number before the unit; write 250ms, 2s or 1m")]
    Number,
    #[error("not known; write on-demand, provisioned-concurrency, snap-start or lambda-managed-instances")]
    Initialization,
    #[error("no name before an =; write NAME=VALUE")]
    Pair,
    #[error("{path} can't be read: {source}")]
    File { path: String, source: std::io::Error },
}

// === impl Pair ===

impl FromStr for Pair {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self(name.to_owned(), value.to_owned())),
            _ => Err(ArgumentError::Pair),
        }
    }
}

// === impl Payload ===

impl FromStr for Payload {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(path) = text.strip_prefix('@') else {
            return Ok(Self(Bytes::from(text.to_owned())));
        };
        let bytes =
            std::fs::read(path).map_err(|source| ArgumentError::File { path: path.to_owned(), source })?;
        Ok(Self(Bytes::from(bytes)))
    }
}

fn initialization(text: &str) -> Result<InitializationType, ArgumentError> {
    use InitializationType::{LambdaManagedInstances, OnDemand, ProvisionedConcurrency, SnapStart};
    let all = [OnDemand, ProvisionedConcurrency, SnapStart, LambdaManagedInstances];
    all.into_iter().find(|one| one.as_str() == text).ok_or(ArgumentError::Initialization)
}

pub(super) fn duration(text: &str) -> Result<Duration, ArgumentError> {
    let (number, unit) = [("ms", 0.001), ("s", 1.0), ("m", 60.0)]
        .into_iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, seconds)))
        .ok_or(ArgumentError::Unit)?;
    let number: f64 = number.parse().map_err(|_| ArgumentError::Number)?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| ArgumentError::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(duration("1.5s").unwrap(), Duration::from_millis(1500));
        assert_eq!(duration("2m").unwrap(), Duration::from_secs(120));
        for wrong in ["", "3", "ms", "-1s", "1h", "NaNs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variable_may_hold_an_equals_sign_and_has_a_name() {
        assert_eq!("A=b=c".parse::<Pair>().unwrap(), Pair("A".to_owned(), "b=c".to_owned()));
        assert_eq!("A=".parse::<Pair>().unwrap(), Pair("A".to_owned(), String::new()));
        assert!("A".parse::<Pair>().is_err());
        assert!("=b".parse::<Pair>().is_err());
    }
}
