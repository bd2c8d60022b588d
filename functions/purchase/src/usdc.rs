//! The rail `usdc`: an order that is paid to the vendor's own wallet, with no
//! provider in between. What was paid is read of the chain by `watch`.

use crate::Ports;
use crate::recent_orders::NotSold;
use keywright_domain::dates::rfc3339;
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::merchant::Redirect;
use keywright_domain::order::OrderSecret;
use keywright_domain::recent_orders::Origin;
use keywright_domain::usdc::amounts::Amounts;
use keywright_domain::usdc::sharing::Share;
use keywright_domain::usdc::watching::index_of;
use keywright_domain::usdc::{self, ADDRESS_WATCHED, MAX_SPREAD};
use keywright_ports::{Config, name};
use keywright_providers::polygon::market::Market;
use keywright_providers::polygon::uri::payment_uri;
use keywright_providers::polygon::wallet::{IndexError, ReceivingKey};
use keywright_providers::polygon::{Address, Units};
use keywright_store::chain::usdc_orders::{self, NewOrder, Placed, Shown, ToldBy};
use keywright_store::sales::invoices::NewInvoice;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// Its name, as an order names it.
pub(crate) const RAIL: &str = "usdc";

/// Amounts that are tried at random in each spread. Where half of the amounts are
/// taken, one of so many is free but in a case of 65,536.
const PROBES: usize = 16;

/// Where buyers pay, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    market: Market,
    to: Wallet,
    minutes: i64,
    spread: i64,
    share: Share,
}

#[derive(Debug, Clone)]
enum Wallet {
    /// One address; the amount tells the order.
    One(Address),
    /// An address for every order.
    Many(ReceivingKey),
}

impl Settings {
    /// Reads the configuration; an address for every order where a key for that is
    /// configured.
    ///
    /// # Errors
    /// What is missing or wrong. It holds no key.
    pub(crate) fn configured(config: &Config) -> Result<Self, String> {
        let wrong = |name, why: &dyn std::fmt::Display| format!("{name}: {why}");
        let to = match (
            config.get(name::WALLET_XPUB),
            config.get(name::WALLET_ADDRESS),
        ) {
            (Some(key), _) => key
                .parse()
                .map(Wallet::Many)
                .map_err(|error| wrong(name::WALLET_XPUB, &error))?,
            (None, Some(address)) => address
                .parse()
                .map(Wallet::One)
                .map_err(|error| wrong(name::WALLET_ADDRESS, &error))?,
            (None, None) => {
                return Err("neither WALLET_ADDRESS nor WALLET_XPUB is configured".to_owned());
            }
        };
        Ok(Self {
            market: Market::configured(
                config.get(name::POLYGON_CHAIN_ID),
                config.get(name::USDC_ADDRESS),
            )?,
            to,
            minutes: usdc::order_minutes(config.get(name::USDC_ORDER_MINUTES))?,
            spread: usdc::spread(config.get(name::USDC_AMOUNT_SPREAD))?,
            share: Share::configured(config.get(name::USDC_INSTANCE))?,
        })
    }
}

/// What to send where.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsdcPayment)]
pub(crate) struct Payment {
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
    /// The same for a wallet (EIP-681).
    uri: String,
    /// That as a QR code. Holds the order's secret.
    qr_svg_url: String,
    /// `waiting`; `confirming`, a payment was seen and is looked at; `paid`;
    /// `late`, the exact amount came after `expires_at`; `expired`.
    #[schema(example = "waiting")]
    status: &'static str,
    /// Till when the chain was read, RFC 3339; null before anything was.
    #[schema(required)]
    checked_at: Option<String>,
    /// The payment, once it is there.
    #[schema(required)]
    confirmed: Option<Confirmed>,
}

/// The payment of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsdcConfirmed)]
pub(crate) struct Confirmed {
    /// Its transaction.
    tx_hash: String,
    /// The block that it is in.
    block_number: i64,
}

/// An order that was recorded.
pub(crate) struct Ordered {
    pub(crate) reference: String,
    pub(crate) checkout_url: String,
    pub(crate) payment: Payment,
}

