//! The ways to pay that an order may name.

use super::buyer::present;
use keywright_domain::rail::Rail;
use keywright_web::ApiError;

/// The word for USDC in an order's `rail`.
pub(crate) const USDC: &str = "usdc";

/// How an order is paid, if there is anything to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayBy {
    /// At a payment provider of the business that takes this rail. Its checkout shows the
    /// rail first.
    Provider(Option<Rail>),
    /// To the vendor's wallet, in USDC on Polygon.
    Usdc,
}

impl PayBy {
    /// Reads an order's `rail`.
    ///
    /// # Errors
    /// 400 for any other word.
    pub(crate) fn parse(rail: Option<String>) -> Result<Self, ApiError> {
        let Some(name) = present(rail) else {
            return Ok(Self::Provider(None));
        };
        if name == USDC {
            return Ok(Self::Usdc);
        }
        match name.parse() {
            Ok(rail) => Ok(Self::Provider(Some(rail))),
            Err(_) => Err(ApiError::bad_request(
                "rail must be lightning, onchain, card or usdc",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rail_is_one_of_four_words() {
        let parse = |rail: &str| PayBy::parse(Some(rail.to_owned()));
        assert_eq!(PayBy::parse(None).ok(), Some(PayBy::Provider(None)));
        for (rail, pay_by) in [
            ("", PayBy::Provider(None)),
            ("lightning", PayBy::Provider(Some(Rail::Lightning))),
            (" onchain ", PayBy::Provider(Some(Rail::Onchain))),
            ("card", PayBy::Provider(Some(Rail::Card))),
            (" usdc", PayBy::Usdc),
        ] {
            assert_eq!(parse(rail).ok(), Some(pay_by), "{rail}");
        }
        for rail in ["Card", "LIGHTNING", "bitcoin", "BTC-LN"] {
            let refused = parse(rail).expect_err(rail);
            assert_eq!(refused.status().as_u16(), 400, "{rail}");
        }
    }
}
