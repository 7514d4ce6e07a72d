//! The next start: what is handed out, and when a file goes.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod spool_support;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pyroscope_lambda_extension::backlog::MAX_AGE;
use pyroscope_lambda_extension::clock::Clock;
use pyroscope_lambda_extension::queue::Queue;
use pyroscope_lambda_extension::random::OsRandom;
use pyroscope_lambda_extension::spool::Error;
use spool_support::{Fixture, LARGEST, in_a_minute, now, texts, upload_of_age, uploads};

#[test]
fn a_directory_that_does_not_exist_is_empty_and_stays_so() {
    let fixture = Fixture::new();
    assert_eq!(fixture.pick_up().count(), 0);
    assert!(!fixture.path.exists());
}

#[test]
fn a_file_stays_until_its_entry_is_removed() {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(2), in_a_minute()).written, 2);

    let mut pick_up = fixture.pick_up();
    assert_eq!(pick_up.remaining(), 2);
    let first = pick_up.next().unwrap().unwrap();
    assert_eq!(fixture.files().len(), 2, "reading alone removes nothing");
    first.entry.remove().unwrap();
    assert_eq!(fixture.files().len(), 1);
    drop(pick_up.next().unwrap().unwrap());
    assert!(pick_up.next().is_none());

    assert_eq!(texts(&fixture.take_all().0), ["1"], "what was dropped is found again");
    assert!(fixture.files().is_empty());
}

#[test]
fn a_file_is_read_when_it_is_asked_for_and_not_before() {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(3), in_a_minute()).written, 3);
    let mut pick_up = fixture.pick_up();
    assert_eq!(pick_up.next().unwrap().unwrap().upload.body, "0");
    let files = fixture.files();
    fs::write(fixture.path.join(&files[1]), "damaged since").unwrap();
    assert!(matches!(pick_up.next(), Some(Err(Error::Broken { .. }))));
    assert_eq!(pick_up.next().unwrap().unwrap().upload.body, "2");
}

#[test]
fn a_file_that_another_process_took_is_passed_over() {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(3), in_a_minute()).written, 3);
    let mut pick_up = fixture.pick_up();
    let files = fixture.files();
    fs::remove_file(fixture.path.join(&files[0])).unwrap();
    let second = pick_up.next().unwrap().unwrap();
    assert_eq!(second.upload.body, "1");
    fs::remove_file(fixture.path.join(&files[1])).unwrap();
    second.entry.remove().unwrap();
}

#[test]
fn an_upload_that_is_too_old_is_removed_and_reported() {
    let fixture = Fixture::new();
    let old = upload_of_age(MAX_AGE + Duration::from_millis(1), b"old");
    let just = upload_of_age(MAX_AGE, b"just");
    assert_eq!(fixture.spool.store(&[old, just], in_a_minute()).written, 2);
    let (bodies, errors) = fixture.take_all();
    assert_eq!(texts(&bodies), ["just"]);
    assert!(matches!(&errors[..], [Error::Expired { .. }]), "{errors:?}");
    assert!(fixture.files().is_empty());
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_old() {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(1), in_a_minute()).written, 1);
    let earlier = now() - Duration::from_secs(1_000_000_000);
    assert!(fixture.spool.pick_up(earlier, LARGEST).unwrap().next().unwrap().is_ok());
}

#[test]
fn what_the_queue_could_never_hold_is_removed_unread_and_reported() {
    let fixture = Fixture::new();
    let small = upload_of_age(Duration::from_secs(1), b"small");
    let large = upload_of_age(Duration::from_secs(2), &vec![0; LARGEST]);
    assert_eq!(fixture.spool.store(&[large, small], in_a_minute()).written, 2);
    let (bodies, errors) = fixture.take_all();
    assert_eq!(texts(&bodies), ["small"]);
    assert!(matches!(&errors[..], [Error::Oversized { .. }]), "{errors:?}");
    assert!(fixture.files().is_empty());
}

#[test]
fn a_half_written_file_that_a_kill_left_is_removed() {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(2), in_a_minute()).written, 2);
    let files = fixture.files();
    fs::rename(fixture.path.join(&files[0]), fixture.path.join(format!("{}.partial", files[0]))).unwrap();
    let (bodies, errors) = fixture.take_all();
    assert_eq!(texts(&bodies), ["1"]);
    assert!(errors.is_empty(), "{errors:?}");
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn what_the_queue_has_no_room_for_stays_for_later() {
    let fixture = Fixture::new();
    let uploads: Vec<_> =
        (0..5).map(|age| upload_of_age(Duration::from_secs(5 - age), &[0; 10_000])).collect();
    assert_eq!(fixture.spool.store(&uploads, in_a_minute()).written, 5);

    // A queue that holds two, both of which are being sent.
    let queue = Queue::new(2 * uploads[0].weight(), 2, Clock::simulated(now()), Arc::new(OsRandom));
    let mut full = false;
    for found in fixture.pick_up() {
        let recovered = found.unwrap();
        if queue.recover(recovered.upload).is_err() {
            full = true;
            break;
        }
        recovered.entry.remove().unwrap();
        queue.next().await;
    }
    assert!(full);
    assert_eq!(queue.counts().recovered, 2);
    assert_eq!(fixture.files().len(), 3);

    // The shutdown puts those two back: nothing is lost and nothing doubled.
    let left: Vec<_> = queue.abandon().into_iter().map(|left| left.upload).collect();
    assert_eq!(fixture.spool.store(&left, in_a_minute()).written, 2);
    assert_eq!(fixture.take_all().0.len(), 5);
}

#[test]
fn thousands_of_entries_are_stored_and_found() {
    let fixture = Fixture::new();
    let uploads = uploads(3_000);
    assert_eq!(fixture.spool.store(&uploads, in_a_minute()).written, 3_000);
    let (bodies, errors) = fixture.take_all();
    assert_eq!((bodies.len(), errors.len()), (3_000, 0));
    assert!(fixture.files().is_empty());
}
