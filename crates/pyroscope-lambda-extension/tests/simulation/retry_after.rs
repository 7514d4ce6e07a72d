//! A remote that asks for quiet.

use std::time::Duration;

use crate::journal::Event;
use crate::lambda::{Invocation, Lambda};
use crate::remote::Answer;
use crate::world::{Settings, simulate};

const QUIET: Duration = Duration::from_secs(600);

fn requests(lambda: &Lambda) -> usize {
    lambda.count(|event| matches!(event, Event::Dialled | Event::Arrived { .. }))
}

/// Has the remote ask for ten minutes of quiet; says when the extension heard of it.
async fn ask_for_quiet(lambda: &mut Lambda) -> Duration {
    lambda.remote_answers(Answer::RetryAfter(QUIET.as_secs()));
    lambda.invoke(Invocation { after: Duration::from_millis(500), ..Invocation::default() }).await;
    lambda.remote_answers(Answer::Ok);
    assert_eq!(lambda.count(|event| matches!(event, Event::Answered(_))), 1);
    lambda.now()
}

#[test]
fn ten_minutes_of_quiet_are_kept_however_often_the_environment_thaws() {
    for seed in 1..=8 {
        simulate(Settings::new(seed), async move |lambda| {
            let asked = ask_for_quiet(lambda).await;
            let before = requests(lambda);
            let end = asked + QUIET - Duration::from_secs(60);
            while lambda.now() < end {
                lambda.freeze(Duration::from_secs(20 + seed)).await;
                lambda.invoke(Invocation::default()).await;
            }
            assert_eq!(requests(lambda), before, "the remote was left in peace");
        });
    }
}

#[test]
fn after_ten_minutes_of_quiet_everything_is_delivered_at_the_next_invocation() {
    for seed in 1..=8 {
        simulate(Settings::new(seed), async |lambda| {
            let asked = ask_for_quiet(lambda).await;
            while lambda.now() < asked + QUIET {
                lambda.freeze(Duration::from_secs(60)).await;
                lambda.invoke(Invocation::default()).await;
            }
            lambda.freeze(Duration::from_secs(60)).await;
            lambda
                .invoke(Invocation { profiles: 0, after: Duration::from_secs(2), ..Invocation::default() })
                .await;
            let answered = lambda.count(|event| matches!(event, Event::Answered(_)));
            assert_eq!(answered, 1 + lambda.profiles() as usize, "one 503, then all the rest");
        });
    }
}
