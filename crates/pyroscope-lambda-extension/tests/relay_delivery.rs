//! What the SDK was told 200 about reaches the remote: through refusals for a while, outages, bursts and hangs.

mod support;

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use pyroscope_sink::{Answer, Behaviour, Options, Reaction};
use support::http::{Answering, post};
use support::{Extension, accepted, free_port, requests, sink, sink_that, sink_with};

#[tokio::test]
async fn what_the_remote_can_not_take_now_is_sent_again() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let answer = |code| Reaction::Answer(Answer::code(code));
    let inner = |message: &str| {
        let body = format!(r#"{{"code":"unknown","message":"{message}"}}"#);
        Reaction::Answer(Answer::code(422).body("application/json", body))
    };
    let failures = [408, 425, 429, 499, 500, 502, 503, 504].map(answer).into_iter();
    let failures = failures.chain([inner("pushing: unavailable: no healthy instance"), Reaction::Reset]);
    for (index, failure) in failures.enumerate() {
        sink.behave(Behaviour::normal().next(1, failure.clone()));
        extension.profile("again").await;
        let arrivals = accepted(&sink, index + 1).await;
        let [.., refused, taken] = &arrivals[..] else { panic!("{failure:?}: it was sent once") };
        assert!(!refused.is_accepted(), "{failure:?}");
        assert_eq!(refused.request.body, taken.request.body, "{failure:?}");
        assert_eq!(refused.request.query, taken.request.query, "{failure:?}");
    }
}

#[tokio::test]
async fn what_the_remote_refuses_for_good_is_sent_once_and_told() {
    let sink = sink().await;
    let mut extension = Extension::of(&sink.url()).set("PYROSCOPE_NUM_WORKERS", "1").dev().await;
    let codes = [301, 302, 307, 308, 400, 404, 405, 413, 415, 422];
    for (index, code) in codes.into_iter().enumerate() {
        let answer = Answer::code(code).body("application/json", r#"{"message":"invalid_argument: odd"}"#);
        sink.behave(Behaviour::normal().next(1, Reaction::Answer(answer)));
        extension.profile(&format!("refused-{code}")).await;
        let last = requests(&sink, index + 1).await.last().unwrap().clone();
        assert_eq!(last.status.unwrap().as_u16(), code);
    }
    extension.profile("taken").await;
    accepted(&sink, 1).await;
    extension.signal(Signal::SIGTERM);
    assert_eq!(extension.ends().await.code(), Some(0));

    assert_eq!(sink.totals().requests, codes.len() + 1, "none was sent twice");
    let refusal = extension.lines("refused a profile for good").remove(0);
    assert!(refusal.contains("status=301") && refusal.contains("invalid_argument: odd"), "{refusal}");
    let done = extension.lines("how the profiles ended").remove(0);
    assert!(done.contains("delivered=1") && done.contains("refused=10") && done.contains("lost=0"), "{done}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = sink().await;
    let remote = Answering::start(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}/ingest?name=a\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url()
    ))
    .await;
    let extension =
        Extension::of(&format!("http://{}", remote.address)).set("PYROSCOPE_AUTH_TOKEN", "t").dev().await;
    extension.profile("a").await;
    let refusal = extension.logs("refused a profile for good").await;
    assert!(refusal.contains("status=307"), "{refusal}");
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_profile_waits_for_a_remote_that_is_not_there_yet() {
    let port = free_port();
    let extension = Extension::of(&format!("http://127.0.0.1:{port}")).dev().await;
    extension.profile("early").await;
    let failure = extension.logs("not delivered yet").await;
    assert!(failure.contains("can't connect") && failure.contains("refused"), "{failure}");

    let sink = sink_with(Options::default().listen(([127, 0, 0, 1], port).into())).await;
    let arrivals = accepted(&sink, 1).await;
    assert_eq!(arrivals[0].series[0].app, "early");
}

#[tokio::test]
async fn the_end_of_an_outage_is_told() {
    let down = Reaction::Answer(Answer::code(503));
    let sink = sink_that(Behaviour::normal().next(3, down)).await;
    let extension = Extension::of(&sink.url()).dev().await;
    extension.profile("patient").await;
    accepted(&sink, 1).await;
    extension.logs("the remote is back").await;
    assert_eq!(extension.lines("not delivered yet").len(), 1, "of an outage one line a second at most");
}

#[tokio::test]
async fn all_of_a_burst_of_200_arrives_once() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let posting = (0..10).map(|sdk| {
        let connection = support::Connection::open(("127.0.0.1", extension.port));
        async move {
            let mut connection = connection.await;
            for number in 0..20 {
                let body = format!("main;work_{sdk}_{number} 1");
                let answer = connection.post("/ingest?name=burst", &[], body.as_bytes()).await;
                assert_eq!(answer.status(), 200);
            }
        }
    });
    let posting: Vec<_> = posting.map(tokio::spawn).collect();
    for sdk in posting {
        sdk.await.unwrap();
    }
    let arrivals = accepted(&sink, 200).await;
    let bodies: BTreeSet<_> = arrivals.iter().map(|arrival| arrival.request.body.clone()).collect();
    assert_eq!((arrivals.len(), bodies.len()), (200, 200));
}

