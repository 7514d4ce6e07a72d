//! A Pyroscope-compatible receiver of profiles, for tests and demos.
//!
//! A [`Sink`] takes the requests that Pyroscope's SDKs send, checks them as the server does, answers with the server's
//! status codes, and keeps everything that arrived: the raw requests and the series decoded from them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pyroscope_sink::SinkError> {
//! use pyroscope_sink::{Options, Sink};
//!
//! let sink = Sink::start(Options::default()).await?;
//! println!("send profiles to {}", sink.url());
//! assert!(sink.arrivals().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//!
//! In the order in which a request passes through:
//!
//! - `options`: where to listen, credentials, limits, the clock
//! - `sink`: [`Sink`], a running receiver and what can be asked of it
//! - `tls`: a certificate authority and a certificate made for one sink
//! - `port`: a port that can be closed for a while
//! - `connection`: a stream that can be reset, taken over, or dropped in silence
//! - `server`: connections, one arrival a request
//! - `behaviour`: how to misbehave: latency, scripted answers, hangs, resets, lost answers
//! - `wire`: bytes that are sent in place of an answer
//! - `endpoint`: the paths of the server and how each of them words a refusal
//! - `refusal`: why a request is refused
//! - `ingest`, `push`, `otlp`: the three ways to write profiles
//! - `query`, `name`, `check`, `inflate`: what they have in common
//! - `pprof`, `folded`: formats of profiles
//! - `series`: labels and the profiles that came with them
//! - `arrival`: one request and all of them
//! - `selection`, `flame`: merged stacks, flame graphs, top functions
//! - `oracle`: whether what arrived is what was sent, but for the session id
//! - `page`: the web page: series, arrivals, top functions, flame graphs
//! - `forward`: the way of a request to a real server
//! - `report`: an arrival as a line of text or JSON

mod arrival;
mod behaviour;
mod check;
mod connection;
mod endpoint;
mod flame;
mod folded;
mod forward;
mod inflate;
mod ingest;
mod name;
mod options;
mod oracle;
mod otlp;
mod page;
mod port;
mod pprof;
mod push;
mod query;
mod refusal;
mod report;
mod selection;
mod series;
mod server;
mod sink;
mod tls;
mod wire;

pub use arrival::{Arrival, Arrivals, MergedSeries, Totals};
pub use behaviour::{Answer, Behaviour, BodyFault, Greeting, Incoming, Loss, Reaction};
pub use check::{LabelError, Limits};
pub use endpoint::Endpoint;
pub use flame::{FlameGraphError, Hot, Top};
pub use folded::FoldedError;
pub use forward::{Forward, ForwardError};
pub use inflate::InflateError;
pub use name::{NameError, parse as parse_name};
pub use options::{Clock, Credentials, Options};
pub use oracle::{Altered, Original};
pub use pprof::{PprofError, decode as decode_pprof};
pub use refusal::Refusal;
pub use selection::{Merged, Selection};
pub use series::{Format, Profile, Sample, SampleType, Series, SessionId};
pub use sink::{Sink, SinkError, WaitTimeout};
pub use wire::{End, Raw};
