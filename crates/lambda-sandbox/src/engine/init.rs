//! Init: all extensions are started; when all have registered the runtime is; it is over when all have called `next`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::sandbox::Directory;
use super::state::{Environment, Extension, Owner, Shared};
use crate::error::{Fault, InitError};
use crate::event::Event;
use crate::id;
use crate::process::{self, Process, RUNTIME};
use crate::report::{ExtensionInit, InitReport};
use crate::settings::Side;
use crate::variables::{task_root, variables};

const MAX_EXTENSIONS: usize = 10;

/// Brings a new environment up.
pub(super) async fn init(
    shared: &Arc<Shared>,
    directory: &Directory,
    api: &str,
) -> Result<InitReport, InitError> {
    let generation = shared.update(|environment| {
        let generation = environment.generation + 1;
        *environment = Environment { generation, ..Environment::default() };
        generation
    });
    shared.journal.emit(Event::InitStarted { generation });
    shared.limit_cpu(false);
    let started = Instant::now();
    let by = tokio::time::Instant::from_std(started + shared.settings.limits().init);

    start_extensions(shared, directory, api, generation)?;
    let registered =
        shared.until(|environment| settled(environment, |e| e.registered_at.is_some(), |_| true));
    match tokio::time::timeout_at(by, registered).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => return Err(failed(shared, fault)),
        Err(_) => return Err(late(shared, |e| e.registered_at.is_some(), "register")),
    }

    start_runtime(shared, directory, api, generation)?;
    let ready = shared.until(|environment| {
        settled(
            environment,
            |e| e.first_next_at.is_some(),
            |environment| environment.runtime.first_next_at.is_some(),
        )
    });
    match tokio::time::timeout_at(by, ready).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => return Err(failed(shared, fault)),
        Err(_) => return Err(late(shared, |e| e.first_next_at.is_some(), "ask for its first event")),
    }

    shared.limit_cpu(true);
    let report = report(&shared.lock(), generation, started);
    shared.journal.emit(Event::InitDone(report.clone()));
    Ok(report)
}

/// `Ok` when every extension and the environment are as wanted, `Err` when one has failed.
fn settled(
    environment: &Environment,
    extension: impl Fn(&Extension) -> bool,
    also: impl Fn(&Environment) -> bool,
) -> Option<Result<(), Fault>> {
    if let Some(fault) = &environment.fault {
        return Some(Err(fault.clone()));
    }
    (environment.extensions.iter().all(extension) && also(environment)).then_some(Ok(()))
}

fn start_extensions(
    shared: &Arc<Shared>,
    directory: &Directory,
    api: &str,
    generation: u64,
) -> Result<(), InitError> {
    let paths = &shared.settings.extensions;
    if paths.len() > MAX_EXTENSIONS {
        return Err(InitError::TooManyExtensions { count: paths.len() });
    }
    for path in paths {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| name.chars().all(|c| c.is_ascii_graphic()));
        let name = name.ok_or_else(|| InitError::Name { path: path.clone() })?.to_owned();
        let mut command = Command::new(absolute(path)?);
        command
            .env_clear()
            .envs(variables(&shared.settings, Side::Extensions, api, &directory.tmp))
            .current_dir(&directory.opt);
        let owner = Owner::Extension(name.clone());
        let pid = start(shared, generation, path, &name, command, owner, |environment, process| {
            environment.extensions.push(Extension::new(name.clone(), id::uuid(), Some(process)));
        })?;
        shared.journal.emit(Event::ExtensionStarted { name, pid });
    }
    Ok(())
}

fn start_runtime(
    shared: &Arc<Shared>,
    directory: &Directory,
    api: &str,
    generation: u64,
) -> Result<(), InitError> {
    let settings = &shared.settings;
    // A bare name is looked up in PATH, as a shell would.
    let program = &settings.program;
    let path = if program.components().count() > 1 { absolute(program)? } else { program.clone() };
    let mut command = Command::new(path);
    command
        .args(&settings.args)
        .env_clear()
        .envs(variables(settings, Side::Runtime, api, &directory.tmp))
        .current_dir(task_root(settings));
    let pid =
        start(shared, generation, program, RUNTIME, command, Owner::Runtime, |environment, process| {
            environment.runtime.process = Some(process);
        })?;
    shared.journal.emit(Event::RuntimeStarted { pid });
    Ok(())
}

/// Starts a process and `keep`s it in the state before it can say a word to the APIs.
fn start(
    shared: &Arc<Shared>,
    generation: u64,
    path: &Path,
    name: &str,
    command: Command,
    owner: Owner,
    keep: impl FnOnce(&mut Environment, Process),
) -> Result<u32, InitError> {
    let (pid, child) = shared
        .update(|environment| {
            let (process, child) = Process::start(name, command)?;
            let pid = process.pid;
            if let Some(group) = &shared.cpu {
                // One that has ended already needs no share.
                let _ = group.add(pid);
            }
            keep(environment, process);
            Ok((pid, child))
        })
        .map_err(|source| InitError::Launch { path: path.to_owned(), source })?;
    // The task of a sandbox that was dropped has nobody to tell.
    let told = Arc::downgrade(shared);
    process::watch(name.to_owned(), pid, child, Arc::clone(&shared.journal), move |exit, at| {
        if let Some(shared) = told.upgrade() {
            shared.exited(generation, &owner, exit, at);
        }
    });
    Ok(pid)
}

/// Relative paths are the caller's; the process starts elsewhere. Links stay: the name in the path is the one that counts.
fn absolute(path: &Path) -> Result<PathBuf, InitError> {
    std::path::absolute(path).map_err(|source| InitError::Launch { path: path.to_owned(), source })
}

fn failed(shared: &Shared, fault: Fault) -> InitError {
    let tail = shared.tail(fault.culprit());
    InitError::Fault { fault, tail }
}

fn late(shared: &Shared, extension: impl Fn(&Extension) -> bool, step: &'static str) -> InitError {
    let name = {
        let environment = shared.lock();
        let late = environment.extensions.iter().find(|e| !extension(e));
        late.map_or_else(|| RUNTIME.to_owned(), |extension| extension.name.clone())
    };
    let tail = shared.tail(&name);
    InitError::Timeout { name, step, limit: shared.settings.limits().init, tail }
}

fn report(environment: &Environment, generation: u64, started: Instant) -> InitReport {
    let since = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
        (Some(from), Some(to)) => to.saturating_duration_since(from),
        _ => Duration::ZERO,
    };
    let runtime = &environment.runtime;
    let last =
        environment.extensions.iter().filter_map(|e| e.first_next_at).chain(runtime.first_next_at).max();
    let externals = environment.extensions.iter().filter_map(|extension| {
        let from = Some(extension.process.as_ref()?.started);
        Some(ExtensionInit {
            name: extension.name.clone(),
            registered: since(from, extension.registered_at),
            first_next: since(from, extension.first_next_at),
        })
    });
    InitReport {
        generation,
        total: since(Some(started), last),
        runtime: since(runtime.process.as_ref().map(|process| process.started), runtime.first_next_at),
        extensions: externals.collect(),
    }
}
