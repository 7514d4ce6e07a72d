//! The spool: what is no record is refused, what is one comes back, and files that are not ours stay.
//!
//! The input is a file: its name up to the first line break, and its content. The choice says what is done to the content.
#![no_main]

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::spool::Spool;
use pyroscope_lambda_extension::spool::record::{Record, VERSION, decode};
use pyroscope_lambda_extension_fuzz::choice;

/// The most bytes that a file may have.
const LARGEST: usize = 1000;

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = choice(input) else { return };
    let mut lines = rest.splitn(2, |byte| *byte == b'\n');
    let (name, content) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let content = match choice % 4 {
        0 => content.to_vec(),
        // With the frame of a record, so that fields are reached: 8 bytes of head, 4 of checksum.
        _ => sealed(&[b"pyrospl", [VERSION].as_slice(), content].concat()),
    };
    record(&content.clone().into(), rest);
    if let Ok(name) = str::from_utf8(name) {
        directory(name, &content);
    }
});

/// Puts a checksum behind `content` that is right.
fn sealed(content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    [content, &crc.sum().to_le_bytes()].concat()
}

/// What is read is written as it was, and damage is noticed; `damage` says where.
fn record(bytes: &Bytes, damage: &[u8]) {
    let Ok(upload) = decode(bytes) else { return };
    let mut written = Vec::new();
    let record = Record::new(&upload);
    record.write_to(&mut written).expect("a vector takes it");
    assert_eq!(record.len(), written.len() as u64);
    let again = decode(&written.clone().into()).expect("what was just written");
    assert_eq!((again.endpoint, again.query, again.arrived), (upload.endpoint, upload.query, upload.arrived));
    assert_eq!((again.headers, again.body), (upload.headers, upload.body));
    let at = damage.iter().fold(0, |at, byte| (at * 31 + usize::from(*byte)) % written.len());
    assert!(decode(&Bytes::copy_from_slice(&written[..at])).is_err(), "cut at {at}");
    written[at] ^= 1;
    assert!(decode(&written.into()).is_err(), "damaged at {at}");
}

/// Only a file of ours is picked up, and it stays until it is removed; one of ours that is no use goes.
fn directory(name: &str, content: &[u8]) {
    // In memory, where there is such a place: it is made anew each time.
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let parent = parent.expect("a directory");
    let spool = parent.path().join("spool");
    fs::create_dir(&spool).expect("a directory");
    fs::set_permissions(&spool, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("permissions");
    let file = spool.join(name);
    // Names that no file has, and those that lead elsewhere.
    if name.contains('/') || matches!(name, "" | "." | "..") || fs::write(&file, content).is_err() {
        return;
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let found: Vec<_> = Spool::new(&spool, u64::MAX).pick_up(now, LARGEST).expect("our directory").collect();
    let left = fs::read(&file);
    let Some(arrived) = arrival(name) else {
        if name.strip_suffix(".partial").is_some_and(|name| arrival(name).is_some()) {
            assert!(found.is_empty(), "what a kill left half-written is no upload");
            assert_eq!(left.expect_err("half a file").kind(), ErrorKind::NotFound);
        } else {
            assert!(matches!(&found[..], [Err(_)]), "a stranger's file is told of");
            assert_eq!(left.expect("a stranger's file"), content);
        }
        return;
    };
    let too_old = u128::from(arrived) + 3_600_000 < 1_700_000_000_000;
    match (&found[..], decode(&Bytes::copy_from_slice(content))) {
        ([Ok(recovered)], Ok(upload)) => {
            assert!(!too_old && content.len() <= LARGEST);
            assert_eq!((&recovered.upload.body, &recovered.upload.headers), (&upload.body, &upload.headers));
            assert_eq!(left.expect("it is not settled"), content);
        }
        ([Err(_)], read) => {
            assert!(read.is_err() || too_old || content.len() > LARGEST);
            assert_eq!(left.expect_err("no use").kind(), ErrorKind::NotFound);
        }
        (found, _) => panic!("{found:?}"),
    }
}

/// When the upload of this name came, in ms since 1970; `None` where it is the name of no upload.
fn arrival(name: &str) -> Option<u64> {
    let parts: Vec<&str> = name.strip_suffix(".upload")?.split('-').collect();
    let [arrived, sequence, series] = parts[..] else { return None };
    // As few digits as there are, but no fewer than so many.
    let number = |text: &str, width| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let spelled = text.len() == width || (text.len() > width && !text.starts_with('0'));
        text.parse::<u64>().ok().filter(|_| digits && spelled)
    };
    let hex = series.len() == 16 && series.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    number(sequence, 6).filter(|_| hex)?;
    number(arrived, 14)
}
