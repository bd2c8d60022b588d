//! What shows that a caller bought a license: the order's secret and the e-mail address
//! given with the order. The order's id is not enough: it is public, and the address may
//! be. The license key is not enough to replace it: whoever it leaked to has it too.

use crate::Ports;
use keywright_domain::caller_limits::RECOVERIES;
use keywright_domain::dates::rfc3339;
use keywright_domain::email;
use keywright_domain::order::OrderOpener;
use keywright_store::operator::activity::ActivityKind;
use keywright_store::sales::purchases::{self, SettledOrder};
use keywright_web::caller_limit::take_for;
use keywright_web::rate_limit::Allowance;
use keywright_web::{ApiError, Visit, same_secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the buyer still has of the order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Recover)]
pub(crate) struct BuyerProof {
    /// Secret of the order: `invoice_id` of the purchase's answer. The id of an order
    /// from before there were secrets.
    #[schema(min_length = 1)]
    pub(super) invoice_id: String,
    /// The address given with the order, or the one that the vendor corrected it to. How it
    /// is written (letter case, `mailto:`, `xn--…`) does not matter.
    #[schema(example = "satoshi@example.com", min_length = 1)]
    email: String,
}

/// A license that was bought before.
#[derive(Serialize, ToSchema)]
pub(crate) struct Recovered {
    /// The key.
    license_key: String,
    /// UUID of the license.
    license_id: String,
    /// The token for the release gate.
    token: String,
    /// 32 hex digits that open the downloads of the license and nothing else:
    /// the "Download Key" of a Joomla site.
    download_id: Option<String>,
    /// UUID of the product.
    product_id: String,
    /// Slug of the product.
    #[schema(example = "demo")]
    product: String,
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339; null never.
    expires_at: Option<String>,
    /// What the license unlocks.
    entitlements: Vec<String>,
    /// Whether the product is an extension of Joomla, whose sites take `download_id`.
    is_for_joomla: bool,
}

impl BuyerProof {
    /// The order that this proves, if its license is active; `None` for every way in which
    /// it may not be one. Each try takes a token of [`RECOVERIES`].
    ///
    /// # Errors
    /// 400 for an empty member, 429 after too many tries.
    pub(super) async fn order(
        &self,
        ports: &Ports,
        visit: &Visit,
    ) -> Result<(Option<SettledOrder>, Allowance), ApiError> {
        let email = email::folded(&self.email);
        for (member, text) in [("invoice_id", self.invoice_id.trim()), ("email", &email)] {
            if text.is_empty() {
                return Err(ApiError::bad_request(format!("{member} must not be empty")));
            }
        }
        let now = ports.stamps.now_millis();
        let allowance = take_for(&ports.database, &[&RECOVERIES], &visit.client, now).await?;
        let Some(opener) = OrderOpener::parse(&self.invoice_id) else {
            return Ok((None, allowance));
        };
        let sale = purchases::settled_order(&ports.database, &opener).await?;
        // Compared even without an order, and in constant time, so that the time does not
        // show which of the two was wrong.
        let given = sale.as_ref().and_then(|sale| sale.buyer_email.as_deref());
        let same = same_secret(&email::folded(given.unwrap_or_default()), &email);
        let sale = sale.filter(|_| same);
        if sale.is_none() {
            let (kind, network) = (ActivityKind::RecoveryRefused, visit.client.network());
            let note = ports
                .activity
                .note(&visit.later, visit.caller(), kind, &network);
            note.await;
        }
        Ok((sale, allowance))
    }
}

impl Recovered {
    /// The license of an order with its current key, which is noted as shown.
    ///
    /// # Errors
    /// 503 while it cannot be signed.
    pub(super) async fn of(
        ports: &Ports,
        visit: &Visit,
        sale: SettledOrder,
    ) -> Result<Self, ApiError> {
        let signed = ports
            .sign
            .license(&sale.license_id)
            .await
            .map_err(|error| {
                ApiError::unavailable(
                    "service_unavailable",
                    "the license could not be signed now; try again later",
                    error.to_string(),
                )
            })?;
        let kind = ActivityKind::KeyRecovered;
        let note = ports
            .activity
            .note(&visit.later, visit.caller(), kind, &sale.license_id);
        note.await;
        Ok(Self {
            license_key: signed.license_key,
            license_id: sale.license_id,
            token: signed.token,
            download_id: signed.download_id,
            product_id: sale.product_id,
            product: sale.product,
            issued_at: rfc3339(sale.issued_at),
            expires_at: sale.expires_at.map(rfc3339),
            entitlements: sale.entitlements,
            is_for_joomla: sale.is_for_joomla,
        })
    }
}
