//! The spool in `/tmp`, which code in the function can write to as well: by the whole program.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use pyroscope_lambda_extension::spool::Spool;
use pyroscope_lambda_extension::upload::{Endpoint, Upload};
use support::http::Answering;
use support::{Extension, Platform, free_port};
use tokio::time::Instant;

const SHUTDOWN: Duration = Duration::from_millis(1500);

/// Lets an extension with credentials, whose remote is not there, leave one profile behind; gives its log.
async fn left_behind(directory: &Path) -> Vec<String> {
    let platform = Platform::start().await;
    let mut extension = Extension::of(&format!("http://127.0.0.1:{}", free_port()))
        .set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap())
        .set("PYROSCOPE_AUTH_TOKEN", "s3cret-t0ken")
        .set("PYROSCOPE_TENANT_ID", "s3cret-tenant")
        .set("PYROSCOPE_HTTP_HEADERS", r#"{"X-Api-Key":"s3cret-key"}"#)
        .on(&platform)
        .await;
    extension.profile("app").await;
    platform.shutdown(SHUTDOWN);
    assert_eq!(extension.ends().await.code(), Some(0));
    extension.log()
}

#[tokio::test]
async fn the_spool_holds_no_credentials_of_the_extension_and_is_for_its_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("spool");
    left_behind(&directory).await;
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.windows(11).any(|window| window == b"main;work 1"));
        assert!(!bytes.windows(6).any(|window| window == b"s3cret"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_link_in_place_of_the_spool_leads_the_program_nowhere() {
    let (parent, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = parent.path().join("spool");
    symlink(elsewhere.path(), &directory).unwrap();
    let log = left_behind(&directory).await;
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    let told = log.iter().filter(|line| line.contains("can't be left to the next process")).count();
    assert_eq!(told, 1, "{log:#?}");
}

#[tokio::test]
async fn a_planted_file_can_do_no_more_than_a_post() {
    let remote = Answering::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("spool");
    let planted = |name: &'static str, value: &'static str| {
        let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
        Arc::new(Upload {
            endpoint: Endpoint::Push,
            query: None,
            headers: HeaderMap::from_iter([header]),
            body: Bytes::from_static(b"GET /querier HTTP/1.1\r\nHost: x\r\n\r\n"),
            arrived: SystemTime::now(),
        })
    };
    // Each would make the remote see two requests in one, or another host.
    let uploads = [
        planted("content-length", "0"),
        planted("transfer-encoding", "chunked"),
        planted("host", "elsewhere"),
        planted("connection", "upgrade"),
        planted("authorization", "Bearer mine"),
    ];
    let deadline = Instant::now() + Duration::from_secs(60);
    let stored = Spool::new(&directory, Spool::DEFAULT_LIMIT).store(&uploads, deadline);
    assert_eq!(stored.written, 5, "{stored:?}");

    let platform = Platform::start().await;
    let extension = Extension::of(&format!("http://{}", remote.address))
        .set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap())
        .set("PYROSCOPE_AUTH_TOKEN", "t0ken")
        .on(&platform)
        .await;
    platform.invoke();
    platform.asked(2).await;
    extension.profile("good").await;
    let requests = remote.requests(2).await;
    let empty = async {
        while fs::read_dir(&directory).unwrap().count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, empty).await.unwrap();
    assert_eq!(remote.requests.borrow().len(), 2, "the good one, and the one that a post could be as well");
    for request in requests {
        assert_eq!(request.header("authorization"), "Bearer t0ken");
        assert_eq!(request.header("host"), remote.address.to_string());
        assert_eq!(request.header("content-length"), request.body.len().to_string());
    }
}
