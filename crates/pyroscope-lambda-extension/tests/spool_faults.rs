//! Directories that can't be trusted or used, and files that are not what they seem: each is reported, none is in the
//! way of the rest.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod spool_support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use pyroscope_lambda_extension::spool::record::Malformed;
use pyroscope_lambda_extension::spool::{Error, Spool};
use spool_support::{Fixture, LARGEST, in_a_minute, now, texts, uploads};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A spool of three, the second of which `tamper` has been at; what a start makes of it. The other two are found always.
fn tampered(tamper: impl FnOnce(&Path)) -> (Fixture, Vec<Error>) {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(3), in_a_minute()).written, 3);
    tamper(&fixture.path.join(&fixture.files()[1]));
    let (bodies, errors) = fixture.take_all();
    let others: Vec<_> = texts(&bodies).into_iter().filter(|body| *body != "1").collect();
    assert_eq!(others, ["0", "2"]);
    (fixture, errors)
}

/// Neither stores nor finds anything there, and says why.
fn refused(spool: &Spool) -> Error {
    let stored = spool.store(&uploads(2), in_a_minute());
    assert_eq!((stored.written, stored.failed, stored.lost()), (0, 2, 2), "{stored:?}");
    let error = stored.error.unwrap();
    let again = spool.pick_up(now(), LARGEST).unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
    error
}

#[test]
fn a_link_in_place_of_the_directory_is_not_followed() {
    let fixture = Fixture::new();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), &fixture.path).unwrap();
    assert!(matches!(refused(&fixture.spool), Error::NotADirectory { .. }));
    let mut with_slash = fixture.path.clone().into_os_string();
    with_slash.push("/");
    let spool = Spool::new(Path::new(&with_slash), Spool::DEFAULT_LIMIT);
    assert!(matches!(refused(&spool), Error::NotADirectory { .. }));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_link_to_nowhere_and_a_file_are_no_directories_either() {
    let fixture = Fixture::new();
    symlink("/nonexistent/spool", &fixture.path).unwrap();
    assert!(matches!(refused(&fixture.spool), Error::NotADirectory { .. }));
    fs::remove_file(&fixture.path).unwrap();
    fs::write(&fixture.path, "a file").unwrap();
    assert!(matches!(refused(&fixture.spool), Error::NotADirectory { .. }));
}

#[test]
fn a_directory_that_others_can_write_to_is_not_used() {
    let fixture = Fixture::new();
    fs::create_dir(&fixture.path).unwrap();
    for mode in [0o777, 0o1777, 0o770] {
        set_mode(&fixture.path, mode);
        let error = refused(&fixture.spool);
        assert!(matches!(error, Error::OpenToOthers { .. }), "{error}");
        assert!(error.to_string().contains(&format!("{mode:o}")), "{error}");
    }
    set_mode(&fixture.path, 0o755);
    assert_eq!(fixture.spool.store(&uploads(1), in_a_minute()).written, 1);
}

#[test]
fn a_directory_of_somebody_else_is_not_used() {
    // Root owns the one; where the test is root, it can give the other away.
    let fixture = Fixture::new();
    fs::create_dir(&fixture.path).unwrap();
    let given_away = std::os::unix::fs::chown(&fixture.path, Some(12_345), None).is_ok();
    let spool = if given_away { fixture.spool } else { Spool::new(Path::new("/usr"), Spool::DEFAULT_LIMIT) };
    assert!(matches!(refused(&spool), Error::NotOurs { .. }));
}

