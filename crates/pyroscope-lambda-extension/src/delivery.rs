//! Carries uploads from the queue to the remote: workers, retries, drain.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout_at};

use crate::backlog::{Attempt, Verdict};
use crate::blocking;
use crate::clock::milliseconds;
use crate::credentials::Unready;
use crate::labels::{self, LabelSet};
use crate::log::Repeated;
use crate::queue::Queue;
use crate::remote::outcome::Outcome;
use crate::remote::{Labelled, Remote, THAW_GRACE};
use crate::session::Session;
use crate::upload::{Endpoint, Upload};

/// What is kept of a drain's time to leave behind whatever is left.
const TO_LEAVE_ANY: Duration = Duration::from_millis(100);

/// What is kept of it for each upload that is left: five times what it takes on an idle machine.
const TO_LEAVE_ONE: Duration = Duration::from_millis(3);

const BAD_CREDENTIALS: &str = "the remote does not accept the credentials: check PYROSCOPE_AUTH_TOKEN, or \
    PYROSCOPE_BASIC_AUTH_USER and PYROSCOPE_BASIC_AUTH_PASSWORD (or what their _FILE or _ARN names), and \
    PYROSCOPE_TENANT_ID";

/// A body longer than this, in bytes, may take a millisecond of CPU time to decompress, label and compress.
const LONG_TO_LABEL: usize = 64 * 1024;

/// Everything that happens to an upload between the queue and the remote.
#[derive(Debug)]
pub struct Delivery {
    queue: Arc<Queue>,
    remote: Remote,
    session: Arc<Session>,
    /// A push or an OTLP request that is larger than this once decompressed goes on without our labels, in bytes.
    decompressed_limit: usize,
    /// Held while a long body is labelled: one at a time, or their decompressed sizes would add up.
    labelling: Semaphore,
    /// Marked when the environment thaws after a pause in which connections may have died.
    thawed: watch::Sender<()>,
    failures: Mutex<Failures>,
}

/// What has gone wrong of late, so that each kind of failure is logged, but not a thousand times.
#[derive(Debug, Default)]
struct Failures {
    refused: Repeated,
    unauthorized: Repeated,
    not_yet: Repeated,
    /// No failure: a remote that comes and goes is told of as seldom.
    back: Repeated,
}

// === impl Delivery ===

impl Delivery {
    /// Delivery from `queue` to `remote`, in the name of `session`.
    ///
    /// A push or an OTLP request that takes more than `decompressed_limit` bytes decompressed goes on without our labels.
    #[must_use]
    pub fn new(queue: Arc<Queue>, remote: Remote, session: Arc<Session>, decompressed_limit: usize) -> Self {
        Self {
            queue,
            remote,
            session,
            decompressed_limit,
            labelling: Semaphore::new(1),
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
        let labelled = self.label(&upload).await;
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

    /// Puts the labels on, where that takes long in a thread of its own: SDKs must not wait for it.
    async fn label(&self, upload: &Arc<Upload>) -> Labelled {
        let labels = LabelSet::session(self.session.id());
        let limit = self.decompressed_limit;
        if upload.body.len() <= LONG_TO_LABEL {
            return label(upload, &labels, limit);
        }
        let _one_at_a_time = self.labelling.acquire().await;
        let labelling = Arc::clone(upload);
        let labelled = blocking::run(move || label(&labelling, &labels, limit)).await;
        labelled.unwrap_or_else(|_| Labelled::unchanged(upload))
    }

    fn tell_back(&self) {
        let mut failures = self.failures();
        if failures.back.occurred(Instant::now().into_std()).is_some() {
            failures.not_yet.over(); // the next outage is news
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
            Outcome::Refused { status, reason } => {
                if let Some(similar) = failures.refused.occurred(now.into_std()) {
                    let status = status.as_u16();
                    tracing::error!(path, status, reason, similar, "the remote refused a profile for good");
                }
                Verdict::Refused
            }
            Outcome::Unauthorized { status, reason } => {
                if let Some(similar) = failures.unauthorized.occurred(now.into_std()) {
                    let status = status.as_u16();
                    tracing::error!(path, status, reason, similar, "{BAD_CREDENTIALS}");
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
                if let Some(similar) = failures.not_yet.occurred(now.into_std()) {
                    tracing::warn!(path, error = %cause, similar, "profile not delivered yet; will try again");
                }
                Verdict::NotYet { patiently: false, retry_after }
            }
        }
    }
}

/// Puts the labels on. What can't be edited safely goes on as it came.
fn label(upload: &Upload, labels: &LabelSet, limit: usize) -> Labelled {
    let mut labelled = Labelled::unchanged(upload);
    let add = match upload.endpoint {
        Endpoint::Ingest | Endpoint::PrefixedIngest => {
            if let Some(query) = upload.query.as_deref().and_then(|query| labels::ingest::add(query, labels))
            {
                labelled.query = Some(query);
            }
            return labelled;
        }
        Endpoint::Push => labels::push::add,
        Endpoint::Otlp => labels::otlp::add,
    };
    let header = |name| upload.headers.get(name).and_then(|value| value.to_str().ok());
    match add(&upload.body, header(CONTENT_TYPE), header(CONTENT_ENCODING), labels, limit) {
        Ok(Some(body)) => labelled.body = body,
        Ok(None) => {}
        Err(reason) => {
            tracing::debug!(path = upload.endpoint.path(), %reason, "profile goes on without our labels");
        }
    }
    labelled
}
