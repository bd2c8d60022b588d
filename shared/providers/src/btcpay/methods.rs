//! What `BTCPay` makes of a price in bitcoin: the amount that each of an
//! invoice's payment methods asks for, by the rate that was fixed with the
//! invoice.

use super::answer::Amount;
use super::{ReadError, read};
use http::Response;
use keywright_domain::money::Sats;
use serde::Deserialize;

/// A payment method of an invoice, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentMethod {
    /// `BTC-CHAIN`; servers before 2.0 say `BTC` in `paymentMethod`.
    #[serde(alias = "paymentMethod", default)]
    payment_method_id: String,
    /// The whole price in bitcoin, whatever was paid of it. Missing or null
    /// where the method's rate is not fixed until a buyer picks it.
    amount: Option<Amount>,
}

/// The methods whose amount counts, the first that says one: on chain amounts
/// are whole sats, Lightning ones may be finer.
const METHODS: [&str; 5] = [
    "BTC-CHAIN",
    "BTC",
    "BTC-LN",
    "BTC-LightningNetwork",
    "BTC-LNURL",
];

/// The price in sats.
pub(super) fn sats(methods: Vec<PaymentMethod>) -> Option<Sats> {
    let mut said: Vec<(usize, Sats)> = methods
        .into_iter()
        .filter_map(|method| {
            let id = method.payment_method_id.as_str();
            let place = METHODS.iter().position(|known| *known == id)?;
            let sats = Sats::from_bitcoin(&method.amount?.into_text()).ok()?;
            (sats > Sats::ZERO).then_some((place, sats))
        })
        .collect();
    said.sort();
    said.first().map(|(_, sats)| *sats)
}

/// Reads the answer to asking for an invoice's payment methods: the price in
/// sats, where one of them says it.
///
/// # Errors
/// [`ReadError`].
pub fn read_sats(answer: &Response<impl AsRef<[u8]>>) -> Result<Option<Sats>, ReadError> {
    read::<Vec<PaymentMethod>>(answer).map(sats)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Result<Option<i64>, ReadError> {
        let answer = Response::new(body.as_bytes());
        read_sats(&answer).map(|sats| sats.map(Sats::get))
    }

    #[test]
    fn the_amount_of_a_bitcoin_method_is_the_price() {
        for (body, expected) in [
            (
                r#"[{"paymentMethodId":"BTC-CHAIN","amount":"0.0005","currency":"BTC"}]"#,
                Some(50_000),
            ),
            (
                r#"[{"paymentMethodId":"BTC-LN","amount":"0.00050000001"},
                    {"paymentMethodId":"BTC-CHAIN","amount":"0.00050001"}]"#,
                Some(50_001),
            ),
            (
                r#"[{"paymentMethodId":"BTC-LN","amount":"0.00050000001"}]"#,
                Some(50_001),
            ),
            (
                r#"[{"paymentMethod":"BTC","amount":"0.0005"}]"#,
                Some(50_000),
            ),
            (
                r#"[{"paymentMethodId":"BTC-LN","amount":0.0005}]"#,
                Some(50_000),
            ),
            (
                r#"[{"paymentMethodId":"LTC-CHAIN","amount":"1"},
                    {"paymentMethodId":"BTC-CHAIN","amount":null},
                    {"paymentMethodId":"BTC-LN","amount":"0.0007"}]"#,
                Some(70_000),
            ),
            (r#"[{"paymentMethodId":"BTC-CHAIN","amount":"0"}]"#, None),
            (
                r#"[{"paymentMethodId":"BTC-CHAIN","amount":"a lot"}]"#,
                None,
            ),
            (r#"[{"paymentMethodId":"LTC-CHAIN","amount":"1"}]"#, None),
            // Plugins: their amounts are in currencies of their own.
            (
                r#"[{"paymentMethodId":"XMR-CHAIN","amount":"0.15","currency":"XMR"},
                    {"paymentMethodId":"Stripe-Card","amount":"25.00","currency":"USD"}]"#,
                None,
            ),
            (
                r#"[{"paymentMethodId":"Stripe-Card","amount":"25.00","currency":"USD"},
                    {"paymentMethodId":"BTC-LN","amount":"0.0005"}]"#,
                Some(50_000),
            ),
            ("[{}]", None),
            ("[]", None),
        ] {
            assert_eq!(said(body), Ok(expected), "{body}");
        }
        assert_eq!(said("{}"), Err(ReadError::Unreadable));
    }
}
