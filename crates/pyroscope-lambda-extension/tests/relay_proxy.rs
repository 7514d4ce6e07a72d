//! Profiles go through proxies. The remote has a name that the proxy alone knows: whatever arrives came through it.

mod support;

use std::time::Duration;

use pyroscope_sink::{Options, Sink};
use support::extension::Setup;
use support::{Extension, Platform, Proxy, ProxyAnswer, accepted, sink, sink_with};
use tempfile::tempdir;
use tokio::net::TcpListener;

/// A name that no look-up knows (RFC 6761, section 6.4).
const NAME: &str = "pyroscope.invalid";

async fn tls_sink() -> Sink {
    sink_with(Options::default().tls_name(NAME)).await
}

/// An extension whose remote is [`NAME`] behind `proxy`.
fn behind(proxy: &str, scheme: &str) -> Setup {
    let variable = format!("{}_PROXY", scheme.to_ascii_uppercase());
    Extension::of(&format!("{scheme}://{NAME}:4040")).set(&variable, proxy)
}

#[tokio::test]
async fn an_https_remote_is_reached_through_a_tunnel_which_is_kept_for_the_next_profile() {
    let (sink, directory) = (tls_sink().await, tempdir().unwrap());
    let authority = directory.path().join("ca.pem");
    sink.write_ca_pem(&authority).unwrap();
    let proxy = Proxy::to(sink.addr(), ProxyAnswer::ServesOnly("Basic dXNAZXI6cGFzczp3b3Jk")).await;
    let url = proxy.url().replace("//", "//us%40er:pass%3Aword@");
    let extension = behind(&url, "https")
        .set("PYROSCOPE_TLS_CA_FILE", authority.to_str().unwrap())
        .set("PYROSCOPE_NUM_WORKERS", "1")
        .set("PYROSCOPE_AUTH_TOKEN", "t0ken")
        .dev()
        .await;
    for number in 1..=3 {
        extension.profile("secret").await;
        accepted(&sink, number).await;
    }
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].start, format!("CONNECT {NAME}:4040 HTTP/1.1"));
    assert_eq!(requests[0].header("host"), format!("{NAME}:4040"));
    assert_eq!(requests[0].header("authorization"), "", "that is for the remote alone");
    let arrived = sink.arrivals()[0].request.clone();
    assert_eq!(arrived.header("host"), format!("{NAME}:4040"));
    assert_eq!(
        (arrived.header("proxy-authorization"), arrived.header("authorization")),
        ("", "Bearer t0ken")
    );
    assert_eq!(extension.lines("dXNAZXI6cGFzczp3b3Jk"), [""; 0]);
    assert_eq!(extension.lines("pass"), [""; 0]);
}

#[tokio::test]
async fn an_http_remote_is_asked_through_a_proxy_that_is_given_the_whole_url() {
    let sink = sink().await;
    let proxy = Proxy::to(sink.addr(), ProxyAnswer::ServesOnly("Basic dTpw")).await;
    let extension = behind(&proxy.url().replace("//", "//u:p@"), "http").dev().await;
    extension.profile("app").await;
    let request = proxy.asked(1).await.remove(0);
    assert!(request.target().starts_with(&format!("http://{NAME}:4040/ingest?name=app")), "{request:?}");
    assert_eq!(request.header("host"), format!("{NAME}:4040"));
    extension.profile("app").await;
    proxy.asked(2).await;
}

#[tokio::test]
async fn a_proxy_that_is_itself_spoken_to_over_tls_is_used() {
    // The proxy behind TLS: a server that takes the TLS off and hands on to the proxy.
    let (sink, directory) = (tls_sink().await, tempdir().unwrap());
    let proxy = Proxy::to(sink.addr(), ProxyAnswer::Serves).await;
    let (front, authority) = support::certificates::tls_front(proxy.address).await;
    let (one, other) = (sink.ca_pem().unwrap(), authority.as_str());
    let file = support::certificates::file(directory.path(), "both.pem", &format!("{one}{other}"));
    let extension =
        behind(&format!("https://{front}"), "https").set("PYROSCOPE_TLS_CA_FILE", file).dev().await;
    extension.profile("app").await;
    accepted(&sink, 1).await;
    assert_eq!(proxy.requests()[0].start, format!("CONNECT {NAME}:4040 HTTP/1.1"));
}

