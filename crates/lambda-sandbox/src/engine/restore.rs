//! SnapStart: the environment is stopped at the end of init, and goes on at the first invocation.
//!
//! Memory is not cloned: what a second environment from the same snapshot would see can't be seen here. After a reset there
//! is a new init, where Lambda would take the snapshot once more.

use std::time::{Duration, Instant};

use super::{Shared, freeze};
use crate::error::Fault;
use crate::event::Event;
use crate::process::RUNTIME;

/// How long the runtime may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Goes on from the snapshot; a runtime that waits in `restore/next` has to come back for its first event.
pub(super) async fn restore(shared: &Shared) -> Result<(), Fault> {
    // Where a snapshot goes on, nobody knows of its connections.
    freeze::cut_connections(shared);
    let started = Instant::now();
    shared.journal.emit(Event::RestoreStarted);
    freeze::thaw(shared);
    let limit = shared.settings.limits().init.min(LIMIT);
    shared.update(|environment| environment.restored = true);
    let ready = shared.until(|environment| {
        let fault = environment.fault.clone().map(Err);
        fault.or_else(|| environment.runtime.is_ready().then_some(Ok(())))
    });
    let waiting_for = vec![RUNTIME.to_owned()];
    let late = Err(Fault::Timeout { limit, waiting_for });
    tokio::time::timeout_at((started + limit).into(), ready).await.unwrap_or(late)?;
    shared.journal.emit(Event::RestoreDone { duration: started.elapsed() });
    Ok(())
}