#[tokio::test]
async fn all_of_a_burst_of_100_connections_arrives_once() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    // All of them are open, and all that they send is there, before the extension sees the first.
    extension.signal(Signal::SIGSTOP);
    let mut sdks = Vec::new();
    for number in 0..100 {
        let mut sdk = extension.sdk().await;
        sdk.write(post("/ingest?name=burst", &[], format!("main;work_{number} 1").as_bytes())).await;
        sdks.push(sdk);
    }
    extension.signal(Signal::SIGCONT);
    for mut sdk in sdks {
        assert_eq!(sdk.answer().await.status(), 200);
    }
    let arrivals = accepted(&sink, 100).await;
    let bodies: BTreeSet<_> = arrivals.iter().map(|arrival| arrival.request.body.clone()).collect();
    assert_eq!((arrivals.len(), bodies.len()), (100, 100));
}

#[tokio::test]
async fn sdks_have_their_answer_while_the_remote_hangs() {
    let sink = sink_that(Behaviour::normal().always(Reaction::Hang)).await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_TIMEOUT", "5m").dev().await;
    let mut sdk = extension.sdk().await;
    for _ in 0..50 {
        assert_eq!(sdk.post("/ingest?name=hung", &[], b"main;work 1").await.status(), 200);
    }
    let waiting = requests(&sink, 5).await;
    assert_eq!(waiting.accepted().count(), 0);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_given_up_and_made_again() {
    let sink = sink_that(Behaviour::normal().next(1, Reaction::Hang)).await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_TIMEOUT", "200ms").dev().await;
    extension.profile("slow").await;
    accepted(&sink, 1).await;
    let failure = extension.logs("not delivered yet").await;
    assert!(failure.contains("no answer within 200ms (PYROSCOPE_TIMEOUT)"), "{failure}");
}

#[tokio::test]
async fn a_kept_connection_that_the_remote_has_closed_costs_no_failure() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_NUM_WORKERS", "1").dev().await;
    extension.profile("first").await;
    extension.logs("profile delivered").await;
    sink.behave(Behaviour::normal().when(|request| (request.connection == 0).then_some(Reaction::Reset)));
    extension.profile("second").await;
    accepted(&sink, 2).await;
    assert_eq!(sink.connections(), 2);
    assert!(extension.lines("not delivered yet").is_empty());
}

#[tokio::test]
async fn an_sdk_that_closes_its_connections_costs_the_remote_none() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_NUM_WORKERS", "1").dev().await;
    for number in 1..=10 {
        let headers = [("Connection", "close"), ("Keep-Alive", "timeout=1")];
        let answer = extension.post("/ingest?name=closing", &headers, "main;work 1").await;
        assert_eq!(answer.status(), 200);
        accepted(&sink, number).await;
    }
    assert_eq!(sink.connections(), 1);
}
