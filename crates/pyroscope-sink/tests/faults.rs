//! What goes wrong between a client and a server: ports that close, connections that die, answers that are lost.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod support;

use std::{io::ErrorKind, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use pyroscope_sink::{Behaviour, BodyFault, End, Greeting, Loss, Raw, Reaction};
use support::{PATIENCE, options, post, pprof, send, sink, status};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

const HEAD: &[u8] = b"POST /ingest?name=a HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n";

fn ingest() -> Request<Full<Bytes>> {
    post("/ingest?format=pprof&name=orders", &[], pprof())
}

#[tokio::test]
async fn a_closed_port_refuses_and_comes_back_as_the_same_port() {
    let sink = sink().await;
    assert_eq!(status(&sink, ingest()).await, 200);
    sink.refuse_connections().await;
    assert_eq!(TcpStream::connect(sink.addr()).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    sink.accept_connections().await;
    sink.accept_connections().await;
    assert_eq!(status(&sink, ingest()).await, 200);
}

#[tokio::test]
async fn dropped_connections_are_silent_and_new_ones_are_served() {
    let sink = sink().await;
    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(HEAD).await.unwrap();
    stream.write_all(b"main;hot 1").await.unwrap();
    stream.read_exact(&mut [0; 12]).await.unwrap();

    assert_eq!(sink.drop_connections(), 1);
    stream.write_all(HEAD).await.unwrap();
    stream.write_all(b"main;hot 1").await.unwrap();
    let mut rest = Vec::new();
    let silence = timeout(Duration::from_millis(50), stream.read_to_end(&mut rest)).await;
    assert!(silence.is_err(), "{rest:?}");
    assert_eq!(status(&sink, ingest()).await, 200);
    assert_eq!(sink.arrivals().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_leaves_a_profile_that_is_stored_and_a_client_that_does_not_know() {
    let sink = sink().await;
    sink.behave(Behaviour::normal().next(1, Reaction::LoseAnswer(Loss::Reset)).next(1, Reaction::Reset));
    assert!(send(&sink, ingest()).await.is_err());
    assert!(send(&sink, ingest()).await.is_err());
    assert_eq!(status(&sink, ingest()).await, 200);
    let arrivals = sink.arrivals();
    let seen: Vec<_> = arrivals.iter().map(|arrival| (arrival.stored, arrival.is_answer_lost())).collect();
    assert_eq!(seen, [(true, true), (false, true), (true, false)]);
}

#[tokio::test]
async fn an_answer_to_a_client_that_has_left_is_lost() {
    let sink = sink().await;
    sink.behave(Behaviour::normal().latency(Duration::from_millis(50)));
    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(HEAD).await.unwrap();
    stream.write_all(b"main;hot 1").await.unwrap();
    sink.wait_until(|arrivals| arrivals.len() == 1, PATIENCE).await.unwrap();
    drop(stream);
    sleep(Duration::from_millis(100)).await;
    assert!(sink.arrivals()[0].stored);
    assert!(sink.arrivals()[0].is_answer_lost());
}

#[tokio::test]
async fn bodies_are_left_unread_or_cut_off_in_their_middle() {
    let sink = sink().await;
    let mut faults = [BodyFault::ResetAfter(3), BodyFault::Unread].into_iter();
    sink.behave(Behaviour::normal().before_body(move |_| faults.next()));

    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(HEAD).await.unwrap();
    stream.write_all(b"main;").await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);

    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(HEAD).await.unwrap();
    stream.write_all(b"main;hot 1").await.unwrap();
    sink.wait_until(|arrivals| arrivals.len() == 2, PATIENCE).await.unwrap();
    assert!(timeout(Duration::from_millis(50), stream.read(&mut [0; 1])).await.is_err());
    assert!(sink.arrivals().iter().all(|arrival| !arrival.stored));
}

#[tokio::test]
async fn raw_bytes_take_the_place_of_an_answer() {
    let sink = sink().await;
    let early = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    sink.behave(
        Behaviour::normal()
            .next(1, Reaction::Raw(Raw::new().send("\x00garbage\r\n\r\n")))
            .next(
                1,
                Reaction::Raw(Raw::new().send(early).drip(ok, Duration::from_millis(1)).stored().answered()),
            )
            .next(1, Reaction::Raw(Raw::new().send(ok).stored().answered().end(End::Hang))),
    );
    assert!(send(&sink, ingest()).await.is_err());
    assert_eq!(status(&sink, ingest()).await, 200);
    assert_eq!(status(&sink, ingest()).await, 200);
    // That an answer went out is noted behind it, without waking anybody.
    let noted = async {
        while sink.arrivals().iter().skip(1).any(|arrival| arrival.is_answer_lost()) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, noted).await.unwrap();
    let arrivals = sink.arrivals();
    let stored: Vec<_> = arrivals.iter().map(|arrival| arrival.stored).collect();
    assert_eq!(stored, [false, true, true]);
}

#[tokio::test]
async fn a_body_that_drips_for_ever_never_ends_by_itself() {
    let sink = sink().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let endless = Raw::new().send(head).answered().drip_for_ever(b'x', Duration::from_millis(1));
    sink.behave(Behaviour::normal().next(1, Reaction::Raw(endless)));
    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(HEAD).await.unwrap();
    stream.write_all(b"main;hot 1").await.unwrap();
    let mut got = vec![0; head.len() + 20];
    stream.read_exact(&mut got).await.unwrap();
    assert!(got.starts_with(head.as_bytes()) && got.ends_with(b"xxxx"));
}

#[tokio::test]
async fn connections_are_ignored_reset_or_told_off_before_they_say_a_word() {
    let sink = sink().await;
    sink.behave(Behaviour::normal().greet(Greeting::Reset));
    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);

    sink.behave(Behaviour::normal().greet(Greeting::Hang));
    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(HEAD).await.unwrap();
    assert!(timeout(Duration::from_millis(50), stream.read(&mut [0; 1])).await.is_err());

    let sink = pyroscope_sink::Sink::start(options().tls()).await.unwrap();
    sink.behave(Behaviour::normal().greet(Greeting::TlsAlert));
    let mut stream = TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(b"a client's hello").await.unwrap();
    let mut alert = [0; 7];
    stream.read_exact(&mut alert).await.unwrap();
    assert_eq!(alert, [21, 3, 3, 0, 2, 2, 40]);
    assert!(sink.arrivals().is_empty());
}
