//! The Telemetry API's side of what happens: events of the sandbox become items, and go to those who subscribed.
//!
//! - `item`: which event becomes which item
//! - `delivery`: batches, posted to an extension's listener

mod delivery;
mod item;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::event::{Event, Journal, Record};
use crate::settings::Settings;
pub(crate) use item::{Function, Item, Kind};

/// What an extension asked for.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) kinds: Vec<Kind>,
    /// The port and the path of its listener, on this machine.
    pub(crate) port: u16,
    pub(crate) path: String,
    /// A batch is sent when it has this many items, this many bytes, or is this old.
    pub(crate) max_items: usize,
    pub(crate) max_bytes: usize,
    pub(crate) timeout: Duration,
}

/// Passes items on to the subscribers of one environment.
#[derive(Debug)]
pub(crate) struct Telemetry {
    function: Function,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    subscribers: Vec<(Vec<Kind>, mpsc::UnboundedSender<Item>)>,
    /// What happened during this init: a subscriber gets that too.
    early: Vec<Item>,
    init: bool,
}

// === impl Telemetry ===

impl Telemetry {
    /// Listens to `journal` from now on.
    pub(crate) fn new(settings: &Settings, journal: &Journal) -> Arc<Self> {
        let telemetry = Arc::new(Self { function: Function::new(settings), inner: Mutex::default() });
        let listener = Arc::downgrade(&telemetry);
        journal.tap(move |record| listener.upgrade().map(|telemetry| telemetry.take(record)).is_some());
        telemetry
    }

    /// Adds a subscriber; it is gone with the environment.
    pub(crate) fn subscribe(&self, subscription: Subscription) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut inner = self.lock();
        let kinds = subscription.kinds.clone();
        for item in inner.early.iter().filter(|item| kinds.contains(&item.kind)) {
            // Its receiver is in our hands.
            let _ = sender.send(item.clone());
        }
        inner.subscribers.push((kinds, sender));
        tokio::spawn(delivery::deliver(subscription, receiver));
    }

    fn take(&self, record: &Record) {
        let mut inner = self.lock();
        match &record.event {
            Event::InitStarted { .. } => *inner = Inner { init: true, ..Inner::default() },
            Event::InitDone(_) => inner.init = false,
            _ => {}
        }
        for item in item::items(&self.function, record) {
            inner
                .subscribers
                .retain(|(kinds, sender)| !kinds.contains(&item.kind) || sender.send(item.clone()).is_ok());
            if inner.init {
                inner.early.push(item);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
