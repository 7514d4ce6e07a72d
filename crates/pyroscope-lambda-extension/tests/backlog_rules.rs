//! Which upload goes next, and when: one rule a test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderMap;
use pyroscope_lambda_extension::backlog::{Attempt, Backlog, MAX_AGE, Next, Progress, Verdict};
use pyroscope_lambda_extension::clock::Moment;
use pyroscope_lambda_extension::upload::{Endpoint, Upload};
use tokio::time::Instant;

const UNAUTHORIZED: Verdict = Verdict::NotYet { patiently: true, retry_after: None };
const FAILED: Verdict = Verdict::NotYet { patiently: false, retry_after: None };
/// Jitter at its most: the back-off after one failure is 100 ms.
const MOST: u64 = 100_000;

/// A moment on both clocks that the tests move by hand.
struct Time {
    start: Instant,
    passed: Duration,
}

impl Time {
    fn new() -> Self {
        Self { start: Instant::now(), passed: Duration::ZERO }
    }

    fn pass(&mut self, duration: Duration) {
        self.passed += duration;
    }

    fn now(&self) -> Moment {
        let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.passed;
        Moment { instant: self.start + self.passed, wall }
    }
}

fn upload(bytes: usize, arrived: SystemTime) -> Upload {
    Upload {
        endpoint: Endpoint::Ingest,
        query: None,
        headers: HeaderMap::new(),
        body: Bytes::from(vec![0; bytes]),
        arrived,
    }
}

/// A backlog with `count` small uploads.
fn backlog(count: usize, concurrency: usize, time: &Time) -> Backlog {
    let mut backlog = Backlog::new(1 << 20, concurrency);
    for _ in 0..count {
        backlog.accept(upload(10, time.now().wall)).unwrap();
    }
    backlog
}

fn send(backlog: &mut Backlog, time: &Time) -> Attempt {
    match backlog.next(time.now()) {
        Next::Send(attempt) => attempt,
        other => panic!("nothing to send: {other:?}"),
    }
}

fn wait(backlog: &mut Backlog, time: &Time) -> Duration {
    match backlog.next(time.now()) {
        Next::At(instant) => instant - time.now().instant,
        other => panic!("nothing to wait for: {other:?}"),
    }
}

fn fail(backlog: &mut Backlog, time: &Time, random: u64) {
    let attempt = send(backlog, time);
    backlog.settle(attempt.ticket, FAILED, time.now(), random);
}

#[test]
fn no_more_uploads_are_under_way_at_once_than_there_are_workers() {
    let time = Time::new();
    let mut backlog = backlog(3, 2, &time);
    let first = send(&mut backlog, &time);
    send(&mut backlog, &time);
    assert!(matches!(backlog.next(time.now()), Next::Idle));
    backlog.settle(first.ticket, Verdict::Delivered, time.now(), 0);
    send(&mut backlog, &time);
}

#[test]
fn the_oldest_go_first_and_a_failed_one_waits_its_back_off() {
    let mut time = Time::new();
    let mut backlog = backlog(2, 1, &time);
    let first = send(&mut backlog, &time);
    backlog.settle(first.ticket, FAILED, time.now(), MOST);
    let second = send(&mut backlog, &time);
    assert!(second.ticket > first.ticket);
    backlog.settle(second.ticket, Verdict::Delivered, time.now(), 0);
    assert_eq!(wait(&mut backlog, &time), Duration::from_millis(100));
    time.pass(Duration::from_millis(100));
    assert_eq!(send(&mut backlog, &time).ticket, first.ticket);
}

