//! The vendor's public release keys of a product, and the rule that nothing is
//! published that none of them has signed. The key that publishes is on build
//! machines; the release key is not, and neither is `ADMIN_KEY`, which alone
//! sets these.

pub(crate) mod set;
pub(crate) mod show;

use super::unknown_product;
use crate::Ports;
use http::StatusCode;
use keywright_domain::access::Caller;
use keywright_domain::release::ReleaseKey;
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::release_key::{Untrusted, signed_by};
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::slug::Slug;
use keywright_license::PublicKey;
use keywright_store::releases::release_keys;
use keywright_web::ApiError;

/// The keys that may sign releases of a product.
pub(super) struct TrustedKeys {
    product: Slug,
    keys: Vec<ReleaseKey>,
    /// The key that the operator's own key brings along for a product that has
    /// none.
    pub(super) first: Option<ReleaseKey>,
}

impl TrustedKeys {
    /// The keys of a product: one round trip. A product without any takes the one
    /// that is sent along, from the operator's own key only: who may set the keys
    /// anyway need not do it first, and nobody else can bring a key.
    ///
    /// # Errors
    /// 404 for an unknown product, 409 `no_release_key` where there are no keys.
    pub(super) async fn of(
        ports: &Ports,
        product: &Slug,
        sent: Option<ReleaseKey>,
        caller: &Caller,
    ) -> Result<Self, ApiError> {
        let found = release_keys::find(&ports.database, product).await?;
        let keys = found.ok_or_else(|| unknown_product(product))?.keys;
        let first = sent.filter(|_| keys.is_empty() && *caller == Caller::Master);
        if keys.is_empty() && first.is_none() {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "no_release_key",
                format!(
                    "{product} has no release key, and nothing is published unsigned; set it once with PUT /v1/admin/releases/keys/{product} and ADMIN_KEY, or `keywright release key set --product {product} --public-key release.pub`"
                ),
            ));
        }
        Ok(Self {
            product: product.clone(),
            keys: first.map_or(keys, |key| vec![key]),
            first,
        })
    }

    /// The key that signed the statement about a file. That the statement is
    /// about this file is looked at before.
    ///
    /// # Errors
    /// 422 `untrusted_signature`, which begins with `member`.
    pub(super) fn verify(&self, member: &str, artifact: &Artifact) -> Result<ReleaseKey, ApiError> {
        let untrusted = |error: &dyn std::fmt::Display| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "untrusted_signature",
                format!(
                    "{member}: {error}; sign with a release key of {}, or set another with PUT /v1/admin/releases/keys/{} and ADMIN_KEY",
                    self.product, self.product
                ),
            )
        };
        let signature = DetachedSignature::parse(&artifact.signature);
        let signature = signature.map_err(|error| untrusted(&error))?;
        verified(&self.keys, &signature).map_err(|error| untrusted(&error))
    }
}

/// The one of these keys that signed a statement, by the strict rule for Ed25519.
fn verified(keys: &[ReleaseKey], signature: &DetachedSignature) -> Result<ReleaseKey, Untrusted> {
    let accepts = |key: &ReleaseKey, message: &[u8], signature: &[u8; 64]| {
        // A key of small order, which could accept anything, is refused here.
        PublicKey::from_bytes(key.bytes).is_ok_and(|key| key.accepts(message, signature))
    };
    signed_by(keys, signature, accepts).copied()
}
