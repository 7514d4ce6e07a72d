//! Carries uploads from the queue to the remote: workers, retries, drain.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout_at};

use crate::backlog::{Attempt, Verdict};
use crate::blocking;
use crate::clock::milliseconds;
use crate::credentials::Unready;
use crate::labels::{self, Edited, LabelSet, LeftOut};
use crate::log::Repeated;
use crate::queue::Queue;
use crate::remote::fault::Fault;
use crate::remote::outcome::Outcome;
use crate::remote::{Labelled, Remote, THAW_GRACE};
use crate::session::Session;
use crate::upload::{Endpoint, Upload};

/// What is kept of a drain's time to leave behind whatever is left.
const TO_LEAVE_ANY: Duration = Duration::from_millis(100);

/// What is kept of it for each upload that is left: five times what it takes on an idle machine.
const TO_LEAVE_ONE: Duration = Duration::from_millis(3);

/// A body longer than this, in bytes, may take a millisecond of CPU time to decompress, label and compress.
const LONG_TO_LABEL: usize = 64 * 1024;

/// The most that a body may take while it is labelled, in bytes and decompressed: twice what a server takes as one profile.
const MOST_TO_LABEL: usize = 8 << 20;

/// Room for labelled bodies that are under way, in KiB: beside them the queue holds the bodies as they came. One that takes
/// all of it goes alone.
const LABELLED_KIB: usize = 4 << 10;

/// Everything that happens to an upload between the queue and the remote.
#[derive(Debug)]
pub struct Delivery {
    queue: Arc<Queue>,
    remote: Remote,
    session: Arc<Session>,
    /// Labels for every profile, besides the session id.
    labels: LabelSet,
    /// A push or an OTLP request that is larger than this once decompressed goes on without our labels, in bytes.
    decompressed_limit: usize,
    /// Held while a body is labelled: one at a time, or their decompressed sizes would add up.
    labelling: Semaphore,
    /// Held for each KiB of labelled bodies that are under way.
    labelled: Semaphore,
    /// Marked when the environment thaws after a pause in which connections may have died.
    thawed: watch::Sender<()>,
    failures: Mutex<Failures>,
}

/// What has gone wrong of late, so that each kind of failure is logged, but not a thousand times.
#[derive(Debug, Default)]
struct Failures {
    /// What the remote said no to.
    refused: Vec<(Fault, Repeated)>,
    /// What will be tried again.
    not_yet: Vec<(Fault, Repeated)>,
    /// No failure of a delivery: labels for which a series had no room.
    crowded: Repeated,
    /// No failure: a remote that comes and goes is told of as seldom.
    back: Repeated,
}

// === impl Delivery ===

impl Delivery {
    /// Delivery from `queue` to `remote`, in the name of `session` and with `labels`.
    ///
    /// A push or an OTLP request that takes more than `decompressed_limit` bytes decompressed, or more than 8 MiB, goes on
    /// without our labels.
    #[must_use]
    pub fn new(
        queue: Arc<Queue>,
        remote: Remote,
        session: Arc<Session>,
        labels: LabelSet,
        decompressed_limit: usize,
    ) -> Self {
        Self {
            queue,
            remote,
            session,
            labels,
            decompressed_limit: decompressed_limit.min(MOST_TO_LABEL),
            labelling: Semaphore::new(1),
            labelled: Semaphore::new(LABELLED_KIB),
            thawed: watch::Sender::new(()),
            failures: Mutex::default(),
        }
    }

    /// Sends what the queue says is to be sent, until it is dropped. The queue bounds how many are under way.
    pub async fn run(self: Arc<Self>) {
        loop {
            let attempt = self.queue.next().await;
            tokio::spawn(Arc::clone(&self).deliver(attempt));
        }
    }

    /// The environment runs again. Where it stood still for long, no connection is trusted any more.
    pub fn thaw(&self, connections_may_be_dead: bool) {
        self.remote.thaw(connections_may_be_dead);
        if connections_may_be_dead {
            self.thawed.send_replace(());
        }
        self.queue.wake();
    }

