//! A function that posts profiles: a process of its own that speaks the Runtime API, with the standard library alone.
//!
//! # Layout
//! - [`mod@profile`]: profiles that are all different, in every format
//! - [`order`]: what an invocation is to do
//! - [`ledger`]: which profiles were acknowledged, in a file that outlives every crash
//! - [`environment`]: a sandbox around it
//! - [`http`]: as much of HTTP as that needs

pub(crate) mod environment;
mod http;
pub(crate) mod ledger;
pub(crate) mod order;
pub(crate) mod profile;

use std::env;
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::Duration;

use self::http::Connection;
use self::ledger::Ledger;
use self::order::{Order, Then};
use self::profile::{NUMBER, profile};
use crate::error::Error;

/// The name of this command, which the sandbox is told to run.
const COMMAND: &str = "load";

/// Where the relay is: `host:port`.
const RELAY: &str = "LOAD_RELAY";

/// The ledger's file.
const LEDGER: &str = "LOAD_LEDGER";

/// How many steps each invocation computes, where it is to compute anything: see [`compute`].
pub(crate) const STEPS: &str = "LOAD_STEPS";

const API: &str = "/2018-06-01/runtime";

/// Serves invocations until it is killed.
pub(crate) fn run() -> Result<(), Error> {
    serve().map_err(Error::io("serve invocations; is there a sandbox around this?"))
}

fn serve() -> io::Result<()> {
    let variable = |name| env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")));
    let mut api = Connection::new(variable("AWS_LAMBDA_RUNTIME_API")?);
    let mut relay = Connection::new(variable(RELAY)?);
    let mut ledger = Ledger::append(&PathBuf::from(variable(LEDGER)?))?;
    ledger.started()?;
    let steps = env::var(STEPS).ok().and_then(|steps| steps.parse().ok()).unwrap_or(0);
    loop {
        let event = api.send("GET", &format!("{API}/invocation/next"), &[], &[])?;
        let order: Order = serde_json::from_slice(&event.body)?;
        work(&order, &mut relay, &mut ledger)?;
        compute(steps);
        match order.then {
            Then::Answer => {}
            Then::Exit => process::exit(1),
            Then::Hang => loop {
                thread::sleep(Duration::from_secs(1));
            },
        }
        let id = event.header("lambda-runtime-aws-request-id").to_owned();
        api.send("POST", &format!("{API}/invocation/{id}/response"), &[], b"{}")?;
    }
}

/// Takes CPU time: the same for the same number of steps, as long as the machine is the same.
pub(crate) fn compute(steps: u64) {
    let mut state = 1_u64;
    for _ in 0..steps {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Posts the profiles, spread over the time that the function works.
fn work(order: &Order, relay: &mut Connection, ledger: &mut Ledger) -> io::Result<()> {
    let pause = Duration::from_micros(order.work_ms * 1_000 / order.profiles.max(1));
    for number in order.first..order.first + order.profiles {
        let post = profile(order.seed, number);
        let target = match &post.query {
            Some(query) => format!("{}?{query}", post.path),
            None => post.path.clone(),
        };
        let number_text = number.to_string();
        let mut headers = vec![("Content-Type", post.content_type.as_str()), (NUMBER, number_text.as_str())];
        if !post.content_encoding.is_empty() {
            headers.push(("Content-Encoding", post.content_encoding.as_str()));
        }
        // A relay that is gone acknowledges nothing; the ledger then has no word of this profile.
        if let Ok(answer) = relay.send("POST", &target, &headers, &post.body) {
            ledger.answered(number, answer.status)?;
        }
        thread::sleep(pause);
    }
    if order.profiles == 0 {
        thread::sleep(Duration::from_millis(order.work_ms));
    }
    Ok(())
}
