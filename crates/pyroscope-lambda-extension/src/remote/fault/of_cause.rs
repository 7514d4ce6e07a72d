//! What the end of an attempt without an answer tells of a fault.

use std::io::{self, ErrorKind};

use rustls::CertificateError;

use super::Fault;
use crate::connection::progress::Stage;
use crate::connection::{TunnelError, is_about_our_certificate};
use crate::net::Unresolved;
use crate::remote::outcome::Cause;

// === impl Fault ===

impl Fault {
    /// What is behind `cause`.
    #[must_use]
    pub fn of_cause(cause: &Cause) -> Self {
        match cause {
            Cause::Answer { fault, .. } => *fault,
            Cause::Connect(error) => Self::of_dialling(error),
            Cause::Secure(error) => Self::of_handshake(error),
            Cause::Exchange(error) if error.is_parse() => Self::NoHttp,
            Cause::Exchange(error) if error.is_about_our_certificate() => Self::ClientCertificate,
            Cause::Exchange(_) => Self::BrokeOff,
            Cause::Timeout { stage: Stage::Dialling, proxy: Some(_), .. } => Self::ProxyUnreachable,
            Cause::Timeout { stage: Stage::Dialling, .. } => Self::ConnectTimeout,
            Cause::Timeout { stage: Stage::Securing, .. } => Self::TlsSilence,
            Cause::Timeout { stage: Stage::Asking, .. } => Self::NoAnswer,
        }
    }

    /// Why there is no connection.
    #[must_use]
    pub fn of_dialling(error: &io::Error) -> Self {
        if let Some(unresolved) = inner::<Unresolved>(error) {
            return if unresolved.is_transient() { Self::NoNameServer } else { Self::NameUnknown };
        }
        if let Some(tunnel) = inner::<TunnelError>(error) {
            return if tunnel.wants_password() { Self::ProxyPassword } else { Self::ProxyUnreachable };
        }
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            ErrorKind::TimedOut => Self::ConnectTimeout,
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => Self::NoRoute,
            _ => Self::NoConnection,
        }
    }

    fn of_handshake(error: &io::Error) -> Self {
        match inner::<rustls::Error>(error) {
            Some(rustls::Error::InvalidCertificate(error)) => Self::of_certificate(error),
            Some(rustls::Error::InvalidMessage(_)) => Self::NoTls,
            Some(error) if is_about_our_certificate(error) => Self::ClientCertificate,
            // Not the remote's word, but ours: a file that can't be used.
            None if error.kind() == ErrorKind::Other => Self::NoConnection,
            _ => Self::TlsRefused,
        }
    }

    const fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            _ => Self::BadCertificate,
        }
    }
}

fn inner<E: std::error::Error + 'static>(error: &io::Error) -> Option<&E> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::{AlertDescription, Error, InvalidMessage};

    use super::*;

    #[test]
    fn a_failed_connection_tells_its_fault() {
        for (kind, fault) in [
            (ErrorKind::ConnectionRefused, Fault::ConnectionRefused),
            (ErrorKind::TimedOut, Fault::ConnectTimeout),
            (ErrorKind::NetworkUnreachable, Fault::NoRoute),
            (ErrorKind::HostUnreachable, Fault::NoRoute),
            (ErrorKind::OutOfMemory, Fault::NoConnection),
        ] {
            assert_eq!(Fault::of_cause(&Cause::Connect(kind.into())), fault, "{kind}");
        }
        for (words, fault) in [
            ("failed to lookup address information: Name or service not known", Fault::NameUnknown),
            ("failed to lookup address information: Name does not resolve", Fault::NameUnknown),
            (
                "failed to lookup address information: Temporary failure in name resolution",
                Fault::NoNameServer,
            ),
            ("failed to lookup address information: Try again", Fault::NoNameServer),
        ] {
            let error =
                io::Error::other(Unresolved { host: "h".to_owned(), source: io::Error::other(words) });
            assert_eq!(Fault::of_cause(&Cause::Connect(error)), fault, "{words}");
        }
    }

    #[test]
    fn a_failed_handshake_tells_its_fault() {
        let certificate = |error| Error::InvalidCertificate(error);
        for (error, fault) in [
            (certificate(CertificateError::UnknownIssuer), Fault::UnknownIssuer),
            (certificate(CertificateError::NotValidForName), Fault::WrongName),
            (certificate(CertificateError::Expired), Fault::Expired),
            (certificate(CertificateError::NotValidYet), Fault::NotYetValid),
            (certificate(CertificateError::BadSignature), Fault::BadCertificate),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), Fault::NoTls),
            (Error::AlertReceived(AlertDescription::UnrecognisedName), Fault::TlsRefused),
            (Error::AlertReceived(AlertDescription::CertificateRequired), Fault::ClientCertificate),
        ] {
            let text = error.to_string();
            let cause = Cause::Secure(io::Error::new(ErrorKind::InvalidData, error));
            assert_eq!(Fault::of_cause(&cause), fault, "{text}");
        }
        assert_eq!(Fault::of_cause(&Cause::Secure(ErrorKind::UnexpectedEof.into())), Fault::TlsRefused);
    }

    #[test]
    fn a_time_out_tells_what_the_attempt_was_at() {
        let after = Duration::from_secs(1);
        for (stage, fault) in [
            (Stage::Dialling, Fault::ConnectTimeout),
            (Stage::Securing, Fault::TlsSilence),
            (Stage::Asking, Fault::NoAnswer),
        ] {
            assert_eq!(Fault::of_cause(&Cause::Timeout { after, stage, proxy: None }), fault);
        }
    }
}
