//! Freeze and thaw: SIGSTOP and SIGCONT to every process group.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Shared;
use crate::event::Event;
use crate::memory;

/// A process may be deep in the kernel when it is stopped; after this long it is taken for stopped.
const PATIENCE: Duration = Duration::from_millis(200);

/// Stops everything; returns once no process runs any more.
pub(super) async fn freeze(shared: &Shared) {
    let pids = {
        let mut environment = shared.lock();
        if environment.frozen || environment.shutting_down {
            return;
        }
        environment.frozen = true;
        environment.processes_mut().for_each(|process| process.signal(Signal::SIGSTOP));
        environment
            .processes()
            .filter(|process| process.is_alive())
            .map(|process| process.pid)
            .collect::<Vec<_>>()
    };
    let by = Instant::now() + PATIENCE;
    while !pids.iter().all(|pid| is_stopped(*pid)) && Instant::now() < by {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    shared.journal.emit(Event::Frozen);
}

/// Lets everything go on.
pub(super) fn thaw(shared: &Shared) {
    {
        let mut environment = shared.lock();
        if !environment.frozen {
            return;
        }
        environment.frozen = false;
        environment.processes_mut().for_each(|process| process.signal(Signal::SIGCONT));
    }
    shared.journal.emit(Event::Thawed);
}

/// Stopped, or ended meanwhile.
fn is_stopped(pid: u32) -> bool {
    matches!(memory::state(pid), None | Some('T' | 'Z' | 'X'))
}
