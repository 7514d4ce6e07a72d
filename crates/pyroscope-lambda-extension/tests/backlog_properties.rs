//! What holds for the backlog after any sequence of events.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use pyroscope_lambda_extension::backlog::{Attempt, Backlog, Next, Progress, Verdict};
use pyroscope_lambda_extension::clock::Moment;
use pyroscope_lambda_extension::upload::{Endpoint, Upload};
use tokio::time::Instant;

const CAPACITY: usize = 20_000;
const CONCURRENCY: usize = 3;

#[derive(Clone, Debug)]
enum Event {
    Accept { bytes: usize },
    Recover { bytes: usize },
    Next,
    Settle { which: usize, verdict: Verdict, random: u64 },
    Pass { duration: Duration },
    SetBack { duration: Duration },
    Wake,
    Drain,
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Delivered),
        Just(Verdict::Refused),
        Just(Verdict::Cut),
        (0..120_000_u64).prop_map(|ms| Verdict::Unready(Duration::from_millis(ms))),
        (any::<bool>(), proptest::option::of(0..5_000_u64)).prop_map(|(patiently, seconds)| {
            Verdict::NotYet { patiently, retry_after: seconds.map(Duration::from_secs) }
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..8_000_usize).prop_map(|bytes| Event::Accept { bytes }),
        1 => (0..8_000_usize).prop_map(|bytes| Event::Recover { bytes }),
        6 => Just(Event::Next),
        6 => (any::<usize>(), verdict(), any::<u64>())
            .prop_map(|(which, verdict, random)| Event::Settle { which, verdict, random }),
        2 => (0..2_000_000_u64).prop_map(|ms| Event::Pass { duration: Duration::from_millis(ms) }),
        1 => (0..2_000_000_u64).prop_map(|ms| Event::SetBack { duration: Duration::from_millis(ms) }),
        1 => Just(Event::Wake),
        1 => Just(Event::Drain),
    ]
}

fn upload(bytes: usize, now: Moment) -> Upload {
    Upload {
        endpoint: Endpoint::Push,
        query: None,
        headers: HeaderMap::new(),
        body: Bytes::from(vec![0; bytes]),
        arrived: now.wall,
    }
}

proptest! {
    #[test]
    fn every_upload_is_accounted_for_and_memory_is_bounded(
        events in proptest::collection::vec(event(), 0..200),
    ) {
        let mut backlog = Backlog::new(CAPACITY, CONCURRENCY);
        let mut now = Moment { instant: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000) };
        let mut under_way: Vec<Attempt> = Vec::new();
        let mut draining = false;
        for event in events {
            match event {
                Event::Accept { bytes } => drop(backlog.accept(upload(bytes, now))),
                Event::Recover { bytes } => drop(backlog.recover(upload(bytes, now))),
                Event::Next => match backlog.next(now) {
                    Next::Send(attempt) => under_way.push(attempt),
                    Next::At(instant) => prop_assert!(instant > now.instant, "waiting for what is past"),
                    Next::Idle => prop_assert!(
                        backlog.is_empty() || !under_way.is_empty(),
                        "uploads wait, none is under way, and nothing is to be done"
                    ),
                },
                Event::Settle { which, verdict, random } if !under_way.is_empty() => {
                    let attempt = under_way.swap_remove(which % under_way.len());
                    backlog.settle(attempt.ticket, verdict, now, random);
                }
                Event::Settle { .. } => {}
                Event::Pass { duration } => {
                    now = Moment { instant: now.instant + duration, wall: now.wall + duration };
                }
                Event::SetBack { duration } => now.wall -= duration,
                Event::Wake => backlog.wake(now),
                Event::Drain => {
                    draining = true;
                    backlog.start_drain();
                }
            }
            let counts = backlog.counts();
            let ended = counts.delivered + counts.refused + counts.expired + counts.evicted;
            prop_assert_eq!(counts.accepted + counts.recovered, ended + backlog.len() as u64);
            prop_assert!(backlog.bytes() <= CAPACITY);
            prop_assert!(draining || under_way.len() <= CONCURRENCY);
            prop_assert_eq!(backlog.progress(backlog.fence(), now) == Progress::Settled, backlog.is_empty());
        }
        for attempt in under_way {
            backlog.settle(attempt.ticket, Verdict::Delivered, now, 0);
        }
        let left = backlog.abandon().len() as u64;
        backlog.count_left_behind(left / 2, left - left / 2);
        let counts = backlog.counts();
        prop_assert_eq!(
            counts.accepted + counts.recovered,
            counts.delivered + counts.refused + counts.expired + counts.evicted + counts.spooled + counts.lost
        );
        prop_assert_eq!(backlog.bytes(), 0);
    }

    #[test]
    fn with_a_remote_that_takes_everything_everything_is_delivered(
        sizes in proptest::collection::vec(0..500_usize, 0..30),
        failures in 0..20_usize,
        random: u64,
    ) {
        let mut backlog = Backlog::new(CAPACITY * 10, CONCURRENCY);
        let mut now = Moment { instant: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000) };
        for bytes in &sizes {
            backlog.accept(upload(*bytes, now)).unwrap();
        }
        let mut failures = failures;
        while !backlog.is_empty() {
            match backlog.next(now) {
                Next::Send(attempt) => {
                    let verdict = if failures > 0 {
                        failures -= 1;
                        Verdict::NotYet { patiently: false, retry_after: None }
                    } else {
                        Verdict::Delivered
                    };
                    backlog.settle(attempt.ticket, verdict, now, random);
                }
                Next::At(instant) => {
                    let duration = instant - now.instant;
                    now = Moment { instant, wall: now.wall + duration };
                }
                Next::Idle => prop_assert!(false, "stuck"),
            }
        }
        prop_assert_eq!(backlog.counts().delivered, sizes.len() as u64);
    }
}