#[tokio::test]
async fn a_proxy_that_does_not_let_us_through_is_named_with_the_reason_and_without_its_password() {
    let sink = tls_sink().await;
    for (answer, reason) in [
        (
            ProxyAnswer::ServesOnly("another"),
            "answered 407 Proxy Authentication Required (write its user and password into its address",
        ),
        (
            ProxyAnswer::Bytes("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
            "answered 403 Forbidden (it does not allow this",
        ),
        (
            ProxyAnswer::Bytes("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>"),
            "answered 502 Bad Gateway (it can't reach the server)",
        ),
        (ProxyAnswer::Bytes("SSH-2.0-OpenSSH_9.6\r\n"), "does not speak HTTP"),
        (ProxyAnswer::Bytes("HTTP/1.1 200"), "closed the connection before it answered"),
        (ProxyAnswer::Hangs, "no connection within 300ms (PYROSCOPE_TIMEOUT) by way of the proxy"),
    ] {
        let proxy = Proxy::to(sink.addr(), answer).await;
        let url = proxy.url().replace("//", "//user:s3cret@");
        let extension = behind(&url, "https").set("PYROSCOPE_TIMEOUT", "300ms").dev().await;
        extension.profile("app").await;
        let failure = extension.logs("not delivered yet").await;
        let named = format!("proxy {} (HTTPS_PROXY)", proxy.url());
        assert!(failure.contains(&named) && failure.contains(reason), "{failure}");
        assert_eq!(extension.lines("s3cret"), [""; 0]);
    }
    assert_eq!(sink.totals().requests, 0);
}

#[tokio::test]
async fn a_proxy_that_can_not_be_reached_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for scheme in ["http", "https"] {
        let extension = behind(&format!("http://{nobody}"), scheme).dev().await;
        extension.profile("app").await;
        let failure = extension.logs("not delivered yet").await;
        let named = format!("the proxy http://{nobody} ({}_PROXY) can't be reached", scheme.to_uppercase());
        assert!(failure.contains(&named), "{failure}");
    }
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_for_what_it_forwards_loses_no_profile() {
    let sink = sink().await;
    let proxy = Proxy::to(sink.addr(), ProxyAnswer::ServesOnly("another")).await;
    let extension = behind(&proxy.url(), "http").dev().await;
    extension.profile("app").await;
    let failure = extension.logs("not delivered yet").await;
    assert!(
        failure.contains("407")
            && failure.contains("the proxy asks for user and password")
            && failure.contains(&format!("the proxy {}", proxy.url())),
        "{failure}"
    );
    proxy.asked(2).await;
}

#[tokio::test]
async fn neither_the_extensions_api_nor_a_remote_on_this_machine_is_asked_through_a_proxy() {
    let (platform, sink) = (Platform::start().await, sink().await);
    let proxy = Proxy::to(sink.addr(), ProxyAnswer::Serves).await;
    let extension = Extension::of(&sink.url())
        .set("HTTP_PROXY", proxy.url())
        .set("HTTPS_PROXY", proxy.url())
        .set("PYROSCOPE_FLUSH_STRATEGY", "end") // which asks the Telemetry API, too
        .on(&platform)
        .await;
    platform.called("/telemetry", 1).await;
    extension.profile("app").await;
    platform.invoke();
    accepted(&sink, 1).await;
    platform.shutdown(Duration::from_secs(2));
    extension.logs("shut").await;
    assert_eq!(proxy.requests().len(), 0);
}

#[tokio::test]
async fn nothing_is_sent_past_a_proxy_that_can_not_be_used_and_sdks_are_told_why() {
    let extension =
        Extension::of("https://pyroscope.invalid").set("HTTPS_PROXY", "socks5://u:s3cret@p:1").dev().await;
    let answer = extension.post("/ingest?name=a", &[], "main;work 1").await;
    assert_eq!(answer.status(), 503);
    for told in [answer.text(), extension.logs("HTTPS_PROXY").await] {
        assert!(told.contains("nothing is sent to pyroscope.invalid") && !told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn a_remote_that_no_proxy_names_is_reached_directly() {
    let sink = sink().await;
    let proxy = Proxy::to(sink.addr(), ProxyAnswer::Serves).await;
    // A name that needs no network to be found wrong: a label has 63 characters at most.
    let name = format!("{}.invalid", "a".repeat(64));
    let extension = Extension::of(&format!("http://{name}"))
        .set("HTTP_PROXY", proxy.url())
        .set("NO_PROXY", "other.example, .invalid")
        .dev()
        .await;
    extension.profile("app").await;
    let failure = extension.logs("not delivered yet").await;
    assert!(
        failure.contains(&format!("{name} has no address"))
            && failure.contains("check the host in PYROSCOPE_REMOTE_ADDRESS"),
        "{failure}"
    );
    assert_eq!(proxy.requests().len(), 0);
}