#[test]
fn after_three_failures_in_a_row_one_probe_stands_for_all() {
    let mut time = Time::new();
    let mut backlog = backlog(9, 5, &time);
    let attempts: Vec<_> = (0..3).map(|_| send(&mut backlog, &time)).collect();
    for attempt in attempts {
        backlog.settle(attempt.ticket, FAILED, time.now(), 400_000);
    }
    assert_eq!(
        wait(&mut backlog, &time),
        Duration::from_millis(400),
        "six have not been tried, yet all wait"
    );
    time.pass(Duration::from_millis(400));
    let probe = send(&mut backlog, &time);
    assert!(matches!(backlog.next(time.now()), Next::Idle), "one probe at a time");
    backlog.settle(probe.ticket, Verdict::Delivered, time.now(), 0);
    for _ in 0..5 {
        send(&mut backlog, &time);
    }
}

#[test]
fn the_end_of_an_outage_is_told_once() {
    let mut time = Time::new();
    let mut backlog = backlog(5, 1, &time);
    let mut settle = |verdict| {
        time.pass(Duration::from_secs(10));
        let attempt = send(&mut backlog, &time);
        backlog.settle(attempt.ticket, verdict, time.now(), 0)
    };
    assert!(!settle(FAILED) && !settle(FAILED) && !settle(Verdict::Delivered), "two failures are no outage");
    assert!(!settle(FAILED) && !settle(FAILED) && !settle(FAILED) && !settle(FAILED));
    assert!(settle(Verdict::Delivered));
    assert!(!settle(Verdict::Delivered));
}

#[test]
fn an_upload_that_is_itself_the_trouble_is_not_the_probe_for_ever() {
    let mut time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    for _ in 0..3 {
        fail(&mut backlog, &time, 0);
    }
    backlog.accept(upload(10, time.now().wall)).unwrap();
    time.pass(Duration::from_secs(10));
    let probe = send(&mut backlog, &time);
    backlog.settle(probe.ticket, Verdict::Delivered, time.now(), 0);
    assert_eq!(backlog.len(), 1, "the new upload went first, and ended the outage");
}

#[test]
fn a_thaw_ends_back_off_but_not_what_the_remote_asked_for() {
    let mut time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    let attempt = send(&mut backlog, &time);
    backlog.settle(attempt.ticket, UNAUTHORIZED, time.now(), 0);
    time.pass(Duration::from_secs(1));
    assert_eq!(wait(&mut backlog, &time), Duration::from_secs(9));
    backlog.wake(time.now());
    let attempt = send(&mut backlog, &time);
    let asked = Verdict::NotYet { patiently: false, retry_after: Some(Duration::from_secs(7)) };
    backlog.settle(attempt.ticket, asked, time.now(), 0);
    backlog.wake(time.now());
    assert_eq!(wait(&mut backlog, &time), Duration::from_secs(7));
}

#[test]
fn however_often_the_environment_thaws_a_failing_remote_is_asked_once_a_second() {
    let mut time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    let mut tries = 0;
    for _ in 0..500 {
        backlog.wake(time.now());
        if let Next::Send(attempt) = backlog.next(time.now()) {
            tries += 1;
            backlog.settle(attempt.ticket, UNAUTHORIZED, time.now(), 0);
        }
        time.pass(Duration::from_millis(20));
    }
    assert_eq!(tries, 10, "in ten seconds");
}

#[test]
fn what_the_remote_asks_for_is_believed_for_a_quarter_of_an_hour() {
    let time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    let attempt = send(&mut backlog, &time);
    let asked = Verdict::NotYet { patiently: false, retry_after: Some(Duration::from_secs(86_400)) };
    backlog.settle(attempt.ticket, asked, time.now(), 0);
    assert_eq!(wait(&mut backlog, &time), Duration::from_secs(900));
}

#[test]
fn what_the_remote_asked_for_passes_in_a_freeze_and_outlasts_a_success_of_another_attempt() {
    let mut time = Time::new();
    let mut backlog = backlog(3, 2, &time);
    let (first, second) = (send(&mut backlog, &time), send(&mut backlog, &time));
    let asked = Verdict::NotYet { patiently: false, retry_after: Some(Duration::from_secs(7)) };
    backlog.settle(first.ticket, asked, time.now(), 0);
    backlog.settle(second.ticket, Verdict::Delivered, time.now(), 0);
    assert_eq!(wait(&mut backlog, &time), Duration::from_secs(7));
    time.pass(Duration::from_secs(3));
    let frozen = Moment { instant: time.now().instant, wall: time.now().wall + Duration::from_secs(4) };
    assert!(matches!(backlog.next(frozen), Next::Send(_)));
}

