//! When a handler has ended: the Telemetry API's `platform.runtimeDone`, and how long it is worth waiting for.
//!
//! Follows AWS's "Lambda Telemetry API", version 2022-07-01. It serves the flush strategy `end` alone; under any other
//! nothing here is set up. To wait for the end of the handler costs no billed time by itself, since the invocation lasts
//! at least as long; but the platform collects events for 25 ms (its minimum) before it posts them, and these 25 ms are
//! billed on top of every invocation.
//!
//! # Layout
//! - [`finished`]: what is posted
//! - `listener`: where it is posted to
//! - [`RuntimeDone`]: which invocations are done
//! - [`Patience`]: how long to wait, and when no more: pure

mod item;
mod listener;
mod patience;
mod runtime_done;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

pub use self::item::finished;
pub use self::listener::Listener;
pub use self::patience::Patience;
pub use self::runtime_done::RuntimeDone;

use super::client::{Client, Error};

/// Versions of the schema of what is posted, newest first. Regions that lag refuse the newest, with a 400; what is read
/// here is the same in both.
const SCHEMAS: [&str; 2] = ["2025-01-29", "2022-12-13"];

/// How long one attempt to subscribe may take: it delays the start of the environment.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where the platform has never posted anything: how long after an INVOKE it is given to begin. It tells of the init and of
/// the start of the invocation first, so that who can be reached is not kept waiting, whatever the handler takes.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// Tells when the handler of an invocation has ended.
#[derive(Debug)]
pub struct HandlerEnd {
    runtime_done: Arc<RuntimeDone>,
    patience: Patience,
    /// The invocation whose end was not heard of in time, if that was the latest.
    missed: Option<String>,
}

/// How a wait for the end of a handler went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The handler has ended.
    Ended,
    /// There is no more time; the handler may go on.
    Missed,
    /// The platform has not told of the end of several invocations in a row. It is not to be asked again.
    Silence,
}

/// Starts a listener and has the platform post to it. `None` where the platform has no telemetry, or not for us.
///
/// Has to come after registration and before the first event is asked for.
pub async fn subscribe(client: &mut Client) -> Option<HandlerEnd> {
    let listener = match Listener::bind().await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::debug!(%error, "can't listen for telemetry");
            return None;
        }
    };
    let port = listener.port();
    let runtime_done = Arc::new(RuntimeDone::default());
    // The platform may post before it answers.
    let serving = tokio::spawn(listener.serve(Arc::clone(&runtime_done)));
    for schema in SCHEMAS {
        match timeout(SUBSCRIBE_TIMEOUT, client.subscribe(subscription(schema, port))).await {
            Ok(Ok(true)) => {
                tracing::debug!(schema, port, "subscribed to telemetry");
                return Some(HandlerEnd::new(runtime_done));
            }
            Ok(Ok(false)) => tracing::debug!("the platform has no telemetry"),
            Ok(Err(Error::Refused { status, message, .. })) if status.as_u16() == 400 => {
                tracing::debug!(schema, message, "the platform refused the telemetry subscription");
                continue;
            }
            Ok(Err(error)) => tracing::debug!(%error, "no telemetry"),
            Err(_) => tracing::debug!("the platform did not answer the telemetry subscription"),
        }
        break;
    }
    serving.abort();
    None
}

/// What the platform is asked for: platform events, as soon as it will post them.
fn subscription(schema: &str, port: u16) -> String {
    json!({
        "schemaVersion": schema,
        "types": ["platform"],
        "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
        "destination": { "protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}/") },
    })
    .to_string()
}

// === impl HandlerEnd ===

impl HandlerEnd {
    /// Goes by what `runtime_done` is told.
    #[must_use]
    pub fn new(runtime_done: Arc<RuntimeDone>) -> Self {
        Self { runtime_done, patience: Patience::default(), missed: None }
    }

