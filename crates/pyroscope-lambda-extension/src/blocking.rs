//! Work that blocks, in a thread of its own.
//!
//! Not in the runtime's pool of threads: that one panics where the operating system has no thread to give, as in a function
//! that uses all it may have, and the end of the process would wait for work that is under way.

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// Does `work` in a thread.
///
/// # Errors
/// Where there is no thread to be had.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new().spawn(move || drop(done.send(work())))?;
    result.await.map_err(io::Error::other)
}
