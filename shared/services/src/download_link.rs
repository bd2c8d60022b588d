//! Mints a download link: an address that opens one version for five minutes, without
//! the license key.

use keywright_domain::release::gate::GateRefusal;
use keywright_domain::standing::CurrentKey;
use keywright_ports::{Refusal, Sign, SignError, SignRefusal, SignedLink, Unavailable};

/// Why no link is minted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    /// The license does not open the version.
    #[error("the license does not open the version: {}", .0.code())]
    Denied(GateRefusal),
    /// Nothing that was paid or granted entitles the license, or it is not active.
    #[error("the license is not entitled to downloads: {0}")]
    NotEntitled(SignError),
    /// The license has no download id yet; the next tick gives it one.
    #[error("{0}")]
    NotPrepared(SignError),
    /// The operator has to seal the receipt first.
    #[error("{0}")]
    NotSealed(SignError),
    /// Sign did not do it for another reason.
    #[error(transparent)]
    Sign(SignError),
}

/// Has sign mint a link to a version of the license's product, for a caller that was found
/// to hold the current key: none once that was replaced.
///
/// # Errors
/// [`LinkRefusal`]; as a [`Refusal`] it has the same code on every route.
pub async fn mint(
    sign: &Sign,
    license_id: &str,
    current_key: CurrentKey,
    version: &str,
) -> Result<SignedLink, LinkRefusal> {
    let link = sign.download_link(license_id, current_key, version).await;
    link.map_err(LinkRefusal::of)
}

impl LinkRefusal {
    fn of(error: SignError) -> Self {
        match error.refusal() {
            // The message is the code of the rule that said no.
            Some(refusal @ (SignRefusal::NotActive | SignRefusal::VersionDenied)) => {
                let rule = match &error {
                    SignError::Refused { message, .. } => GateRefusal::from_code(message),
                    _ => None,
                };
                Self::Denied(rule.unwrap_or(match refusal {
                    SignRefusal::NotActive => GateRefusal::TokenRevoked,
                    _ => GateRefusal::EntitlementMissing,
                }))
            }
            Some(SignRefusal::NotEntitled) => Self::NotEntitled(error),
            Some(SignRefusal::NoDownloadId) => Self::NotPrepared(error),
            Some(SignRefusal::ReceiptNotSealed) => Self::NotSealed(error),
            _ => Self::Sign(error),
        }
    }
}

impl From<LinkRefusal> for Refusal {
    fn from(refusal: LinkRefusal) -> Self {
        let unavailable = |message, error: SignError| {
            Self::Unavailable(Unavailable {
                code: "service_unavailable",
                message,
                failure: error.to_string(),
            })
        };
        match refusal {
            LinkRefusal::Denied(rule) => Self::Forbidden {
                code: rule.code(),
                message: rule.advice(),
            },
            LinkRefusal::NotEntitled(_) => Self::Forbidden {
                code: "not-entitled",
                message: "no valid payment or grant is recorded for the license; contact the vendor",
            },
            LinkRefusal::NotPrepared(error) => unavailable(
                "the license is being prepared for downloads; try again in a minute",
                error,
            ),
            LinkRefusal::NotSealed(error) => {
                unavailable("the link cannot be signed now; try again later", error)
            }
            LinkRefusal::Sign(error) => Self::Internal(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(refusal: SignRefusal, message: &str) -> Refusal {
        Refusal::from(LinkRefusal::of(SignError::Refused {
            refusal,
            message: message.to_owned(),
        }))
    }

    #[test]
    fn one_reason_has_one_code() {
        for (refusal, message, code) in [
            (SignRefusal::NotActive, "token-revoked", "token-revoked"),
            (SignRefusal::NotActive, "channel-expired", "channel-expired"),
            (SignRefusal::NotActive, "in other words", "token-revoked"),
            (
                SignRefusal::VersionDenied,
                "maintenance-expired",
                "maintenance-expired",
            ),
            (
                SignRefusal::VersionDenied,
                "entitlement-missing",
                "entitlement-missing",
            ),
            (
                SignRefusal::VersionDenied,
                "in other words",
                "entitlement-missing",
            ),
            (SignRefusal::NotEntitled, "no receipt", "not-entitled"),
        ] {
            let Refusal::Forbidden { code: found, .. } = refused(refusal, message) else {
                panic!("{refusal} {message} is no 403");
            };
            assert_eq!(found, code, "{refusal} {message}");
        }
        for refusal in [SignRefusal::NoDownloadId, SignRefusal::ReceiptNotSealed] {
            assert!(
                matches!(refused(refusal, ""), Refusal::Unavailable(_)),
                "{refusal}"
            );
        }
        for refusal in [
            SignRefusal::UnknownLicense,
            SignRefusal::NoSigningKey,
            SignRefusal::BadRequest,
            SignRefusal::Unknown,
        ] {
            assert!(
                matches!(refused(refusal, ""), Refusal::Internal(_)),
                "{refusal}"
            );
        }
    }
}
