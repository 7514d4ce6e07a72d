//! Profiles posted to an extension: how long the profiler waits for its 200, what that costs, and what arrives.

use std::io::{self, Write};
use std::iter;
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::contender::Contender;
use super::figures::Spread;
use super::launch::Launch;
use super::receiver::Receiver;
use super::{http, process};
use crate::error::Error;

/// What a profiler of a small function posts.
const PROFILE_BYTES: usize = 20 * 1024;

/// Between two posts: uploads are under way while the next profile is posted, but no queue builds up.
const PAUSE: Duration = Duration::from_millis(2);

/// How long the bench waits for the next upload before it takes the rest for lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// What relaying costs.
#[derive(Debug, Serialize)]
pub(super) struct Relay {
    /// Profiles posted.
    pub(super) posted: usize,
    /// Profiles that arrived at the remote server.
    pub(super) delivered: usize,
    /// From the post's first byte to the answer's last, in microseconds.
    pub(super) ack_us: Spread,
    /// CPU time a profile, in microseconds.
    pub(super) cpu_us: f64,
    /// The most that was resident, in bytes.
    pub(super) peak_bytes: u64,
}

/// Posts `profiles` to the program on one keep-alive connection, as an SDK does.
pub(super) fn measure(launch: &Launch, contender: &Contender, profiles: usize) -> Result<Relay, Error> {
    let receiver = Receiver::start().map_err(Error::io("start the remote server"))?;
    let running = launch.spawn(contender, receiver.address)?;
    let cpu = || process::cpu(running.pid()).map_err(Error::io("read a program's CPU time"));

    let before = cpu()?;
    let acks = post(launch.relay_port, profiles)
        .map_err(|error| Error::unfit(&contender.binary, format!("takes no profiles: {error}")))?;
    let delivered = receiver.wait_for(profiles, PATIENCE);
    let used = cpu()?.saturating_sub(before);
    let memory = process::memory(running.pid()).map_err(Error::io("read a program's memory"))?;
    running.stop()?;

    Ok(Relay {
        posted: profiles,
        delivered,
        ack_us: Spread::of(acks.iter().map(|ack| ack.as_secs_f64() * 1e6)),
        cpu_us: used.as_secs_f64() * 1e6 / f64::from(u32::try_from(profiles).unwrap_or(u32::MAX)),
        peak_bytes: memory.peak,
    })
}

fn post(port: u16, profiles: usize) -> io::Result<Vec<Duration>> {
    let request = request(port);
    let mut connection = connect(port)?;
    let mut answer = Vec::new();
    let mut acks = Vec::with_capacity(profiles);
    while acks.len() < profiles {
        let posted = Instant::now();
        connection.write_all(&request)?;
        if !http::read_message(&mut connection, &mut answer)? {
            connection = connect(port)?;
            continue;
        }
        acks.push(posted.elapsed());
        let status = http::first_line(&answer);
        if !status.contains(" 200") {
            return Err(io::Error::other(format!("the answer is {status}, not 200")));
        }
        thread::sleep(PAUSE);
    }
    Ok(acks)
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(connection)
}

/// A post as the Node SDK makes it. A relay doesn't look into the profile, and noise doesn't compress.
fn request(port: u16) -> Vec<u8> {
    let head = format!(
        "POST /ingest?format=pprof&from=1700000000&name=bench%7Bregion%3Dlocal%7D&sampleRate=100&spyName=nodespy&until=1700000010 HTTP/1.1\r\n\
         Host: localhost:{port}\r\nContent-Type: application/octet-stream\r\nContent-Length: {PROFILE_BYTES}\r\n\r\n"
    );
    let noise = iter::successors(Some(1_u64), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    });
    let noise = noise.map(|state| state.to_be_bytes()[0]).take(PROFILE_BYTES);
    head.into_bytes().into_iter().chain(noise).collect()
}