    /// Waits for the end of the handler of the invocation `request_id`: until shortly before its deadline where that is known
    /// (`left` is the time to it), else for `budget`. Where the platform has never told anything, for a second at most.
    pub async fn wait(&mut self, request_id: &str, left: Option<Duration>, budget: Duration) -> Wait {
        if self.missed.take().is_some_and(|missed| self.runtime_done.has(&missed)) {
            self.patience.heard(); // late, but not silent
        }
        let by = Instant::now() + Patience::at_most(left, budget);
        let left = || by.saturating_duration_since(Instant::now());
        let no_time = left().is_zero();
        let reachable = self.runtime_done.heard_anything(left().min(FIRST_WORD)).await;
        if reachable && self.runtime_done.wait(request_id, left()).await {
            self.patience.heard();
            return Wait::Ended;
        }
        if no_time {
            return Wait::Missed; // which tells nothing of the platform
        }
        self.missed = Some(request_id.to_owned());
        if self.patience.missed() { Wait::Silence } else { Wait::Missed }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const BUDGET: Duration = Duration::from_millis(500);
    const LEFT: Option<Duration> = Some(Duration::from_secs(3));

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn told() -> (Arc<RuntimeDone>, HandlerEnd) {
        let runtime_done = Arc::new(RuntimeDone::default());
        runtime_done.heard([]);
        (Arc::clone(&runtime_done), HandlerEnd::new(runtime_done))
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_over_when_the_handler_is() {
        let (runtime_done, mut handler_end) = told();
        let started = Instant::now();
        let platform = async {
            sleep(ms(300)).await;
            runtime_done.heard(["another".to_owned()]);
            sleep(ms(400)).await;
            runtime_done.heard(["r-1".to_owned()]);
        };
        let (wait, ()) = tokio::join!(handler_end.wait("r-1", LEFT, BUDGET), platform);
        assert_eq!((wait, started.elapsed()), (Wait::Ended, ms(700)));
    }

    #[tokio::test(start_paused = true)]
    async fn word_that_came_before_the_wait_counts_even_without_time_to_wait() {
        let (runtime_done, mut handler_end) = told();
        runtime_done.heard(["r-1".to_owned()]);
        for left in [LEFT, None, Some(ms(50))] {
            let started = Instant::now();
            assert_eq!(handler_end.wait("r-1", left, BUDGET).await, Wait::Ended);
            assert_eq!(started.elapsed(), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_in_time_when_no_word_comes() {
        let (_runtime_done, mut handler_end) = told();
        for (left, waited) in [(LEFT, ms(2_800)), (None, BUDGET)] {
            let started = Instant::now();
            assert_eq!(handler_end.wait("r-1", left, BUDGET).await, Wait::Missed);
            assert_eq!(started.elapsed(), waited);
        }
        assert_eq!(handler_end.wait("r-2", LEFT, BUDGET).await, Wait::Silence);
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_never_said_anything_is_waited_for_a_second_at_most() {
        let mut handler_end = HandlerEnd::new(Arc::new(RuntimeDone::default()));
        let fifteen_minutes = Some(Duration::from_secs(900));
        for expected in [Wait::Missed, Wait::Missed, Wait::Silence] {
            let started = Instant::now();
            assert_eq!(handler_end.wait("r-1", fifteen_minutes, BUDGET).await, expected);
            assert_eq!(started.elapsed(), FIRST_WORD);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_whose_word_comes_late_is_not_given_up() {
        let (runtime_done, mut handler_end) = told();
        for request in 0..10 {
            let id = format!("r-{request}");
            assert_eq!(handler_end.wait(&id, None, BUDGET).await, Wait::Missed);
            runtime_done.heard([id]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn invocations_without_time_to_wait_tell_nothing_of_the_platform() {
        let (_runtime_done, mut handler_end) = told();
        for _ in 0..10 {
            assert_eq!(handler_end.wait("r-1", Some(ms(150)), BUDGET).await, Wait::Missed);
        }
    }
}
