//! What is wrong on the way to the remote, and what to do about it: pure.
//!
//! One table for the log, for `check` and for `docs/troubleshooting.md`. What the remote's words mean follows the sources of
//! Pyroscope's distributor and of its validation of profiles, and Grafana Cloud's gateway.

mod of_answer;
mod of_cause;

use std::fmt;

pub use self::of_answer::Skew;
pub(super) use self::of_answer::is_transient_inside;

/// Declares each fault with its signs, what is found, and what to do about it.
macro_rules! faults {
    ($($id:ident: $sign:literal, $found:literal, $cure:literal;)*) => {
        /// What is wrong on the way to the remote. Its text says what was found and what to do about it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $(#[doc = $found] $id,)*
        }

        impl Fault {
            /// All of them, in the order of the way there.
            pub const ALL: &[Self] = &[$(Self::$id),*];

            /// What it is told by, for the docs.
            #[must_use]
            pub const fn sign(self) -> &'static str {
                match self { $(Self::$id => $sign,)* }
            }

            /// What was found, in a few words.
            #[must_use]
            pub const fn found(self) -> &'static str {
                match self { $(Self::$id => $found,)* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$id => $cure,)* }
            }
        }
    };
}

faults! {
    NameUnknown: "the name server knows no such name",
        "the remote's name is not known",
        "check the host in PYROSCOPE_REMOTE_ADDRESS; a private name is known only in a VPC that has its zone";
    NoNameServer: "the name server does not answer, or can't now",
        "no name server answers",
        "in a VPC see that DNS resolution is on and that the security group lets DNS out; elsewhere try again";
    NoRoute: "network or host unreachable",
        "there is no route to the remote",
        "a function in a VPC needs a NAT gateway to reach what is outside; an IPv6 address needs a way out of its own";
    ConnectionRefused: "connection refused",
        "nobody listens at the remote's port",
        "check host and port in PYROSCOPE_REMOTE_ADDRESS, and that the server runs";
    ConnectTimeout: "no connection within `PYROSCOPE_TIMEOUT`",
        "nothing answers at the remote's address",
        "a function in a VPC needs a NAT gateway to reach what is outside; see that its security group lets it out to this port, and that the remote's lets it in";
    NoTls: "bytes that are not TLS",
        "the remote's port does not speak TLS",
        "write http:// in PYROSCOPE_REMOTE_ADDRESS, or the port that takes TLS";
    TlsSilence: "TLS: no answer within `PYROSCOPE_TIMEOUT`",
        "the remote does not answer the TLS handshake",
        "see that the port takes TLS: a server that speaks another protocol may wait for more";
    UnknownIssuer: "TLS: unknown issuer",
        "nobody who is trusted vouches for the remote's certificate",
        "if its authority is a private one, name a PEM file with the authority's certificate in PYROSCOPE_TLS_CA_FILE";
    WrongName: "TLS: certificate not valid for name",
        "the remote's certificate is for another name",
        "write a name that is in the certificate into PYROSCOPE_REMOTE_ADDRESS, or give the server a certificate for this one";
    Expired: "TLS: certificate expired",
        "the remote's certificate has expired",
        "renew it on the server; if it is still valid, this machine's clock is wrong";
    NotYetValid: "TLS: certificate not valid yet",
        "the remote's certificate is not valid yet",
        "see that this machine's clock is right, then wait or replace it on the server";
    BadCertificate: "TLS: any other fault of the certificate",
        "the remote's certificate can't be used",
        "replace it on the server; the certificate of an authority can't be that of a server as well";
    ClientCertificate: "TLS: an alert about our certificate",
        "the remote wants a client certificate that it accepts",
        "name it in PYROSCOPE_TLS_CERT_FILE, and its key in PYROSCOPE_TLS_KEY_FILE";
    TlsRefused: "TLS: any other alert, or the end of the connection",
        "the remote breaks off the TLS handshake",
        "see that the port takes TLS, that the server serves this host name, and whether it asks for a client certificate";
    TlsOnly: "400 that speaks of HTTPS",
        "the remote's port takes TLS alone",
        "write https:// in PYROSCOPE_REMOTE_ADDRESS";
    NoHttp: "bytes that are not HTTP",
        "the remote does not answer in HTTP",
        "check the port in PYROSCOPE_REMOTE_ADDRESS, and its scheme: a port that takes TLS wants https://";
    BrokeOff: "the end of the connection before the answer",
        "the remote closes the connection without an answer",
        "look at the log of the server, or of the proxy before it";
    NoAnswer: "no answer within `PYROSCOPE_TIMEOUT`",
        "the remote does not answer in time",
        "raise PYROSCOPE_TIMEOUT if it is only slow, else look at the server";
    ProxyUnreachable: "the proxy can't be reached, or does not let us through",
        "there is no way through the proxy",
        "the error names the proxy and what it said; check HTTPS_PROXY or HTTP_PROXY, or name the remote in NO_PROXY";
    ProxyPassword: "407",
        "the proxy asks for user and password",
        "write them into its address: http://user:password@host:port";
    NoTenant: "401, or another status, with `no org id`",
        "the remote has many tenants and was told none",
        "set PYROSCOPE_TENANT_ID";
    TokenAlone: "401 with `legacy auth`",
        "Grafana Cloud takes no token without a user",
        "set PYROSCOPE_BASIC_AUTH_USER to the stack's user and PYROSCOPE_BASIC_AUTH_PASSWORD to the token, and unset PYROSCOPE_AUTH_TOKEN";
    Unauthorized: "401",
        "the remote does not accept the credentials",
        "check PYROSCOPE_AUTH_TOKEN, or PYROSCOPE_BASIC_AUTH_USER and PYROSCOPE_BASIC_AUTH_PASSWORD, and PYROSCOPE_TENANT_ID";
    Forbidden: "403",
        "the remote does not allow these credentials to write profiles",
        "give the key the right to write profiles (on Grafana Cloud the scope profiles:write); if it has, look for a firewall before the server";
    NotPyroscope: "a web page, with 2xx, 404, 405, or a 4xx that tells nothing else",
        "a web page answers, not Pyroscope",
        "write the address that takes profiles into PYROSCOPE_REMOTE_ADDRESS, not that of Grafana; on Grafana Cloud the stack's Pyroscope page names it";
    WrongPath: "404, 405",
        "the remote takes no profiles at this path",
        "check the base path in PYROSCOPE_REMOTE_ADDRESS: /ingest and /push.v1.PusherService/Push come behind it";
    Redirect: "3xx",
        "the remote is elsewhere, it says",
        "write the address that it redirects to into PYROSCOPE_REMOTE_ADDRESS; redirects are not followed";
    ClockSkew: "`ingestion window`, and a `Date` that is more than 5 minutes from this machine's",
        "this machine's clock and the remote's differ",
        "set them right; the remote refuses profiles that are an hour old or ten minutes ahead";
    TooOld: "`ingestion window`",
        "the profile is too old for the remote, or ahead of its time",
        "have the profiler flush at the end of an invocation: what waits through a long freeze is refused after an hour";
    TooLarge: "413, or words of a size limit",
        "the profile is larger than the remote takes",
        "send profiles more often or of fewer kinds, or raise the limit of the server or of the proxy before it";
    RateLimited: "429, or 422 with `resource_exhausted`",
        "the remote's limit for this tenant is reached",
        "raise the tenant's limit on the server, or send fewer profiles";
    Unavailable: "408, 425, 499, 5xx; 422 with a transient error inside",
        "the remote can't take profiles now",
        "look at the server; profiles wait for it for up to an hour";
    Invalid: "any other 4xx",
        "the remote finds fault with the profile",
        "its own words tell what; the limits for labels are those of the tenant";
    NoConnection: "anything else before the request",
        "no connection to the remote is to be had",
        "the error tells more";
}

impl Fault {
    /// Whether it is one of the set-up, which can't be the cause once a profile has been delivered.
    #[must_use]
    pub const fn is_of_setup(self) -> bool {
        matches!(
            self,
            Self::NameUnknown
                | Self::NoNameServer
                | Self::NoRoute
                | Self::ConnectionRefused
                | Self::ConnectTimeout
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.found(), self.cure())
    }
}