#[test]
fn a_directory_that_can_not_be_created_is_reported() {
    let fixture = Fixture::new();
    fs::write(&fixture.path, "a file").unwrap();
    let below = Spool::new(&fixture.path.join("below"), Spool::DEFAULT_LIMIT);
    let stored = below.store(&uploads(2), in_a_minute());
    assert_eq!((stored.written, stored.failed), (0, 2), "{stored:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_takes_no_files_is_reported_once() {
    // Ours, and read-only even for root.
    let spool = Spool::new(Path::new("/proc/self/fdinfo"), Spool::DEFAULT_LIMIT);
    let stored = spool.store(&uploads(4), in_a_minute());
    assert_eq!((stored.written, stored.failed, stored.lost()), (0, 4, 4), "{stored:?}");
    assert!(matches!(stored.error, Some(Error::Write { .. })), "{stored:?}");
}

#[test]
fn files_of_others_are_left_alone_and_reported_once() {
    let fixture = Fixture::new();
    assert_eq!(fixture.spool.store(&uploads(2), in_a_minute()).written, 2);
    for name in ["notes.txt", "cache.partial", "1.upload"] {
        fs::write(fixture.path.join(name), "mine").unwrap();
    }
    fs::create_dir(fixture.path.join("folder")).unwrap();
    let (bodies, errors) = fixture.take_all();
    assert_eq!(texts(&bodies), ["0", "1"]);
    assert!(matches!(&errors[..], [Error::Foreign { count: 4, .. }]), "{errors:?}");
    assert_eq!(fixture.files(), ["1.upload", "cache.partial", "folder", "notes.txt"]);
}

#[test]
fn a_damaged_file_is_removed_and_reported() {
    for (tamper, expected) in [
        ((|bytes| bytes[40] ^= 1) as fn(&mut Vec<u8>), Malformed::Checksum),
        (|bytes| bytes.truncate(60), Malformed::Checksum),
        (Vec::clear, Malformed::Magic),
        (|bytes| bytes.extend([0; 100]), Malformed::Checksum),
        (|bytes| *bytes = b"#!/bin/sh".to_vec(), Malformed::Magic),
        (|bytes| bytes[7] = 9, Malformed::Version(9)),
    ] {
        let (fixture, errors) = tampered(|path| {
            let mut bytes = fs::read(path).unwrap();
            tamper(&mut bytes);
            fs::write(path, bytes).unwrap();
        });
        assert!(matches!(&errors[..], [Error::Broken { source, .. }] if *source == expected), "{errors:?}");
        assert!(fixture.files().is_empty());
    }
}

#[test]
fn a_link_in_place_of_a_file_is_removed_and_what_it_leads_to_is_not() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    let (fixture, errors) = tampered(|path| {
        fs::rename(path, &target).unwrap();
        symlink(&target, path).unwrap();
    });
    assert!(matches!(&errors[..], [Error::NotAFile { .. }]), "{errors:?}");
    assert!(fixture.files().is_empty());
    assert!(target.exists());
}

#[test]
fn a_pipe_in_place_of_a_file_blocks_nothing() {
    let (fixture, errors) = tampered(|path| {
        fs::remove_file(path).unwrap();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    });
    assert!(matches!(&errors[..], [Error::NotAFile { .. }]), "{errors:?}");
    assert!(fixture.files().is_empty());
}

#[test]
fn a_directory_in_place_of_a_file_is_removed_if_it_is_empty() {
    let (fixture, errors) = tampered(|path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    });
    assert!(matches!(&errors[..], [Error::NotAFile { .. }]), "{errors:?}");
    assert!(fixture.files().is_empty());

    let (fixture, errors) = tampered(|path| {
        fs::remove_file(path).unwrap();
        fs::create_dir_all(path.join("with something in it")).unwrap();
    });
    assert!(matches!(&errors[..], [Error::NotAFile { .. }]), "{errors:?}");
    assert_eq!(fixture.files().len(), 1);
    assert_eq!(fixture.spool.store(&uploads(2), in_a_minute()).written, 2, "nor is it in the way of a store");
}

#[test]
fn a_file_that_may_not_be_read_is_removed_and_reported() {
    let (fixture, errors) = tampered(|path| set_mode(path, 0));
    // Root may read all the same.
    assert!(matches!(&errors[..], [] | [Error::Unreadable { .. }]), "{errors:?}");
    assert!(fixture.files().is_empty());
}