#[test]
fn a_cut_attempt_goes_again_at_once_and_counts_as_no_failure() {
    let time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    for _ in 0..5 {
        let attempt = send(&mut backlog, &time);
        backlog.settle(attempt.ticket, Verdict::Cut, time.now(), MOST);
    }
    send(&mut backlog, &time);
    assert_eq!(backlog.counts().retried, 0);
}

#[test]
fn without_credentials_nothing_is_sent_for_a_while_and_that_is_no_outage() {
    let mut time = Time::new();
    let mut backlog = backlog(9, 3, &time);
    for _ in 0..3 {
        let attempts = [send(&mut backlog, &time), send(&mut backlog, &time), send(&mut backlog, &time)];
        assert_eq!(backlog.progress(backlog.fence(), time.now()), Progress::Pending);
        for attempt in attempts {
            backlog.settle(attempt.ticket, Verdict::Unready(Duration::from_secs(7)), time.now(), MOST);
        }
        assert_eq!(wait(&mut backlog, &time), Duration::from_secs(7));
        assert_eq!(backlog.progress(backlog.fence(), time.now()), Progress::Stalled);
        time.pass(Duration::from_secs(7));
    }
    for _ in 0..3 {
        send(&mut backlog, &time); // after nine failures of the remote there would be one probe
    }
    assert_eq!(backlog.counts().retried, 0);
}

#[test]
fn a_thaw_is_a_chance_for_credentials_and_a_drain_asks_for_them_again_and_again() {
    let mut time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    let unready = Verdict::Unready(Duration::from_secs(60));
    let attempt = send(&mut backlog, &time);
    backlog.settle(attempt.ticket, unready, time.now(), MOST);
    time.pass(Duration::from_millis(400));
    backlog.wake(time.now());
    assert_eq!(wait(&mut backlog, &time), Duration::from_millis(600));
    backlog.start_drain();
    let attempt = send(&mut backlog, &time);
    backlog.settle(attempt.ticket, unready, time.now(), MOST);
    assert_eq!(wait(&mut backlog, &time), Duration::from_millis(100));
}

#[test]
fn when_memory_is_full_the_oldest_that_wait_make_room() {
    let time = Time::new();
    let mut backlog = Backlog::new(10_000, 1);
    for _ in 0..3 {
        backlog.accept(upload(2_000, time.now().wall)).unwrap();
    }
    let in_flight = send(&mut backlog, &time);
    backlog.accept(upload(5_000, time.now().wall)).unwrap();
    assert_eq!(backlog.counts().evicted, 2, "the one in flight stays");
    assert!(backlog.bytes() <= 10_000);
    backlog.settle(in_flight.ticket, Verdict::Delivered, time.now(), 0);
    assert_eq!(send(&mut backlog, &time).upload.body.len(), 5_000);
}

#[test]
fn what_cannot_fit_is_not_taken_and_pushes_nothing_out() {
    let time = Time::new();
    let mut backlog = Backlog::new(10_000, 1);
    backlog.accept(upload(2_000, time.now().wall)).unwrap();
    backlog.accept(upload(11_000, time.now().wall)).unwrap_err();
    assert_eq!((backlog.len(), backlog.counts().accepted, backlog.counts().evicted), (1, 1, 0));
}

#[test]
fn an_upload_older_than_an_hour_is_dropped_by_the_wall_clock() {
    let mut time = Time::new();
    let mut backlog = backlog(2, 1, &time);
    time.pass(MAX_AGE);
    backlog.accept(upload(10, time.now().wall)).unwrap();
    assert!(matches!(backlog.next(time.now()), Next::Send(_)), "an hour is not too old");
    time.pass(Duration::from_secs(1));
    drop(backlog.next(time.now()));
    assert_eq!(backlog.counts().expired, 1);
    assert_eq!(backlog.len(), 2, "one in flight, one that came later");
}

