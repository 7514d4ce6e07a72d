//! SnapStart: stopped at the end of init, restored by the first invocation.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use lambda_sandbox::{Event, InitializationType};
use support::{Extensions, line, lines, process_state, sandbox};

#[tokio::test]
async fn a_snapshot_is_taken_at_the_end_of_init_and_the_first_invocation_restores_it() {
    for before_next in ["ready", "restore"] {
        let extensions = Extensions::new();
        let builder = sandbox()
            .arg(before_next)
            .extension(extensions.named("alpha"))
            .initialization(InitializationType::SnapStart);
        let mut events = builder.events();
        let sandbox = builder.start().await.unwrap();
        assert!(sandbox.is_frozen());
        assert_eq!(process_state(sandbox.extension_pid("alpha").unwrap()), Some('T'));
        assert!(lines(&sandbox, "runtime", "restored ").is_empty());

        assert!(sandbox.invoke("echo").await.unwrap().is_ok());
        assert!(sandbox.invoke("echo").await.unwrap().is_ok());
        let mut restores = 0;
        while let Ok(record) = events.try_recv() {
            restores += usize::from(matches!(record.event, Event::RestoreDone { .. }));
        }
        assert_eq!(restores, 1);
        if before_next == "restore" {
            assert_eq!(line(&sandbox, "runtime", "restored ").await, "200");
        } else {
            assert!(lines(&sandbox, "runtime", "restored ").is_empty());
        }
    }
}

#[tokio::test]
async fn keys_are_replaced_by_an_endpoint_that_gives_them() {
    let extensions = Extensions::new();
    let builder =
        sandbox().extension(extensions.named("alpha")).initialization(InitializationType::SnapStart);
    let sandbox = builder.start().await.unwrap();
    let variables = line(&sandbox, "alpha", "variables ").await;
    assert!(!variables.contains("AWS_ACCESS_KEY_ID"), "{variables}");
    assert!(variables.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI"), "{variables}");
    assert!(variables.contains("AWS_CONTAINER_AUTHORIZATION_TOKEN"), "{variables}");
    let path = "/2021-04-23/credentials";
    let answer = support::call(&sandbox, "GET", path, &[("Authorization", "sandbox-token")], "").await;
    assert!(answer.status == 200 && answer.body.contains("SecretAccessKey"), "{answer:?}");
    assert_eq!(support::call(&sandbox, "GET", path, &[("Authorization", "other")], "").await.status, 404);
}
