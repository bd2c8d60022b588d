//! An order in USDC: it is paid to the vendor's own wallet, and `watch` reads the payment
//! from the chain.

use super::{CheckedOrder, OrderError, OrderPayment, OrderTaker};
use crate::usdc::{payment, with_secret};
use crate::usdc_settings::{UsdcSettings, Wallet};
use crate::{Ports, seller};
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::usdc::amounts::Amounts;
use keywright_domain::usdc::sharing::Share;
use keywright_domain::usdc::watching::index_of;
use keywright_domain::usdc::{ADDRESS_WATCHED, MAX_SPREAD};
use keywright_providers::polygon::wallet::{IndexError, ReceivingKey};
use keywright_providers::polygon::{Address, Units};
use keywright_store::chain::usdc_order_placing::{
    self, NewUsdcOrder, OrderIdentification, OrderPlacement,
};
use keywright_store::chain::usdc_orders::{self, UsdcOrderView};
use keywright_store::sales::invoices::{OrderDraft, OrderRefusal};
use keywright_store::subscriptions::order_link::OrderPurpose;
use keywright_web::ApiError;

/// Random amounts that are tried in each spread. With half of the amounts taken, one of
/// so many is free in all but one case of 65,536.
const PROBES: usize = 16;

impl OrderTaker<'_> {
    /// Records an order whose checkout is a page of ours. The address of that page holds
    /// the secret after `#`, which no server is sent; the recorded address does not hold
    /// it.
    ///
    /// # Errors
    /// 400 for a price that is not in US dollars, and for a business without a wallet;
    /// 503 if no wallet is configured, and if every amount of this price is held by
    /// another order.
    pub(super) async fn usdc(
        &self,
        draft: &OrderDraft,
        checked: &CheckedOrder,
    ) -> Result<OrderPayment, OrderError> {
        let (ports, now) = (self.ports, self.actor.at);
        let product = &checked.selection.product;
        if product.merchant_profile_id.is_some() {
            ports.usdc_of(&seller::of(ports, &product.slug).await?)?;
        }
        let settings = ports.usdc()?;
        ports.receipt_keys()?;
        let cents = draft
            .price
            .us_cents()
            .ok_or_else(|| ApiError::bad_request("rail usdc is only for prices in US dollars"))?;
        let price =
            Units::from_cents(cents).map_err(|error| ApiError::internal(error.to_string()))?;
        let expires_at = now + settings.minutes * 60;
        let (address, told_by, kept) = match &settings.wallet {
            // The amount is free again when the order's own time is over.
            Wallet::One(address) => (*address, amount(ports, settings, price.get()), 0),
            Wallet::Many(key) => {
                let (derivation_index, address) =
                    next_address(ports, key, settings.share, now).await?;
                let told_by = OrderIdentification::Address {
                    amount_units: price.get(),
                    derivation_index,
                };
                (address, told_by, ADDRESS_WATCHED)
            }
        };
        let identity = &draft.identity;
        let order = NewUsdcOrder {
            market: usdc_orders::ChainToken {
                chain_id: settings.market.chain_id.cast_signed(),
                token: settings.market.token.lower(),
            },
            address: address.lower(),
            told_by,
            reference: format!("usdc-{}", identity.id),
            checkout_url: format!("{}/pay/{}", self.public_url, identity.id),
            redirect_url: checked.redirect_url.clone(),
            expires_at,
            reserved_until: expires_at + kept,
        };
        let placed =
            usdc_order_placing::place(&ports.database, draft, &order, &checked.origin, now).await?;
        let amount_units = match placed {
            OrderPlacement::Recorded(amount_units) => amount_units,
            OrderPlacement::Exhausted => {
                return Err(OrderError::Refused(match &draft.purpose {
                    OrderPurpose::PayCycle { .. } => OrderRefusal::CycleNotOpen,
                    OrderPurpose::Upgrade(_) => OrderRefusal::LicenseChanged,
                    OrderPurpose::Sale | OrderPurpose::Subscribe { .. } => OrderRefusal::CodeUsedUp,
                }));
            }
            OrderPlacement::TooMany(cap) => {
                return Err(OrderError::Refused(OrderRefusal::TooMany(cap)));
            }
            OrderPlacement::Full => {
                let busy = ApiError::unavailable(
                    "service_unavailable",
                    "too many orders at this price are waiting for payment; try again later",
                    "every amount within ten cents of a price is held by an order",
                );
                return Err(busy.into());
            }
        };
        let shown = UsdcOrderView {
            chain_id: order.market.chain_id,
            token: order.market.token,
            address: order.address,
            amount_units,
            expires_at,
            status: InvoiceStatus::Pending,
            checked_at: None,
            tx_hash: None,
            block: None,
            is_seen: 0,
            is_late: 0,
            redirect_url: None,
            redirect_template: None,
        };
        let secret = identity.secret.as_str();
        Ok(OrderPayment::Usdc {
            payment: Box::new(payment(self.public_url, secret, &shown)?),
            reference: order.reference,
            checkout_url: with_secret(&order.checkout_url, secret),
        })
    }
}

/// Random amounts to try, so that a slip in the last digits rarely hits another order:
/// within the configured spread, and within the widest one if strangers hold those.
fn amount(ports: &Ports, settings: &UsdcSettings, price: i64) -> OrderIdentification {
    let usual = Amounts::above(price, settings.spread, settings.share);
    let all = Amounts::above(price, MAX_SPREAD, settings.share);
    let random = || u32::from_be_bytes(ports.stamps.random());
    let mut probes: Vec<i64> = (0..PROBES).map(|_| usual.pick(random())).collect();
    probes.extend((0..PROBES).map(|_| all.pick(random())));
    OrderIdentification::Amount {
        probes,
        all,
        start: all.pick(random()),
    }
}

/// The next derivation number that has an address. One in 2^127 has none.
async fn next_address(
    ports: &Ports,
    key: &ReceivingKey,
    share: Share,
    now: i64,
) -> Result<(i64, Address), ApiError> {
    loop {
        let index = usdc_order_placing::next_index(&ports.database, share, now).await?;
        let number =
            u32::try_from(index_of(index)).map_err(|e| ApiError::internal(e.to_string()))?;
        match key.address(number) {
            Ok(address) => return Ok((index, address)),
            Err(IndexError::Skipped) => {}
            Err(error) => return Err(ApiError::internal(error.to_string())),
        }
    }
}
