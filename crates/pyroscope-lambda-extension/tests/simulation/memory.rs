//! An outage that outlasts memory.

use std::time::Duration;

use crate::journal::Event;
use crate::lambda::Invocation;
use crate::remote::Answer;
use crate::world::{Settings, simulate};

/// How many uploads may be under way, and so can't be evicted.
const WORKERS: u32 = 2;

#[test]
fn when_memory_is_full_the_oldest_go_and_the_newest_arrive() {
    const PROFILES: u32 = 100;
    for seed in 1..=8 {
        let settings = Settings {
            variables: &[("PYROSCOPE_QUEUE_BYTES", "65536"), ("PYROSCOPE_NUM_WORKERS", "2")],
            ..Settings::new(seed)
        };
        let ended = simulate(settings, async |lambda| {
            lambda.cut_network();
            for _ in 0..PROFILES / 2 {
                lambda.freeze(Duration::from_secs(15)).await;
                lambda.invoke(Invocation { profiles: 2, ..Invocation::default() }).await;
            }
            lambda.mend_network();
            for _ in 0..5 {
                lambda.freeze(Duration::from_secs(15)).await;
                let after = Duration::from_secs(1);
                lambda.invoke(Invocation { profiles: 0, after, ..Invocation::default() }).await;
            }
        });
        let mut arrived: Vec<u32> = Vec::new();
        for entry in &ended.journal {
            match entry.event {
                Event::Arrived { profile, answer: Answer::Ok, .. } => arrived.push(profile),
                Event::NotTaken(profile) => panic!("{profile} was not taken: the newest come first"),
                _ => {}
            }
        }
        arrived.sort_unstable();
        arrived.dedup();
        let counts = ended.counts;
        assert_eq!(counts.accepted, u64::from(PROFILES));
        assert_eq!(counts.delivered + counts.evicted, counts.accepted, "{counts:?}");
        // 64 KiB hold some 24 profiles of 2,000 bytes with what it takes to keep them.
        assert!((20..32).contains(&arrived.len()), "{} arrived", arrived.len());
        let newest = PROFILES - arrived.len() as u32;
        let older = arrived.iter().filter(|profile| **profile < newest).count();
        assert!(older <= WORKERS as usize, "{older} older ones in {arrived:?}");
    }
}
