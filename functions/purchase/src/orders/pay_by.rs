//! The ways to pay that an order may name.

use super::buyer::present;
use keywright_domain::rail::Rail;
use keywright_web::ApiError;

/// The word for USDC in an order's `rail`.
pub(crate) const USDC: &str = "usdc";

/// How an order is paid, if there is anything to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayBy {
    /// At the store of the business. Its checkout shows this rail first.
    Btcpay(Option<BitcoinRail>),
    /// To the vendor's wallet, in USDC on Polygon.
    Usdc,
}

/// A way of paying that every `BTCPay` Server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BitcoinRail {
    Lightning,
    Onchain,
}

impl BitcoinRail {
    pub(crate) const ALL: [Self; 2] = [Self::Lightning, Self::Onchain];

    /// The rail by which a business prefers one of its stores.
    pub(crate) const fn rail(self) -> Rail {
        match self {
            Self::Lightning => Rail::Lightning,
            Self::Onchain => Rail::Onchain,
        }
    }

    /// The id of the payment method in `BTCPay`'s API.
    pub(crate) const fn btcpay_method(self) -> &'static str {
        match self {
            Self::Lightning => "BTC-LN",
            Self::Onchain => "BTC-CHAIN",
        }
    }
}

impl PayBy {
    /// Reads an order's `rail`.
    ///
    /// # Errors
    /// 400 for any other word.
    pub(crate) fn parse(rail: Option<String>) -> Result<Self, ApiError> {
        let Some(name) = present(rail) else {
            return Ok(Self::Btcpay(None));
        };
        if name == USDC {
            return Ok(Self::Usdc);
        }
        let rail = BitcoinRail::ALL
            .into_iter()
            .find(|rail| rail.rail().as_str() == name);
        match rail {
            Some(rail) => Ok(Self::Btcpay(Some(rail))),
            None => Err(ApiError::bad_request(
                "rail must be lightning, onchain or usdc",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rail_is_one_of_three_words() {
        let parse = |rail: &str| PayBy::parse(Some(rail.to_owned()));
        assert_eq!(PayBy::parse(None).ok(), Some(PayBy::Btcpay(None)));
        for (rail, pay_by) in [
            ("", PayBy::Btcpay(None)),
            ("lightning", PayBy::Btcpay(Some(BitcoinRail::Lightning))),
            (" onchain ", PayBy::Btcpay(Some(BitcoinRail::Onchain))),
            (" usdc", PayBy::Usdc),
        ] {
            assert_eq!(parse(rail).ok(), Some(pay_by), "{rail}");
        }
        for rail in ["card", "LIGHTNING", "bitcoin", "BTC-LN"] {
            let refused = parse(rail).expect_err(rail);
            assert_eq!(refused.status().as_u16(), 400, "{rail}");
        }
    }
}
