//! Which orders a discount code applies to, and which of the featured codes an
//! order gets by itself.

use super::Discount;
use crate::money::{Currency, Price};
use serde::Serialize;

/// What the rules need to know of a recorded code.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// What it takes off.
    pub discount: Discount,
    /// Whether it may be used.
    pub active: bool,
    /// Unix seconds from which it may not; `None` never.
    pub expires_at: Option<i64>,
    /// The one product it is for; `None` all.
    pub product_id: Option<&'a str>,
    /// The policies of the product it is for; `None` all.
    pub policy_ids: Option<&'a [String]>,
    /// How often it may be used; `None` as often as they like.
    pub max_uses: Option<i64>,
    /// How often it was, reserved uses included.
    pub used_count: i64,
    /// Unix seconds.
    pub created_at: i64,
}

impl Recorded<'_> {
    /// How many uses are left; `None` without a limit. Money that came for a
    /// released use is honoured, so a code may be used more often than it
    /// should have been: then none are left.
    #[must_use]
    pub fn remaining_uses(&self) -> Option<i64> {
        self.max_uses.map(|max| (max - self.used_count).max(0))
    }
}

/// What is ordered.
#[derive(Debug, Clone, Copy)]
pub struct Ordered<'a> {
    /// The product.
    pub product_id: &'a str,
    /// The policy it is issued under, where the product has one.
    pub policy_id: Option<&'a str>,
    /// What its price is in.
    pub currency: Currency,
    /// Unix seconds now.
    pub now: i64,
}

/// Why a code cannot be used. The words are the contract's `reason` values of
/// the preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is none.
    UnknownCode,
    /// The operator took it back.
    Disabled,
    /// Its time is over.
    Expired,
    /// It is for another product, or takes money off that is not in the
    /// product's currency: the contract has no other word for that.
    WrongProduct,
    /// It is for another policy of this product.
    WrongTier,
    /// It was used as often as it may be.
    Exhausted,
}

impl Refusal {
    /// What to tell the buyer.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownCode => "there is no such discount code",
            Self::Disabled => "this discount code is disabled",
            Self::Expired => "this discount code has expired",
            Self::WrongProduct => "this discount code is not for this product",
            Self::WrongTier => "this discount code is for another policy of this product",
            Self::Exhausted => "this discount code has been used as often as it may be",
        }
    }
}

/// Judges a code for an order.
///
/// # Errors
/// The first [`Refusal`] in their order. So what is wrong with the code itself
/// comes before what is wrong with the order, and that it is used up, which
/// may change by the second, comes last. The second of `expires_at` is expired.
pub fn judge(code: Option<&Recorded<'_>>, order: Ordered<'_>) -> Result<(), Refusal> {
    let code = code.ok_or(Refusal::UnknownCode)?;
    if !code.active {
        return Err(Refusal::Disabled);
    }
    if code.expires_at.is_some_and(|at| order.now >= at) {
        return Err(Refusal::Expired);
    }
    let for_product = code.product_id.is_none_or(|id| id == order.product_id);
    if !for_product || !code.discount.is_for(order.currency) {
        return Err(Refusal::WrongProduct);
    }
    let for_policy = |ids: &[String]| ids.iter().any(|id| order.policy_id == Some(id));
    if !code.policy_ids.is_none_or(for_policy) {
        return Err(Refusal::WrongTier);
    }
    if code.remaining_uses() == Some(0) {
        return Err(Refusal::Exhausted);
    }
    Ok(())
}

/// How narrowly a code is meant; the narrowest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Policy,
    Product,
    Everything,
}

fn reach(code: &Recorded<'_>) -> Reach {
    match (code.policy_ids, code.product_id) {
        (Some(_), _) => Reach::Policy,
        (None, Some(_)) => Reach::Product,
        (None, None) => Reach::Everything,
    }
}

/// Those of the featured codes that an order at this price gets without asking,
/// the one to take first: for its policy, then for its product, then for
/// everything, and among those the oldest. One that would take nothing off is
/// left out.
pub fn featured<T>(
    codes: impl IntoIterator<Item = T>,
    recorded: impl Fn(&T) -> Recorded<'_>,
    order: Ordered<'_>,
    base: Price,
) -> Vec<T> {
    let mut fitting: Vec<T> = codes
        .into_iter()
        .filter(|code| {
            let code = recorded(code);
            judge(Some(&code), order).is_ok() && code.discount.price(base) != base
        })
        .collect();
    fitting.sort_by_key(|code| {
        let code = recorded(code);
        (reach(&code), code.created_at)
    });
    fitting
}

#[cfg(test)]
mod tests {
    use super::Refusal::{Disabled, Exhausted, Expired, UnknownCode, WrongProduct, WrongTier};
    use super::*;
    use proptest::prelude::*;

