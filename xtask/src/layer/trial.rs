//! A short life of a built binary: registered, relaying, drained. That of the other processor runs under QEMU.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lambda_sandbox::{Sandbox, ShutdownReason};
use pyroscope_sink::{Options, Sink};

use super::architecture::Architecture;
use super::files;
use crate::environment::{self, EXTENSION};
use crate::error::Error;
use crate::load::{self, ledger::Entries, order::Order, order::Then};
use crate::port;
use crate::step;

/// Invocations of the function, each with a profile of every format or more, and a freeze after it.
const INVOCATIONS: u64 = 4;
const PROFILES: u64 = 8;

const FROZEN: Duration = Duration::from_millis(100);

/// An emulator takes several times as long for everything.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the binary in a sandbox and checks what arrives; a line about it.
pub(super) async fn run(architecture: Architecture, binary: &Path, folder: &Path) -> Result<String, Error> {
    let extension = install(architecture, binary, folder)?;
    let ledger = folder.join("ledger");
    let _ = fs::remove_file(&ledger);
    let server = |source| Error::part("the server", &source);
    let sink = Sink::start(Options::default().tls()).await.map_err(server)?;
    let authority = folder.join("authority.pem");
    sink.write_ca_pem(&authority).map_err(server)?;
    let sandbox = load::environment::around(&extension, port::relay()?, &ledger)?
        .extension_env("PYROSCOPE_REMOTE_ADDRESS", sink.url())
        .extension_env("SSL_CERT_FILE", authority)
        .extension_env("PYROSCOPE_SPOOL_DIR", "")
        .timeout(TIMEOUT)
        .start()
        .await
        .map_err(|source| Error::part("the init phase", &source))?;
    let ready = sandbox.init_report().total;
    let invoked = invoke(&sandbox).await;
    let shutdown = sandbox.shutdown(ShutdownReason::Spindown).await;
    let mut wrong: Vec<String> = invoked.err().into_iter().collect();
    if !shutdown.is_clean() {
        wrong.push(format!("the extension did not exit with 0 at SHUTDOWN: {:?}", shutdown.processes));
    }
    let text = fs::read_to_string(&ledger).map_err(Error::io("read the ledger"))?;
    wrong.extend(missing(&Entries::read(&text), &sink));
    if wrong.is_empty() {
        let (ready, arrived) = (ready.as_millis(), sink.totals().accepted);
        return Ok(format!(
            "ready in {ready} ms, {arrived} profiles arrived over TLS, then a clean shutdown"
        ));
    }
    let log = folder.join("log.txt");
    let lines: Vec<String> =
        sandbox.logs().iter().map(|line| format!("[{}] {}", line.process, line.text)).collect();
    files::write(&log, lines.join("\n").as_bytes())?;
    Err(Error::Wrong { run: "the layer's binary", wrong, log: Some(log) })
}

async fn invoke(sandbox: &Sandbox) -> Result<(), String> {
    for number in 0..INVOCATIONS {
        let first = number * PROFILES;
        let order = Order { seed: 1, first, profiles: PROFILES, work_ms: 100, then: Then::Answer };
        let invocation = sandbox.invoke(order.payload()).await.map_err(|error| error.to_string())?;
        if let Some(fault) = invocation.fault {
            return Err(fault.to_string());
        }
        tokio::time::sleep(FROZEN).await;
    }
    Ok(())
}

/// What was not acknowledged, and what was and did not arrive, each as a sentence.
fn missing(entries: &Entries, sink: &Sink) -> Vec<String> {
    let mut wrong = Vec::new();
    let (posted, acknowledged) = (INVOCATIONS * PROFILES, entries.acknowledged.len());
    if u64::try_from(acknowledged) != Ok(posted) {
        wrong.push(format!("of {posted} profiles {acknowledged} were acknowledged"));
    }
    let arrivals = sink.arrivals();
    let stored = arrivals.iter().filter(|arrival| arrival.stored);
    let numbers: Vec<u64> =
        stored.filter_map(|arrival| arrival.request.header(load::profile::NUMBER).parse().ok()).collect();
    let lost = entries.acknowledged.keys().filter(|number| !numbers.contains(number)).count();
    if lost > 0 {
        wrong.push(format!("{lost} profiles were acknowledged and did not arrive"));
    }
    wrong
}

/// Puts the binary where a layer puts it; where this machine has another processor, a script in its place that calls QEMU: the
/// kernel may not know of it.
fn install(architecture: Architecture, binary: &Path, folder: &Path) -> Result<PathBuf, Error> {
    if env::consts::ARCH == architecture.processor() {
        return environment::install(binary, folder);
    }
    let emulator = emulator(architecture)?;
    let script = folder.join("extensions").join(EXTENSION);
    let text = format!("#!/bin/sh\nexec {emulator} '{}' \"$@\"\n", binary.display());
    files::write(&script, text.as_bytes())?;
    let executable = Permissions::from_mode(0o755);
    fs::set_permissions(&script, executable)
        .map_err(Error::io(format!("make {} executable", script.display())))?;
    Ok(script)
}

/// The program that runs the architecture's on another.
fn emulator(architecture: Architecture) -> Result<String, Error> {
    // Debian's name for the static one, and everybody's for the other.
    let names = ["-static", ""].map(|kind| format!("qemu-{}{kind}", architecture.processor()));
    let found = names.iter().find(|name| step::ask(OsStr::new(name.as_str()), &["--version"]).is_some());
    found.cloned().ok_or_else(|| {
        let install = step::from_debian(&["qemu-user-static"]);
        Error::NotInstalled(install.iter().map(ToString::to_string).collect())
    })
}
