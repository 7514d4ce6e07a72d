//! The extension as a program: configuration, log, runtime, run, exit code; and `check`, for people.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use http::HeaderValue;
use pyroscope_lambda_extension::check::{self, Options, Settings};
use pyroscope_lambda_extension::clock::Clock;
use pyroscope_lambda_extension::config::{self, Config, LogConfig};
use pyroscope_lambda_extension::net::Tcp;
use pyroscope_lambda_extension::random::OsRandom;
use pyroscope_lambda_extension::{Error, Surroundings, intake, log, run};
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Layers are built against musl, whose own allocator is slow.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let argument = arguments.next();
    match argument.as_ref().map(|argument| argument.to_string_lossy()).as_deref() {
        None => extension(),
        Some("check") => check(arguments),
        Some("--help" | "-h") => show(&config::help_text()),
        Some("--version" | "-V") => show(&config::version_text()),
        Some(other) => {
            eprintln!("unknown argument {other:?}; in Lambda there is none (--help tells more)");
            ExitCode::from(2)
        }
    }
}

fn show(text: &str) -> ExitCode {
    // A reader that has gone, such as `head`, is no failure.
    drop(io::stdout().write_all(text.as_bytes()));
    ExitCode::SUCCESS
}

fn check(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    // What the code on the way has to say of its own accord goes to standard error.
    log::init(&LogConfig::of_warnings());
    let (config, warnings) = Config::from_process();
    let settings = Settings { set: config::shown_from_process(), config, warnings };
    let well = runtime().map(|runtime| {
        let (network, random, out) = (Arc::new(Tcp), Arc::new(OsRandom), &mut io::stdout());
        runtime.block_on(check::run(&settings, options, network, Clock::system(), random, out))
    });
    match well {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> Result<Runtime, Error> {
    runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)
}

fn extension() -> ExitCode {
    let (config, warnings) = Config::from_process();
    log::init(&config.log);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let result = runtime().and_then(|runtime| {
        runtime.block_on(async {
            // Before registration: once all extensions have registered, the function may start and post.
            let listeners = intake::bind(config.port).await;
            let (network, clock, random) = (Arc::new(Tcp), Clock::system(), Arc::new(OsRandom));
            run(config, Surroundings { name: name(), listeners, network, clock, random }, stop()).await
        })
    });
    match result {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The file name under which the platform started the program.
fn name() -> HeaderValue {
    let program = env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().and_then(|name| HeaderValue::try_from(name.to_str()?).ok());
    name.unwrap_or(HeaderValue::from_static("pyroscope-lambda-extension"))
}

/// Resolves at SIGTERM or SIGINT.
async fn stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await; // their default action ends the process, too
    };
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
}
