//! Remotes of every make: how they are addressed, and answers that a server need not give but may.

mod support;

use std::net::ToSocketAddrs;
use std::time::Duration;

use pyroscope_sink::{Credentials, Options};
use support::http::{Answering, Message};
use support::{Extension, Platform, accepted, free_port, requests, sink_with};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy, empty};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_remote_is_named_as_its_address_names_it() {
    let mut hosts = vec!["127.0.0.1", "localhost"];
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        hosts.push("[::1]");
    }
    for host in hosts {
        let listen = if host == "[::1]" { "[::1]:0" } else { "127.0.0.1:0" };
        let sink = sink_with(Options::default().listen(listen.parse().unwrap())).await;
        let port = sink.addr().port();
        let extension = Extension::of(&format!("http://{host}:{port}")).dev().await;
        extension.profile("app").await;
        let request = accepted(&sink, 1).await[0].request.clone();
        assert_eq!(request.header("host"), format!("{host}:{port}"));
    }
}

#[tokio::test]
async fn a_remote_is_reached_at_whichever_of_its_addresses_it_listens_on() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        // A machine without IPv6 has but one of them.
        if std::net::TcpListener::bind(listen).is_err()
            || ("localhost", 1).to_socket_addrs().unwrap().len() < 2
        {
            continue;
        }
        let sink = sink_with(Options::default().listen(listen.parse().unwrap())).await;
        let extension = Extension::of(&format!("http://localhost:{}", sink.addr().port())).dev().await;
        extension.profile("app").await;
        accepted(&sink, 1).await;
    }
}

#[tokio::test]
async fn an_extension_does_not_relay_to_itself() {
    for host in ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"] {
        let port = free_port();
        let extension = Extension::of(&format!("http://{host}:{port}/")).port(port).dev().await;
        let answer = extension.post("/ingest?name=a", &[], "main;work 1").await;
        assert_eq!(answer.status(), 503);
        let reason = format!("PYROSCOPE_REMOTE_ADDRESS=\"http://{host}:{port}\": the extension itself");
        assert!(answer.text().contains(&reason), "{}", answer.text());
    }
}

#[tokio::test]
async fn answers_that_are_odd_but_say_yes_deliver() {
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 202 \r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        // A body that does not end.
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nand so on",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk",
    ] {
        let remote = Answering::start(answer.to_owned()).await;
        let extension = Extension::of(&format!("http://{}", remote.address)).dev().await;
        extension.profile("app").await;
        extension.logs("profile delivered").await;
        extension.profile("app").await;
        remote.requests(2).await;
        assert_eq!(remote.requests.borrow().len(), 2, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_a_failure_like_any_other() {
    let remote = Answering::start("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned()).await;
    let extension = Extension::of(&format!("http://{}", remote.address)).dev().await;
    extension.profile("app").await;
    let failure = extension.logs("not delivered yet").await;
    assert!(failure.contains("the connection broke off"), "{failure}");
    remote.requests(2).await;
}

#[tokio::test]
async fn a_remote_that_refuses_a_large_profile_before_it_has_read_it_is_understood() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let remote = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // It looks at no more than the head, as a proxy with a limit does; such a proxy lingers over what still comes, or
            // the reset of the connection would overtake its answer.
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|length| length > 2) {
                line.clear();
            }
            let answer =
                "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbig\n";
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
            drop(copy(&mut stream, &mut empty()).await);
        }
    });
    let extension = Extension::of(&remote).dev().await;
    let answer = extension.post("/ingest?name=large", &[], vec![b'x'; 4_000_000]).await;
    assert_eq!(answer.status(), 200);
    let refusal = extension.logs("refused a profile for good").await;
    assert!(refusal.contains("status=413"), "{refusal}");
}

#[tokio::test]
async fn credentials_that_are_not_accepted_are_told_and_tried_again_at_the_next_invocation() {
    let platform = Platform::start().await;
    let sink = sink_with(Options::default().credentials(Credentials::Bearer("right".to_owned()))).await;
    let extension = Extension::of(&sink.url())
        .set("PYROSCOPE_AUTH_TOKEN", "wrong")
        .set("PYROSCOPE_FLUSH_STRATEGY", "background")
        .on(&platform)
        .await;
    extension.profile("app").await;
    let told = extension.logs("the remote does not accept the credentials").await;
    assert!(told.contains("status=401") && told.contains("PYROSCOPE_AUTH_TOKEN"), "{told}");
    assert!(!told.contains("wrong"), "{told}");
    platform.invoke();
    requests(&sink, 2).await;
}

#[tokio::test]
async fn a_remote_is_asked_again_when_it_said_it_could_be() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let remote = Answering::start(answer.to_owned()).await;
    let extension = Extension::of(&format!("http://{}", remote.address)).dev().await;
    extension.profile("app").await;
    remote.requests(1).await;
    let asked = tokio::time::Instant::now();
    let requests: Vec<Message> = remote.requests(2).await;
    assert_eq!(requests[0].start, requests[1].start);
    assert!(asked.elapsed() > Duration::from_millis(800), "after {:?}", asked.elapsed());
}
