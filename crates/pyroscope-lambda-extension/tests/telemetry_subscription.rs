//! What the platform is asked for, and which of its answers mean that there is telemetry.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod telemetry_support;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use pyroscope_lambda_extension::lambda::client::{Client, Interest};
use pyroscope_lambda_extension::lambda::telemetry::{self, HandlerEnd, Wait};
use pyroscope_lambda_extension::net::Tcp;
use serde_json::json;
use telemetry_support::{Platform, post, runtime_done};

async fn subscribe(platform: &Platform) -> Option<HandlerEnd> {
    let mut client = Client::try_new(Arc::new(Tcp), &platform.address).unwrap();
    client.register(&HeaderValue::from_static("extension"), Interest::Invocations).await.unwrap();
    telemetry::subscribe(&mut client).await
}

#[tokio::test]
async fn the_platform_is_asked_for_its_own_events_as_soon_as_it_will_post_them() {
    let platform = Platform::start(&[200]).await;
    let mut handler_end = subscribe(&platform).await.unwrap();
    let port = platform.telemetry_port();
    assert_ne!(port, 9001);
    let subscription = json!({
        "schemaVersion": "2025-01-29",
        "types": ["platform"],
        "buffering": {"maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}/")},
    });
    assert_eq!(platform.subscriptions(), [subscription]);

    assert_eq!(post(port, &runtime_done(&["r-1"])).await, 200);
    let wait = handler_end.wait("r-1", Some(Duration::from_secs(20)), Duration::ZERO).await;
    assert_eq!(wait, Wait::Ended);
}

#[tokio::test]
async fn a_platform_that_refuses_the_newest_schema_is_asked_for_an_older_one() {
    let platform = Platform::start(&[400, 200]).await;
    assert!(subscribe(&platform).await.is_some());
    let schemas: Vec<_> =
        platform.subscriptions().iter().map(|subscription| subscription["schemaVersion"].clone()).collect();
    assert_eq!(schemas, ["2025-01-29", "2022-12-13"]);
}

#[tokio::test]
async fn any_answer_but_200_means_that_there_is_no_telemetry() {
    for (status, attempts) in [(202, 1), (201, 1), (400, 2), (403, 1), (404, 1), (500, 1), (0, 1)] {
        let platform = Platform::start(&[status]).await;
        assert!(subscribe(&platform).await.is_none(), "{status}");
        assert_eq!(platform.subscriptions().len(), attempts, "{status}");
    }
}
