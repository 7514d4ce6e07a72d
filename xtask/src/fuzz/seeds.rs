//! What each target starts from: recorded requests of SDKs, the server's own vectors, and what people wrote.
//!
//! The first byte of an input chooses between the settings that its target tries; see the crate `fuzz`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::error::Error;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/pyroscope-lambda-extension/tests");
const WRITTEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds");

/// One of the names that the server's own parser was tried with.
#[derive(Deserialize)]
struct Vector {
    name: String,
}

/// Writes all seeds into a folder for each target.
pub(super) fn write(folder: &Path) -> Result<(), Error> {
    for target in files(Path::new(WRITTEN))? {
        for seed in files(&target)? {
            put(folder, &name_of(&target), &name_of(&seed), &[&read(&seed)?])?;
        }
    }
    let vectors = read(&Path::new(TESTS).join("vectors/ingest-names.json"))?;
    let vectors: Vec<Vector> = serde_json::from_slice(&vectors)
        .map_err(|source| Error::Unreadable { of: "ingest-names.json", source })?;
    for (number, vector) in vectors.iter().enumerate() {
        put(folder, "ingest", &format!("vector-{number}"), &[b"1", vector.name.as_bytes()])?;
    }
    for file in files(&Path::new(TESTS).join("captures"))? {
        if file.extension().is_some_and(|extension| extension == "http") {
            put_request(folder, &name_of(&file), &read(&file)?)?;
        }
    }
    Ok(())
}

/// A recorded request, for each target that has to do with one of its kind.
fn put_request(folder: &Path, name: &str, request: &[u8]) -> Result<(), Error> {
    put(folder, "http", name, &[b"0", request])?;
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(request.len());
    let (head, body) = request.split_at(end);
    let (head, body) = (String::from_utf8_lossy(head), body.get(4..).unwrap_or_default());
    let target = head.split(' ').nth(1).unwrap_or_default();
    if let Some((_, query)) = target.split_once("ingest?") {
        put(folder, "ingest", name, &[b"0", query.as_bytes()])?;
        return put(folder, "multipart", name, &[b"0boundary\n", body]);
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(body).read_to_end(&mut plain).map_err(Error::io(format!("unpack {name}")))?;
    put(folder, "push_protobuf", name, &[b"0", &plain])?;
    put(folder, "push_gzip", &format!("{name}-plain"), &[b"0", &plain])?;
    put(folder, "push_gzip", name, &[b"9", body])
}

fn put(folder: &Path, target: &str, name: &str, parts: &[&[u8]]) -> Result<(), Error> {
    let folder = folder.join(target);
    let file = folder.join(name);
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, parts.concat()))
        .map_err(Error::io(format!("write {}", file.display())))
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(Error::io(format!("read {}", file.display())))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listing = fs::read_dir(folder).map_err(Error::io(format!("read {}", folder.display())))?;
    Ok(listing.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