    const ORDER: Ordered<'static> = Ordered {
        product_id: "demo",
        policy_id: Some("pro"),
        currency: Currency::Sat,
        now: 1_000,
    };

    const CODE: Recorded<'static> = Recorded {
        discount: Discount::Percent(5_000),
        active: true,
        expires_at: None,
        product_id: None,
        policy_ids: None,
        max_uses: None,
        used_count: 0,
        created_at: 1,
    };

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn expiring(expires_at: i64) -> Recorded<'static> {
        Recorded {
            expires_at: Some(expires_at),
            ..CODE
        }
    }

    fn of_product(id: &str) -> Recorded<'_> {
        Recorded {
            product_id: Some(id),
            ..CODE
        }
    }

    fn of_policies(ids: &[String]) -> Recorded<'_> {
        Recorded {
            policy_ids: Some(ids),
            ..of_product("demo")
        }
    }

    fn taking(amount: i64, currency: Currency) -> Recorded<'static> {
        let off = Price::new(currency, amount).expect("a price");
        Recorded {
            discount: Discount::Fixed(off),
            ..CODE
        }
    }

    fn limited(max_uses: i64, used_count: i64) -> Recorded<'static> {
        Recorded {
            max_uses: Some(max_uses),
            used_count,
            ..CODE
        }
    }

    const OFF: Recorded<'static> = Recorded {
        active: false,
        ..CODE
    };

    #[test]
    fn each_limit_refuses_by_itself() {
        let (pro, others) = (ids(&["basic", "pro"]), ids(&["basic"]));
        for (code, expected) in [
            (CODE, Ok(())),
            (OFF, Err(Disabled)),
            (expiring(1_001), Ok(())),
            (expiring(1_000), Err(Expired)),
            (expiring(0), Err(Expired)),
            (of_product("demo"), Ok(())),
            (of_product("other"), Err(WrongProduct)),
            (taking(500, Currency::Sat), Ok(())),
            (taking(500, Currency::Usd), Err(WrongProduct)),
            (of_policies(&pro), Ok(())),
            (of_policies(&others), Err(WrongTier)),
            // Every policy it was for is gone: it is for none, not for all.
            (of_policies(&[]), Err(WrongTier)),
            (limited(2, 1), Ok(())),
            (limited(2, 2), Err(Exhausted)),
            (limited(2, 3), Err(Exhausted)),
        ] {
            assert_eq!(judge(Some(&code), ORDER), expected, "{code:?}");
        }
        assert_eq!(judge(None, ORDER), Err(UnknownCode));
        let without_policy = Ordered {
            policy_id: None,
            ..ORDER
        };
        let tiered = of_policies(&pro);
        assert_eq!(judge(Some(&tiered), without_policy), Err(WrongTier));
        assert_eq!(judge(Some(&CODE), without_policy), Ok(()));
    }

    /// With everything wrong at once, and one thing after the other put right.
    #[test]
    fn the_reasons_have_an_order() {
        let others = ids(&["basic"]);
        let mut code = Recorded {
            active: false,
            expires_at: Some(1),
            product_id: Some("other"),
            policy_ids: Some(&others),
            max_uses: Some(1),
            used_count: 1,
            ..CODE
        };
        assert_eq!(judge(Some(&code), ORDER), Err(Disabled));
        code.active = true;
        assert_eq!(judge(Some(&code), ORDER), Err(Expired));
        code.expires_at = None;
        assert_eq!(judge(Some(&code), ORDER), Err(WrongProduct));
        code.product_id = Some("demo");
        assert_eq!(judge(Some(&code), ORDER), Err(WrongTier));
        code.policy_ids = None;
        assert_eq!(judge(Some(&code), ORDER), Err(Exhausted));
        code.used_count = 0;
        assert_eq!(judge(Some(&code), ORDER), Ok(()));
    }

    fn chosen(codes: Vec<(&'static str, Recorded<'_>)>, base: i64) -> Vec<&'static str> {
        let base = Price::new(Currency::Sat, base).expect("a price");
        featured(codes, |(_, code)| *code, ORDER, base)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn the_narrowest_then_the_oldest_is_taken() {
        let (pro, others) = (ids(&["pro"]), ids(&["basic"]));
        let at = |created_at, code| Recorded { created_at, ..code };
        let for_nothing = Recorded {
            discount: Discount::Percent(0),
            ..of_policies(&pro)
        };
        let codes = vec![
            ("all, old", at(1, CODE)),
            ("all, new", at(9, CODE)),
            ("product, new", at(8, of_product("demo"))),
            ("product, old", at(2, of_product("demo"))),
            ("policy, new", at(7, of_policies(&pro))),
            ("policy, old", at(3, of_policies(&pro))),
            ("other product", of_product("other")),
            ("other policy", of_policies(&others)),
            ("off", OFF),
            ("over", expiring(1_000)),
            ("used up", limited(1, 1)),
            ("for nothing", for_nothing),
            ("in dollars", taking(500, Currency::Usd)),
        ];
        assert_eq!(
            chosen(codes.clone(), 1_000),
            [
                "policy, old",
                "policy, new",
                "product, old",
                "product, new",
                "all, old",
                "all, new"
            ]
        );
        assert!(chosen(codes, 0).is_empty(), "nothing comes off nothing");
    }

    #[test]
    fn the_reasons_have_the_words_of_the_contract() {
        for (refusal, word) in [
            (UnknownCode, "unknown_code"),
            (Disabled, "disabled"),
            (Expired, "expired"),
            (WrongProduct, "wrong_product"),
            (WrongTier, "wrong_tier"),
            (Exhausted, "exhausted"),
        ] {
            assert_eq!(serde_json::to_value(refusal).expect("JSON"), word);
            assert!(!refusal.message().is_empty());
        }
    }

    proptest! {
        /// A code is never used more often than it may be, by whatever order.
        #[test]
        fn a_use_is_left_where_a_code_applies(max in 1..50_i64, used in 0..100_i64, now in 0..10_i64, end in 0..10_i64) {
            let code = Recorded { max_uses: Some(max), used_count: used, expires_at: Some(end), ..CODE };
            let applies = judge(Some(&code), Ordered { now, ..ORDER }).is_ok();
            prop_assert_eq!(applies, used < max && now < end);
            prop_assert_eq!(code.remaining_uses() == Some(0), used >= max);
        }
    }
}
