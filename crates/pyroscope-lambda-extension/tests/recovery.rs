//! What a shutdown could not deliver, the next process on the same disk does.

mod support;

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use pyroscope_sink::{Behaviour, Reaction};
use support::{Extension, Platform, accepted, requests, sink, sink_that};

/// What a shutdown takes: its deadline less the margins, and little more.
const SHUTDOWN: Duration = Duration::from_millis(700);

#[tokio::test]
async fn what_a_shutdown_could_not_deliver_arrives_after_the_next_start() {
    let spool = tempfile::tempdir().unwrap();
    let directory = spool.path().join("spool");
    let sink = sink_that(Behaviour::normal().always(Reaction::Hang)).await;

    let platform = Platform::start().await;
    let setup = Extension::of(&sink.url()).set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap());
    let mut first = setup.on(&platform).await;
    for app in ["one", "two", "three"] {
        first.profile(app).await;
    }
    platform.shutdown(SHUTDOWN);
    assert_eq!(first.ends().await.code(), Some(0));
    let end = first.lines("how the profiles ended").remove(0);
    assert!(end.contains("spooled=3") && end.contains("lost=0"), "{end}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 3);

    sink.behave(Behaviour::normal());
    let platform = Platform::start().await;
    let setup = Extension::of(&sink.url()).set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap());
    let mut second = setup.on(&platform).await;
    second.profile("fresh").await;
    accepted(&sink, 1).await;
    assert_eq!(sink.totals().accepted, 1, "nothing is picked up before the first invocation");
    platform.invoke();
    let arrived = accepted(&sink, 4).await;
    let mut apps: Vec<_> = arrived
        .accepted()
        .flat_map(|arrival| arrival.series.iter())
        .map(|series| series.app.clone())
        .collect();
    apps.sort();
    assert_eq!(apps, ["fresh", "one", "three", "two"]);
    platform.shutdown(SHUTDOWN);
    assert_eq!(second.ends().await.code(), Some(0));
    let end = second.lines("how the profiles ended").remove(0);
    assert!(end.contains("recovered=3") && end.contains("delivered=4"), "{end}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[tokio::test]
async fn a_spool_that_cannot_be_written_is_told_of_once_and_costs_nothing_else() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let directory = file.path().join("spool"); // below a file there is no directory
    let sink = sink_that(Behaviour::normal().always(Reaction::Hang)).await;
    let platform = Platform::start().await;
    let setup = Extension::of(&sink.url()).set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap());
    let mut extension = setup.on(&platform).await;
    platform.invoke();
    extension.profile("one").await;
    extension.profile("two").await;
    platform.shutdown(SHUTDOWN);
    assert_eq!(extension.ends().await.code(), Some(0));
    assert_eq!(extension.lines("can't be left to the next process").len(), 1);
    let end = extension.lines("how the profiles ended").remove(0);
    assert!(end.contains("spooled=0") && end.contains("lost=2"), "{end}");
}

#[tokio::test]
async fn a_broken_entry_is_told_of_and_removed_and_the_others_are_delivered() {
    let spool = tempfile::tempdir().unwrap();
    let directory = spool.path().join("spool");
    let hanging = sink_that(Behaviour::normal().always(Reaction::Hang)).await;
    let platform = Platform::start().await;
    let setup = Extension::of(&hanging.url()).set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap());
    let mut first = setup.on(&platform).await;
    first.profile("broken").await;
    first.profile("whole").await;
    platform.shutdown(SHUTDOWN);
    assert_eq!(first.ends().await.code(), Some(0));
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let broken = &files[0];
    let mut bytes = fs::read(broken).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(broken, bytes).unwrap();

    let sink = sink().await;
    let platform = Platform::start().await;
    let setup = Extension::of(&sink.url()).set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap());
    let mut second = setup.on(&platform).await;
    platform.invoke();
    let arrived = accepted(&sink, 1).await;
    assert_eq!(arrived.accepted().flat_map(|arrival| arrival.series.iter()).next().unwrap().app, "whole");
    platform.shutdown(SHUTDOWN);
    assert_eq!(second.ends().await.code(), Some(0));
    assert_eq!(second.lines("some of what an earlier process left can't be used").len(), 1);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_that_was_picked_up_survives_a_kill() {
    let spool = tempfile::tempdir().unwrap();
    let directory = spool.path().join("spool");
    let sink = sink_that(Behaviour::normal().always(Reaction::Hang)).await;
    let setup = || Extension::of(&sink.url()).set("PYROSCOPE_SPOOL_DIR", directory.to_str().unwrap());

    let platform = Platform::start().await;
    let mut first = setup().on(&platform).await;
    first.profile("kept").await;
    platform.shutdown(SHUTDOWN);
    assert_eq!(first.ends().await.code(), Some(0));
    let requests_of_the_first = sink.totals().requests;

    let platform = Platform::start().await;
    let mut killed = setup().on(&platform).await;
    platform.invoke();
    requests(&sink, requests_of_the_first + 1).await;
    killed.signal(Signal::SIGKILL);
    killed.ends().await;

    let platform = Platform::start().await;
    let mut orderly = setup().on(&platform).await;
    platform.invoke();
    requests(&sink, requests_of_the_first + 2).await;
    platform.shutdown(SHUTDOWN);
    assert_eq!(orderly.ends().await.code(), Some(0));
    let end = orderly.lines("how the profiles ended").remove(0);
    assert!(end.contains("recovered=1") && end.contains("spooled=1") && end.contains("lost=0"), "{end}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "it is not spooled twice");

    sink.behave(Behaviour::normal());
    let platform = Platform::start().await;
    let _last = setup().on(&platform).await;
    platform.invoke();
    accepted(&sink, 1).await;
    while fs::read_dir(&directory).unwrap().count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
