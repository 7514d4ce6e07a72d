//! The Pyroscope SDK's start, and its end within the time that Lambda leaves.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use lambda_runtime::Error;
use pyroscope::backend::{BackendConfig, PprofConfig, pprof_backend};
use pyroscope::pyroscope::{PyroscopeAgent, PyroscopeAgentBuilder, PyroscopeAgentRunning};

/// Where the extension listens.
const EXTENSION: &str = "http://localhost:4040";

/// Samples a second. The SDK uploads what it has every 10 s, aligned to the clock.
const SAMPLE_RATE: u32 = 100;

/// How long a runtime may take after SIGTERM: Lambda kills it at about 300 ms.
const LAST_UPLOAD: Duration = Duration::from_millis(250);

/// The SDK's agent, running.
pub(crate) struct Profiler {
    agent: PyroscopeAgent<PyroscopeAgentRunning>,
}

// === impl Profiler ===

impl Profiler {
    /// Starts sampling this process. `PYROSCOPE_SERVER_ADDRESS` says where profiles go if not to `http://localhost:4040`,
    /// `PYROSCOPE_APPLICATION_NAME` under which name if not `order-service`.
    pub(crate) fn start() -> Result<Self, Error> {
        let address = variable("PYROSCOPE_SERVER_ADDRESS").unwrap_or_else(|| EXTENSION.to_owned());
        let name = variable("PYROSCOPE_APPLICATION_NAME").unwrap_or_else(|| "order-service".to_owned());
        let region = variable("AWS_REGION").unwrap_or_else(|| "local".to_owned());
        let backend = pprof_backend(PprofConfig { sample_rate: SAMPLE_RATE }, BackendConfig::default());
        let agent = PyroscopeAgentBuilder::new(
            address,
            name,
            SAMPLE_RATE,
            "pyroscope-rs",
            env!("CARGO_PKG_VERSION"),
            backend,
        )
        .tags(vec![("region", region.as_str()), ("team", "checkout")])
        .build()?
        .start()?;
        Ok(Self { agent })
    }

    /// Stops sampling and sends the last profile, within the time that Lambda leaves.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let stopped = self.agent.stop()?;
        // `shutdown` returns once the last profile is out *and* the agent's timer has fired once more, which may take
        // a whole upload interval. So it gets a thread, and the profile gets as long as there is.
        let (done, finished) = mpsc::channel();
        thread::spawn(move || {
            stopped.shutdown();
            // Nobody listens any more when the time was up before.
            let _ = done.send(());
        });
        let _ = finished.recv_timeout(LAST_UPLOAD);
        Ok(())
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
