//! Tokens and passwords that are kept in a file or at AWS: when they are read, and what is sent with them.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use pyroscope_sink::{Answer, Behaviour, Credentials, Options, Reaction, Sink};
use support::aws::{PARAMETER, SECRET};
use support::extension::Setup;
use support::{Aws, Extension, Platform, Reply, accepted, requests, sink, sink_with};
use tempfile::tempdir;
use tokio::time::{Instant, sleep};

/// An extension whose token is at `arn`.
fn extension(sink: &Sink, arn: &str) -> Setup {
    Extension::of(&sink.url()).set("PYROSCOPE_AUTH_TOKEN_ARN", arn)
}

async fn sink_for(token: &str) -> Sink {
    sink_with(Options::default().credentials(Credentials::Bearer(token.to_owned()))).await
}

/// What the requests so far were authenticated with.
fn authorizations(sink: &Sink) -> Vec<String> {
    sink.arrivals().iter().map(|arrival| arrival.request.header("authorization").to_owned()).collect()
}

#[tokio::test]
async fn a_secret_at_aws_is_read_once_however_many_profiles_wait_for_it() {
    for (arn, kept, target, body) in [
        (SECRET, "t0ken", "secretsmanager.GetSecretValue", format!(r#"{{"SecretId":"{SECRET}"}}"#)),
        (
            PARAMETER,
            "t0ken",
            "AmazonSSM.GetParameter",
            format!(r#"{{"Name":"{PARAMETER}","WithDecryption":true}}"#),
        ),
        (
            &format!("{SECRET}#pyroscope token"),
            r#"{"pyroscope token":"t0ken","other":"x"}"#,
            "secretsmanager.GetSecretValue",
            format!(r#"{{"SecretId":"{SECRET}"}}"#),
        ),
    ] {
        let (aws, sink) = (Aws::keeping(kept).await, sink_for("t0ken").await);
        let extension = aws.with_keys(extension(&sink, arn)).dev().await;
        for _ in 0..10 {
            extension.profile("app").await;
        }
        accepted(&sink, 10).await;
        assert_eq!(sink.totals().requests, 10, "none was sent without it");
        let calls = aws.calls();
        assert_eq!(calls.len(), 1, "{calls:#?}");
        assert_eq!((calls[0].header("x-amz-target").as_str(), calls[0].text()), (target, body));
        assert_eq!(calls[0].header("host"), aws.address.to_string());
        assert_eq!(calls[0].header("x-amz-security-token"), "s3cret-session-token");
        assert!(calls[0].header("authorization").contains("Credential=AKIDEXAMPLE/"), "{calls:?}");
        assert!(calls[0].header("authorization").contains("/eu-west-1/"), "{calls:?}");
        let log = extension.log().join("\n");
        assert!(log.contains("level=debug") && !log.contains("t0ken") && !log.contains("s3cret"), "{log}");
    }
}

#[tokio::test]
async fn nothing_is_read_before_the_first_event_is_asked_for_nor_without_a_profile() {
    let (aws, sink, platform) =
        (Aws::keeping("t0ken").await, sink_for("t0ken").await, Platform::start().await);
    for _ in 0..3 {
        platform.registers(Reply::Status(503, "{}"));
    }
    let address = platform.address.to_string();
    let extension = aws.with_keys(extension(&sink, SECRET)).set("AWS_LAMBDA_RUNTIME_API", address).start();
    extension.listens().await;
    extension.profile("early").await;
    platform.registered(3).await;
    assert!(aws.calls().is_empty() || !platform.calls("/event/next").is_empty(), "{:?}", aws.calls());
    accepted(&sink, 1).await;
    assert_eq!(aws.calls().len(), 1);

    let (aws, platform) = (Aws::keeping("t0ken").await, Platform::start().await);
    let mut idle = aws.with_keys(self::extension(&sink, SECRET)).on(&platform).await;
    platform.invoke();
    platform.asked(2).await;
    platform.shutdown(Duration::from_secs(2));
    assert_eq!(idle.ends().await.code(), Some(0));
    assert_eq!(aws.calls().len(), 0);
}

#[tokio::test]
async fn a_rotation_is_followed_at_the_first_401_or_403() {
    for code in [401, 403] {
        let (aws, sink) = (Aws::keeping("old").await, sink().await);
        let extension = aws.with_keys(extension(&sink, SECRET)).dev().await;
        extension.profile("before").await;
        accepted(&sink, 1).await;
        aws.keep("new");
        sink.behave(Behaviour::normal().next(1, Reaction::Answer(Answer::code(code))));
        extension.profile("after").await;
        accepted(&sink, 2).await;
        assert_eq!(authorizations(&sink), ["Bearer old", "Bearer old", "Bearer new"]);
        extension.logs("read again, and it is another now").await;
        assert!(extension.lines("does not accept the credentials").is_empty(), "{:#?}", extension.log());
    }
}

#[tokio::test]
async fn a_remote_that_refuses_for_good_does_not_have_the_secret_read_for_each_profile() {
    let (aws, sink) = (Aws::keeping("wrong").await, sink_for("right").await);
    let extension = aws.with_keys(extension(&sink, SECRET)).dev().await;
    for _ in 0..5 {
        extension.profile("app").await;
    }
    extension.logs("the remote does not accept the credentials").await;
    requests(&sink, 6).await;
    assert_eq!(aws.calls().len(), 2, "once, and once more for the refusal");
    assert_eq!(sink.totals().accepted, 0);
}

#[tokio::test]
async fn throttling_and_outages_of_aws_are_tried_again_while_profiles_wait() {
    let (aws, sink) = (Aws::keeping("t0ken").await, sink_for("t0ken").await);
    aws.refuses(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
    aws.refuses(500, r#"{"__type":"InternalServiceError"}"#);
    aws.refuses(503, "<html>");
    let extension = aws.with_keys(extension(&sink, SECRET)).dev().await;
    extension.profile("app").await;
    accepted(&sink, 1).await;
    assert_eq!((aws.calls().len(), sink.totals().requests), (4, 1));
    let told = extension.lines("profiles wait until it can be read");
    let first = format!(
        "PYROSCOPE_AUTH_TOKEN_ARN=\\\"{SECRET}\\\": ThrottlingException: Rate exceeded; profiles wait"
    );
    assert!(told[0].contains(&first), "{told:?}");
    assert!(told.len() < 3, "not each of them: {told:?}");
    assert_eq!(extension.lines("not delivered yet").len(), 0, "it is no outage of the remote");
    assert_eq!(extension.lines("the remote is back").len(), 0, "{:#?}", extension.log());
}

#[tokio::test]
async fn what_aws_does_not_give_is_told_with_its_cure_and_nothing_is_sent_meanwhile() {
    let denied = r#"{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::1:assumed-role/r/f is not authorized"}"#;
    let no_key = r#"{"__type":"AccessDeniedException","message":"Access to KMS is not allowed"}"#;
    for (arn, refusal, kept, cure) in [
        (SECRET, denied, "", "(allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:"),
        (PARAMETER, denied, "", "(allow ssm:GetParameter on arn:aws:ssm:eu-west-1:"),
        (SECRET, no_key, "", "(allow kms:Decrypt on the KMS key that encrypts it"),
        (SECRET, r#"{"__type":"ResourceNotFoundException"}"#, "", "see that the ARN is right"),
        (&format!("{SECRET}#tok"), "", r#"{"token":"s3cret"}"#, "no text under the key"),
        (&format!("{SECRET}#tok"), "", "s3cret", "no JSON object (leave out #tok"),
        (SECRET, "", "s3cret\n", "put the token alone into it"),
        (SECRET, "", "", "empty (put the secret into it)"),
    ] {
        let (aws, sink, platform) = (Aws::keeping(kept).await, sink().await, Platform::start().await);
        if !refusal.is_empty() {
            aws.refuses(400, refusal);
        }
        let setup = aws.with_keys(extension(&sink, arn)).set("PYROSCOPE_FLUSH_STRATEGY", "invoke");
        let mut extension = setup.on(&platform).await;
        extension.profile("app").await;
        let told = extension.logs("profiles wait until it can be read").await;
        assert!(told.contains(cure), "{told}");
        // The deadline of the invocation is a minute away: nobody waits for it.
        platform.invoke();
        platform.asked(2).await;
        platform.invoke();
        platform.asked(3).await;
        platform.shutdown(Duration::from_millis(600));
        assert_eq!(extension.ends().await.code(), Some(0));
        assert_eq!((sink.totals().requests, aws.calls().len()), (0, 1), "a minute has not passed");
        assert_eq!(extension.lines("profiles wait until").len(), 1, "{:#?}", extension.log());
        assert!(!extension.log().join("\n").contains("s3cret"), "{:#?}", extension.log());
    }
}

#[tokio::test]
async fn an_aws_that_hangs_outlasts_neither_the_budget_of_an_invocation_nor_the_shutdown() {
    let (aws, sink, platform) = (Aws::keeping("t0ken").await, sink().await, Platform::start().await);
    for _ in 0..100 {
        aws.hangs();
    }
    let spool = tempdir().unwrap();
    let setup = aws.with_keys(extension(&sink, SECRET));
    let mut extension = setup.set("PYROSCOPE_SPOOL_DIR", spool.path().to_str().unwrap()).on(&platform).await;
    extension.profile("app").await;
    aws.called(1).await;
    let asked = Instant::now();
    platform.invoke();
    platform.asked(2).await;
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    platform.shutdown(Duration::from_secs(1));
    assert_eq!(extension.ends().await.code(), Some(0));
    assert!(extension.logs("how the profiles ended").await.contains("spooled=1"), "{:#?}", extension.log());
    assert_eq!(sink.totals().requests, 0);
}

#[tokio::test]
async fn the_first_invocation_in_a_clone_of_a_snapshot_has_the_secret_read_anew_with_keys_that_lambda_hands_out()
 {
    let (aws, sink, platform) = (Aws::keeping("old").await, sink().await, Platform::start().await);
    let setup = aws.with_keys_of_container(extension(&sink, SECRET));
    let extension = setup.set("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start").on(&platform).await;
    extension.profile("before-the-snapshot").await;
    accepted(&sink, 1).await;
    aws.keep("new");
    platform.invoke();
    platform.asked(2).await;
    extension.profile("in-the-clone").await;
    accepted(&sink, 2).await;
    platform.invoke();
    platform.asked(3).await;
    extension.profile("in-the-clone").await;
    accepted(&sink, 3).await;
    assert_eq!(authorizations(&sink), ["Bearer old", "Bearer new", "Bearer new"]);
    assert_eq!((aws.calls().len(), aws.calls_for_keys()), (2, 2), "keys may have expired meanwhile");
    assert!(aws.calls()[1].header("authorization").contains("Credential=ASIAEXAMPLE/"));
    assert_eq!(aws.calls()[1].header("x-amz-security-token"), "s3cret-session-token");
}

#[tokio::test]
async fn without_keys_or_with_a_container_that_hands_none_out_the_log_says_so() {
    let (aws, sink) = (Aws::keeping("t0ken").await, sink().await);
    let endpoint = format!("http://{}", aws.address);
    let setup = extension(&sink, SECRET).set("AWS_ENDPOINT_URL", &endpoint);
    let without = setup.dev().await;
    without.profile("app").await;
    without.logs("there are no AWS keys in the environment").await;

    let setup = aws.with_keys_of_container(extension(&sink, SECRET));
    let refused = setup.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong").dev().await;
    refused.profile("app").await;
    refused.logs("the keys of the function's role are not handed out").await;
    assert_eq!((aws.calls().len(), sink.totals().requests), (0, 0));
}

#[tokio::test]
async fn a_password_at_aws_goes_with_the_user_of_the_variable() {
    let credentials = Credentials::Basic { user: "us".to_owned(), password: "pa:ss".to_owned() };
    let sink = sink_with(Options::default().credentials(credentials)).await;
    let aws = Aws::keeping("pa:ss").await;
    let setup = Extension::of(&sink.url())
        .set("PYROSCOPE_BASIC_AUTH_USER", "us")
        .set("PYROSCOPE_BASIC_AUTH_PASSWORD_ARN", SECRET);
    let extension = aws.with_keys(setup).dev().await;
    extension.profile("app").await;
    accepted(&sink, 1).await;
}

#[tokio::test]
async fn a_header_that_the_user_states_goes_on_top_and_nothing_is_read() {
    let (aws, sink) = (Aws::keeping("t0ken").await, sink().await);
    let setup = aws.with_keys(extension(&sink, SECRET));
    let extension = setup.set("PYROSCOPE_HTTP_HEADERS", r#"{"Authorization":"Mine"}"#).dev().await;
    extension.profile("app").await;
    accepted(&sink, 1).await;
    assert_eq!((authorizations(&sink), aws.calls().len()), (vec!["Mine".to_owned()], 0));
}

#[tokio::test]
async fn a_file_is_read_without_the_newline_at_its_end_and_again_when_it_changes() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("token");
    let sink = sink().await;
    let setup = Extension::of(&sink.url()).set("PYROSCOPE_AUTH_TOKEN_FILE", path.to_str().unwrap());
    let extension = setup.dev().await;
    extension.profile("before-the-file-is-there").await;
    let told = extension.logs("profiles wait until it can be read").await;
    assert!(told.contains("No such file") && told.contains("PYROSCOPE_AUTH_TOKEN_FILE"), "{told}");
    assert_eq!(sink.totals().requests, 0);
    std::fs::write(&path, "old\r\n").unwrap();
    accepted(&sink, 1).await;
    std::fs::write(&path, "new\n").unwrap();
    sink.behave(Behaviour::normal().next(1, Reaction::Answer(Answer::code(401))));
    extension.profile("after").await;
    accepted(&sink, 2).await;
    assert_eq!(authorizations(&sink), ["Bearer old", "Bearer old", "Bearer new"]);
}

#[tokio::test]
async fn a_file_that_holds_no_secret_is_told_with_its_fault() {
    let directory = tempdir().unwrap();
    let long = "x".repeat(70_000);
    for (name, content, fault) in [
        ("empty", &b""[..], "empty"),
        ("newline", b"\n", "empty"),
        ("lines", b"s3cret\ns3cret\n", "put the token alone into it"),
        ("binary", b"s3cret\xff", "not UTF-8"),
        ("long", long.as_bytes(), "too long"),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        let sink = sink().await;
        let setup = Extension::of(&sink.url()).set("PYROSCOPE_AUTH_TOKEN_FILE", path.to_str().unwrap());
        let extension = setup.dev().await;
        extension.profile("app").await;
        let told = extension.logs("profiles wait until it can be read").await;
        assert!(told.contains(fault) && !told.contains("s3cret"), "{told}");
        assert_eq!(sink.totals().requests, 0);
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_no_reason_to_send_without_any() {
    let sink = sink().await;
    let extension = extension(&sink, "arn:aws:s3:::bucket").dev().await;
    extension.profile("app").await;
    let told = extension.logs("PYROSCOPE_AUTH_TOKEN_ARN").await;
    assert!(told.contains("no profiles are sent"), "{told}");
    sleep(Duration::from_millis(200)).await; // what must not come can't be waited for
    assert_eq!(sink.totals().requests, 0);
}
