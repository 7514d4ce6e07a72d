//! The extension's own profile goes the way of all others.

mod support;

use std::time::Duration;

use pyroscope_sink::{Credentials, Options, Selection, SessionId};
use support::profiles::{gzip, push};
use support::{Extension, Platform, sink_with};

const APP: &str = "pyroscope.lambda.extension";

#[tokio::test]
async fn the_extension_profiles_itself_and_sends_that_at_shutdown_with_its_credentials() {
    let platform = Platform::start().await;
    let credentials = Credentials::Basic { user: "us".to_owned(), password: "pass".to_owned() };
    let sink = sink_with(Options::default().credentials(credentials).tenant("team-a")).await;
    let mut extension = Extension::of(&sink.url())
        .set("PYROSCOPE_SELF_PROFILING", "true")
        .set("PYROSCOPE_BASIC_AUTH_USER", "us")
        .set("PYROSCOPE_BASIC_AUTH_PASSWORD", "pass")
        .set("PYROSCOPE_TENANT_ID", "team-a")
        .on(&platform)
        .await;
    // Enough work for a hundred looks a second at the stack to see something.
    let headers = [("Content-Type", "application/proto"), ("Content-Encoding", "gzip")];
    let (body, mut sdk) = (gzip(&push()), extension.sdk().await);
    let enough = extension.cpu_time() + Duration::from_millis(400);
    while extension.cpu_time() < enough {
        assert_eq!(sdk.post("/push.v1.PusherService/Push", &headers, &body).await.status(), 200);
    }
    platform.shutdown(Duration::from_secs(15));
    assert_eq!(extension.ends().await.code(), Some(0));

    let series = sink.series().into_iter().find(|series| series.app == APP);
    let series = series.unwrap_or_else(|| panic!("no {APP}: {:#?}", extension.log()));
    assert!(matches!(series.sessions.first(), Some(SessionId::Valid(_))), "{:?}", series.sessions);
    let sent = sink.arrivals();
    let own = sent.accepted().find(|arrival| arrival.series[0].app == APP).unwrap();
    assert_eq!(own.request.header("x-scope-orgid"), "team-a");
    let stacks = sink.folded(&Selection::all().app(APP));
    assert!(stacks.contains("pyroscope_lambda_extension::"), "{stacks}");
    let kinds: Vec<_> = series.values.keys().map(ToString::to_string).collect();
    assert!(kinds.contains(&"cpu:nanoseconds".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn without_being_asked_it_does_not() {
    let platform = Platform::start().await;
    let sink = support::sink().await;
    let mut extension = Extension::of(&sink.url()).on(&platform).await;
    extension.profile("app").await;
    platform.shutdown(Duration::from_secs(10));
    assert_eq!(extension.ends().await.code(), Some(0));
    assert_eq!(sink.series().len(), 1);
}