    /// The first invocation in a clone of a snapshot: what was learnt before is in every other clone, too.
    pub fn leave_snapshot(&self) {
        self.remote.leave_snapshot();
        self.thaw(true);
    }

    /// Tries everything at once, until nothing is left or it is time to leave it behind, to be done by `deadline`.
    pub async fn drain(&self, deadline: Instant) {
        self.queue.start_drain();
        let longest = deadline.saturating_duration_since(Instant::now()) / 2;
        loop {
            // The more is left, the longer it takes to write it down.
            let left = self.queue.len();
            let each = TO_LEAVE_ONE.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
            let until = deadline - (TO_LEAVE_ANY + each).min(longest);
            let settled = async {
                if left > 0 { self.queue.fewer_than(left).await } else { self.queue.emptied().await }
            };
            if timeout_at(until, settled).await.is_err() || self.queue.is_drained() {
                return;
            }
        }
    }

    async fn deliver(self: Arc<Self>, Attempt { ticket, upload }: Attempt) {
        let authorization = match self.remote.authorization().await {
            Ok(authorization) => authorization,
            Err(Unready { again_in }) => {
                self.queue.settle(ticket, Verdict::Unready(again_in));
                return;
            }
        };
        let mut thawed = self.thawed.subscribe();
        let (labelled, _room) = self.label(&upload).await;
        let started = Instant::now();
        let verdict = tokio::select! {
            biased; // an answer that has come counts, even where it is time to cut

            outcome = self.remote.attempt(&upload, &labelled, authorization.as_ref()) => self.judge(&upload, outcome, started),
            () = async { drop(thawed.changed().await); sleep(THAW_GRACE).await } => {
                self.judge(&upload, Outcome::Overslept, started)
            }
        };
        if self.queue.settle(ticket, verdict) {
            self.tell_back();
        }
    }

