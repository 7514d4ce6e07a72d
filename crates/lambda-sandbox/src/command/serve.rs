//! Invocations by clients, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lambda_sandbox::{Sandbox, ShutdownReason};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{Invocations, RunError, Signals, Work};

/// What an invocation may take beyond the function's timeout, where its environment has to be reset.
const RESET: Duration = Duration::from_secs(3);

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
}

/// Serves clients until a signal comes, then lets the invocation that is under way end; a second signal does not wait for it.
pub(super) async fn serve(
    listener: TcpListener,
    sandbox: &Arc<Sandbox>,
    signals: &mut Signals,
    timeout: Duration,
) -> Work {
    let (stop, stopped) = oneshot::channel::<()>();
    let served = lambda_sandbox::serve(listener, Arc::clone(sandbox), async {
        let _ = stopped.await;
    });
    tokio::pin!(served);
    tokio::select! {
        result = &mut served => result.map_err(RunError::Serve)?,
        () = signals.recv() => {
            drop(stop);
            tokio::select! {
                result = &mut served => result.map_err(RunError::Serve)?,
                () = signals.recv() => {}
                // A client that never ends its request.
                () = tokio::time::sleep(timeout.saturating_add(RESET)) => {}
            }
        }
    }
    Ok((Invocations::AllSucceeded, ShutdownReason::Spindown))
}
