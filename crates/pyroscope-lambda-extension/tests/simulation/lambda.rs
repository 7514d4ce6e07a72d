//! The script's hold on everything: invokes, freezes, shuts down, breaks the network.

use std::sync::Arc;
use std::time::Duration;

use pyroscope_lambda_extension::backlog::Counts;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::function::Run;
use crate::journal::{Event, Profile};
use crate::platform::Asked;
use crate::remote::{Answer, Mood};
use crate::sandbox::Work;
use crate::world::{REMOTE, SANDBOX, World};

/// What the way to the extension and back may take in steps of the simulation, on top of what it takes itself.
const WAY: u32 = 6;

/// One environment.
#[derive(Debug)]
pub(crate) struct Lambda {
    world: Arc<World>,
    work: mpsc::UnboundedSender<Work>,
    asking: mpsc::UnboundedReceiver<Asked>,
    end: mpsc::UnboundedReceiver<Counts>,
    /// The pending call of `next`.
    asked: Option<Asked>,
    profiles: Profile,
}

/// One invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation {
    /// How many profiles the SDK posts.
    pub(crate) profiles: u32,
    /// How large each is, in bytes.
    pub(crate) size: usize,
    /// How long the function runs before it posts.
    pub(crate) before: Duration,
    /// How long it runs after that.
    pub(crate) after: Duration,
    /// When the function times out.
    pub(crate) timeout: Duration,
}

// === impl Invocation ===

impl Default for Invocation {
    /// A short one with a profile of 2 KB.
    fn default() -> Self {
        Self {
            profiles: 1,
            size: 2_000,
            before: Duration::from_millis(5),
            after: Duration::from_millis(5),
            timeout: Duration::from_secs(3),
        }
    }
}

// === impl Lambda ===

impl Lambda {
    pub(crate) fn new(
        world: Arc<World>,
        work: mpsc::UnboundedSender<Work>,
        asking: mpsc::UnboundedReceiver<Asked>,
        end: mpsc::UnboundedReceiver<Counts>,
    ) -> Self {
        Self { world, work, asking, end, asked: None, profiles: 0 }
    }

    /// Waits until the extension is ready.
    pub(crate) async fn start(&mut self) {
        let asked = timeout(Duration::from_secs(10), self.asking.recv()).await;
        self.asked = asked.expect("the extension starts within ten seconds");
    }

    /// Invokes the function; says how long after that the extension asked for its next event.
    ///
    /// It must have asked before the function times out, with time to spare.
    pub(crate) async fn invoke(&mut self, invocation: Invocation) -> Duration {
        let Invocation { profiles, size, before, after, timeout: limit } = invocation;
        let invoked = self.world.now();
        let deadline_ms = World::epoch_ms(invoked + limit);
        self.world.tell(Event::Invoked);
        self.answer(json!({
            "eventType": "INVOKE", "deadlineMs": deadline_ms, "requestId": "simulated",
            "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:simulated",
        }));
        let numbers = self.profiles..self.profiles + profiles;
        self.profiles += profiles;
        let (done, responded) = oneshot::channel();
        let profiles = numbers.map(|profile| (profile, size)).collect();
        self.work.send(Work::Invoke(Run { profiles, before, after, done })).expect("the sandbox works");
        let asked = async {
            let asked =
                timeout(limit, self.asking.recv()).await.expect("next is asked for before the deadline");
            let held = self.world.now() - invoked;
            self.world.tell(Event::AskedNext { held });
            assert!(held <= limit - Duration::from_millis(190) || held <= self.way(), "a margin is kept");
            (asked, held)
        };
        let ((asked, held), responded) = tokio::join!(asked, responded);
        responded.expect("the function answers");
        self.asked = asked;
        held
    }

    /// Freezes the environment: no code runs in it for so long.
    pub(crate) async fn freeze(&self, pause: Duration) {
        let (thawed, thaw) = oneshot::channel();
        self.work.send(Work::Freeze { pause, thawed }).expect("the sandbox works");
        thaw.await.expect("the environment thaws");
    }

    /// Shuts the environment down; the extension must have ended in time.
    pub(crate) async fn shut_down(&mut self, budget: Duration) -> Counts {
        self.world.tell(Event::ShutDown);
        let deadline_ms = World::epoch_ms(self.world.now() + budget);
        self.answer(json!({
            "eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": "spindown",
        }));
        let counts = timeout(budget, self.end.recv()).await.expect("the extension ends before the deadline");
        counts.expect("the extension says how every upload ended")
    }

    pub(crate) async fn shut_down_if_running(&mut self) {
        if self.asked.is_some() {
            self.shut_down(Duration::from_secs(2)).await;
        }
    }

    fn answer(&mut self, event: serde_json::Value) {
        let asked = self.asked.take().expect("the extension has asked for an event");
        asked.send(event).expect("the extension waits for an event");
    }

    /// What it takes at least from an invocation to the next call of `next`.
    pub(crate) fn way(&self) -> Duration {
        self.world.settings.tick * WAY
    }

    pub(crate) fn now(&self) -> Duration {
        self.world.now()
    }

    /// How many profiles have been made so far.
    pub(crate) const fn profiles(&self) -> Profile {
        self.profiles
    }

    /// How many events of a kind there were so far.
    pub(crate) fn count(&self, which: impl Fn(&Event) -> bool) -> usize {
        self.world.journal().iter().filter(|entry| which(&entry.event)).count()
    }

    /// All requests are answered in this way from now on.
    pub(crate) fn remote_answers(&self, answer: Answer) {
        self.set_mood(Mood::Always(answer));
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.world.tell(Event::Script("the remote changes its mood"));
        self.world.set_mood(mood);
    }

    /// The remote's machine is turned off or on. While it is off, connecting takes for ever.
    pub(crate) fn turn_remote_off(&self, off: bool) {
        self.world.tell(Event::Script(if off { "the remote is off" } else { "the remote is on" }));
        self.world.turn_remote_off(off);
    }

    /// No packet gets through, and connecting fails at once.
    pub(crate) fn cut_network(&self) {
        self.world.tell(Event::Script("no way to the remote"));
        turmoil::partition(SANDBOX, REMOTE);
    }

    pub(crate) fn mend_network(&self) {
        self.world.tell(Event::Script("a way to the remote"));
        turmoil::repair(SANDBOX, REMOTE);
    }

    /// Packets wait on their way.
    pub(crate) fn hold_packets(&self) {
        self.world.tell(Event::Script("packets wait"));
        turmoil::hold(SANDBOX, REMOTE);
    }

    pub(crate) fn release_packets(&self) {
        self.world.tell(Event::Script("packets go on"));
        turmoil::release(SANDBOX, REMOTE);
    }

    /// All connections die, and neither end is told.
    pub(crate) fn lose_connections(&self) {
        self.world.tell(Event::Script("connections are lost in silence"));
        self.world.lose_connections();
    }
}
