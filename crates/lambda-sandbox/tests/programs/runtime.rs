//! A runtime whose function does what the event's text says: `echo`, `sleep:MS`, `burn:MS`, `exit:CODE`, `hang`, `error`, `twice`,
//! `ask` (whether the connection to the relay, whose address is in the file that `RELAY` names, still works).
//!
//! The first argument is what it does before its first `next`: `ready`, `exit`, `init-error`, `hang`, `restore`,
//! `internal` (registers an extension of its own). The second is how many
//! loops it runs side by side (default 1).
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a program for tests"
)]

mod connections;
mod http;

use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

/// Held from the start on.
static RELAY: OnceLock<TcpStream> = OnceLock::new();

const PREFIX: &str = "/2018-06-01/runtime";

fn main() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("the platform tells where it is");
    let mut variables: Vec<String> = std::env::vars().map(|(key, _)| key).collect();
    variables.sort();
    println!("variables {}", variables.join(" "));
    if let Ok(file) = std::env::var("RELAY") {
        RELAY.get_or_init(|| connections::to_relay(&file));
    }
    match std::env::args().nth(1).as_deref() {
        Some("exit") => std::process::exit(7),
        Some("hang") => hang(),
        Some("internal") => internal_extension(&api),
        Some("restore") => {
            let answer =
                http::send(&api, "GET", &format!("{PREFIX}/restore/next"), &[], "").expect("an answer");
            println!("restored {}", answer.status);
        }
        Some("init-error") => {
            let headers = [("Lambda-Runtime-Function-Error-Type", "Runtime.NoSuchModule")];
            let answer =
                http::send(&api, "POST", &format!("{PREFIX}/init/error"), &headers, "{}").expect("an answer");
            println!("reported {} {}", answer.status, answer.body);
            std::process::exit(1);
        }
        _ => {}
    }
    let loops: usize = std::env::args().nth(2).map_or(1, |count| count.parse().expect("a number"));
    let threads: Vec<_> = (0..loops)
        .map(|_| {
            let api = api.clone();
            std::thread::spawn(move || serve(&api))
        })
        .collect();
    for thread in threads {
        thread.join().expect("the loop does not end");
    }
}

fn serve(api: &str) {
    loop {
        let event = http::send(api, "GET", &format!("{PREFIX}/invocation/next"), &[], "").expect("an event");
        let id = event.header("lambda-runtime-aws-request-id").to_owned();
        println!("headers {:?}", event.headers);
        // As JSON, through the endpoint for clients, or bare.
        let text = event.body.trim_matches('"');
        let (action, argument) = text.split_once(':').unwrap_or((text, "0"));
        match action {
            "sleep" => std::thread::sleep(Duration::from_millis(argument.parse().expect("milliseconds"))),
            "burn" => burn(Duration::from_millis(argument.parse().expect("milliseconds"))),
            "ask" => {
                let relay = RELAY.get().expect("the variable RELAY");
                println!("relay {:?}", connections::ask(relay));
            }
            "exit" => std::process::exit(argument.parse().expect("a code")),
            "hang" => hang(),
            "error" => {
                let headers = [("Lambda-Runtime-Function-Error-Type", "Function.Oops")];
                let path = format!("{PREFIX}/invocation/{id}/error");
                http::send(api, "POST", &path, &headers, "{\"errorMessage\":\"oops\"}").expect("an answer");
                continue;
            }
            _ => {}
        }
        let path = format!("{PREFIX}/invocation/{id}/response");
        let answer = http::send(api, "POST", &path, &[], &event.body).expect("an answer");
        println!("responded {} {}", answer.status, answer.body);
        if action == "twice" {
            let answer = http::send(api, "POST", &path, &[], &event.body).expect("an answer");
            println!("responded {} {}", answer.status, answer.body);
        }
    }
}

/// An extension in the runtime's own process.
fn internal_extension(api: &str) {
    let api = api.to_owned();
    let headers = [("Lambda-Extension-Name", "inner")];
    let path = "/2020-01-01/extension/register";
    let answer = http::send(&api, "POST", path, &headers, r#"{"events":["INVOKE"]}"#).expect("an answer");
    let id = answer.header("lambda-extension-identifier").to_owned();
    std::thread::spawn(move || {
        loop {
            let headers = [("Lambda-Extension-Identifier", id.as_str())];
            let event =
                http::send(&api, "GET", "/2020-01-01/extension/event/next", &headers, "").expect("an event");
            println!("inner {} {}", event.status, event.body);
        }
    });
}

/// Keeps a CPU busy.
fn burn(duration: Duration) {
    let started = std::time::Instant::now();
    while started.elapsed() < duration {
        std::hint::spin_loop();
    }
}

fn hang() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}
