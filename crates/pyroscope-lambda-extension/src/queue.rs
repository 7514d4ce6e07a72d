//! The one queue between intake and delivery: a [`Backlog`] that can be shared and waited for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::backlog::{Attempt, Backlog, Counts, Next, NotTaken, Progress, Ticket, Verdict};
use crate::clock::Clock;
use crate::random::Random;
use crate::upload::Upload;

/// A queue that holds more than this, in bytes, is one whose uploads wait. The heap has room for as much at any time: it is what
/// a few uploads with their labels take.
const LONG: usize = 256 * 1024;

/// Uploads on their way from the intake to the remote.
///
/// The lock is never held across an await: every method that takes it is over at once.
#[derive(Debug)]
pub struct Queue {
    backlog: Mutex<Backlog>,
    /// Marked whenever the answer of [`Backlog::next`] or [`Backlog::progress`] may have changed.
    changed: watch::Sender<()>,
    /// Uploads that SDKs have begun to post.
    arriving: AtomicUsize,
    /// The bytes of them that have been read.
    reading: AtomicUsize,
    clock: Clock,
    random: Arc<dyn Random>,
}

/// How many bytes bodies that are being read may take beside what the queue leaves free: a profile of the largest size that
/// a server takes is read even while the queue is full, and pushes out older ones only once it is whole.
const READING: usize = 4 << 20;

/// Marks an upload as arriving for as long as it lives.
#[derive(Debug)]
pub struct Arriving<'a> {
    queue: &'a Queue,
    /// The bytes of it that have been read.
    bytes: usize,
}

// === impl Queue ===

impl Queue {
    /// An empty queue of at most `capacity` bytes that lets `concurrency` uploads be under way at once.
    #[must_use]
    pub fn new(capacity: usize, concurrency: usize, clock: Clock, random: Arc<dyn Random>) -> Self {
        Self {
            backlog: Mutex::new(Backlog::new(capacity, concurrency)),
            changed: watch::Sender::new(()),
            arriving: AtomicUsize::new(0),
            reading: AtomicUsize::new(0),
            clock,
            random,
        }
    }

    /// Announces an upload whose body is still to be read, so that a drain waits for it.
    pub fn arriving(&self) -> Arriving<'_> {
        self.arriving.fetch_add(1, Ordering::Relaxed);
        Arriving { queue: self, bytes: 0 }
    }

    /// Takes an upload of an SDK and says how many older ones had to make room for it.
    ///
    /// # Errors
    /// As [`Backlog::accept`].
    pub fn accept(&self, mut upload: Upload) -> Result<u64, NotTaken> {
        if self.lock().bytes() > LONG {
            upload.move_out_of_heap();
        }
        self.change(|backlog| {
            let before = backlog.counts().evicted;
            backlog.accept(upload)?;
            Ok(backlog.counts().evicted - before)
        })
    }

    /// Takes an upload that an earlier process left behind.
    ///
    /// # Errors
    /// As [`Backlog::recover`].
    pub fn recover(&self, upload: Upload) -> Result<Ticket, NotTaken> {
        self.change(|backlog| backlog.recover(upload))
    }

    /// Waits until an upload is to be sent, and hands it out.
    pub async fn next(&self) -> Attempt {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let next = self.look();
            let change = changed.changed();
            match next {
                Next::Send(attempt) => return attempt,
                // The sender lives in `self`: a change is never an error. A timeout means that it is time.
                Next::At(instant) => drop(timeout_at(instant, change).await),
                Next::Idle => drop(change.await),
            }
        }
    }

    fn look(&self) -> Next {
        let mut backlog = self.lock();
        let before = backlog.counts().expired;
        let next = backlog.next(self.clock.now());
        let expired = backlog.counts().expired - before;
        if expired > 0 {
            tracing::warn!(expired, "profiles that could not be delivered for an hour were dropped");
        }
        next
    }

    /// Says how an attempt ended. Tells whether that ended an outage.
    pub fn settle(&self, ticket: Ticket, verdict: Verdict) -> bool {
        let random = self.random.bits();
        self.change(|backlog| backlog.settle(ticket, verdict, self.clock.now(), random))
    }

    /// Ends all back-off.
    pub fn wake(&self) {
        self.change(|backlog| backlog.wake(self.clock.now()));
    }

    /// From now on everything is tried at once.
    pub fn start_drain(&self) {
        self.change(Backlog::start_drain);
    }

    /// The moment that separates the uploads accepted so far from those to come.
    pub fn fence(&self) -> Ticket {
        self.lock().fence()
    }

    /// How far the uploads are that were accepted before `fence`.
    pub fn progress(&self, fence: Ticket) -> Progress {
        self.lock().progress(fence, self.clock.now())
    }

    /// Waits until the uploads accepted before `fence` are settled, or waiting for them is no use.
    pub async fn settled(&self, fence: Ticket) -> Progress {
        self.until(|| self.progress(fence) != Progress::Pending).await;
        self.progress(fence)
    }

    /// Waits until nothing is left, nor on its way from an SDK: one that ends posts its last profile at this time.
    pub async fn emptied(&self) {
        self.until(|| self.is_drained()).await;
    }

    /// Whether nothing is left, nor on its way from an SDK.
    pub fn is_drained(&self) -> bool {
        self.arriving.load(Ordering::Relaxed) == 0 && self.is_empty()
    }

    /// Waits until fewer than `uploads` are unsettled.
    pub async fn fewer_than(&self, uploads: usize) {
        self.until(|| self.len() < uploads).await;
    }

    /// Waits until the upload is settled.
    pub async fn settles(&self, ticket: Ticket) {
        self.until(|| !self.holds(ticket)).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if holds() {
                return;
            }
            drop(changed.changed().await);
        }
    }

    /// Takes out all that is left, oldest first; from now on nothing is taken in.
    pub fn abandon(&self) -> Vec<Attempt> {
        self.change(Backlog::abandon)
    }

    /// Whether the upload is not settled.
    pub fn holds(&self, ticket: Ticket) -> bool {
        self.lock().holds(ticket)
    }

    /// Counts what became of the uploads that [`Queue::abandon`] took out.
    pub fn count_left_behind(&self, spooled: u64, lost: u64) {
        self.change(|backlog| backlog.count_left_behind(spooled, lost));
    }

    /// How many uploads came, and how each ended.
    pub fn counts(&self) -> Counts {
        self.lock().counts()
    }

    /// The memory that unsettled uploads take, in bytes.
    pub fn bytes(&self) -> usize {
        self.lock().bytes()
    }

    /// How many uploads are not settled.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether every upload is settled.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Backlog) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_replace(());
        result
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        // Nothing panics while it holds the lock; were it to, the backlog would still be whole enough to deliver.
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Arriving ===

impl Arriving<'_> {
    /// Takes room for so many bytes more, if there is any. What is read and what waits share one room.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let queue = self.queue;
        let backlog = queue.lock();
        let (held, capacity) = backlog.room();
        let reading = queue.reading.load(Ordering::Relaxed) + bytes;
        let fits = held.saturating_add(reading) <= capacity.saturating_add(READING);
        if fits {
            queue.reading.store(reading, Ordering::Relaxed);
            self.bytes += bytes;
        }
        fits
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        let queue = self.queue;
        queue.reading.fetch_sub(self.bytes, Ordering::Relaxed);
        queue.arriving.fetch_sub(1, Ordering::Relaxed);
        queue.changed.send_replace(());
    }
}
