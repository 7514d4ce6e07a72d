//! Connections that lead out of the sandbox are cut where a snapshot goes on, after a long freeze, and by hand.
//!
//! Where this machine lets nobody cut them a note is printed and the rest is left out, unless `REQUIRE_SS=1`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use lambda_sandbox::{Builder, Cut, Event, InitializationType, Record, Sandbox, ShutdownReason};
use support::{Extensions, eventually, lines, sandbox};
use tokio::sync::mpsc::UnboundedReceiver;

/// Somebody outside, to whom the extension `alpha` opens a connection as it starts.
struct Outside(TcpListener);

impl Outside {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn accept(&self) -> TcpStream {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    }
}

/// A sandbox whose `alpha` has a connection to the outside and one from the runtime.
fn builder(extensions: &Extensions, outside: &Outside) -> Builder {
    let relay = extensions.path().join("relay");
    sandbox()
        .extension(extensions.named("alpha"))
        .env("PLAN_alpha", format!("connect={} relay={}", outside.address(), relay.display()))
        .runtime_env("RELAY", relay)
}

/// What was told about connections.
fn cuts(events: &mut UnboundedReceiver<Record>) -> Vec<Cut> {
    let mut cuts = Vec::new();
    while let Ok(record) = events.try_recv() {
        if let Event::ConnectionsCut(cut) = record.event {
            cuts.push(cut);
        }
    }
    cuts
}

/// Whether the one connection to the outside was cut; where it can't be, whether that was said.
fn is_cut(cut: &Cut, outside: &Outside) -> bool {
    if let Some(reason) = &cut.reason {
        assert!(std::env::var_os("REQUIRE_SS").is_none_or(|value| value != "1"), "{reason}");
        eprintln!("NOT tested, as this machine lets no connection be cut: {reason}");
        assert_eq!(cut.left.len(), 1, "{cut:?}");
        return false;
    }
    assert_eq!((cut.cut.len(), cut.left.len()), (1, 0), "{cut:?}");
    assert_eq!((cut.cut[0].process.as_str(), cut.cut[0].remote), ("alpha", outside.address()));
    true
}

/// Both ends find out, and the connection to the relay is as it was.
async fn only_the_one_to_the_outside_is_gone(sandbox: &Sandbox, mut stream: TcpStream) {
    // Frozen, it would not get to say so.
    sandbox.thaw();
    eventually("the end of the connection", || async {
        (lines(sandbox, "alpha", "connection ended ").len() == 1).then_some(())
    })
    .await;
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(sandbox.invoke("ask").await.unwrap().is_ok());
    // One from before and one from after; what a process writes is read a little later.
    let answers = eventually("the relay's answer", || async {
        Some(lines(sandbox, "runtime", "relay ")).filter(|answers| answers.len() >= 2)
    })
    .await;
    assert!(answers.iter().all(|answer| answer == "Ok(())"), "{answers:?}");
}

#[tokio::test]
async fn a_snapshot_goes_on_without_its_connections_to_the_outside() {
    let (extensions, outside) = (Extensions::new(), Outside::new());
    let builder = builder(&extensions, &outside).initialization(InitializationType::SnapStart);
    let mut events = builder.events();
    let sandbox = builder.start().await.unwrap();
    let mut stream = outside.accept();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(cuts(&mut events).is_empty());

    assert!(sandbox.invoke("ask").await.unwrap().is_ok());
    let told = cuts(&mut events);
    assert_eq!(told.len(), 1);
    if is_cut(&told[0], &outside) {
        only_the_one_to_the_outside_is_gone(&sandbox, stream).await;
        // Once is enough.
        assert!(cuts(&mut events).is_empty());
    }
    assert!(sandbox.shutdown(ShutdownReason::Spindown).await.is_clean());
}

#[tokio::test]
async fn connections_can_be_cut_by_hand() {
    let (extensions, outside) = (Extensions::new(), Outside::new());
    let sandbox = builder(&extensions, &outside).start().await.unwrap();
    let stream = outside.accept();
    assert!(sandbox.invoke("ask").await.unwrap().is_ok());
    assert!(sandbox.is_frozen());
    let cut = sandbox.cut_connections();
    if is_cut(&cut, &outside) {
        assert!(sandbox.invoke("ask").await.unwrap().is_ok());
        only_the_one_to_the_outside_is_gone(&sandbox, stream).await;
        assert!(sandbox.cut_connections().is_empty());
    }
}

#[tokio::test]
async fn a_freeze_cuts_them_only_where_it_is_longer_than_it_may_be() {
    for (limit, expected) in [(Duration::from_millis(20), 1), (Duration::from_secs(3600), 0)] {
        let (extensions, outside) = (Extensions::new(), Outside::new());
        let builder = builder(&extensions, &outside).cut_connections_after(limit);
        let mut events = builder.events();
        let sandbox = builder.start().await.unwrap();
        let stream = outside.accept();
        assert!(sandbox.invoke("ask").await.unwrap().is_ok());
        // The time is what is tested.
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(cuts(&mut events).is_empty());
        assert!(sandbox.invoke("ask").await.unwrap().is_ok());
        let told = cuts(&mut events);
        assert_eq!(told.len(), expected);
        if let Some(cut) = told.first()
            && is_cut(cut, &outside)
        {
            only_the_one_to_the_outside_is_gone(&sandbox, stream).await;
        }
    }
}

#[test]
fn what_can_not_be_cut_is_said_with_the_reason() {
    let (extensions, outside) = (Extensions::new(), Outside::new());
    let alpha = extensions.named("alpha");
    let output = Command::new(env!("CARGO_BIN_EXE_lambda-sandbox"))
        .args(["run", "--initialization", "snap-start", "--payload", "echo"])
        .args(["--extension", alpha.to_str().unwrap()])
        .args(["--env", &format!("PLAN_alpha=connect={}", outside.address())])
        .args(["--", env!("CARGO_BIN_EXE_sandbox-test-runtime")])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let expected = format!("1 NOT cut: alpha to {}: ss can't be started: ", outside.address());
    assert!(text.contains(&expected), "{text}");
}
