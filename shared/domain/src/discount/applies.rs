//! The orders that a discount code applies to, and the featured codes that an order gets
//! without asking.

use super::Discount;
use crate::money::{Currency, Price};
use serde::Serialize;

/// A recorded code, as the rules need it.
#[derive(Debug, Clone, Copy)]
pub struct RecordedCode<'a> {
    /// Its discount.
    pub discount: Discount,
    /// True while the operator allows its use.
    pub active: bool,
    /// The first second in which it has expired, in unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// The one product it is for; `None` all.
    pub product_id: Option<&'a str>,
    /// The policies of the product it is for; `None` all.
    pub policy_ids: Option<&'a [String]>,
    /// How often it may be used; `None` for no limit.
    pub max_uses: Option<i64>,
    /// How often it was used, including reserved uses.
    pub used_count: i64,
    /// Unix seconds.
    pub created_at: i64,
}

impl RecordedCode<'_> {
    /// How many uses are left; `None` for no limit. A payment for a released use is
    /// honoured, so a code may be used more often than `max_uses`: then none are left.
    #[must_use]
    pub fn remaining_uses(&self) -> Option<i64> {
        self.max_uses.map(|max| (max - self.used_count).max(0))
    }
}

/// An order, as the rules need it.
#[derive(Debug, Clone, Copy)]
pub struct CodeOrder<'a> {
    /// The product.
    pub product_id: &'a str,
    /// The policy it is issued under, where the product has one.
    pub policy_id: Option<&'a str>,
    /// The currency of its price.
    pub currency: Currency,
    /// The time of the order, in unix seconds.
    pub now: i64,
}

/// Why a code cannot be used. The words are the contract's `reason` values of
/// the preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeRefusal {
    /// No code has this text.
    UnknownCode,
    /// The operator disabled it.
    Disabled,
    /// It has expired.
    Expired,
    /// It is for another product, or for another currency: the contract has no other word
    /// for that.
    WrongProduct,
    /// It is for another policy of this product.
    WrongTier,
    /// It has no use left.
    Exhausted,
}

impl CodeRefusal {
    /// The message for the buyer.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownCode => "there is no such discount code",
            Self::Disabled => "this discount code is disabled",
            Self::Expired => "this discount code has expired",
            Self::WrongProduct => "this discount code is not for this product",
            Self::WrongTier => "this discount code is for another policy of this product",
            Self::Exhausted => "this discount code has been used up",
        }
    }
}

/// Judges a code for an order.
///
/// # Errors
/// The first [`CodeRefusal`] that applies, in the order of the enum: the code itself comes
/// before the order, and the uses, which may change by the second, come last. In the
/// second of `expires_at` a code has expired.
pub fn judge(code: Option<&RecordedCode<'_>>, order: CodeOrder<'_>) -> Result<(), CodeRefusal> {
    let code = code.ok_or(CodeRefusal::UnknownCode)?;
    if !code.active {
        return Err(CodeRefusal::Disabled);
    }
    if code.expires_at.is_some_and(|at| order.now >= at) {
        return Err(CodeRefusal::Expired);
    }
    let for_product = code.product_id.is_none_or(|id| id == order.product_id);
    if !for_product || !code.discount.is_for(order.currency) {
        return Err(CodeRefusal::WrongProduct);
    }
    let for_policy = |ids: &[String]| ids.iter().any(|id| order.policy_id == Some(id));
    if !code.policy_ids.is_none_or(for_policy) {
        return Err(CodeRefusal::WrongTier);
    }
    if code.remaining_uses() == Some(0) {
        return Err(CodeRefusal::Exhausted);
    }
    Ok(())
}

/// How many orders a code is for; the narrowest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Policy,
    Product,
    Everything,
}

fn reach(code: &RecordedCode<'_>) -> Reach {
    match (code.policy_ids, code.product_id) {
        (Some(_), _) => Reach::Policy,
        (None, Some(_)) => Reach::Product,
        (None, None) => Reach::Everything,
    }
}

