//! A shutdown: what is written, in what order, and what has to stay behind.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod spool_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use pyroscope_lambda_extension::spool::Spool;
use pyroscope_lambda_extension::upload::Upload;
use spool_support::{Fixture, in_a_minute, now, texts, upload_of_age, uploads};
use tokio::time::Instant;

fn length_of_one(upload: &Arc<Upload>) -> u64 {
    let fixture = Fixture::new();
    fixture.spool.store(std::slice::from_ref(upload), in_a_minute()).bytes
}

#[test]
fn what_one_process_stores_the_next_one_finds_unchanged_and_oldest_first() {
    let fixture = Fixture::new();
    let uploads = uploads(20);
    let stored = fixture.spool.store(&uploads, in_a_minute());
    assert_eq!((stored.written, stored.lost(), stored.displaced), (20, 0, 0), "{stored:?}");

    let found: Vec<_> = fixture.pick_up().map(|found| found.unwrap().upload).collect();
    assert_eq!(found.len(), 20);
    for (found, stored) in found.iter().zip(&uploads) {
        assert_eq!(found.endpoint, stored.endpoint);
        assert_eq!(found.query, stored.query);
        assert_eq!(found.headers, stored.headers);
        assert_eq!(found.body, stored.body);
        assert_eq!(found.arrived, stored.arrived);
    }
}

#[test]
fn uploads_of_one_millisecond_keep_their_order() {
    let fixture = Fixture::new();
    let uploads: Vec<_> =
        (0..200).map(|number| upload_of_age(Duration::ZERO, number.to_string().as_bytes())).collect();
    assert_eq!(fixture.spool.store(&uploads, in_a_minute()).written, 200);
    let expected: Vec<_> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(texts(&fixture.take_all().0), expected);
}

#[test]
fn uploads_are_ordered_by_arrival_whatever_order_they_are_given_in() {
    let fixture = Fixture::new();
    let mut uploads = uploads(5);
    uploads.rotate_left(2);
    assert_eq!(fixture.spool.store(&uploads, in_a_minute()).written, 5);
    assert_eq!(texts(&fixture.take_all().0), ["0", "1", "2", "3", "4"]);
}

#[test]
fn files_and_directory_are_for_their_owner_alone() {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(1), in_a_minute()).written, 1);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&fixture.path), 0o700);
    assert_eq!(mode(&fixture.only_file()), 0o600);
}

#[test]
fn what_an_upload_takes_on_disk_is_what_was_said() {
    let fixture = Fixture::new();
    let stored = fixture.spool.store(&uploads(1), in_a_minute());
    assert_eq!(fs::metadata(fixture.only_file()).unwrap().len(), stored.bytes);
}

#[test]
fn nothing_to_store_touches_nothing() {
    let fixture = Fixture::new();
    let stored = fixture.spool.store(&[], in_a_minute());
    assert_eq!((stored.written, stored.lost()), (0, 0));
    assert!(!fixture.path.exists());
}

#[test]
fn directories_above_are_created_too() {
    let fixture = Fixture::new();
    let deep = fixture.path.join("a/b/");
    let spool = Spool::new(&deep, Spool::DEFAULT_LIMIT);
    assert_eq!(spool.store(&uploads(1), in_a_minute()).written, 1);
    assert_eq!(spool.pick_up(now(), 1000).unwrap().count(), 1);
}

#[test]
fn where_room_is_short_the_newest_are_kept() {
    let uploads = uploads(10);
    let fixture = Fixture::with_limit(length_of_one(&uploads[0]) * 4);
    let stored = fixture.spool.store(&uploads, in_a_minute());
    assert_eq!((stored.written, stored.no_room, stored.lost()), (4, 6, 6), "{stored:?}");
    assert_eq!(texts(&fixture.take_all().0), ["6", "7", "8", "9"]);
}

#[test]
fn what_an_earlier_process_left_counts_and_is_the_first_to_go() {
    let uploads = uploads(9);
    let fixture = Fixture::with_limit(length_of_one(&uploads[0]) * 5);
    let (earlier, later) = uploads.split_at(4);
    assert_eq!(fixture.spool.store(earlier, in_a_minute()).written, 4);
    let stored = fixture.spool.store(&later[..3], in_a_minute());
    assert_eq!((stored.written, stored.displaced, stored.lost()), (3, 2, 0), "{stored:?}");
    assert_eq!(texts(&fixture.take_all().0), ["2", "3", "4", "5", "6"]);
}

#[test]
fn an_upload_that_is_larger_than_the_limit_is_left_out_and_takes_nothing_else_along() {
    let uploads = uploads(3);
    let fixture = Fixture::with_limit(length_of_one(&uploads[0]) * 4);
    assert_eq!(fixture.spool.store(&uploads[..1], in_a_minute()).written, 1);
    let huge = upload_of_age(Duration::ZERO, &[0; 10_000]);
    let stored =
        fixture.spool.store(&[Arc::clone(&uploads[1]), huge, Arc::clone(&uploads[2])], in_a_minute());
    assert_eq!((stored.written, stored.no_room, stored.displaced), (2, 1, 0), "{stored:?}");
    assert_eq!(texts(&fixture.take_all().0), ["0", "1", "2"]);
}

#[test]
fn a_deadline_that_has_passed_leaves_everything_out() {
    let fixture = Fixture::new();
    let stored = fixture.spool.store(&uploads(3), Instant::now());
    assert_eq!((stored.written, stored.no_time, stored.lost()), (0, 3, 3), "{stored:?}");
    assert!(fixture.files().is_empty());
}

#[test]
fn a_deadline_in_the_midst_keeps_whole_files_of_the_newest_and_is_not_passed_by_much() {
    let fixture = Fixture::new();
    let one = upload_of_age(Duration::ZERO, &vec![1; 400_000]);
    let of_age =
        |age| Arc::new(Upload { arrived: now() - Duration::from_millis(age), ..Upload::clone(&one) });
    let uploads: Vec<_> = (0..2000).map(of_age).collect();
    let spool = Spool::new(&fixture.path, u64::MAX);
    let started = Instant::now();
    let stored = spool.store(&uploads, started + Duration::from_millis(50));
    assert_eq!(stored.written + stored.lost(), 2000, "{stored:?}");
    assert_eq!(stored.lost(), stored.no_time, "{stored:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(fixture.files().len() as u64, stored.written);
    let found: Vec<_> = fixture.pick_up().map(|found| found.unwrap().upload.arrived).collect();
    let newest: Vec<_> = (0..stored.written).rev().map(|age| now() - Duration::from_millis(age)).collect();
    assert_eq!(found, newest);
}

#[test]
fn two_processes_that_store_into_one_directory_do_not_collide() {
    let fixture = Fixture::new();
    let uploads = uploads(50);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let stored = fixture.spool.store(&uploads, in_a_minute());
                assert_eq!((stored.written, stored.lost()), (50, 0), "{stored:?}");
            });
        }
    });
    let (bodies, errors) = fixture.take_all();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(bodies.len(), 200);
}
