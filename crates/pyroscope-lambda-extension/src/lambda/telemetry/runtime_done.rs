//! Which invocations the platform has called done.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How many invocations are remembered. An environment serves one at a time; word of one before may come late.
const REMEMBERED: usize = 16;

/// The invocations whose handler has ended, as far as the platform has told.
#[derive(Debug, Default)]
pub struct RuntimeDone {
    told: watch::Sender<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// Whether the platform has posted anything at all.
    anything: bool,
    /// The latest, oldest first.
    request_ids: VecDeque<String>,
}

// === impl RuntimeDone ===

impl RuntimeDone {
    /// The platform has posted something, by which the handlers of these invocations have ended.
    pub fn heard(&self, request_ids: impl IntoIterator<Item = String>) {
        self.told.send_modify(|told| {
            told.anything = true;
            for request_id in request_ids {
                if told.request_ids.len() == REMEMBERED {
                    told.request_ids.pop_front();
                }
                told.request_ids.push_back(request_id);
            }
        });
    }

    /// Whether the invocation is known to be done.
    #[must_use]
    pub fn has(&self, request_id: &str) -> bool {
        self.told.borrow().has(request_id)
    }

    /// Waits until the invocation is done; says whether it is. What was told before counts.
    pub async fn wait(&self, request_id: &str, at_most: Duration) -> bool {
        self.until(at_most, |told| told.has(request_id)).await
    }

    /// Waits until the platform has posted anything at all; says whether it has. What was posted before counts.
    pub async fn heard_anything(&self, at_most: Duration) -> bool {
        self.until(at_most, |told| told.anything).await
    }

    async fn until(&self, at_most: Duration, condition: impl FnMut(&Told) -> bool) -> bool {
        let mut told = self.told.subscribe();
        // The sender lives in `self`: to wait for it does not fail.
        timeout(at_most, told.wait_for(condition)).await.is_ok_and(|told| told.is_ok())
    }
}

// === impl Told ===

impl Told {
    fn has(&self, request_id: &str) -> bool {
        self.request_ids.iter().any(|known| known == request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_invocations_are_remembered() {
        let runtime_done = RuntimeDone::default();
        for request in 0..1000 {
            runtime_done.heard([request.to_string()]);
        }
        assert_eq!(runtime_done.told.borrow().request_ids.len(), REMEMBERED);
        assert!(runtime_done.has("999") && runtime_done.has("984") && !runtime_done.has("983"));
    }
}
