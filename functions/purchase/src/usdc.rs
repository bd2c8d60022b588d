//! How an order in USDC is shown to its buyer.

use keywright_domain::dates::rfc3339;
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::merchant::{Redirect, named_redirect};
use keywright_providers::polygon::uri::payment_uri;
use keywright_providers::polygon::{Address, Units};
use keywright_store::chain::usdc_orders::UsdcOrderView;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// The amount to send, and where to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsdcPayment)]
pub(crate) struct UsdcPayment {
    /// EIP-155 id of the chain: 137 is Polygon.
    #[schema(example = 137)]
    chain_id: i64,
    /// Contract of the token, with the checksum of EIP-55.
    #[schema(example = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359")]
    token: String,
    /// Where to send it, with the checksum of EIP-55.
    address: String,
    /// Exactly how much, in micro-units.
    #[schema(minimum = 1, example = 19_000_001)]
    amount_units: i64,
    /// The same in USDC.
    #[schema(example = "19.000001")]
    amount_display: String,
    /// Until when the payment has to be in a block, RFC 3339.
    expires_at: String,
    /// The payment request for a wallet (EIP-681).
    uri: String,
    /// The payment request as a QR code. Holds the order's secret.
    qr_svg_url: String,
    /// `waiting`; `confirming`: a payment was seen and is being confirmed; `paid`;
    /// `late`: the exact amount came after `expires_at`; `expired`.
    #[schema(example = "waiting")]
    status: &'static str,
    /// The time up to which the chain was read, RFC 3339; null before anything was.
    #[schema(required)]
    checked_at: Option<String>,
    /// The payment, once it is there.
    #[schema(required)]
    confirmed: Option<UsdcConfirmation>,
}

/// The payment of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsdcConfirmed)]
pub(crate) struct UsdcConfirmation {
    /// Its transaction.
    tx_hash: String,
    /// The block that it is in.
    block_number: i64,
}

/// The address of the checkout page with the secret after `#`, which no server is sent.
pub(crate) fn with_secret(checkout_url: &str, opener: &str) -> String {
    format!("{checkout_url}#{opener}")
}

/// Where the buyer of a paid order goes next: to the address that the order named, else to
/// the one of the business.
pub(crate) fn redirect(shown: &UsdcOrderView, order_id: &str, opener: &str) -> Option<String> {
    if shown.status != InvoiceStatus::Settled {
        return None;
    }
    let template = || {
        let template = Redirect::parse(shown.redirect_template.as_deref()?).ok()?;
        Some(template.of(order_id, opener))
    };
    let named = shown.redirect_url.as_deref();
    let reference = format!("usdc-{order_id}");
    named
        .map(|named| named_redirect(named, order_id, opener, Some(&reference)))
        .or_else(template)
}

/// How an order is paid, for its buyer; `opener` opens the order.
///
/// # Errors
/// 500 for a row that nobody could have recorded.
pub(crate) fn payment(
    public_url: &str,
    opener: &str,
    shown: &UsdcOrderView,
) -> Result<UsdcPayment, ApiError> {
    let (token, address) = (read(&shown.token)?, read(&shown.address)?);
    let status = match shown.status {
        InvoiceStatus::Settled => "paid",
        _ if shown.is_late != 0 => "late",
        InvoiceStatus::Pending if shown.is_seen != 0 => "confirming",
        InvoiceStatus::Pending => "waiting",
        InvoiceStatus::Expired | InvoiceStatus::Invalid => "expired",
    };
    Ok(UsdcPayment {
        uri: uri(shown)?,
        chain_id: shown.chain_id,
        token: token.to_string(),
        address: address.to_string(),
        amount_units: shown.amount_units,
        amount_display: units(shown)?.display(),
        expires_at: rfc3339(shown.expires_at),
        qr_svg_url: format!("{public_url}/v1/purchase/{opener}/qr.svg"),
        status,
        checked_at: shown.checked_at.map(rfc3339),
        confirmed: shown
            .tx_hash
            .as_ref()
            .zip(shown.block)
            .map(|(tx_hash, block)| UsdcConfirmation {
                tx_hash: tx_hash.clone(),
                block_number: block,
            }),
    })
}

/// The payment request in an order's QR code.
pub(crate) fn uri(shown: &UsdcOrderView) -> Result<String, ApiError> {
    let (token, address) = (read(&shown.token)?, read(&shown.address)?);
    let chain_id = shown.chain_id.cast_unsigned();
    Ok(payment_uri(token, chain_id, address, units(shown)?))
}

fn units(shown: &UsdcOrderView) -> Result<Units, ApiError> {
    Units::new(shown.amount_units).map_err(|error| ApiError::internal(error.to_string()))
}

fn read(address: &str) -> Result<Address, ApiError> {
    address
        .parse()
        .map_err(|error| ApiError::internal(format!("a recorded address: {error}")))
}
