//! HTTP as SDKs speak it to the extension, byte by byte.

mod support;

use support::{Connection, Extension, accepted, requests, sink};

const PUSH: &str = "/push.v1.PusherService/Push";

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sdk = extension.sdk().await;
    for _ in 0..3 {
        assert_eq!(sdk.post("/ingest?name=a", &[], b"main;work 1").await.status(), 200);
    }
    // One that is not taken leaves the connection in order, and so does one that is sent before the answer.
    assert_eq!(sdk.post("/nowhere", &[], b"main;work 1").await.status(), 404);
    let one = support::http::post("/ingest?name=a", &[], b"main;work 1");
    sdk.write([one.clone(), one].concat()).await;
    assert_eq!((sdk.answer().await.status(), sdk.answer().await.status()), (200, 200));
    assert_eq!(accepted(&sink, 5).await.len(), 5);
}

#[tokio::test]
async fn a_body_in_chunks_goes_on_whole() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sdk = extension.sdk().await;
    sdk.write("POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for chunk in ["5\r\nmain;\r\n", "4;ext=1\r\nwork\r\n", "2\r\n 1\r\n", "0\r\nX-Trailer: 1\r\n\r\n"] {
        sdk.write(chunk).await;
    }
    assert_eq!(sdk.answer().await.status(), 200);
    let request = &accepted(&sink, 1).await[0].request;
    assert_eq!(&request.body[..], b"main;work 1");
    assert_eq!((request.header("content-length"), request.header("transfer-encoding")), ("11", ""));
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sdk = extension.sdk().await;
    let head =
        "POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n";
    sdk.write(head).await;
    assert_eq!(sdk.answer().await.status(), 100);
    sdk.write("main;work 1").await;
    assert_eq!(sdk.answer().await.status(), 200);
    assert_eq!(accepted(&sink, 1).await[0].request.header("expect"), "");
}

#[tokio::test]
async fn a_client_that_closes_its_half_after_the_request_has_its_answer() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sdk = extension.sdk().await;
    sdk.write(support::http::post("/ingest?name=a", &[], b"main;work 1")).await;
    sdk.close_half().await;
    assert_eq!(sdk.answer().await.status(), 200);
    accepted(&sink, 1).await;
}

#[tokio::test]
async fn heads_of_every_make_are_understood() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let heads = [
        "POST /ingest?name=a HTTP/1.1\r\nHOST: x\r\nCONTENT-LENGTH: 11\r\n\r\n",
        "POST /ingest?name=a HTTP/1.1\r\nhost:x\r\ncontent-length:11\r\n\r\n",
        "POST /ingest?name=a HTTP/1.1\r\nhOsT: \t x \r\ncOnTeNt-LeNgTh:  11  \r\n\r\n",
        "POST /ingest?name=a HTTP/1.0\r\nContent-Length: 11\r\n\r\n",
        "POST http://localhost:4040/ingest?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
        "POST //ingest?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
        "POST /ingest/?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
        "POST /ingest//?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
        "POST /pyroscope//ingest?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
    ];
    for (index, head) in heads.into_iter().enumerate() {
        let mut sdk = extension.sdk().await;
        sdk.write(format!("{head}main;work 1")).await;
        assert_eq!(sdk.answer().await.status(), 200, "{head}");
        let request = accepted(&sink, index + 1).await[index].request.clone();
        let expected = if head.contains("pyroscope") { "/pyroscope/ingest" } else { "/ingest" };
        assert_eq!((request.path.as_str(), &request.body[..]), (expected, &b"main;work 1"[..]), "{head}");
    }
}

#[tokio::test]
async fn localhost_may_be_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // this machine has none
    }
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sdk = Connection::open(("::1", extension.port)).await;
    assert_eq!(sdk.post("/ingest?name=a", &[], b"main;work 1").await.status(), 200);
    accepted(&sink, 1).await;
}

#[tokio::test]
async fn nobody_listens_beyond_the_loopback_address() {
    let extension = Extension::of("http://127.0.0.1:9").dev().await;
    // Whoever listens on every address is found on any of 127.0.0.0/8.
    let beyond = tokio::net::TcpStream::connect(("127.0.0.2", extension.port)).await;
    assert!(beyond.is_err(), "{beyond:?}");
}

#[tokio::test]
async fn every_answer_is_200_in_the_protocol_of_its_endpoint() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sdk = extension.sdk().await;
    let cases = [
        ("/ingest?name=a", "application/octet-stream", "", ""),
        ("/ingest?name=a", "multipart/form-data; boundary=x", "", ""),
        ("/pyroscope/ingest?name=a", "text/plain", "", ""),
        (PUSH, "application/proto", "application/proto", ""),
        (PUSH, "application/json", "application/json", "{}"),
        (PUSH, "application/json; charset=utf-8", "application/json; charset=utf-8", "{}"),
        ("/v1development/profiles", "application/x-protobuf", "application/x-protobuf", ""),
        ("/v1development/profiles", "application/json", "application/json", "{}"),
    ];
    for (target, content_type, answered, body) in cases {
        let answer = sdk.post(target, &[("Content-Type", content_type)], b"main;work 1").await;
        assert_eq!(answer.start, "HTTP/1.1 200 OK", "{target}");
        assert_eq!((answer.header("content-type").as_str(), answer.text().as_str()), (answered, body));
    }
    requests(&sink, cases.len()).await;
}

#[tokio::test]
async fn what_is_no_upload_is_refused_and_never_relayed() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_AUTH_TOKEN", "t0ken").dev().await;
    for (line, status) in [
        ("GET /ingest?name=a", 405),
        ("PUT /ingest?name=a", 405),
        ("DELETE /push.v1.PusherService/Push", 405),
        ("OPTIONS /v1development/profiles", 405),
        ("POST /", 404),
        ("GET /", 404),
        ("GET /metrics", 404),
        ("POST /querier.v1.QuerierService/ProfileTypes", 404),
        ("POST /ingest/../querier.v1.QuerierService/Series", 404),
        ("POST /Ingest?name=a", 404),
        ("POST /%69ngest?name=a", 404),
        ("POST /ingest;x?name=a", 404),
        ("OPTIONS *", 404),
    ] {
        let mut sdk = extension.sdk().await;
        sdk.write(format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nmain;work 1")).await;
        let answer = sdk.answer().await;
        assert_eq!(answer.status(), status, "{line}");
        let allowed = if status == 405 { "POST" } else { "" };
        assert_eq!(answer.header("allow"), allowed, "{line}");
        let says = if status == 405 { "use POST" } else { "profiles go to /ingest" };
        assert!(answer.text().contains(says), "{line}: {}", answer.text());
    }
    extension.profile("a").await;
    assert_eq!(accepted(&sink, 1).await.len(), 1);
}
