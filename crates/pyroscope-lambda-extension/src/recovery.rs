//! From the spool into the queue at the start, and from the queue into the spool at the end.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{AbortHandle, yield_now};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::queue::Queue;
use crate::spool::{PickUp, Spool, Stored};

/// Carries uploads over from one process to the next.
#[derive(Debug)]
pub struct Recovery {
    /// None where the spool is turned off.
    spool: Option<Arc<Spool>>,
    queue: Arc<Queue>,
    clock: Clock,
    /// A larger upload could never be queued, in bytes.
    largest: usize,
    /// Recovered uploads let fresh ones go first: none is taken while so many are on their way.
    at_once: usize,
    picking_up: Mutex<Option<AbortHandle>>,
}

// === impl Recovery ===

impl Recovery {
    /// Carries over between `spool` and `queue`, which holds `largest` bytes and sends `at_once` uploads at once.
    #[must_use]
    pub fn new(
        spool: Option<Spool>,
        queue: Arc<Queue>,
        clock: Clock,
        largest: usize,
        at_once: usize,
    ) -> Self {
        let spool = spool.map(Arc::new);
        Self { spool, queue, clock, largest, at_once, picking_up: Mutex::default() }
    }

    /// Starts to take what an earlier process left behind, in a task of its own, as delivery has room for it.
    ///
    /// Not before the first invocation where there are any: it would delay the start, and under `SnapStart` every clone
    /// of the environment would deliver the same.
    pub fn start(&self) {
        let Some(spool) = &self.spool else { return };
        let (spool, queue, clock) = (Arc::clone(spool), Arc::clone(&self.queue), self.clock);
        let (largest, at_once) = (self.largest, self.at_once);
        let task = tokio::spawn(async move {
            match spool.pick_up(clock.now().wall, largest) {
                Ok(found) => pick_up(found, &queue, at_once).await,
                Err(error) => tracing::warn!(%error, "what an earlier process left can't be looked for"),
            }
        });
        let mut picking_up = self.picking_up.lock().unwrap_or_else(PoisonError::into_inner);
        *picking_up = Some(task.abort_handle());
    }

    /// Takes nothing more from the spool, and leaves to the next process what is still in the queue. Says how many
    /// uploads are lost, since not even that was possible.
    pub fn leave_behind(&self, deadline: Instant) -> u64 {
        if let Some(task) = self.picking_up.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        let left = self.queue.abandon();
        let Some(spool) = self.spool.as_ref().filter(|_| !left.is_empty()) else { return left.len() as u64 };
        let stored = spool.store(&left, deadline);
        self.queue.count_spooled(stored.written);
        let Stored { no_room, no_time, failed, displaced, ref error, .. } = stored;
        if let Some(error) = error {
            tracing::error!(%error, failed, "uploads can't be left to the next process");
        }
        if no_room + no_time + displaced > 0 {
            tracing::warn!(no_room, no_time, displaced, "not every upload can be left to the next process");
        }
        stored.lost()
    }
}

async fn pick_up(mut found: PickUp, queue: &Queue, at_once: usize) {
    let mut skipped = 0_u64;
    let mut first = None;
    loop {
        queue.fewer_than(at_once).await;
        yield_now().await; // reading a file blocks: others go first
        match found.next() {
            None => break,
            Some(Err(error)) => {
                skipped += 1;
                first.get_or_insert(error);
            }
            // No await between the two: an upload is either in the queue or in the spool, never in both.
            Some(Ok(recovered)) => {
                if queue.recover(recovered.upload).is_err() {
                    break; // the file stays for the next start
                }
                if let Err(error) = recovered.entry.remove() {
                    tracing::warn!(%error, "a recovered upload stays in the spool, and may be sent again");
                }
            }
        }
    }
    if let Some(error) = first {
        tracing::warn!(%error, skipped, "some of what an earlier process left can't be used");
    }
}
