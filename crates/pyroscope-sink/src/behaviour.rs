//! How a sink behaves apart from what a server should do: late, scripted, hanging, resetting.

use std::{collections::VecDeque, fmt, iter, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version, header};
use http_body_util::Full;

use crate::wire::Raw;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Which request of this sink it is, from 0.
    pub number: usize,
    /// Which of the sink's connections it came on, from 0.
    pub connection: usize,
    /// The HTTP version.
    pub version: Version,
    /// The method.
    pub method: Method,
    /// The path, as sent.
    pub path: String,
    /// The query, as sent, without the question mark.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as sent; empty where it was too large or cut short, and in the arrivals of a sink that only counts.
    pub body: Bytes,
}

/// What to do with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// What the server would do.
    Serve,
    /// Give this answer, whatever the request holds.
    Answer(Answer),
    /// Never answer, and store nothing; the connection stays open.
    Hang,
    /// Reset the connection (RST) without an answer, and store nothing.
    Reset,
    /// Store what the server would store, and let the client never know.
    LoseAnswer(Loss),
    /// Send these bytes in place of an answer.
    Raw(Raw),
}

/// How an answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The connection stays open in silence.
    Hang,
    /// The connection is reset (RST).
    Reset,
}

/// What to do with one request before its body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// Never read the body.
    Unread,
    /// Reset the connection once this many bytes of the body are here, or all of them.
    ResetAfter(usize),
}

/// What to do with a connection when it is accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Greeting {
    /// Serve it.
    #[default]
    Serve,
    /// Never read from it; it stays open.
    Hang,
    /// Reset it (RST).
    Reset,
    /// Answer whatever comes first with a TLS alert, `handshake_failure`.
    TlsAlert,
}

/// A scripted answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    content_type: Option<String>,
    body: Bytes,
}

type Rule = Box<dyn FnMut(&Incoming) -> Option<Reaction> + Send>;
type BodyRule = Box<dyn FnMut(&Incoming) -> Option<BodyFault> + Send>;

/// How a sink behaves: like a server, unless told otherwise.
///
/// The script comes first, one reaction a request; then the rules, in the order given; what neither decides is served.
///
/// ```
/// use pyroscope_sink::{Answer, Behaviour, Reaction};
/// use std::time::Duration;
///
/// let flaky = Behaviour::normal()
///     .latency(Duration::from_millis(50))
///     .next(2, Reaction::Answer(Answer::code(503).retry_after("1")))
///     .next(1, Reaction::Reset)
///     .when(|request| (request.path == "/ingest").then_some(Reaction::Hang));
/// # drop(flaky);
/// ```
#[derive(Default)]
pub struct Behaviour {
    latency: Duration,
    script: VecDeque<Reaction>,
    rules: Vec<Rule>,
    body_rules: Vec<BodyRule>,
    greeting: Greeting,
}

// === impl Incoming ===

impl Incoming {
    /// A header's value; empty where it is absent or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

// === impl Answer ===

impl Answer {
    /// An answer with this status and nothing else.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self { status, retry_after: None, content_type: None, body: Bytes::new() }
    }

    /// An answer with this status code; 500 where the code is none (it must be 100 to 999).
    #[must_use]
    pub fn code(code: u16) -> Self {
        Self::status(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// Sets Retry-After: seconds, or an HTTP date.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        self.retry_after = Some(value.into());
        self
    }

    /// Sets the body and its content type.
    #[must_use]
    pub fn body(mut self, content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        self.content_type = Some(content_type.into());
        self.body = body.into();
        self
    }

    pub(crate) fn body_alone(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn status_code(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn into_response(self) -> http::Response<Full<Bytes>> {
        let mut response = http::Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = [(header::RETRY_AFTER, self.retry_after), (header::CONTENT_TYPE, self.content_type)];
        for (name, value) in headers {
            // A value that is none is left out: a script's slip must not end the sink.
            if let Some(value) = value.and_then(|value| value.try_into().ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

// === impl Behaviour ===

impl Behaviour {
    /// Answers at once, as the server would.
    #[must_use]
    pub fn normal() -> Self {
        Self::default()
    }

    /// Waits this long before each answer, a reset included.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Adds a reaction to each of the next `count` requests, after those that are scripted already.
    #[must_use]
    pub fn next(mut self, count: usize, reaction: Reaction) -> Self {
        self.script.extend(iter::repeat_n(reaction, count));
        self
    }

    /// Adds a rule, asked for each request that the script leaves.
    #[must_use]
    pub fn when(mut self, rule: impl FnMut(&Incoming) -> Option<Reaction> + Send + 'static) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// Adds a rule that is asked about each request before its body is read; the first that says something decides.
    #[must_use]
    pub fn before_body(mut self, rule: impl FnMut(&Incoming) -> Option<BodyFault> + Send + 'static) -> Self {
        self.body_rules.push(Box::new(rule));
        self
    }

    /// Does this with each new connection.
    #[must_use]
    pub fn greet(mut self, greeting: Greeting) -> Self {
        self.greeting = greeting;
        self
    }

    /// Reacts so to every request.
    #[must_use]
    pub fn always(self, reaction: Reaction) -> Self {
        self.when(move |_| Some(reaction.clone()))
    }

    pub(crate) const fn greeting(&self) -> Greeting {
        self.greeting
    }

    /// Decides about a request whose body is still to be read.
    pub(crate) fn decide_body(&mut self, head: &Incoming) -> Option<BodyFault> {
        self.body_rules.iter_mut().find_map(|rule| rule(head))
    }

    /// Decides about a request: after how long to do what.
    pub(crate) fn decide(&mut self, request: &Incoming) -> (Duration, Reaction) {
        let scripted = self.script.pop_front();
        let reaction = scripted.or_else(|| self.rules.iter_mut().find_map(|rule| rule(request)));
        (self.latency, reaction.unwrap_or(Reaction::Serve))
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("latency", &self.latency)
            .field("script", &self.script)
            .field("rules", &self.rules.len())
            .field("body_rules", &self.body_rules.len())
            .field("greeting", &self.greeting)
            .finish()
    }
}
