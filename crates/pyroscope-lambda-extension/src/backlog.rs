//! Which upload goes next, and when: the pure heart of the queue.
//!
//! No IO, no clock, no randomness of its own: every call is given the moment and the dice. What holds at all times:
//! accepted + recovered = delivered + refused + expired + evicted + spooled + lost + (waiting + in flight).

mod counts;
mod health;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use self::counts::Counts;
use self::health::Health;
use crate::backoff::{self, Pause};
use crate::clock::Moment;
use crate::upload::Upload;

/// Failures in a row from which on one probe stands for all uploads.
const OUTAGE: u32 = 3;

/// Uploads older than this are dropped: the server would refuse them.
pub const MAX_AGE: Duration = Duration::from_secs(3600);

/// The longest pause that a remote's `Retry-After` is believed: what waits must not grow too old over it.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// An upload that is due this soon is worth holding the next event for.
const SOON: Duration = Duration::from_millis(250);

/// How often it is looked for uploads that are too old.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// How many uploads may be under way at once while everything is tried for the last time.
const DRAIN_CONCURRENCY: usize = 32;

/// The number of an upload, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// All uploads that have been accepted and are not settled.
#[derive(Debug)]
pub struct Backlog {
    /// Bytes that waiting uploads and those in flight may take together.
    capacity: usize,
    /// How many uploads may be under way at once.
    concurrency: usize,
    bytes: usize,
    next_ticket: u64,
    waiting: BTreeMap<Ticket, Entry>,
    in_flight: BTreeMap<Ticket, Entry>,
    /// Whether everything is tried for the last time.
    draining: bool,
    /// Whether all that was left has been taken out.
    closed: bool,
    health: Health,
    /// When it was last looked for uploads that are too old.
    expired_at: Option<Moment>,
    counts: Counts,
}

#[derive(Debug)]
struct Entry {
    upload: Arc<Upload>,
    weight: usize,
    failures: u32,
    /// Back-off after the latest failure.
    back_off: Option<Pause>,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Next {
    /// Send this one now.
    Send(Attempt),
    /// Nothing before this instant, unless something changes.
    At(Instant),
    /// Nothing until something changes.
    Idle,
}

/// An upload and its number. While it is under way it stays in the backlog, until it is settled.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which upload it is.
    pub ticket: Ticket,
    /// The upload itself.
    pub upload: Arc<Upload>,
}

/// How an attempt ended, as far as the backlog is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The remote has it.
    Delivered,
    /// The remote refused it for good.
    Refused,
    /// To be tried again.
    NotYet {
        /// Whether to start with the longest back-off: a remote that knows us not will hardly know us in 100 ms.
        patiently: bool,
        /// The remote's own word on when.
        retry_after: Option<Duration>,
    },
    /// Cut off by ourselves: to be tried again at once, and no sign of a failing remote.
    Cut,
    /// Not sent, since there are no credentials: nothing is to be tried for so long, and it is no sign of a failing remote.
    Unready(Duration),
}

/// How far the uploads are that were accepted before some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// None of them is left.
    Settled,
    /// Some are left, and waiting for them may help.
    Pending,
    /// Some are left, but none will be sent soon: the remote is down, or asked for quiet, or refused them too often.
    Stalled,
}

/// Why an upload is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// There is no room for it, not even without all that waits.
    #[error("no room for {weight} bytes in a queue of {capacity} (PYROSCOPE_QUEUE_BYTES)")]
    Full {
        /// The memory that it would take, in bytes.
        weight: usize,
        /// What there is in all, in bytes.
        capacity: usize,
    },
    /// All that was left has been taken out: the process is about to end.
    #[error("shutting down")]
    Closed,
}

// === impl Entry ===

impl Entry {
    fn back_off_left(&self, now: Moment) -> Duration {
        self.back_off.map_or(Duration::ZERO, |back_off| back_off.left(now))
    }
}

// === impl Backlog ===

impl Backlog {
    /// An empty one that holds at most `capacity` bytes and lets `concurrency` uploads be under way at once.
    #[must_use]
    pub fn new(capacity: usize, concurrency: usize) -> Self {
        Self {
            capacity,
            concurrency: concurrency.max(1),
            bytes: 0,
            next_ticket: 0,
            waiting: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            draining: false,
            closed: false,
            health: Health::default(),
            expired_at: None,
            counts: Counts::default(),
        }
    }

    /// How many bytes it holds, and how many it may hold.
    #[must_use]
    pub const fn room(&self) -> (usize, usize) {
        (self.bytes, self.capacity)
    }

