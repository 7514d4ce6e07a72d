//! How long a client may take, told without a deadline: one would have passed in a freeze.
//!
//! Time is counted in short waits. A freeze makes the one that is under way overdue and costs no more than that one.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// One wait.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// A body is given up after this many waits in a row without a byte.
const STALLED: u32 = 6;

/// A body is given up after this many waits in all, however it drips.
const BODY: u32 = 24;

/// A head that has begun is given up after this many waits.
const HEAD: u32 = 6;

/// Waits for one client. No timer runs before there is something to wait for.
#[derive(Debug)]
pub(super) struct Patience {
    wait: Option<Pin<Box<Sleep>>>,
    /// Waits in a row without a sign of life, and the most of them.
    idle: u32,
    most_idle: u32,
    /// Waits in all, and the most of them.
    all: u32,
    most: u32,
}

// === impl Patience ===

impl Patience {
    pub(super) const fn with_body() -> Self {
        Self { wait: None, idle: 0, most_idle: STALLED, all: 0, most: BODY }
    }

    pub(super) const fn with_head() -> Self {
        Self { wait: None, idle: 0, most_idle: HEAD, all: 0, most: HEAD }
    }

    /// What `sign`, the next of several signs of life, resolves to; `None` once patience has run out.
    pub(super) async fn until<F: Future>(&mut self, sign: F) -> Option<F::Output> {
        let mut sign = pin!(sign);
        poll_fn(|cx| {
            if let Poll::Ready(output) = sign.as_mut().poll(cx) {
                self.idle = 0;
                return Poll::Ready(Some(output));
            }
            self.poll_over(cx).map(|()| None)
        })
        .await
    }

    /// Ready once patience has run out.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.idle < self.most_idle && self.all < self.most {
            ready!(self.wait.get_or_insert_with(|| Box::pin(sleep(WAIT))).as_mut().poll(cx));
            self.wait = None;
            self.idle += 1;
            self.all += 1;
        }
        Poll::Ready(())
    }
}
