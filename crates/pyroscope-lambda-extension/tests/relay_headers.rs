//! What stands in the head of a relayed request: credentials, tenant, further headers, and what the SDK said.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use pyroscope_sink::Arrival;
use support::http::Answering;
use support::{Extension, requests, sink};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// What arrives of one profile that is posted with these headers to an extension with these variables.
async fn relayed(variables: Pairs<'_>, headers: Pairs<'_>) -> Arrival {
    let sink = sink().await;
    let mut setup = Extension::of(&sink.url());
    for (name, value) in variables {
        setup = setup.set(name, value);
    }
    let extension = setup.dev().await;
    assert_eq!(extension.post("/ingest?name=a", headers, "main;work 1").await.status(), 200);
    Arrival::clone(&requests(&sink, 1).await[0])
}

#[tokio::test]
async fn a_token_wins_over_user_and_password_and_both_over_the_sdk() {
    let token = ("PYROSCOPE_AUTH_TOKEN", "t0ken");
    let (user, password) = (("PYROSCOPE_BASIC_AUTH_USER", "us"), ("PYROSCOPE_BASIC_AUTH_PASSWORD", "pa:ss"));
    let sdk = ("Authorization", "Bearer of-the-sdk");
    let basic = "Basic dXM6cGE6c3M=";
    let cases: [(Pairs, Pairs, &str); 9] = [
        (&[], &[], ""),
        (&[], &[sdk], "Bearer of-the-sdk"),
        (&[token], &[], "Bearer t0ken"),
        (&[token], &[sdk], "Bearer t0ken"),
        (&[user, password], &[], basic),
        (&[user, password], &[sdk], basic),
        (&[token, user, password], &[sdk], "Bearer t0ken"),
        (&[user], &[sdk], "Bearer of-the-sdk"),
        (&[password], &[], ""),
    ];
    for (variables, headers, expected) in cases {
        let arrival = relayed(variables, headers).await;
        let values = arrival.request.headers.get_all("authorization");
        let values: Vec<_> = values.iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(values.join(" and "), expected, "{variables:?} {headers:?}");
    }
}

#[tokio::test]
async fn tenant_and_further_headers_go_on_top_of_those_of_the_sdk() {
    let variables = [
        ("PYROSCOPE_TENANT_ID", "team-a"),
        ("PYROSCOPE_HTTP_HEADERS", r#"{"X-One":"1","x-two":"zwei","User-Agent":"ours"}"#),
    ];
    let headers =
        [("X-Scope-OrgID", "of-the-sdk"), ("X-Two", "two"), ("X-Three", "3"), ("user-agent", "sdk")];
    let arrival = relayed(&variables, &headers).await;
    for (name, expected) in [
        ("x-scope-orgid", "team-a"),
        ("x-one", "1"),
        ("x-two", "zwei"),
        ("x-three", "3"),
        ("user-agent", "ours"),
    ] {
        let values: Vec<_> = arrival.request.headers.get_all(name).iter().collect();
        assert_eq!(values, [expected], "{name}");
    }
}

#[tokio::test]
async fn further_headers_win_over_credentials_and_tenant() {
    let variables = [
        ("PYROSCOPE_AUTH_TOKEN", "t0ken"),
        ("PYROSCOPE_TENANT_ID", "team-a"),
        ("PYROSCOPE_HTTP_HEADERS", r#"{"Authorization":"Custom x","X-Scope-OrgID":"team-b"}"#),
    ];
    let arrival = relayed(&variables, &[]).await;
    assert_eq!(arrival.request.header("authorization"), "Custom x");
    assert_eq!(arrival.request.header("x-scope-orgid"), "team-b");
}

#[tokio::test]
async fn headers_of_the_body_and_of_the_sdk_go_on_and_those_of_the_connection_do_not() {
    let remote = Answering::start(OK.to_owned()).await;
    let address = remote.address;
    let extension = Extension::of(&format!("http://{address}/")).dev().await;
    let headers = [
        ("User-Agent", "pyroscope-rs/2.0"),
        ("Content-Type", "application/octet-stream"),
        ("X-Sdk", "kept"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "X-Sum"),
        ("Upgrade", "h2c"),
        ("Accept-Encoding", "gzip"),
    ];
    assert_eq!(extension.post("/ingest?name=a", &headers, "main;work 1").await.status(), 200);
    let request = remote.requests(1).await.remove(0);
    assert!(request.start.starts_with("POST /ingest?name=a"), "{}", request.start);
    assert!(request.start.ends_with(" HTTP/1.1"), "{}", request.start);
    let mut seen = request.headers;
    seen.sort();
    let expected = [
        ("content-length", "11"),
        ("content-type", "application/octet-stream"),
        ("host", &address.to_string()),
        ("user-agent", "pyroscope-rs/2.0"),
        ("x-sdk", "kept"),
    ];
    let seen: Vec<_> = seen.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_base_path_of_the_remote_is_kept() {
    let remote = Answering::start(OK.to_owned()).await;
    let extension = Extension::of(&format!("http://{}/profiles/v1/", remote.address)).dev().await;
    let targets = ["/ingest?name=a", "/push.v1.PusherService/Push", "/v1development/profiles"];
    for (index, target) in targets.into_iter().enumerate() {
        assert_eq!(extension.post(target, &[], "x 1").await.status(), 200);
        let request = remote.requests(index + 1).await.remove(index);
        assert!(request.target().starts_with(&format!("/profiles/v1{target}")), "{}", request.start);
    }
}

#[tokio::test]
async fn user_and_password_in_the_address_are_credentials_and_not_shown() {
    let remote = Answering::start(OK.to_owned()).await;
    let extension = Extension::of(&format!("http://us:pa%3Ass@{}", remote.address)).dev().await;
    extension.profile("a").await;
    let request = remote.requests(1).await.remove(0);
    assert_eq!(request.header("authorization"), "Basic dXM6cGE6c3M=");
    assert_eq!(request.header("host"), remote.address.to_string());
    assert!(extension.lines("pa%3Ass").is_empty());
}
