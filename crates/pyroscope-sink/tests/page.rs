//! The web page, as far as it can be seen without a browser.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod support;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use pyroscope_sink::{Answer, Behaviour, Credentials, Reaction, Sink};
use serde_json::Value;
use support::{LABELS, options, post, pprof, push, push_of, send, sink, status};

const PAGES: [&str; 10] = [
    "/",
    "/page.css",
    "/page.js",
    "/arrivals.js",
    "/profile.js",
    "/text.js",
    "/flamegraph.js",
    "/api/series",
    "/api/arrivals",
    "/api/top",
];

async fn get(sink: &Sink, path: &str) -> Response<Bytes> {
    get_as(sink, path, "").await
}

async fn get_as(sink: &Sink, path: &str, authorization: &str) -> Response<Bytes> {
    let request = Request::get(path).header("host", "x").header("authorization", authorization);
    send(sink, request.body(Full::default()).unwrap()).await.unwrap()
}

async fn json(sink: &Sink, path: &str) -> Value {
    serde_json::from_slice(get(sink, path).await.body()).unwrap()
}

async fn fed() -> Sink {
    let sink = sink().await;
    assert_eq!(status(&sink, push(push_of(&LABELS, &pprof()))).await, 200);
    for name in ["billing%7Ba%3Db%7D", "billing%7Ba%3Dc%7D"] {
        let request = post(&format!("/ingest?name={name}"), &[], "main;deep;sum<T> 5\nmain;deep 2\n");
        assert_eq!(status(&sink, request).await, 200);
    }
    assert_eq!(status(&sink, post("/ingest?name=x", &[], "broken")).await, 422);
    sink
}

#[tokio::test]
async fn whoever_looks_neither_arrives_nor_uses_up_a_script() {
    let sink = sink().await;
    sink.behave(Behaviour::normal().next(1, Reaction::Answer(Answer::code(503))));
    for path in PAGES {
        let answer = get(&sink, path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(!answer.body().is_empty(), "{path}");
    }
    assert!(sink.arrivals().is_empty());
    assert_eq!(status(&sink, push(push_of(&LABELS, &pprof()))).await, 503);
}

#[tokio::test]
async fn a_page_can_only_be_read() {
    let sink = sink().await;
    for path in PAGES {
        assert_eq!(status(&sink, post(path, &[], "")).await, 404, "{path}");
    }
    assert_eq!(sink.arrivals().len(), PAGES.len());
}

#[tokio::test]
async fn every_answer_has_a_policy_that_lets_in_no_script_but_the_pages_own() {
    let sink = fed().await;
    for path in PAGES.into_iter().chain(["/flamegraph.svg", "/flamegraph.svg?app=nobody"]) {
        let answer = get(&sink, path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    let page = String::from_utf8(get(&sink, "/").await.body().to_vec()).unwrap();
    assert!(!page.contains("://") && !page.contains("style=") && !page.contains("onclick"), "{page}");
}

#[tokio::test]
async fn the_series_are_listed_with_their_labels_and_values() {
    let listing = json(&fed().await, "/api/series").await;
    assert_eq!((&listing["arrivals"], &listing["totals"]["rejected"]), (&4.into(), &1.into()));
    let series = listing["series"].as_array().unwrap();
    assert_eq!(series.len(), 3);
    assert_eq!((&series[0]["app"], &series[0]["labels"]["a"]), (&"billing".into(), &"b".into()));
    assert_eq!(series[0]["values"]["samples:count"], 7);
    assert_eq!(series[2]["values"]["cpu:nanoseconds"], 12);
}

#[tokio::test]
async fn the_arrivals_are_told_from_where_the_last_answer_ended() {
    let sink = fed().await;
    let all = json(&sink, "/api/arrivals").await;
    assert_eq!((&all["all"], &all["next"]), (&4.into(), &4.into()));
    assert_eq!(all["arrivals"][3]["status"], 422);
    let rest = json(&sink, "/api/arrivals?from=3").await;
    assert_eq!(rest["arrivals"].as_array().unwrap().len(), 1);
    for from in ["4", "99", "18446744073709551615"] {
        let none = json(&sink, &format!("/api/arrivals?from={from}")).await;
        assert_eq!((&none["next"], none["arrivals"].as_array().unwrap().len()), (&4.into(), 0), "{from}");
    }
}

#[tokio::test]
async fn the_top_functions_and_the_flame_graph_are_those_of_the_selection() {
    let sink = fed().await;
    let billing = "app=billing&type=samples:count&label=a%3Db";
    let top = json(&sink, &format!("/api/top?{billing}")).await;
    assert_eq!((&top["sum"], &top["unit"]), (&7.into(), &"count".into()));
    assert_eq!(top["functions"][0], serde_json::json!({"function": "sum<T>", "own": 5, "total": 5}));
    let by_total = json(&sink, &format!("/api/top?sort=total&{billing}")).await;
    assert_eq!(by_total["functions"][0]["total"], 7);
    let drawing = get(&sink, &format!("/flamegraph.svg?{billing}")).await;
    assert_eq!(drawing.headers()["content-type"], "image/svg+xml; charset=utf-8");
    let svg = String::from_utf8(drawing.body().to_vec()).unwrap();
    assert!(svg.contains("sum&lt;T&gt; (5 count") && !svg.contains("hot"), "{svg}");
    assert_eq!(get(&sink, "/flamegraph.svg?app=nobody").await.status(), 404);
    assert_eq!(get(&sink, "/flamegraph.svg?app=billing&label=a%3Dz").await.status(), 404);
}

#[tokio::test]
async fn a_sink_that_wants_credentials_shows_nothing_without_them() {
    for (credentials, right) in [
        (Credentials::Basic { user: "u".into(), password: "p".into() }, "Basic dTpw"),
        (Credentials::Bearer("p".into()), "Bearer p"),
        // What a browser sends when somebody gives it the token for a password.
        (Credentials::Bearer("p".into()), "Basic dTpw"),
    ] {
        let sink = Sink::start(options().credentials(credentials)).await.unwrap();
        for path in PAGES {
            for wrong in ["", "Basic dTpx", "Basic dTpwcA==", "Bearer", "Basic ="] {
                let answer = get_as(&sink, path, wrong).await;
                assert_eq!(answer.status(), 401, "{path} {wrong}");
                assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
            }
            assert_eq!(get_as(&sink, path, right).await.status(), 200, "{path}");
        }
    }
}
