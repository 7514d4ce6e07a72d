//! Connections between requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Connection;
use crate::clock::Moment;

/// Idle connections that are kept. More than this go out together only at shutdown.
const MAX_IDLE: usize = 16;

/// How long a connection is kept idle. Load balancers close theirs after a minute, some without a word.
const MAX_IDLE_TIME: Duration = Duration::from_secs(50);

/// Connections between requests, the most recently used last.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Moment,
}

// === impl Pool ===

impl Pool {
    /// The connection used last of those that are not known to be closed. It has yet to say that it is ready.
    pub fn take(&self, now: Moment) -> Option<Connection> {
        let mut idle = self.lock();
        idle.retain(|idle| !idle.connection.is_closed() && now.since(&idle.since) < MAX_IDLE_TIME);
        idle.pop().map(|idle| idle.connection)
    }

    /// Keeps a connection whose latest answer has been read whole.
    pub fn put(&self, connection: Connection, now: Moment) {
        let mut idle = self.lock();
        idle.retain(|idle| !idle.connection.is_closed());
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push(Idle { connection, since: now });
        }
    }

    /// Closes all of them.
    pub fn discard(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