/// Records an order, or says why it is not taken. The checkout is a page of ours. Its
/// address holds the secret after `#`, which no server is sent; what is recorded of
/// the address leaves it out.
///
/// # Errors
/// 400 for a price that is not in US dollars; 503 where no wallet is configured,
/// and when every amount of this price is held by another order.
pub(crate) async fn order(
    ports: &Ports,
    (invoice, secret, redirect_url): (&NewInvoice, &OrderSecret, Option<String>),
    origin: &Origin,
    now: i64,
) -> Result<Result<Ordered, NotSold>, ApiError> {
    let settings = ports.usdc()?;
    let public_url = ports.public_url()?;
    let cents = invoice.price.us_cents().ok_or_else(|| {
        ApiError::bad_request("rail: only what is priced in US dollars can be paid in USDC")
    })?;
    let price = Units::from_cents(cents).map_err(|error| ApiError::internal(error.to_string()))?;
    let expires_at = now + settings.minutes * 60;
    let (address, told_by, kept) = match &settings.to {
        // The amount is free again when the order's own time is over.
        Wallet::One(address) => (*address, amount(ports, settings, price.get()), 0),
        Wallet::Many(key) => {
            let (derivation_index, address) = next_address(ports, key, settings.share, now).await?;
            let told_by = ToldBy::Address {
                amount_units: price.get(),
                derivation_index,
            };
            (address, told_by, ADDRESS_WATCHED)
        }
    };
    let order = NewOrder {
        market: usdc_orders::Market {
            chain_id: settings.market.chain_id.cast_signed(),
            token: settings.market.token.lower(),
        },
        address: address.lower(),
        told_by,
        reference: format!("usdc-{}", invoice.id),
        checkout_url: format!("{public_url}/pay/{}", invoice.id),
        redirect_url,
        expires_at,
        reserved_until: expires_at + kept,
    };
    let amount_units =
        match usdc_orders::place(&ports.database, invoice, &order, origin, now).await? {
            Placed::Recorded(amount_units) => amount_units,
            Placed::Exhausted => return Ok(Err(NotSold::Exhausted)),
            Placed::TooMany(full) => return Ok(Err(NotSold::Full(full))),
            Placed::Full => {
                return Err(ApiError::unavailable(
                    "service_unavailable",
                    "too many orders at this price wait for their payment; try again later",
                    "every amount within ten cents of a price is held by an order",
                ));
            }
        };
    let shown = Shown {
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
    Ok(Ok(Ordered {
        payment: payment(public_url, secret.as_str(), &shown)?,
        reference: order.reference,
        checkout_url: with_secret(&order.checkout_url, secret.as_str()),
    }))
}

/// Amounts to try, at random, so that a slip in the last digits seldom hits another
/// order: within the spread, and within the widest one where strangers hold those.
fn amount(ports: &Ports, settings: &Settings, price: i64) -> ToldBy {
    let usual = Amounts::above(price, settings.spread, settings.share);
    let all = Amounts::above(price, MAX_SPREAD, settings.share);
    let random = || u32::from_be_bytes(ports.stamps.random());
    let mut probes: Vec<i64> = (0..PROBES).map(|_| usual.pick(random())).collect();
    probes.extend((0..PROBES).map(|_| all.pick(random())));
    ToldBy::Amount {
        probes,
        all,
        start: all.pick(random()),
    }
}

/// The next number that has an address. One in 2^127 has none.
async fn next_address(
    ports: &Ports,
    key: &ReceivingKey,
    share: Share,
    now: i64,
) -> Result<(i64, Address), ApiError> {
    loop {
        let index = usdc_orders::next_index(&ports.database, share, now).await?;
        let number =
            u32::try_from(index_of(index)).map_err(|e| ApiError::internal(e.to_string()))?;
        match key.address(number) {
            Ok(address) => return Ok((index, address)),
            Err(IndexError::Skipped) => {}
            Err(error) => return Err(ApiError::internal(error.to_string())),
        }
    }
}

/// The address of the checkout, with what opens the order.
pub(crate) fn with_secret(checkout_url: &str, opener: &str) -> String {
    format!("{checkout_url}#{opener}")
}

/// Where the buyer of a paid order goes next: where they asked to, else where the
/// business sends its buyers.
pub(crate) fn redirect(shown: &Shown, order_id: &str, opener: &str) -> Option<String> {
    if shown.status != InvoiceStatus::Settled {
        return None;
    }
    let template = || {
        let template = Redirect::parse(shown.redirect_template.as_deref()?).ok()?;
        Some(template.of(order_id, opener))
    };
    shown.redirect_url.clone().or_else(template)
}

/// What a buyer is shown of an order; `opener` is what opens it.
///
/// # Errors
/// Our own fault, for what nobody could have recorded.
pub(crate) fn payment(public_url: &str, opener: &str, shown: &Shown) -> Result<Payment, ApiError> {
    let (token, address) = (read(&shown.token)?, read(&shown.address)?);
    let status = match shown.status {
        InvoiceStatus::Settled => "paid",
        _ if shown.is_late != 0 => "late",
        InvoiceStatus::Pending if shown.is_seen != 0 => "confirming",
        InvoiceStatus::Pending => "waiting",
        InvoiceStatus::Expired | InvoiceStatus::Invalid => "expired",
    };
    Ok(Payment {
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
            .map(|(tx_hash, block)| Confirmed {
                tx_hash: tx_hash.clone(),
                block_number: block,
            }),
    })
}

/// What a wallet reads of an order's QR code.
///
/// # Errors
/// As [`payment`].
pub(crate) fn uri(shown: &Shown) -> Result<String, ApiError> {
    let (token, address) = (read(&shown.token)?, read(&shown.address)?);
    let chain_id = shown.chain_id.cast_unsigned();
    Ok(payment_uri(token, chain_id, address, units(shown)?))
}

fn units(shown: &Shown) -> Result<Units, ApiError> {
    Units::new(shown.amount_units).map_err(|error| ApiError::internal(error.to_string()))
}

fn read(address: &str) -> Result<Address, ApiError> {
    address
        .parse()
        .map_err(|error| ApiError::internal(format!("a recorded address: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    const XPUB: &str = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP";
    const XPRV: &str = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";
    const WORDS: &str = "test test test test test test test test test test test junk";

    fn settings(values: &[(&'static str, &str)]) -> Result<Settings, String> {
        let values = values
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Settings::configured(&Config::new(values))
    }

    #[test]
    fn an_address_for_every_order_comes_first() {
        let one = settings(&[(name::WALLET_ADDRESS, WALLET)]).expect("a wallet");
        assert!(matches!(one.to, Wallet::One(_)));
        assert_eq!((one.minutes, one.spread), (60, 9_999));
        let both = [(name::WALLET_ADDRESS, WALLET), (name::WALLET_XPUB, XPUB)];
        let many = settings(&both).expect("a key");
        assert!(matches!(many.to, Wallet::Many(_)));
    }

    /// What could spend is refused, and appears nowhere.
    #[test]
    fn what_is_wrong_is_named_without_the_secret() {
        for (name, value) in [
            (name::WALLET_XPUB, XPRV),
            (name::WALLET_XPUB, WORDS),
            (name::WALLET_ADDRESS, "0x123"),
            (name::USDC_ORDER_MINUTES, "-7"),
            (name::USDC_AMOUNT_SPREAD, "-7"),
            (name::USDC_INSTANCE, "3/2"),
            (name::USDC_ADDRESS, "my coin"),
        ] {
            let values = [(name::WALLET_ADDRESS, WALLET), (name, value)];
            let error = settings(&values[usize::from(name == name::WALLET_ADDRESS)..]);
            let error = error.expect_err(value);
            assert!(error.contains(name) && !error.contains(value), "{error}");
        }
        assert!(
            settings(&[])
                .expect_err("nothing")
                .contains("WALLET_ADDRESS")
        );
    }
}
