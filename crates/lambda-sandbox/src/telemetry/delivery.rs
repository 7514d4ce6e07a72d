//! Batches, posted to an extension's listener.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Item, Subscription};

/// How often a batch that is not answered with 200 is sent, before it is given up.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Sends what comes in, until the environment ends.
pub(super) async fn deliver(subscription: Subscription, mut items: mpsc::UnboundedReceiver<Item>) {
    while let Some(first) = items.recv().await {
        let body = batch(&subscription, first, &mut items).await;
        for _ in 0..ATTEMPTS {
            if post(&subscription, &body).await.is_ok_and(|status| status == 200) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Collects items until there are enough of them or the first is old enough.
async fn batch(
    subscription: &Subscription,
    first: Item,
    items: &mut mpsc::UnboundedReceiver<Item>,
) -> String {
    let by = Instant::now() + subscription.timeout;
    let (mut body, mut count) = (format!("[{}", first.json), 1);
    while count < subscription.max_items && body.len() < subscription.max_bytes {
        let Ok(Some(item)) = tokio::time::timeout_at(by, items.recv()).await else { break };
        body.push(',');
        body.push_str(&item.json);
        count += 1;
    }
    body.push(']');
    body
}

async fn post(subscription: &Subscription, body: &str) -> io::Result<u16> {
    let Subscription { port, path, .. } = subscription;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: sandbox.localdomain:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    // "HTTP/1.1 200" is all that is of interest.
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    let status = std::str::from_utf8(&status).ok().and_then(|line| line.rsplit(' ').next());
    status.and_then(|status| status.parse().ok()).ok_or_else(|| io::Error::other("no HTTP"))
}
