//! What a sink is started with.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    behaviour::{Behaviour, Incoming},
    check::Limits,
    forward::Forward,
    refusal::Refusal,
};

/// Tells the time by which profiles are too old or too new.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

/// What a client must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// `Authorization: Basic …`
    Basic {
        /// The user, which has no colon.
        user: String,
        /// The password.
        password: String,
    },
    /// `Authorization: Bearer …`
    Bearer(String),
}

/// What a [`Sink`](crate::Sink) is started with; the default is a plain server on a free port of 127.0.0.1 that takes requests of everybody.
#[derive(Debug)]
pub struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) tls_names: Vec<String>,
    pub(crate) client_authority: Option<String>,
    pub(crate) counts_only: bool,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) tenant: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) forward: Option<Forward>,
    pub(crate) clock: Clock,
    // Locked, as it changes with each request; everything else stays as it is.
    pub(crate) behaviour: Mutex<Behaviour>,
}

// === impl Clock ===

impl Clock {
    /// The time of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(SystemTime::now))
    }

    /// A clock that stands still.
    #[must_use]
    pub fn fixed(at: SystemTime) -> Self {
        Self(Arc::new(move || at))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

// === impl Credentials ===

impl Credentials {
    fn header(&self) -> String {
        match self {
            Self::Basic { user, password } => {
                format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        }
    }
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: false,
            tls_names: Vec::new(),
            client_authority: None,
            counts_only: false,
            credentials: None,
            tenant: None,
            limits: Limits::default(),
            forward: None,
            clock: Clock::system(),
            behaviour: Mutex::default(),
        }
    }
}

impl Options {
    /// Listens at this address; port 0 takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Speaks TLS, with a certificate of its own authority (see [`Sink::ca_pem`](crate::Sink::ca_pem)).
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Speaks TLS, with a certificate for this name, too.
    #[must_use]
    pub fn tls_name(mut self, name: impl Into<String>) -> Self {
        self.tls_names.push(name.into());
        self.tls()
    }

    /// Speaks TLS, and asks clients for a certificate of the authority in this PEM text.
    #[must_use]
    pub fn client_authority(mut self, pem: impl Into<String>) -> Self {
        self.client_authority = Some(pem.into());
        self.tls()
    }

    /// Keeps neither bodies nor stacks, only what can be counted: for long runs, whose profiles would fill the memory.
    #[must_use]
    pub fn counts_only(mut self) -> Self {
        self.counts_only = true;
        self
    }

    /// Asks for these credentials and answers 401 without them.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Asks for this tenant in `X-Scope-OrgID` and answers 401 without it.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sends each accepted request on to this server, as it came, and answers what that server answers.
    #[must_use]
    pub fn forward(mut self, forward: Forward) -> Self {
        self.forward = Some(forward);
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Behaves like this from the start.
    #[must_use]
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = Mutex::new(behaviour);
        self
    }

    /// The behaviour for the next request.
    pub(crate) fn behaviour_now(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody may look at the page. A browser knows no tenant, and asks for a password but not for a token.
    pub(crate) fn may_look(&self, authorization: &str) -> bool {
        match &self.credentials {
            None => true,
            Some(Credentials::Bearer(token)) if password(authorization).as_ref() == Some(token) => true,
            Some(wanted) => authorization == wanted.header(),
        }
    }

    pub(crate) fn authenticate(&self, request: &Incoming) -> Result<(), Refusal> {
        match &self.credentials {
            Some(wanted) if request.header("authorization") != wanted.header() => {
                return Err(Refusal::Unauthenticated(
                    "send the Authorization that the server was started with",
                ));
            }
            _ => {}
        }
        match &self.tenant {
            Some(_) if request.header("x-scope-orgid").is_empty() => Err(Refusal::NoTenant),
            Some(wanted) if request.header("x-scope-orgid") != wanted => {
                Err(Refusal::Unauthenticated("send the tenant in X-Scope-OrgID"))
            }
            _ => Ok(()),
        }
    }
}

/// The password of basic authentication, whoever the user is.
fn password(authorization: &str) -> Option<String> {
    let pair = BASE64_STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    String::from_utf8(pair).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}
