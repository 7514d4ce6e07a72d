//! The Invoke API: clients over HTTP.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_sandbox::{Builder, InitializationType, Sandbox, ShutdownReason, serve};
use support::http::{Answer, send};
use support::{Extensions, eventually, line, lines, sandbox};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const PATH: &str = "/2015-03-31/functions/sandbox-function/invocations";

type Headers = &'static [(&'static str, &'static str)];

/// A sandbox that clients can reach.
struct Live {
    sandbox: Arc<Sandbox>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Live {
    async fn start(builder: Builder) -> Self {
        let sandbox = Arc::new(builder.start().await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, Arc::clone(&sandbox), async {
            let _ = stopped.await;
        }));
        Self { sandbox, address, stop, served }
    }

    fn post(&self, path: &'static str, headers: Headers, body: &'static str) -> JoinHandle<Answer> {
        let address = self.address.to_string();
        tokio::task::spawn_blocking(move || send(&address, "POST", path, headers, body).unwrap())
    }

    async fn invoke(&self, body: &'static str) -> Answer {
        self.post(PATH, &[], body).await.unwrap()
    }
}

#[tokio::test]
async fn a_client_has_the_functions_response_under_each_of_its_names() {
    let live = Live::start(sandbox()).await;
    for path in [
        PATH,
        "/2015-03-31/functions/function/invocations",
        "/2015-03-31/functions/sandbox-function:$LATEST/invocations",
        "/2015-03-31/functions/sandbox-function/invocations?Qualifier=%24LATEST",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Asandbox-function/invocations",
    ] {
        let answer = live.post(path, &[], r#"{"n":1}"#).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"n":1}"#), "{path}");
        assert_eq!(answer.header("x-amz-executed-version"), "$LATEST");
        assert_eq!(answer.header("x-amz-function-error"), "");
        let id = answer.header("x-amzn-requestid");
        let heard = || lines(&live.sandbox, "runtime", "headers ").into_iter().find(|line| line.contains(id));
        eventually("the invocation of that id", async || heard()).await;
    }
}

#[tokio::test]
async fn a_failure_of_the_function_is_a_200_that_says_so_and_the_next_request_finds_a_new_environment() {
    let live = Live::start(sandbox().timeout(Duration::from_millis(500))).await;
    let answer = live.invoke("\"error\"").await;
    assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, "Unhandled"));
    assert_eq!(answer.body, r#"{"errorMessage":"oops"}"#);

    let answer = live.invoke("\"hang\"").await;
    assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, "Unhandled"));
    assert!(answer.body.contains("Error: Task timed out after 0.50 seconds"), "{answer:?}");
    assert!(answer.body.contains(r#""errorType":"Sandbox.Timedout""#), "{answer:?}");

    let answer = live.invoke("\"exit:3\"").await;
    assert!(answer.body.contains(r#""errorType":"Runtime.ExitError""#), "{answer:?}");
    assert_eq!(live.invoke("\"echo\"").await.body, "\"echo\"");
}

#[tokio::test]
async fn what_lambda_would_refuse_is_refused_and_nothing_is_invoked() {
    let live = Live::start(sandbox()).await;
    let refused: [(&'static str, Headers, &'static str, u16, &str); 5] = [
        ("/2015-03-31/functions/other/invocations", &[], "{}", 404, "ResourceNotFoundException"),
        ("/2015-03-31/functions/sandbox-function:7/invocations", &[], "{}", 404, "ResourceNotFoundException"),
        (PATH, &[], "echo", 400, "InvalidRequestContentException"),
        (PATH, &[("X-Amz-Invocation-Type", "Later")], "{}", 400, "InvalidParameterValueException"),
        (PATH, &[("X-Amz-Client-Context", "???")], "{}", 400, "InvalidRequestContentException"),
    ];
    for (path, headers, body, status, error_type) in refused {
        let answer = live.post(path, headers, body).await.unwrap();
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, error_type), "{answer:?}");
        assert!(answer.body.contains(r#""Type":"User""#), "{answer:?}");
    }
    let answer = live.post(PATH, &[("X-Amz-Invocation-Type", "DryRun")], "{}").await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert!(lines(&live.sandbox, "runtime", "headers ").is_empty());
}

#[tokio::test]
async fn an_event_is_answered_at_once_and_carried_out_afterwards() {
    let live = Live::start(sandbox()).await;
    let started = Instant::now();
    let answer = live.post(PATH, &[("X-Amz-Invocation-Type", "Event")], "\"sleep:700\"").await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
    eventually("the response", async || lines(&live.sandbox, "runtime", "responded 202").pop()).await;
}

#[tokio::test]
async fn the_response_does_not_wait_for_an_extension_and_the_next_request_does() {
    let extensions = Extensions::new();
    let builder = sandbox().extension(extensions.named("alpha")).env("PLAN_alpha", "invoke=sleep:1000");
    let live = Live::start(builder).await;
    let started = Instant::now();
    live.invoke("\"first\"").await;
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    live.invoke("\"second\"").await;
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_end_of_the_log_comes_with_the_answer_where_it_is_asked_for() {
    let live = Live::start(sandbox()).await;
    live.invoke("\"before\"").await;
    let answer = live.post(PATH, &[("X-Amz-Log-Type", "Tail")], "\"echo\"").await.unwrap();
    assert_eq!(answer.body, "\"echo\"");
    let log = String::from_utf8(STANDARD.decode(answer.header("x-amz-log-result")).unwrap()).unwrap();
    let id = answer.header("x-amzn-requestid");
    assert!(log.starts_with(&format!("START RequestId: {id} Version: $LATEST\n")), "{log}");
    assert!(log.contains("\nresponded 202"), "{log}");
    assert!(log.contains(&format!("\nEND RequestId: {id}\nREPORT RequestId: {id}\tDuration: ")), "{log}");
    assert!(log.contains("\tMemory Size: 512 MB\tMax Memory Used: "), "{log}");
    assert_eq!(log.matches("headers [").count(), 1, "{log}");
}

#[tokio::test]
async fn a_clients_context_and_trace_reach_the_function() {
    let live = Live::start(sandbox()).await;
    let headers: Headers = &[
        // {"custom": {"a": 1}}
        ("X-Amz-Client-Context", "eyJjdXN0b20iOiB7ImEiOiAxfX0="),
        ("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"),
    ];
    assert_eq!(live.post(PATH, headers, "{}").await.unwrap().status, 200);
    let heard = line(&live.sandbox, "runtime", "headers ").await;
    assert!(heard.contains(r#"("lambda-runtime-client-context", "{\"custom\":{\"a\":1}}")"#), "{heard}");
    assert!(heard.contains("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"), "{heard}");
}

#[tokio::test]
async fn requests_wait_for_their_turn_and_run_side_by_side_under_managed_instances() {
    let live = Live::start(sandbox()).await;
    let started = Instant::now();
    let (a, b) = (live.post(PATH, &[], "\"sleep:400\""), live.post(PATH, &[], "\"sleep:401\""));
    assert_eq!((a.await.unwrap().status, b.await.unwrap().status), (200, 200));
    assert!(started.elapsed() >= Duration::from_millis(800), "{:?}", started.elapsed());

    let managed = sandbox().args(["ready", "4"]).initialization(InitializationType::LambdaManagedInstances);
    let live = Live::start(managed).await;
    let started = Instant::now();
    let (a, b) = (live.post(PATH, &[], "\"sleep:800\""), live.post(PATH, &[], "\"sleep:801\""));
    assert_eq!((a.await.unwrap().status, b.await.unwrap().status), (200, 200));
    assert!(started.elapsed() < Duration::from_millis(1600), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_stop_waits_for_the_invocation_under_way_and_refuses_those_that_wait() {
    let live = Live::start(sandbox()).await;
    let under_way = live.post(PATH, &[], "\"sleep:600\"");
    eventually("the invocation", async || lines(&live.sandbox, "runtime", "headers ").pop()).await;
    let first_waiting = live.post(PATH, &[("X-Amz-Invocation-Type", "Event")], "\"queued\"");
    assert_eq!(first_waiting.await.unwrap().status, 202);
    let Live { sandbox, stop, served, .. } = live;
    drop(stop);
    served.await.unwrap().unwrap();
    let answer = under_way.await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "\"sleep:600\""));
    assert_eq!(lines(&sandbox, "runtime", "headers ").len(), 1, "what waited was not begun");
    assert!(sandbox.shutdown(ShutdownReason::Spindown).await.is_clean());
}