    /// Puts the labels on, where that takes long in a thread of its own: SDKs must not wait for it. The room that the copy
    /// takes is to be held until it has been sent.
    async fn label(&self, upload: &Arc<Upload>) -> (Labelled, Option<SemaphorePermit<'_>>) {
        let labels = self.labels.in_session(self.session.id());
        let limit = self.decompressed_limit;
        let one_at_a_time =
            if upload.endpoint.has_labels_in_body() { self.labelling.acquire().await.ok() } else { None };
        let (labelled, left_out) = if one_at_a_time.is_none() || upload.body.len() <= LONG_TO_LABEL {
            label(upload, &labels, limit)
        } else {
            let (upload, labels) = (Arc::clone(upload), labels.clone());
            let unchanged = Labelled::unchanged(&upload);
            let labelled = blocking::run(move || label(&upload, &labels, limit)).await;
            labelled.unwrap_or((unchanged, LeftOut::default()))
        };
        if !left_out.is_empty() {
            self.tell_left_out(&labels, left_out);
        }
        let is_copy = labelled.body.as_ptr() != upload.body.as_ptr();
        let kib = if is_copy { labelled.body.len().div_ceil(1024).min(LABELLED_KIB) } else { 0 };
        let room = self.labelled.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX)).await.ok();
        (labelled, room)
    }

    fn tell_left_out(&self, labels: &LabelSet, left_out: LeftOut) {
        if let Some(similar) = self.failures().crowded.occurred(Instant::now().into_std()) {
            let labels = labels.names_of(left_out).collect::<Vec<_>>().join(", ");
            tracing::warn!(
                labels,
                similar,
                "a profile has so many labels of its own that the server would refuse it with these: left out"
            );
        }
    }

    fn tell_back(&self) {
        let mut failures = self.failures();
        if failures.back.occurred(Instant::now().into_std()).is_some() {
            failures.not_yet.clear(); // the next outage is news
            tracing::info!("the remote is back: profiles are delivered again");
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, upload: &Upload, outcome: Outcome, started: Instant) -> Verdict {
        let path = upload.endpoint.path();
        let now = Instant::now();
        // `similar` failures have not been logged since the line before.
        let mut failures = self.failures();
        match outcome {
            Outcome::Delivered => {
                let ms = milliseconds(now - started);
                tracing::debug!(path, bytes = upload.body.len(), ms, "profile delivered");
                Verdict::Delivered
            }
            Outcome::Refused { status, reason, fault } => {
                if let Some(similar) = occurred(&mut failures.refused, fault, now) {
                    let (status, diagnosis) = (status.as_u16(), fault.to_string());
                    tracing::error!(
                        path,
                        status,
                        reason,
                        diagnosis,
                        similar,
                        "the remote refused a profile for good"
                    );
                }
                Verdict::Refused
            }
            Outcome::Unauthorized { status, reason, fault } => {
                if let Some(similar) = occurred(&mut failures.refused, fault, now) {
                    let status = status.as_u16();
                    tracing::error!(path, status, reason, similar, "{fault}");
                }
                Verdict::NotYet { patiently: true, retry_after: None }
            }
            Outcome::StaleCredentials => Verdict::Cut,
            Outcome::Unsendable(error) => {
                tracing::error!(path, %error, "a profile can't be put into a request");
                Verdict::Refused
            }
            Outcome::Overslept => {
                tracing::debug!(
                    path,
                    "a profile was under way over a freeze; sending it again on a fresh connection"
                );
                Verdict::Cut
            }
            Outcome::NotYet { cause, retry_after } => {
                let fault = Fault::of_cause(&cause);
                if let Some(similar) = occurred(&mut failures.not_yet, fault, now) {
                    // What was right once is no mistake in the settings: the network is to blame, and may recover.
                    let passing = fault.is_of_setup() && self.queue.counts().delivered > 0;
                    let diagnosis = (!passing).then(|| fault.to_string());
                    tracing::warn!(
                        path,
                        error = %cause,
                        diagnosis,
                        similar,
                        "profile not delivered yet; will try again"
                    );
                }
                Verdict::NotYet { patiently: false, retry_after }
            }
        }
    }
}

/// Notes a failure. Gives a number where it is to be logged: how many of its kind were left out since the last line.
fn occurred(kinds: &mut Vec<(Fault, Repeated)>, fault: Fault, now: Instant) -> Option<u64> {
    if let Some((_, repeated)) = kinds.iter_mut().find(|(kind, _)| *kind == fault) {
        return repeated.occurred(now.into_std());
    }
    let mut first = Repeated::new();
    let left_out = first.occurred(now.into_std());
    kinds.push((fault, first));
    left_out
}

/// Puts the labels on, and says which there was no room for. What can't be edited safely goes on as it came.
fn label(upload: &Upload, labels: &LabelSet, limit: usize) -> (Labelled, LeftOut) {
    let mut labelled = Labelled::unchanged(upload);
    let add = match upload.endpoint {
        Endpoint::Ingest | Endpoint::PrefixedIngest => {
            let query = upload.query.as_deref().unwrap_or_default();
            let Edited { changed, left_out } = labels::ingest::add(query, labels);
            if changed.is_some() {
                labelled.query = changed;
            }
            return (labelled, left_out);
        }
        Endpoint::Push => labels::push::add,
        Endpoint::Otlp => labels::otlp::add,
    };
    let header = |name| upload.headers.get(name).and_then(|value| value.to_str().ok());
    match add(&upload.body, header(CONTENT_TYPE), header(CONTENT_ENCODING), labels, limit) {
        Ok(Edited { changed, left_out }) => {
            if let Some(body) = changed {
                labelled.body = body;
            }
            (labelled, left_out)
        }
        Err(reason) => {
            tracing::debug!(path = upload.endpoint.path(), %reason, "profile goes on without our labels");
            (labelled, LeftOut::default())
        }
    }
}
