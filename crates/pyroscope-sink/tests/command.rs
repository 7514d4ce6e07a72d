//! The command.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails a test")]

mod support;

use std::process::Stdio;

use support::gzip;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

/// Starts the command on a free port; gives its address.
async fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pyroscope-sink"))
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).await.unwrap();
    let address = line.split("//").nth(1).unwrap().split(';').next().unwrap().to_owned();
    (child, address)
}

async fn ingest(address: &str, headers: &str) -> String {
    let body = gzip(b"main;hot 12\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /ingest?name=orders%7Ba%3Db%7D HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn interrupt(child: &mut Child) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn the_command_prints_a_line_an_arrival_and_the_totals_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let flame_graph = directory.path().join("flame.svg");
    let (mut child, address) = start(&["--flame-graph", flame_graph.to_str().unwrap()]).await;
    assert!(ingest(&address, "").await.starts_with("HTTP/1.1 200 "));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.starts_with("200 POST /ingest "), "{line}");
    assert!(line.ends_with("| orders {__name__=orders, a=b} samples:count=12 1 samples, 12 B"), "{line}");

    interrupt(&mut child).await;
    let totals = lines.next_line().await.unwrap().unwrap();
    assert!(totals.starts_with("1 requests (1 accepted, 0 rejected), 1 profiles, 1 samples,"), "{totals}");
    assert!(std::fs::read_to_string(flame_graph).unwrap().contains("hot"));
}

#[tokio::test]
async fn the_command_prints_json_and_asks_for_credentials() {
    let (mut child, address) = start(&["--json", "--user", "u", "--password", "p"]).await;
    assert!(ingest(&address, "").await.starts_with("HTTP/1.1 401 "));
    assert!(ingest(&address, "authorization: Basic dTpw\r\n").await.starts_with("HTTP/1.1 200 "));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || -> serde_json::Value {
        serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap()
    };
    assert_eq!(next().await["status"], 401);
    let accepted = next().await;
    assert_eq!(accepted["series"][0]["app"], "orders");
    assert_eq!(accepted["series"][0]["values"]["samples:count"], 12);
    interrupt(&mut child).await;
    assert_eq!(next().await["totals"]["accepted"], 1);
}

#[tokio::test]
async fn the_command_forwards_to_a_server_and_answers_what_that_answers() {
    let (_server, server_address) = start(&["--token", "t"]).await;
    let (_child, address) = start(&["--forward", &format!("http://{server_address}")]).await;
    assert!(ingest(&address, "").await.starts_with("HTTP/1.1 401 "));
    assert!(ingest(&address, "authorization: Bearer t\r\n").await.starts_with("HTTP/1.1 200 "));
    let refused = Command::new(env!("CARGO_BIN_EXE_pyroscope-sink"))
        .args(["--forward", "localhost:4040"])
        .output()
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("write http://HOST:PORT"));
    assert!(!refused.status.success());
}
