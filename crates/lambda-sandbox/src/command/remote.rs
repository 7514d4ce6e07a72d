//! A stand-in for the remote Pyroscope, whose uploads are part of the timeline.

use std::net::SocketAddr;

use lambda_sandbox::{Event, Recorder, Upload, UploadedSeries};
use pyroscope_sink::{Arrival, Options, Series, Sink, SinkError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that takes profiles, and a task that tells of them.
pub(super) struct Remote {
    sink: Sink,
    stop: oneshot::Sender<()>,
    following: JoinHandle<()>,
}

// === impl Remote ===

impl Remote {
    pub(super) async fn start(address: SocketAddr, recorder: Recorder) -> Result<Self, SinkError> {
        let sink = Sink::start(Options::default().listen(address)).await?;
        recorder.record(Event::RemoteListening { url: sink.url() });
        let (stop, mut stopped) = oneshot::channel();
        let mut watch = sink.watch();
        let following = tokio::spawn(async move {
            let (mut told, mut last) = (0, false);
            loop {
                let new: Vec<_> = watch.borrow_and_update().iter().skip(told).cloned().collect();
                told += new.len();
                for arrival in new {
                    recorder.record(Event::Upload(upload(&arrival)));
                }
                if last {
                    return;
                }
                // What came until the end is told, too.
                tokio::select! {
                    changed = watch.changed() => last = changed.is_err(),
                    _ = &mut stopped => last = true,
                }
            }
        });
        Ok(Self { sink, stop, following })
    }

    /// Where profiles are to be sent.
    pub(super) fn url(&self) -> String {
        self.sink.url()
    }

    /// Tells of what is still untold, and ends.
    pub(super) async fn end(self) {
        drop(self.stop);
        let _ = self.following.await;
        self.sink.shutdown().await;
    }
}

fn upload(arrival: &Arrival) -> Upload {
    Upload {
        path: arrival.request.path.clone(),
        status: arrival.status.map(|status| status.as_u16()),
        bytes: arrival.body_bytes,
        refusal: arrival.refusal.as_ref().map(ToString::to_string),
        series: arrival.series.iter().map(uploaded).collect(),
    }
}

fn uploaded(series: &Series) -> UploadedSeries {
    let types = series.sample_types().into_iter().map(|sample_type| sample_type.to_string());
    // One that is not looked into has a format at least.
    let opaque = series.profiles.iter().filter(|profile| profile.sample_types.is_empty());
    let profile_types = types.chain(opaque.map(|profile| profile.format.to_string())).collect();
    UploadedSeries {
        app: series.app.clone(),
        profile_types,
        profiles: series.profiles.len(),
        samples: series.samples(),
        bytes: series.uncompressed_bytes(),
    }
}
