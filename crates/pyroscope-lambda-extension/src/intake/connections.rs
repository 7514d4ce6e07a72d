//! How many connections SDKs may hold, and which one goes when there are too many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// Connections at once. SDKs hold one or two each.
const MAX: usize = 128;

/// How many of them may be connections that have not had an answer yet.
const MAX_NEW: usize = MAX / 2;

/// The open connections. When one too many comes, the one that has been idle for longest goes.
///
/// Those that never had an answer have half of the places at most: a client that opens hundreds and sends nothing, or little
/// by little, closes its own and not that of an SDK.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    /// Counts connections and requests: later is larger.
    sequence: u64,
    by_id: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    /// When its latest request ended, in the order of all requests.
    last_active: u64,
    /// Requests under way.
    busy: u32,
    /// Whether it has not had an answer yet.
    new: bool,
    task: AbortHandle,
}

/// Marks a connection as busy for as long as it lives.
#[derive(Debug)]
pub(super) struct Busy<'a> {
    connections: &'a Connections,
    id: u64,
}

/// Takes the connection off the list when its task ends, however it ends.
struct Closing {
    connections: Arc<Connections>,
    id: u64,
}

// === impl Connections ===

impl Connections {
    /// Runs `serve` with the new connection's id in a task of its own.
    pub(super) fn spawn<F>(self: &Arc<Self>, serve: impl FnOnce(u64) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut open = self.lock();
        if open.by_id.len() >= MAX {
            open.close_one();
        }
        let id = open.tick();
        let closing = Closing { connections: Arc::clone(self), id };
        let serving = serve(id);
        let task = tokio::spawn(async move {
            let _closing = closing;
            serving.await;
        });
        open.by_id.insert(id, Connection { last_active: id, busy: 0, new: true, task: task.abort_handle() });
    }

    /// Marks the connection as busy until the guard is dropped.
    pub(super) fn busy(&self, id: u64) -> Busy<'_> {
        if let Some(connection) = self.lock().by_id.get_mut(&id) {
            connection.busy += 1;
        }
        Busy { connections: self, id }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Open ===

impl Open {
    const fn tick(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Closes the connection that has been idle for longest; where all are busy, the one that has been so for longest.
    fn close_one(&mut self) {
        let new = self.by_id.values().filter(|connection| connection.new).count();
        let candidates = self.by_id.iter().filter(|(_, connection)| connection.new || new < MAX_NEW);
        let victim = candidates.min_by_key(|(_, connection)| (connection.busy > 0, connection.last_active));
        let Some(id) = victim.map(|(id, _)| *id) else { return };
        if let Some(connection) = self.by_id.remove(&id) {
            connection.task.abort();
        }
    }
}

// === impl Busy ===

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        let now = open.tick();
        if let Some(connection) = open.by_id.get_mut(&self.id) {
            connection.busy -= 1;
            connection.new = false;
            connection.last_active = now;
        }
    }
}

// === impl Closing ===

impl Drop for Closing {
    fn drop(&mut self) {
        self.connections.lock().by_id.remove(&self.id);
    }
}