/// The featured codes that fit an order at this price, in the order in which to try them:
/// those for its policy, then for its product, then for everything, and the oldest first
/// among equals. A code that would take nothing off is left out.
pub fn featured<T>(
    codes: impl IntoIterator<Item = T>,
    recorded: impl Fn(&T) -> RecordedCode<'_>,
    order: CodeOrder<'_>,
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

/// The featured codes that an order takes before the code that its buyer typed: those
/// that it would get without one, for as long as each is cheaper than the typed code.
/// `featured` are in the order of [`featured`], and `price` is the price with one of them.
pub fn cheaper_than<T>(
    typed: Price,
    featured: impl IntoIterator<Item = T>,
    price: impl Fn(&T) -> Price,
) -> Vec<T> {
    featured
        .into_iter()
        .take_while(|code| price(code).amount() < typed.amount())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::CodeRefusal::{Disabled, Exhausted, Expired, UnknownCode, WrongProduct, WrongTier};
    use super::*;
    use proptest::prelude::*;

    const ORDER: CodeOrder<'static> = CodeOrder {
        product_id: "demo",
        policy_id: Some("pro"),
        currency: Currency::Sat,
        now: 1_000,
    };

    const CODE: RecordedCode<'static> = RecordedCode {
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

    fn expiring(expires_at: i64) -> RecordedCode<'static> {
        RecordedCode {
            expires_at: Some(expires_at),
            ..CODE
        }
    }

    fn of_product(id: &str) -> RecordedCode<'_> {
        RecordedCode {
            product_id: Some(id),
            ..CODE
        }
    }

    fn of_policies(ids: &[String]) -> RecordedCode<'_> {
        RecordedCode {
            policy_ids: Some(ids),
            ..of_product("demo")
        }
    }

    fn taking(amount: i64, currency: Currency) -> RecordedCode<'static> {
        let off = Price::new(currency, amount).expect("a price");
        RecordedCode {
            discount: Discount::Fixed(off),
            ..CODE
        }
    }

    fn limited(max_uses: i64, used_count: i64) -> RecordedCode<'static> {
        RecordedCode {
            max_uses: Some(max_uses),
            used_count,
            ..CODE
        }
    }

    const OFF: RecordedCode<'static> = RecordedCode {
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
        let without_policy = CodeOrder {
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
        let mut code = RecordedCode {
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

    fn chosen(codes: Vec<(&'static str, RecordedCode<'_>)>, base: i64) -> Vec<&'static str> {
        let base = Price::new(Currency::Sat, base).expect("a price");
        featured(codes, |(_, code)| *code, ORDER, base)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn the_narrowest_then_the_oldest_is_taken() {
        let (pro, others) = (ids(&["pro"]), ids(&["basic"]));
        let at = |created_at, code| RecordedCode { created_at, ..code };
        let for_nothing = RecordedCode {
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

    /// 30 % are featured on 49.00, and the buyer types a code.
    #[test]
    fn a_typed_code_never_costs_more_than_the_featured_one_it_replaces() {
        let base = |currency| Price::new(currency, 4_900).expect("a price");
        for currency in [Currency::Sat, Currency::Usd, Currency::Eur] {
            let money = |amount| Price::new(currency, amount).expect("a price");
            let (launch, late) = (Discount::Percent(3_000), Discount::SetPrice(money(2_000)));
            for (typed, first) in [
                (Discount::Fixed(money(1_000)), vec![launch, late]),
                (Discount::Fixed(money(1_469)), vec![launch, late]),
                // As cheap as the featured one: the buyer's own code is used.
                (Discount::Fixed(money(1_470)), vec![]),
                (Discount::Fixed(money(1_471)), vec![]),
                (Discount::Percent(3_000), vec![]),
                (Discount::Percent(2_999), vec![launch, late]),
                (Discount::SetPrice(money(4_000)), vec![launch, late]),
                (Discount::Percent(0), vec![launch, late]),
                (Discount::FreeLicense, vec![]),
            ] {
                let base = base(currency);
                let found = cheaper_than(typed.price(base), [launch, late], |one| one.price(base));
                assert_eq!(found, first, "{typed:?} in {currency}");
            }
            // Without a code the buyer would get the first one, so the second is not offered.
            let dear = Discount::Percent(100);
            let base = base(currency);
            let typed = Discount::Fixed(money(1_000)).price(base);
            assert!(cheaper_than(typed, [dear, launch], |one| one.price(base)).is_empty());
        }
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
            let code = RecordedCode { max_uses: Some(max), used_count: used, expires_at: Some(end), ..CODE };
            let applies = judge(Some(&code), CodeOrder { now, ..ORDER }).is_ok();
            prop_assert_eq!(applies, used < max && now < end);
            prop_assert_eq!(code.remaining_uses() == Some(0), used >= max);
        }
    }
}