#[test]
fn an_upload_from_before_the_clock_was_set_back_is_not_too_old() {
    let time = Time::new();
    let mut backlog = Backlog::new(1 << 20, 1);
    backlog.accept(upload(10, time.now().wall + Duration::from_secs(86_400))).unwrap();
    send(&mut backlog, &time);
}

#[test]
fn a_drain_tries_everything_at_once_whatever_is_known_of_the_remote() {
    let time = Time::new();
    let mut backlog = backlog(20, 2, &time);
    for _ in 0..3 {
        fail(&mut backlog, &time, 400_000);
    }
    wait(&mut backlog, &time);
    backlog.start_drain();
    for _ in 0..20 {
        send(&mut backlog, &time);
    }
}

#[test]
fn progress_tells_of_the_uploads_before_the_fence_alone() {
    let time = Time::new();
    let mut backlog = backlog(1, 5, &time);
    let fence = backlog.fence();
    backlog.accept(upload(10, time.now().wall)).unwrap();
    assert_eq!(backlog.progress(fence, time.now()), Progress::Pending);
    let attempt = send(&mut backlog, &time);
    assert_eq!(backlog.progress(fence, time.now()), Progress::Pending);
    backlog.settle(attempt.ticket, Verdict::Refused, time.now(), 0);
    assert_eq!(backlog.progress(fence, time.now()), Progress::Settled);
}

#[test]
fn in_an_outage_waiting_is_no_use_once_the_probe_has_failed() {
    let mut time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    let fence = backlog.fence();
    for _ in 0..3 {
        assert_eq!(backlog.progress(fence, time.now()), Progress::Pending);
        time.pass(Duration::from_secs(1));
        fail(&mut backlog, &time, MOST);
    }
    assert_eq!(backlog.progress(fence, time.now()), Progress::Stalled);
    time.pass(Duration::from_secs(1));
    backlog.wake(time.now());
    assert_eq!(backlog.progress(fence, time.now()), Progress::Pending, "the next probe may succeed");
}

#[test]
fn waiting_for_an_upload_that_is_not_to_be_sent_soon_is_no_use() {
    let mut time = Time::new();
    let mut backlog = backlog(1, 1, &time);
    let fence = backlog.fence();
    let attempt = send(&mut backlog, &time);
    backlog.settle(attempt.ticket, UNAUTHORIZED, time.now(), 0);
    assert_eq!(backlog.progress(fence, time.now()), Progress::Stalled, "it will be sent in ten seconds");
    time.pass(Duration::from_millis(9_800));
    assert_eq!(backlog.progress(fence, time.now()), Progress::Pending, "it will be sent in 200 ms");
}

#[test]
fn a_recovered_upload_pushes_nothing_out() {
    let time = Time::new();
    let mut backlog = Backlog::new(10_000, 1);
    backlog.accept(upload(5_000, time.now().wall)).unwrap();
    backlog.recover(upload(5_000, time.now().wall)).unwrap_err();
    assert_eq!((backlog.len(), backlog.counts().evicted, backlog.counts().recovered), (1, 0, 0));
}

#[test]
fn what_is_left_comes_out_oldest_first_in_flight_or_not() {
    let time = Time::new();
    let mut backlog = Backlog::new(1 << 20, 1);
    for bytes in 1..=3 {
        backlog.accept(upload(bytes, time.now().wall)).unwrap();
    }
    let in_flight = send(&mut backlog, &time);
    let left: Vec<_> = backlog.abandon().iter().map(|left| left.upload.body.len()).collect();
    assert_eq!(left, [1, 2, 3]);
    backlog.settle(in_flight.ticket, Verdict::Delivered, time.now(), 0);
    assert_eq!(backlog.counts().delivered, 0, "it was given up: it must not be counted twice");
}
