//! An extension whose behaviour is written in the variable `PLAN_<its file name>`, as words of the form `key=value`:
//!
//! - `events=A,B`: registers for these (default `INVOKE,SHUTDOWN`); empty for none
//! - `try=A,B`: tries these first and logs the answer
//! - `name=N`: registers under this name
//! - `start=…`, `registered=…`, `invoke=…`, `shutdown=…`: what to do then: `sleep:MS`, `exit:CODE`, `hang`, `init-error`, `exit-error`;
//!   `done` waits for `platform.runtimeDone`, `upload:APP` sends the remote Pyroscope a profile
//! - `telemetry=A,B`: subscribes to these and logs what comes
//! - `connect=ADDRESS`: opens a connection to somebody outside (`remote`: the remote Pyroscope) and holds it
//! - `relay=FILE`: listens for the runtime, and writes to this file where
//! - `count=FILE`: writes a growing number to this file every 2 ms, by a thread of its own
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a program for tests"
)]

mod connections;
mod http;
mod telemetry;

use std::time::Duration;

struct Plan(Vec<(String, String)>);

impl Plan {
    fn read(name: &str) -> Self {
        let words = std::env::var(format!("PLAN_{name}")).unwrap_or_default();
        let pair = |word: &str| word.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self(words.split_whitespace().filter_map(pair).collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

fn main() {
    let path = std::env::args().next().expect("a program has a name");
    let name = path.rsplit('/').next().expect("a path has a last part").to_owned();
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("the platform tells where it is");
    let plan = Plan::read(&name);
    let mut variables: Vec<String> = std::env::vars().map(|(key, _)| key).collect();
    variables.sort();
    println!("variables {}", variables.join(" "));
    println!("arguments {}", std::env::args().count() - 1);
    if let Some(file) = plan.get("count").map(str::to_owned) {
        std::thread::spawn(move || {
            for count in 0_u64.. {
                // Renamed, so that nobody reads a half.
                let new = format!("{file}.new");
                std::fs::write(&new, count.to_string()).expect("the file can be written");
                std::fs::rename(&new, &file).expect("the file can be renamed");
                std::thread::sleep(Duration::from_millis(2));
            }
        });
    }
    let remote = remote();
    if let Some(address) = plan.get("connect") {
        connections::hold(if address == "remote" { &remote } else { address });
    }
    if let Some(file) = plan.get("relay") {
        connections::relay(file);
    }
    act(&plan, "start", &api, "");

    let registers_as = plan.get("name").unwrap_or(&name).to_owned();
    if let Some(events) = plan.get("try") {
        let answer = register(&api, &registers_as, events);
        println!("tried {} {}", answer.status, answer.body);
    }
    let answer = register(&api, &registers_as, plan.get("events").unwrap_or("INVOKE,SHUTDOWN"));
    println!("registered {} {}", answer.status, answer.body);
    let id = answer.header("lambda-extension-identifier").to_owned();
    println!("identifier {id}");
    if let Some(types) = plan.get("telemetry") {
        telemetry::subscribe(&api, &id, types);
    }
    act(&plan, "registered", &api, &id);
    if plan.get("late").is_some() {
        let (api, id) = (api.clone(), id.clone());
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            telemetry::subscribe(&api, &id, "platform");
        });
    }
    loop {
        let path = "/2020-01-01/extension/event/next";
        let event =
            http::send(&api, "GET", path, &[("Lambda-Extension-Identifier", &id)], "").expect("an event");
        println!("event {} {} {}", event.status, event.header("content-type"), event.body);
        if event.body.contains("\"INVOKE\"") {
            act(&plan, "invoke", &api, &id);
        } else {
            act(&plan, "shutdown", &api, &id);
            println!("goes");
            return;
        }
    }
}

fn register(api: &str, name: &str, events: &str) -> http::Answer {
    let events: Vec<String> = events.split(',').filter(|e| !e.is_empty()).map(|e| format!("{e:?}")).collect();
    let body = format!("{{\"events\":[{}]}}", events.join(","));
    let headers = [("Lambda-Extension-Name", name), ("Lambda-Extension-Accept-Feature", "accountId")];
    http::send(api, "POST", "/2020-01-01/extension/register", &headers, &body).expect("an answer")
}

/// `host:port` of the remote Pyroscope.
fn remote() -> String {
    let url = std::env::var("PYROSCOPE_REMOTE_ADDRESS").unwrap_or_default();
    url.trim_start_matches("http://").to_owned()
}

fn act(plan: &Plan, when: &str, api: &str, id: &str) {
    let Some(action) = plan.get(when) else { return };
    let (action, argument) = action.split_once(':').unwrap_or((action, "0"));
    match action {
        "sleep" => std::thread::sleep(Duration::from_millis(argument.parse().expect("milliseconds"))),
        "exit" => {
            eprintln!("leaves at {when}");
            std::process::exit(argument.parse().expect("a code"));
        }
        "hang" => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        "upload" => {
            let (path, profile) = (format!("/ingest?name={argument}"), "main;a 3\nmain;b 123\n");
            let answer = http::send(&remote(), "POST", &path, &[], profile).expect("an answer");
            println!("uploaded {}", answer.status);
        }
        "done" => telemetry::wait_for_runtime_done(),
        "init-error" | "exit-error" => {
            let path = format!("/2020-01-01/extension/{}", action.replace('-', "/"));
            let headers = [
                ("Lambda-Extension-Identifier", id),
                ("Lambda-Extension-Function-Error-Type", "Extension.TestReason"),
            ];
            let answer = http::send(api, "POST", &path, &headers, "{}").expect("an answer");
            println!("reported {} {}", answer.status, answer.body);
            std::process::exit(1);
        }
        _ => panic!("unknown action {action}"),
    }
}
