//! From the spool into the queue at the start, and from the queue into the spool at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::{AbortHandle, yield_now};
use tokio::time::Instant;

use crate::backlog::{NotTaken, Ticket};
use crate::clock::Clock;
use crate::queue::Queue;
use crate::spool::{Entry, PickUp, Recovered, Spool, Stored};
use crate::upload::Upload;

/// Carries uploads over from one process to the next.
///
/// The file of a recovered upload stays until the upload is settled: where this process is killed, the next one finds it
/// again.
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
    /// The files of recovered uploads.
    entries: Arc<Mutex<Entries>>,
    picking_up: Mutex<Option<AbortHandle>>,
}

type Entries = BTreeMap<Ticket, Entry>;

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
        Self { spool, queue, clock, largest, at_once, entries: Arc::default(), picking_up: Mutex::default() }
    }

    /// Starts to take what an earlier process left behind, in a task of its own, as delivery has room for it.
    ///
    /// Not before the first invocation where there are any: it would delay the start, and under `SnapStart` every clone
    /// of the environment would deliver the same.
    pub fn start(&self) {
        let Some(spool) = &self.spool else { return };
        let (spool, queue, entries) = (Arc::clone(spool), Arc::clone(&self.queue), Arc::clone(&self.entries));
        let (now, largest, at_once) = (self.clock.now().wall, self.largest, self.at_once);
        let task = tokio::spawn(async move {
            match spool.pick_up(now, largest) {
                Ok(found) => pick_up(found, &queue, &entries, at_once).await,
                Err(error) => tracing::warn!(%error, "what an earlier process left can't be looked for"),
            }
        });
        *lock(&self.picking_up) = Some(task.abort_handle());
    }

    /// Takes nothing more from the spool, and leaves to the next process what is still in the queue.
    pub fn leave_behind(&self, deadline: Instant) {
        if let Some(task) = lock(&self.picking_up).take() {
            task.abort();
        }
        let mut entries = std::mem::take(&mut *lock(&self.entries));
        let (there, left): (Vec<_>, Vec<_>) =
            self.queue.abandon().into_iter().partition(|left| entries.remove(&left.ticket).is_some());
        entries.into_values().for_each(remove); // settled since the task looked last
        let left: Vec<_> = left.into_iter().map(|left| left.upload).collect();
        let (spooled, lost) = match &self.spool {
            Some(spool) if !left.is_empty() => store(spool, &left, deadline),
            _ => (0, left.len() as u64),
        };
        self.queue.count_left_behind(spooled + there.len() as u64, lost);
    }
}

fn store(spool: &Spool, left: &[Arc<Upload>], deadline: Instant) -> (u64, u64) {
    let stored = spool.store(left, deadline);
    let Stored { written, no_room, no_time, failed, displaced, ref error, .. } = stored;
    if let Some(error) = error {
        tracing::error!(%error, failed, "uploads can't be left to the next process");
    }
    if no_room + no_time + displaced > 0 {
        tracing::warn!(no_room, no_time, displaced, "not every upload can be left to the next process");
    }
    (written, stored.lost())
}

async fn pick_up(mut found: PickUp, queue: &Queue, entries: &Mutex<Entries>, at_once: usize) {
    let mut skipped = 0_u64;
    let mut first = None;
    loop {
        queue.fewer_than(at_once).await;
        remove_settled(queue, entries);
        yield_now().await; // reading a file blocks: others go first
        match found.next() {
            None => break,
            Some(Err(error)) => {
                skipped += 1;
                first.get_or_insert(error);
            }
            Some(Ok(recovered)) => {
                if !hand_over(recovered, queue, entries).await {
                    break; // the file stays for the next start
                }
            }
        }
    }
    if let Some(error) = first {
        tracing::warn!(%error, skipped, "some of what an earlier process left can't be used");
    }
    loop {
        let Some(oldest) = lock(entries).first_key_value().map(|(ticket, _)| *ticket) else { return };
        queue.settles(oldest).await;
        remove_settled(queue, entries);
    }
}

/// Puts an upload into the queue once there is room. Says whether the queue takes more.
async fn hand_over(Recovered { upload, entry }: Recovered, queue: &Queue, entries: &Mutex<Entries>) -> bool {
    loop {
        let unsettled = queue.len();
        match queue.recover(upload.clone()) {
            // No await between the two: the upload and its file are known together or not at all.
            Ok(ticket) => {
                lock(entries).insert(ticket, entry);
                return true;
            }
            Err(NotTaken::Full { .. }) if unsettled > 0 => queue.fewer_than(unsettled).await,
            Err(NotTaken::Full { .. }) => return true, // nor will there ever be room
            Err(NotTaken::Closed) => return false,
        }
    }
}

fn remove_settled(queue: &Queue, entries: &Mutex<Entries>) {
    let mut entries = lock(entries);
    let settled: Vec<_> = entries.keys().copied().filter(|ticket| !queue.holds(*ticket)).collect();
    settled.iter().filter_map(|ticket| entries.remove(ticket)).for_each(remove);
}

fn remove(entry: Entry) {
    if let Err(error) = entry.remove() {
        tracing::warn!(%error, "a recovered upload stays in the spool, and may be sent again");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
