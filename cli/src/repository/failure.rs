//! Why a request got no answer: whether a later attempt may succeed, and what to do about it.

use rustls::CertificateError;
use std::io::ErrorKind;
use ureq::Error;

/// A request without an answer.
pub(super) struct Failure {
    /// True when the same request may succeed later.
    pub(super) is_temporary: bool,
    /// What happened and what to do.
    pub(super) reason: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        match error {
            Error::Io(io) => match io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                Some(tls) => Self::permanent(tls_failure(tls)),
                None => Self::from_io(io),
            },
            Error::Rustls(tls) => Self::permanent(tls_failure(tls)),
            Error::Timeout(what) => Self::temporary(format!("no answer in time ({what})")),
            Error::ConnectionFailed => Self::temporary("the connection failed".to_owned()),
            Error::HostNotFound => Self::permanent(unknown_name("")),
            Error::Protocol(_) => Self::temporary(error.to_string()),
            // A proxy that cannot reach the server may do so later.
            Error::ConnectProxyFailed(_) => Self::temporary(format!(
                "the proxy refused the connection ({error}); check HTTPS_PROXY and NO_PROXY"
            )),
            Error::InvalidProxyUrl => Self::permanent(
                "the proxy's address is malformed; check ALL_PROXY, HTTPS_PROXY and HTTP_PROXY"
                    .to_owned(),
            ),
            _ => Self::permanent(error.to_string()),
        }
    }
}

impl Failure {
    fn permanent(reason: String) -> Self {
        Self {
            is_temporary: false,
            reason,
        }
    }

    fn temporary(reason: String) -> Self {
        Self {
            is_temporary: true,
            reason,
        }
    }

    fn from_io(error: &std::io::Error) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::temporary(
                "nothing accepts connections at this address (connection refused)".to_owned(),
            ),
            ErrorKind::InvalidInput | ErrorKind::PermissionDenied => Self::permanent(text),
            // The system's resolver has tried several times already.
            _ if text.contains("lookup address") => Self::permanent(unknown_name(&text)),
            _ => Self::temporary(format!("the connection failed: {text}")),
        }
    }
}

fn unknown_name(reason: &str) -> String {
    let reason = reason.rsplit(": ").next().unwrap_or_default();
    let reason = if reason.is_empty() {
        String::new()
    } else {
        format!(" ({reason})")
    };
    format!("the host name was not found{reason}; check the address")
}

fn tls_failure(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(certificate) => certificate_failure(certificate),
        rustls::Error::InvalidMessage(_) => {
            "there is no TLS at this port; check the port, and whether the address begins with http://"
                .to_owned()
        }
        error => format!("TLS failed: {error}"),
    }
}

fn certificate_failure(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "the server's certificate is signed by an authority that this machine does not trust; \
             pass --cacert FILE or set SSL_CERT_FILE to the authority's certificate"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is for another name ({error}); check the address")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it, and check this machine's clock"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check this machine's clock".to_owned()
        }
        CertificateError::Revoked => "the server's certificate is revoked".to_owned(),
        error => format!("the server's certificate is not accepted: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn certificates_names_and_addresses_are_not_retried() {
        let tls = |error: rustls::Error| Error::Io(io::Error::new(ErrorKind::InvalidData, error));
        let certificate = |error| tls(rustls::Error::InvalidCertificate(error));
        for (error, words) in [
            (certificate(CertificateError::UnknownIssuer), "--cacert"),
            (certificate(CertificateError::Expired), "has expired"),
            (certificate(CertificateError::NotValidYet), "clock"),
            (
                certificate(CertificateError::NotValidForName),
                "another name",
            ),
            (certificate(CertificateError::BadEncoding), "not accepted"),
            (
                tls(rustls::Error::InvalidMessage(
                    rustls::InvalidMessage::InvalidContentType,
                )),
                "no TLS at this port",
            ),
            (
                Error::Io(io::Error::other(
                    "failed to lookup address information: Name or service not known",
                )),
                "not found (Name or service not known)",
            ),
            (Error::HostNotFound, "not found; check"),
            (Error::BadUri("x".to_owned()), "bad uri"),
            (Error::InvalidProxyUrl, "HTTPS_PROXY"),
        ] {
            let failure = Failure::from(&error);
            assert!(!failure.is_temporary, "{}", failure.reason);
            assert!(failure.reason.contains(words), "{}", failure.reason);
            assert!(!failure.reason.contains("try again"), "{}", failure.reason);
        }
    }

    #[test]
    fn broken_connections_are_retried() {
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::BrokenPipe,
            ErrorKind::UnexpectedEof,
            ErrorKind::NetworkUnreachable,
        ] {
            assert!(
                Failure::from(&Error::Io(kind.into())).is_temporary,
                "{kind}"
            );
        }
        assert!(Failure::from(&Error::ConnectionFailed).is_temporary);
        assert!(Failure::from(&Error::Timeout(ureq::Timeout::Connect)).is_temporary);
    }
}