    /// Takes an upload of an SDK; where memory is full, the oldest that wait make room.
    ///
    /// # Errors
    /// Where even that is not enough, since all the rest is in flight, and after [`Backlog::abandon`]. Nothing was evicted then.
    pub fn accept(&mut self, upload: Upload) -> Result<Ticket, NotTaken> {
        self.make_room(&upload)?;
        let ticket = self.insert(upload);
        self.counts.accepted += 1;
        Ok(ticket)
    }

    /// Takes an upload that an earlier process left behind. Nothing makes room for it: it is older than all the others.
    ///
    /// # Errors
    /// Where there is no room for it, and after [`Backlog::abandon`].
    pub fn recover(&mut self, upload: Upload) -> Result<Ticket, NotTaken> {
        let weight = upload.weight();
        if self.closed {
            return Err(NotTaken::Closed);
        }
        if self.bytes + weight > self.capacity {
            return Err(NotTaken::Full { weight, capacity: self.capacity });
        }
        let ticket = self.insert(upload);
        self.counts.recovered += 1;
        Ok(ticket)
    }

    fn make_room(&mut self, upload: &Upload) -> Result<(), NotTaken> {
        if self.closed {
            return Err(NotTaken::Closed);
        }
        let weight = upload.weight();
        let in_flight: usize = self.in_flight.values().map(|entry| entry.weight).sum();
        if in_flight + weight > self.capacity {
            return Err(NotTaken::Full { weight, capacity: self.capacity });
        }
        while self.bytes + weight > self.capacity {
            let Some((_, oldest)) = self.waiting.pop_first() else { break };
            self.bytes -= oldest.weight;
            self.counts.evicted += 1;
        }
        Ok(())
    }

