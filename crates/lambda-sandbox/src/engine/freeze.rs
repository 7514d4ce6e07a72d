//! Freeze and thaw: SIGSTOP and SIGCONT to every process group. What a freeze does to connections is done at its end.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Shared;
use crate::connections::{self, Cut};
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
        environment.frozen_at = Some(Instant::now());
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
    let frozen_for = {
        let environment = shared.lock();
        environment.frozen_at.filter(|_| environment.frozen).map(|at| at.elapsed())
    };
    if let (Some(frozen_for), Some(limit)) = (frozen_for, shared.settings.cut_after)
        && frozen_for > limit
    {
        cut_connections(shared);
    }
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

/// Cuts every connection that leads out, and says what became of it.
pub(super) fn cut_connections(shared: &Shared) -> Cut {
    // Locked, so that no process starts or ends meanwhile.
    let cut = connections::cut(shared.lock().processes(), shared.address);
    shared.journal.emit(Event::ConnectionsCut(cut.clone()));
    cut
}

/// Stopped, or ended meanwhile.
fn is_stopped(pid: u32) -> bool {
    matches!(memory::state(pid), None | Some('T' | 'Z' | 'X'))
}
