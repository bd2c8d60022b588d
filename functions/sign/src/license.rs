//! `POST /license`: the key and the token of a recorded license.

use crate::Ports;
use crate::error::Refusal;
use axum::extract::State;
use http::StatusCode;
use keywright_domain::dates::MAX_UNIX_SECONDS;
use keywright_domain::standing::LicenseStatus;
use keywright_license::{Date, MintError, NewLicense, SigningKey, TokenClaims};
use keywright_ports::receipt_keys::{ReceiptKeys, SealState};
use keywright_ports::{SignLicense, SignedLicense};
use keywright_store::licenses::recorded::{self, Entitled};
use keywright_web::{ApiError, Json};
use uuid::Uuid;

/// Signs what is recorded. The same record gives the same key and token every
/// time, because Ed25519 is deterministic: keys are not stored.
///
/// 404 `unknown_license`, 409 `not_entitled` without a receipt that entitles
/// it or when it is not active, 503 `receipt_not_sealed`, `no_receipt_key` and
/// `no_signing_key`.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    asked: Result<Json<SignLicense>, ApiError>,
) -> Result<Json<SignedLicense>, Refusal> {
    let Json(asked) =
        asked.map_err(|error| Refusal::new(error.status(), "bad_request", error.message()))?;
    let key = ports.key()?;
    let receipt_keys = ports.receipt_keys()?;
    let recorded = recorded::with_receipt(&ports.database, &asked.license_id)
        .await
        .map_err(|error| internal(&error))?
        .ok_or_else(Refusal::unknown_license)?;
    entitled(&recorded, receipt_keys)?;
    sign(key, &recorded).map(Json)
}

/// A sealed receipt for this license and its product, whose invoice (where it has
/// one) settled, and a license that is in force.
///
/// # Errors
/// 409 `not_entitled`, with the reason; 503 `receipt_not_sealed` where the operator
/// has to seal receipts first.
pub(crate) fn entitled(recorded: &Entitled, keys: &ReceiptKeys) -> Result<(), Refusal> {
    let refused = |reason: &str| Err(Refusal::new(StatusCode::CONFLICT, "not_entitled", reason));
    let Some(receipt) = recorded.receipt() else {
        return refused("the license has no receipt");
    };
    if receipt.product_id != recorded.license.product_id {
        return refused("the receipt is for another product");
    }
    match keys.check(&receipt, &recorded.receipt.seals) {
        SealState::Sealed | SealState::SealedByOlderKey => {}
        SealState::Unsealed => return not_sealed("has no seal"),
        SealState::UnknownKey => {
            return not_sealed("has seals of keys only that are not in RECEIPT_KEYS");
        }
        SealState::Broken => {
            return refused("the receipt, its license or its seal was changed in the database");
        }
    }
    let settled = recorded.invoice_status.as_deref() == Some("settled");
    let granted = receipt.kind == "grant" && recorded.invoice_status.is_none();
    if !settled && !granted {
        return refused("the receipt's invoice is not settled");
    }
    if recorded.license.status != LicenseStatus::Active {
        return refused("the license is not active");
    }
    Ok(())
}

fn not_sealed(why: &str) -> Result<(), Refusal> {
    Err(Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "receipt_not_sealed",
        format!(
            "the receipt {why}: after an upgrade or a change of RECEIPT_KEYS run: keywright \
             receipts seal; a receipt that is still not sealed then was not written by Keywright"
        ),
    ))
}

fn sign(key: &SigningKey, recorded: &Entitled) -> Result<SignedLicense, Refusal> {
    let license = &recorded.license;
    let id = |text: &str| Uuid::parse_str(text).map_err(|error| internal(&error));
    let license_key = key.sign_license(&NewLicense {
        product_id: id(&license.product_id)?,
        license_id: id(&license.id)?,
        issued_at: license.issued_at,
        expires_at: license.expires_at,
        trial: license.is_trial,
        fingerprint_hash: None,
        entitlements: license.entitlements.clone(),
    });
    // A token knows days only: it is good through the UTC day of the expiry,
    // and to the end of the calendar when there is none.
    let last_day = Date::from_unix(license.expires_at.unwrap_or(MAX_UNIX_SECONDS));
    let mut claims = TokenClaims {
        product: license.product_slug.clone(),
        channel_expiry: last_day,
        entitlements: license.entitlements.clone(),
        version_floor: None,
        license: Some(license.id.clone()),
        maintenance_until: license.maintenance_until.map(Date::from_unix),
    };
    let mut token = key.sign_token(&claims);
    if matches!(token, Err(MintError::TokenTooLong { .. })) {
        // Sold when entitlements could take more room: the buyer has to get a
        // token, even though one that names no license cannot be called back.
        claims.license = None;
        token = key.sign_token(&claims);
    }
    Ok(SignedLicense {
        license_key: license_key.map_err(|error| internal(&error))?,
        token: token.map_err(|error| internal(&error))?,
        download_id: recorded.download_id.clone(),
    })
}

pub(crate) fn internal(error: &dyn std::error::Error) -> Refusal {
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        error.to_string(),
    )
}
