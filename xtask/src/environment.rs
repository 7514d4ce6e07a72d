//! One life of a Lambda environment: the extension beside a function, from init to shutdown.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use lambda_sandbox::{InitReport, Invocation, LogLine, Sandbox, ShutdownReason, ShutdownReport};

use crate::error::Error;
use crate::port;

/// The name of the extension in its layer, and so the name that it registers under.
pub(crate) const EXTENSION: &str = "pyroscope-lambda-extension";

/// What an invocation works, in milliseconds.
pub(crate) const WORK_MS: u32 = 300;

/// How long the environment is frozen after each invocation.
const FROZEN: Duration = Duration::from_millis(300);

/// How many lines of the log a failure shows.
const SHOWN_LINES: usize = 40;

/// What to run.
#[derive(Debug)]
pub(crate) struct Environment<'run> {
    /// The extension's build, where there is to be one; a copy of it runs, in a folder like `/opt/extensions`.
    pub(crate) extension: Option<&'run Path>,
    /// Other extensions.
    pub(crate) others: &'run [PathBuf],
    /// The function.
    pub(crate) function: &'run Function,
    /// Variables that a user sets for the function.
    pub(crate) variables: Vec<(&'run str, String)>,
    /// How long to invoke the function, again and again.
    pub(crate) busy: Duration,
    /// Where the copy of the extension and the log go.
    pub(crate) folder: &'run Path,
}

/// A function: how its runtime is started.
#[derive(Debug, Default)]
pub(crate) struct Function {
    /// The program that Lambda starts.
    pub(crate) bootstrap: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// Where the function's code is, for a language that loads it from there.
    pub(crate) task_root: Option<PathBuf>,
    /// The function's handler, for a language that looks it up by name.
    pub(crate) handler: Option<&'static str>,
}

/// What happened.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) init: InitReport,
    pub(crate) invocations: Vec<Invocation>,
    /// When the environment began to end.
    pub(crate) ended: SystemTime,
    pub(crate) shutdown: ShutdownReport,
    /// All that the extensions and the function wrote.
    pub(crate) lines: Vec<LogLine>,
    /// The same in a file.
    pub(crate) log: PathBuf,
}

/// Puts the extension where a layer puts it, under its own name.
pub(crate) fn install(extension: &Path, folder: &Path) -> Result<PathBuf, Error> {
    let folder = folder.join("extensions");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let installed = folder.join(EXTENSION);
    fs::copy(extension, &installed).map_err(Error::io(format!("copy to {}", installed.display())))?;
    Ok(installed)
}

// === impl Function ===

impl Function {
    /// One that is a program by itself.
    pub(crate) fn program(bootstrap: PathBuf) -> Self {
        Self { bootstrap, ..Self::default() }
    }
}

// === impl Environment ===

impl Environment<'_> {
    /// Runs the environment from init to shutdown, and says on the terminal what happens.
    pub(crate) async fn live(&self) -> Result<Life, Error> {
        let sandbox = self.start().await?;
        let init = sandbox.init_report();
        show_init(&init);

        let invocations = self.invoke(&sandbox).await;
        let ended = SystemTime::now();
        let shutdown = sandbox.shutdown(ShutdownReason::Spindown).await;
        let lines = sandbox.logs();
        let log = keep_log(&lines, self.folder)?;
        let invocations =
            invocations.map_err(|what| Error::Part { part: "an invocation", what, log: tail(&lines) })?;
        show_shutdown(&shutdown);
        Ok(Life { init, invocations, ended, shutdown, lines, log })
    }

    async fn start(&self) -> Result<Sandbox, Error> {
        let port = port::relay()?;
        if port != port::RELAY {
            println!("Port {} is taken: the extension listens on {port} instead.", port::RELAY);
        }
        let function = self.function;
        let mut builder = Sandbox::builder(&function.bootstrap)
            .args(&function.args)
            .function_name("order-service")
            .extension_env("PYROSCOPE_PORT", port.to_string())
            .extension_env("PYROSCOPE_SPOOL_DIR", "")
            .runtime_env("PYROSCOPE_SERVER_ADDRESS", format!("http://localhost:{port}"));
        if let Some(task_root) = &function.task_root {
            builder = builder.task_root(task_root);
        }
        if let Some(handler) = function.handler {
            builder = builder.handler(handler);
        }
        if let Some(extension) = self.extension {
            builder = builder.extension(install(extension, self.folder)?);
        }
        for other in self.others {
            builder = builder.extension(other);
        }
        for (name, value) in &self.variables {
            builder = builder.env(name, value);
        }
        builder.start().await.map_err(|source| Error::part("the init phase", &source))
    }

    async fn invoke(&self, sandbox: &Sandbox) -> Result<Vec<Invocation>, String> {
        println!("\nInvocations of {WORK_MS} ms of work, frozen for {FROZEN:?} after each");
        println!("{:>5}{:>13}{:>32}", "", "duration ms", "added by the extension ms");
        let since = Instant::now();
        let mut invocations = Vec::new();
        while since.elapsed() < self.busy {
            let number = invocations.len() + 1;
            let payload = format!(r#"{{"work_ms":{WORK_MS}}}"#);
            let invocation = sandbox.invoke(payload).await.map_err(|error| format!("#{number}: {error}"))?;
            show_invocation(number, &invocation);
            if let Some(fault) = &invocation.fault {
                return Err(format!("#{number}: {fault}"));
            }
            if let Some(error) = &invocation.function_error {
                return Err(format!("#{number}: the function failed: {}", error.body));
            }
            invocations.push(invocation);
            tokio::time::sleep(FROZEN).await;
        }
        Ok(invocations)
    }
}

/// Writes down in `folder` what the processes wrote.
pub(crate) fn keep_log(lines: &[LogLine], folder: &Path) -> Result<PathBuf, Error> {
    let log = folder.join("log.txt");
    let text: String = lines.iter().map(|line| show_line(line) + "\n").collect();
    fs::write(&log, text).map_err(Error::io(format!("write {}", log.display())))?;
    Ok(log)
}

fn show_init(init: &InitReport) {
    println!("\nInit: {} ms until everybody waits for the first invocation", ms(init.total));
    for extension in &init.extensions {
        let (registered, first_next) = (ms(extension.registered), ms(extension.first_next));
        println!("  {}: registered after {registered} ms, ready after {first_next} ms", extension.name);
    }
    println!("  the function: ready after {} ms", ms(init.runtime));
}

fn show_invocation(number: usize, invocation: &Invocation) {
    let extension = invocation.extensions.iter().find(|extension| extension.name == EXTENSION);
    let added =
        extension.and_then(|extension| extension.after_response).map_or("never came back".to_owned(), ms);
    println!("{:>5}{:>13}{:>32}", format!("#{number}"), ms(invocation.handler), added);
}

fn show_shutdown(shutdown: &ShutdownReport) {
    println!("\nShutdown: {} ms", ms(shutdown.total));
    for process in &shutdown.processes {
        let exit = process.exit.map_or("still there".to_owned(), |exit| exit.to_string());
        println!("  {}: {exit}, after {} ms", process.name, ms(process.after));
    }
}

fn tail(lines: &[LogLine]) -> String {
    let from = lines.len().saturating_sub(SHOWN_LINES);
    let shown: Vec<String> = lines.iter().skip(from).map(show_line).collect();
    shown.join("\n")
}

fn show_line(line: &LogLine) -> String {
    format!("[{}] {}", line.process, line.text)
}

fn ms(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}
