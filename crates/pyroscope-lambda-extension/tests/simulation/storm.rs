//! Schedules that a seed makes up.

use std::time::{Duration, Instant};

use crate::lambda::Invocation;
use crate::world::{Settings, simulate};

#[test]
fn a_quiet_world() {
    let t = Instant::now();
    let ended = simulate(Settings::new(1), async |lambda| {
        for _ in 0..100 {
            lambda.freeze(Duration::from_secs(20)).await;
            lambda.invoke(Invocation::default()).await;
        }
    });
    println!("{:?} {:?}", t.elapsed(), ended.counts);
    for e in ended.journal.iter().take(30) { println!("{e}"); }
}
