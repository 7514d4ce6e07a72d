//! Code in the function as attacker: the relay's credentials serve uploads alone, and its requests stay what they are.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use support::http::{Answering, Message};
use support::{Connection, Extension};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A remote and an extension with credentials, a tenant and a header for it.
async fn relay() -> (Answering, Extension) {
    let remote = Answering::start(OK.to_owned()).await;
    let extension = Extension::of(&format!("http://{}", remote.address))
        .set("PYROSCOPE_AUTH_TOKEN", "s3cret-t0ken")
        .set("PYROSCOPE_TENANT_ID", "team-a")
        .set("PYROSCOPE_HTTP_HEADERS", r#"{"X-Api-Key":"s3cret-key"}"#)
        .dev()
        .await;
    (remote, extension)
}

/// Writes bytes as a client of its own, and gives the status of the first answer.
async fn status_of(extension: &Extension, bytes: impl AsRef<[u8]>) -> u16 {
    let mut client = extension.sdk().await;
    client.write(bytes).await;
    client.answer().await.status()
}

/// The only request that has come to the remote once a good one has arrived behind whatever was tried.
async fn only_request(remote: &Answering, extension: &Extension) -> Message {
    extension.profile("good").await;
    let request = remote.requests(1).await.remove(0);
    assert_eq!(remote.requests.borrow().len(), 1);
    assert!(request.target().starts_with("/ingest?name=good"), "{}", request.start);
    request
}

#[tokio::test]
async fn no_header_of_the_function_takes_the_place_of_the_relays_own() {
    let (remote, extension) = relay().await;
    let headers = [
        ("Authorization", "Bearer mine"),
        ("authorization", "Basic mine"),
        ("X-Scope-OrgID", "team-b"),
        ("X-Api-Key", "mine"),
        ("Host", "evil.example"),
        ("Forwarded", "host=evil.example"),
        ("Connection", "Authorization, X-Scope-OrgID, X-Api-Key, Host, Content-Length, close"),
        ("Proxy-Authorization", "Basic mine"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
    ];
    let heads = headers.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let bytes = format!("POST /ingest?name=a HTTP/1.1\r\n{heads}\r\nb\r\nmain;work 1\r\n0\r\n\r\n");
    assert_eq!(status_of(&extension, bytes).await, 200);
    let request = remote.requests(1).await.remove(0);
    for (name, value) in [
        ("authorization", "Bearer s3cret-t0ken"),
        ("x-scope-orgid", "team-a"),
        ("x-api-key", "s3cret-key"),
        ("host", remote.address.to_string().as_str()),
        ("content-length", "11"),
        ("connection", ""),
        ("transfer-encoding", ""),
        ("upgrade", ""),
        ("proxy-authorization", ""),
    ] {
        assert_eq!(request.header(name), value, "{name}: {request:?}");
    }
    assert_eq!(request.text(), "main;work 1");
}

#[tokio::test]
async fn a_request_within_a_request_stays_within_it() {
    let inner = "GET /querier HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = inner.len();
    for (head, body) in [
        // Chunked wins over a length (RFC 9112, section 6.3), and the remote is told the real one.
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            format!("{length:x}\r\n{inner}\r\n0\r\n\r\n"),
        ),
        (format!("Content-Length: {length}"), inner.to_owned()),
        (format!("Content-Length: {length}\r\nContent-Length: {length}"), inner.to_owned()),
    ] {
        let (remote, extension) = relay().await;
        let request = format!("POST /ingest?name=a HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{body}");
        assert_eq!(status_of(&extension, request).await, 200, "{head}");
        let request = remote.requests(1).await.remove(0);
        assert_eq!((request.text().as_str(), request.header("content-length")), (inner, length.to_string()));
        extension.profile("good").await;
        assert!(remote.requests(2).await[1].target().starts_with("/ingest?name=good"));
    }
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused_and_not_relayed() {
    let (remote, extension) = relay().await;
    for head in [
        "Content-Length: 1\r\nContent-Length: 11",
        "Content-Length: 1, 11",
        "Content-Length: +11",
        "Content-Length: 0x0b",
        "Content-Length: -1",
        "Content-Length : 11",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\n\tfolded: x",
        "X-Bare: a\rX-Injected: b",
        "X-Null: a\0b",
        "X Space: a",
        ": nameless",
        "no colon",
    ] {
        let request = format!("POST /ingest?name=a HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\nmain;work 1");
        assert_eq!(status_of(&extension, request).await, 400, "{head:?}");
    }
    for line in [
        "POST /ingest?name=a b HTTP/1.1",
        "POST /ingest?name=a\tb HTTP/1.1",
        "POST /ingest?name=a\r\nX-Injected: b HTTP/1.1",
        "POST /ingest?name=a HTTP/3.0",
        "PO ST /ingest HTTP/1.1",
        "POST  /ingest HTTP/1.1",
    ] {
        let request = format!("{line}\r\nHost: x\r\nContent-Length: 11\r\n\r\nmain;work 1");
        assert_eq!(status_of(&extension, request).await, 400, "{line:?}");
    }
    for chunk in ["xyz\r\n", "-1\r\nx\r\n", "ffffffffffffffffff\r\nx\r\n", "1\r\nxyz\r\n", "1;\n\nx\r\n"] {
        let head = "POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(status_of(&extension, format!("{head}{chunk}")).await, 400, "{chunk:?}");
    }
    only_request(&remote, &extension).await;
}

#[tokio::test]
async fn line_breaks_in_a_query_stay_escaped() {
    let (remote, extension) = relay().await;
    let target = "/ingest?name=a%0d%0aX-Injected:%20b&x=%0D%0A%0D%0AGET%20/%20HTTP/1.1";
    assert_eq!(extension.post(target, &[], "main;work 1").await.status(), 200);
    let request = remote.requests(1).await.remove(0);
    assert_eq!(request.target(), target, "the server rejects the name: it goes on as it came");
    assert_eq!(request.header("x-injected"), "");
}

#[tokio::test]
async fn nothing_but_an_upload_to_the_remote_is_ever_asked_for() {
    let (remote, extension) = relay().await;
    let elsewhere = Answering::start(OK.to_owned()).await;
    let port = elsewhere.address.port();
    for (line, status) in [
        (format!("CONNECT 127.0.0.1:{port} HTTP/1.1"), 404),
        (format!("GET http://127.0.0.1:{port}/ingest HTTP/1.1"), 405),
        (format!("POST http://127.0.0.1:{port}/secrets HTTP/1.1"), 404),
        ("POST /api/v1/push HTTP/1.1".to_owned(), 404),
        ("POST /ingest/%2e%2e/admin HTTP/1.1".to_owned(), 404),
        ("POST /ingest;/../admin HTTP/1.1".to_owned(), 404),
        ("POST /pyroscope/querier.v1.QuerierService/Series HTTP/1.1".to_owned(), 404),
        ("TRACE /ingest?name=a HTTP/1.1".to_owned(), 405),
    ] {
        let request = format!("{line}\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 11\r\n\r\nmain;work 1");
        assert_eq!(status_of(&extension, request).await, status, "{line}");
    }
    // This one is an upload, whatever host it names: it goes to the remote.
    let line = format!("POST http://127.0.0.1:{port}/ingest?name=good HTTP/1.1");
    let request = format!("{line}\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 11\r\n\r\nmain;work 1");
    assert_eq!(status_of(&extension, request).await, 200);
    let request = remote.requests(1).await.remove(0);
    assert!(request.target().starts_with("/ingest?name=good"), "{}", request.start);
    assert_eq!(request.header("host"), remote.address.to_string());
    only_after(&elsewhere);
}

fn only_after(elsewhere: &Answering) {
    assert!(elsewhere.requests.borrow().is_empty(), "{:?}", elsewhere.requests.borrow());
}

#[tokio::test]
async fn a_redirect_takes_no_credentials_elsewhere() {
    let elsewhere = Answering::start(OK.to_owned()).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("http://{}/ingest", elsewhere.address);
        let answer = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let remote = Answering::start(answer).await;
        let extension = Extension::of(&format!("http://{}", remote.address))
            .set("PYROSCOPE_AUTH_TOKEN", "s3cret-t0ken")
            .dev()
            .await;
        extension.profile("a").await;
        let line = extension.logs("refused a profile for good").await;
        assert!(line.contains("it redirects to http://"), "{line}");
    }
    only_after(&elsewhere);
}

#[tokio::test]
async fn nothing_of_the_remotes_answer_reaches_the_function() {
    let answer =
        "HTTP/1.1 200 OK\r\nX-Echo: s3cret-t0ken\r\nSet-Cookie: s3cret\r\nContent-Length: 6\r\n\r\ns3cret";
    let remote = Answering::start(answer.to_owned()).await;
    let extension = Extension::of(&format!("http://{}", remote.address)).dev().await;
    let mut sdk: Connection = extension.sdk().await;
    for target in ["/ingest?name=a", "/push.v1.PusherService/Push", "/v1development/profiles", "/nowhere"] {
        let seen = format!("{:?}", sdk.post(target, &[], b"main;work 1").await);
        assert!(!seen.contains("s3cret"), "{seen}");
    }
    remote.requests(3).await;
    let seen = format!("{:?}", sdk.post("/ingest?name=a", &[], b"main;work 1").await);
    assert!(!seen.contains("s3cret"), "{seen}");
}