    fn insert(&mut self, upload: Upload) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let weight = upload.weight();
        self.bytes += weight;
        let entry = Entry { upload: Arc::new(upload), weight, failures: 0, back_off: None };
        self.waiting.insert(ticket, entry);
        ticket
    }

    /// What to do now. An upload that is to be sent counts as in flight until it is settled.
    pub fn next(&mut self, now: Moment) -> Next {
        self.expire(now);
        let limit = if self.draining { self.concurrency.max(DRAIN_CONCURRENCY) } else { self.concurrency };
        if self.waiting.is_empty() || self.in_flight.len() >= limit {
            return Next::Idle;
        }
        let quiet = self.health.quiet(now);
        if !quiet.is_zero() {
            return Next::At(now.instant + quiet);
        }
        if self.in_outage() {
            if !self.in_flight.is_empty() {
                return Next::Idle;
            }
            if let Some(back_off) = self.health.back_off.filter(|back_off| !back_off.is_over(now)) {
                return Next::At(now.instant + back_off.left(now));
            }
            // The one that failed least: an upload that is itself the trouble must not be the probe for ever.
            let probe = self.waiting.iter().min_by_key(|(ticket, entry)| (entry.failures, **ticket));
            return probe.map(|(ticket, _)| *ticket).map_or(Next::Idle, |ticket| self.send(ticket));
        }
        // The oldest that is due is found at once where most are: a long queue costs a delivery no more than a short one.
        if let Some((ticket, _)) = self.waiting.iter().find(|(_, entry)| entry.back_off_left(now).is_zero()) {
            return self.send(*ticket);
        }
        let soonest = self.waiting.values().map(|entry| entry.back_off_left(now)).min();
        soonest.map_or(Next::Idle, |left| Next::At(now.instant + left))
    }

    fn send(&mut self, ticket: Ticket) -> Next {
        let Some(entry) = self.waiting.remove(&ticket) else { return Next::Idle };
        let upload = Arc::clone(&entry.upload);
        self.in_flight.insert(ticket, entry);
        Next::Send(Attempt { ticket, upload })
    }

    fn expire(&mut self, now: Moment) {
        if self.expired_at.is_some_and(|at| now.since(&at) < EXPIRE_EVERY) {
            return;
        }
        self.expired_at = Some(now);
        // A clock that was set back makes an upload look as if it came from the future: not old, then.
        let too_old =
            |entry: &Entry| now.wall.duration_since(entry.upload.arrived).is_ok_and(|age| age > MAX_AGE);
        let before = self.waiting.len();
        let bytes = &mut self.bytes;
        self.waiting.retain(|_, entry| {
            let keep = !too_old(entry);
            if !keep {
                *bytes -= entry.weight;
            }
            keep
        });
        self.counts.expired += (before - self.waiting.len()) as u64;
    }

    /// Says how an attempt ended. `random` is for the jitter of the back-off. Tells whether that ended an outage.
    pub fn settle(&mut self, ticket: Ticket, verdict: Verdict, now: Moment, random: u64) -> bool {
        let Some(mut entry) = self.in_flight.remove(&ticket) else { return false };
        let was_outage = self.in_outage();
        if matches!(verdict, Verdict::NotYet { .. } | Verdict::Cut) {
            self.expired_at = None; // it may have grown too old on its way
        }
        match verdict {
            Verdict::Delivered => {
                self.counts.delivered += 1;
                self.counts.delivered_bytes += entry.upload.body.len() as u64;
                self.bytes -= entry.weight;
                self.health.recover();
            }
            Verdict::Refused => {
                self.counts.refused += 1;
                self.bytes -= entry.weight;
                self.health.recover();
            }
            Verdict::NotYet { patiently, retry_after } => {
                self.counts.retried += 1;
                entry.failures += 1;
                self.health.failures_in_row += 1;
                let back_off = |failures| {
                    let length = if patiently { backoff::LONGEST } else { backoff::delay(failures, random) };
                    Some(Pause { since: now, length })
                };
                entry.back_off = back_off(entry.failures);
                self.health.back_off = back_off(self.health.failures_in_row);
                if let Some(pause) = retry_after.filter(|_| !self.draining) {
                    let pause = Pause { since: now, length: pause.min(LONGEST_PAUSE) };
                    if self.health.pause.is_none_or(|earlier| earlier.left(now) < pause.length) {
                        self.health.pause = Some(pause);
                    }
                }
                self.waiting.insert(ticket, entry);
            }
            Verdict::Cut => {
                self.waiting.insert(ticket, entry);
            }
            Verdict::Unready(length) => {
                let length = if self.draining { length.min(backoff::SHORTEST) } else { length };
                self.health.unready = Some(Pause { since: now, length });
                self.waiting.insert(ticket, entry);
            }
        }
        was_outage && verdict == Verdict::Delivered
    }

    /// Ends all back-off: a thaw is a chance to deliver. What the remote asked for in so many words still holds.
    pub fn wake(&mut self, now: Moment) {
        let thaw =
            |back_off: &mut Option<Pause>| *back_off = back_off.and_then(|back_off| back_off.after_thaw(now));
        self.waiting.values_mut().for_each(|entry| thaw(&mut entry.back_off));
        thaw(&mut self.health.back_off);
        thaw(&mut self.health.unready);
        self.health.pause = self.health.pause.filter(|pause| !pause.is_over(now));
    }

    /// From now on everything is tried at once, whatever is known of the remote: there is no later.
    pub fn start_drain(&mut self) {
        self.draining = true;
        self.health = Health::default();
        for entry in self.waiting.values_mut() {
            // Nor does it matter how often it failed: its next back-off is short again.
            entry.failures = 0;
            entry.back_off = None;
        }
    }

    /// The moment that separates the uploads accepted so far from those to come.
    #[must_use]
    pub const fn fence(&self) -> Ticket {
        Ticket(self.next_ticket)
    }

    /// How far the uploads are that were accepted before `fence`.
    #[must_use]
    pub fn progress(&self, fence: Ticket, now: Moment) -> Progress {
        let mut waiting = self.waiting.range(..fence).map(|(_, entry)| entry).peekable();
        if self.in_flight.range(..fence).next().is_some() {
            Progress::Pending
        } else if waiting.peek().is_none() {
            Progress::Settled
        } else if self.health.quiet(now) > SOON {
            Progress::Stalled
        } else if self.in_outage() {
            let probing =
                !self.in_flight.is_empty() || self.health.back_off.is_none_or(|left| left.is_over(now));
            if probing { Progress::Pending } else { Progress::Stalled }
        } else if waiting.any(|entry| entry.back_off_left(now) <= SOON) {
            Progress::Pending
        } else {
            Progress::Stalled
        }
    }

    const fn in_outage(&self) -> bool {
        self.health.failures_in_row >= OUTAGE && !self.draining
    }

    /// Takes out all that is left, oldest first, whether it waits or is in flight; from now on nothing is taken in.
    pub fn abandon(&mut self) -> Vec<Attempt> {
        self.closed = true;
        let mut left = std::mem::take(&mut self.waiting);
        left.append(&mut self.in_flight);
        self.bytes = 0;
        left.into_iter().map(|(ticket, entry)| Attempt { ticket, upload: entry.upload }).collect()
    }

    /// Whether the upload is not settled.
    #[must_use]
    pub fn holds(&self, ticket: Ticket) -> bool {
        self.waiting.contains_key(&ticket) || self.in_flight.contains_key(&ticket)
    }

    /// Counts what became of the uploads that [`Backlog::abandon`] took out.
    pub fn count_left_behind(&mut self, spooled: u64, lost: u64) {
        self.counts.spooled += spooled;
        self.counts.lost += lost;
    }

    /// How many uploads are not settled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    /// Whether every upload is settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// The memory that unsettled uploads take, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many uploads came, and how each ended.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}
