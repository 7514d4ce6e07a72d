//! Which of a name's addresses: the first that connects, after RFC 8305 ("Happy Eyeballs").

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use super::BoxFuture;

/// How long the tries so far may take before the next address is tried beside them (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// The addresses in the order in which to try them: IPv6 and IPv4 in turn, beginning with the kind that comes first (RFC
/// 8305, section 4). Within a kind the order stays that of the operating system, which knows its routes.
pub(super) fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let length = addresses.len();
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(length);
    while ordered.len() < length {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

/// Connects to the first of `addresses` that lets it. The next one is tried as soon as one fails, and beside those that
/// have not answered within the stagger.
pub(super) async fn race<'a, T>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> BoxFuture<'a, io::Result<T>>,
) -> io::Result<T> {
    let mut waiting = addresses.into_iter();
    let mut tries = Vec::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            tries.push((address, connect(address)));
        } else if tries.is_empty() {
            return Err(all(failures));
        }
        let ended = first_end(&mut tries);
        let (address, result) = if waiting.len() == 0 {
            ended.await
        } else if let Ok(ended) = timeout(STAGGER, ended).await {
            ended
        } else {
            tracing::debug!(
                "no answer from {:?}; trying the next address",
                tries.last().map(|(address, _)| address)
            );
            continue;
        };
        match result {
            Ok(connected) => return Ok(connected),
            Err(error) => {
                tracing::debug!(%address, %error, "can't connect");
                failures.push((address, error));
            }
        }
    }
}

/// Waits for the first try that ends, and takes it out.
async fn first_end<T>(tries: &mut Vec<(SocketAddr, BoxFuture<'_, T>)>) -> (SocketAddr, T) {
    poll_fn(|cx| {
        let ended =
            tries.iter_mut().enumerate().find_map(|(at, (_, attempt))| match attempt.as_mut().poll(cx) {
                Poll::Ready(result) => Some((at, result)),
                Poll::Pending => None,
            });
        match ended {
            Some((at, result)) => Poll::Ready((tries.swap_remove(at).0, result)),
            None => Poll::Pending,
        }
    })
    .await
}

/// One error for all. Where there was more than one address, it names them.
fn all(mut failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    match (failures.pop(), failures.first()) {
        (None, _) => io::ErrorKind::AddrNotAvailable.into(),
        (Some((_, error)), None) => error,
        (Some((address, error)), Some(_)) => {
            let kind = error.kind();
            let others = failures.iter().map(|(address, error)| format!("{address}: {error}; "));
            io::Error::new(kind, format!("{}{address}: {error}", others.collect::<String>()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::{Instant, sleep};

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn both_kinds_of_addresses_take_turns_beginning_with_the_first() {
        const V4: [&str; 3] = ["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"];
        const V6: [&str; 3] = ["[::1]:1", "[::2]:1", "[::3]:1"];
        for (given, expected) in [
            (&[][..], &[][..]),
            (&[V4[0]], &[V4[0]]),
            (&[V4[0], V4[1]], &[V4[0], V4[1]]),
            (&[V6[0], V6[1], V4[0], V4[1]], &[V6[0], V4[0], V6[1], V4[1]]),
            (&[V4[0], V4[1], V6[0], V6[1]], &[V4[0], V6[0], V4[1], V6[1]]),
            (&[V6[0], V4[0], V4[1], V4[2]], &[V6[0], V4[0], V4[1], V4[2]]),
            (&[V6[0], V6[1], V6[2], V4[0]], &[V6[0], V4[0], V6[1], V6[2]]),
            (&[V4[0], V6[0], V6[1], V6[2]], &[V4[0], V6[0], V6[1], V6[2]]),
        ] {
            assert_eq!(interleaved(addresses(given)), addresses(expected), "{given:?}");
        }
    }

    /// What a network of simulated time does with each address in turn: after so many milliseconds it connects or fails.
    async fn raced(outcomes: &[(u64, bool)]) -> (io::Result<u16>, u128, Vec<(u16, u128)>) {
        let began = Instant::now();
        let tried = Arc::new(Mutex::new(Vec::new()));
        let given = (0..).take(outcomes.len()).map(|port| SocketAddr::from(([10, 0, 0, 1], port)));
        let result = race(given.collect(), |address| {
            let (after, connects) = outcomes[usize::from(address.port())];
            tried.lock().unwrap().push((address.port(), began.elapsed().as_millis()));
            Box::pin(async move {
                sleep(Duration::from_millis(after)).await;
                if connects { Ok(address.port()) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
            })
        });
        let result = result.await;
        let tried = tried.lock().unwrap().clone();
        (result, began.elapsed().as_millis(), tried)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_to_connect_wins_and_the_next_is_tried_after_a_failure_or_the_stagger() {
        const SILENT: u64 = 1_000_000;
        for (outcomes, winner, after, starts) in [
            (&[(10, true)][..], 0, 10, &[(0, 0)][..]),
            (&[(10, true), (0, true)], 0, 10, &[(0, 0)]),
            // A refusal is no reason to wait.
            (&[(10, false), (10, true)], 1, 20, &[(0, 0), (1, 10)]),
            // A silent address costs a quarter of a second.
            (&[(SILENT, true), (10, true)], 1, 260, &[(0, 0), (1, 250)]),
            (&[(SILENT, true), (SILENT, true), (10, true)], 2, 510, &[(0, 0), (1, 250), (2, 500)]),
            // A slow one may still win.
            (&[(300, true), (100, true)], 0, 300, &[(0, 0), (1, 250)]),
            (&[(SILENT, true), (50, false), (50, true)], 2, 350, &[(0, 0), (1, 250), (2, 300)]),
            (&[(400, true), (50, false)], 0, 400, &[(0, 0), (1, 250)]),
        ] {
            let (result, took, tried) = raced(outcomes).await;
            assert_eq!((result.unwrap(), took, tried.as_slice()), (winner, after, starts), "{outcomes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_names_each_address_where_there_was_more_than_one() {
        for (outcomes, text) in [
            (&[][..], "address not available"),
            (&[(5, false)], "connection refused"),
            (&[(5, false), (5, false)], "10.0.0.1:0: connection refused; 10.0.0.1:1: connection refused"),
        ] {
            assert_eq!(raced(outcomes).await.0.unwrap_err().to_string(), text);
        }
    }
}
