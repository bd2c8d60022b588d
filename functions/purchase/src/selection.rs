//! What an order buys: a product, the policy it is sold under, and the price before any
//! discount. The price is always that of the policy whose terms the license gets.

use keywright_domain::discount::applies::CodeOrder;
use keywright_domain::money::{NotAPrice, Price};
use keywright_domain::offer::{DefaultPolicy, OfferedPolicy, default_policy};
use keywright_domain::subscription::terms::{CycleDiscount, Recurrence, SubscriptionTerms};
use keywright_domain::terms::Terms;
use keywright_ports::Reader;
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_store::catalog::policies::{self, Policy};
use keywright_store::catalog::products::Product;
use keywright_web::ApiError;

/// How an order names its policy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PolicyChoice<'a> {
    /// By its slug.
    Slug(&'a str),
    /// By its id: the only policy that the order's code is for.
    Id(&'a str),
    /// Not at all.
    Unnamed,
}

impl<'a> PolicyChoice<'a> {
    /// The choice of an order that names this slug, or none.
    pub(crate) fn of_slug(slug: Option<&'a str>) -> Self {
        slug.map_or(Self::Unnamed, Self::Slug)
    }
}

/// What an order buys.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) product: Product,
    pub(crate) policy: Option<Policy>,
    /// The price before any discount.
    pub(crate) base: Price,
}

impl Selection {
    /// Finds the policy and its price. An order that names no policy gets the one
    /// that [`keywright_domain::offer`] chooses.
    ///
    /// # Errors
    /// 404 for an unknown policy; 400 for one that is not for sale, where none is, and
    /// where several are and none is named.
    pub(crate) async fn of(
        database: &Reader,
        product: Product,
        choice: PolicyChoice<'_>,
    ) -> Result<Self, ApiError> {
        if let PolicyChoice::Unnamed = choice {
            let policies = policies::all_of_product(database, &product.id).await?;
            let policy = chosen(policies)?;
            return Self::under(product, policy);
        }
        let policies = policies::of_product(database, &product.id).await?;
        let is_chosen = |policy: &Policy| match choice {
            PolicyChoice::Slug(slug) => policy.slug == slug,
            PolicyChoice::Id(id) => policy.id == id,
            PolicyChoice::Unnamed => false,
        };
        let policy = policies
            .into_iter()
            .find(is_chosen)
            .ok_or_else(|| ApiError::not_found("this product has no such policy"))?;
        if !policy.is_for_sale() {
            return Err(ApiError::bad_request(
                "policy_slug must name a policy that is on sale",
            ));
        }
        Self::under(product, Some(policy))
    }

    /// The product under this policy, at the policy's price; without one, the product
    /// itself.
    fn under(product: Product, policy: Option<Policy>) -> Result<Self, ApiError> {
        let base = match &policy {
            Some(policy) => price(policy, &product)?,
            None => product.price,
        };
        Ok(Self {
            product,
            policy,
            base,
        })
    }

    /// What the license will promise.
    pub(crate) fn terms(&self) -> Terms {
        self.policy
            .as_ref()
            .map_or_else(Terms::default, Policy::terms)
    }

    /// How its policy repeats; `None` for what is sold once.
    ///
    /// # Errors
    /// 500 for a policy that nobody could have recorded.
    pub(crate) fn recurrence(&self) -> Result<Option<Recurrence>, ApiError> {
        let policy = self.policy.as_ref();
        let recurrence = policy.map(Policy::recurrence).transpose();
        let recurrence = recurrence.map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(recurrence.flatten())
    }

    /// What a subscription to it is sold for, with this code; `None` for what is sold once.
    ///
    /// # Errors
    /// As [`Selection::recurrence`].
    pub(crate) fn subscription_terms(
        &self,
        code: Option<&DiscountCode>,
        with_trial: bool,
    ) -> Result<Option<SubscriptionTerms>, ApiError> {
        let (Some(recurrence), Some(policy)) = (self.recurrence()?, &self.policy) else {
            return Ok(None);
        };
        let internal = |error: NotAPrice| ApiError::internal(error.to_string());
        let renewal = policy.renewal_price_amount;
        let renewal = renewal.map(|amount| Price::new(self.base.currency(), amount));
        Ok(Some(SubscriptionTerms {
            policy_name: policy.name.clone(),
            recurrence: Recurrence {
                trial_days: if with_trial { recurrence.trial_days } else { 0 },
                ..recurrence
            },
            first_price: self.base,
            renewal_price: renewal.transpose().map_err(internal)?.unwrap_or(self.base),
            discount: code.map(|code| CycleDiscount {
                code: code.code.clone(),
                discount: code.discount,
                cycles: code.cycles,
                policy_ids: code.policy_ids.clone(),
            }),
        }))
    }

    /// The policy's id.
    pub(crate) fn policy_id(&self) -> Option<&str> {
        self.policy.as_ref().map(|policy| policy.id.as_str())
    }

    /// What the rules of discount codes decide by, at `now` in unix seconds.
    pub(crate) fn ordered(&self, now: i64) -> CodeOrder<'_> {
        CodeOrder {
            product_id: &self.product.id,
            policy_id: self.policy_id(),
            currency: self.base.currency(),
            now,
        }
    }
}

/// The policy of an order that names none; `None` for the product itself.
fn chosen(policies: Vec<Policy>) -> Result<Option<Policy>, ApiError> {
    let slug = match default_policy(policies.iter().map(offered)) {
        DefaultPolicy::Product => return Ok(None),
        DefaultPolicy::Policy(slug) => slug.to_owned(),
        DefaultPolicy::NotForSale => {
            return Err(ApiError::bad_request(
                "product is not on sale: none of its policies is",
            ));
        }
        DefaultPolicy::Several(slugs) => {
            return Err(ApiError::bad_request(format!(
                "policy_slug must name one of the policies on sale: {}",
                slugs.join(", ")
            )));
        }
    };
    Ok(policies.into_iter().find(|policy| policy.slug == slug))
}

/// Converts a policy for the choice of [`keywright_domain::offer`].
pub(crate) fn offered(policy: &Policy) -> OfferedPolicy<'_> {
    OfferedPolicy {
        slug: &policy.slug,
        for_sale: policy.is_for_sale(),
    }
}

/// The price of a policy before any discount.
///
/// # Errors
/// 500 for a price that nobody could have recorded.
pub(crate) fn price(policy: &Policy, product: &Product) -> Result<Price, ApiError> {
    let own = policy
        .price()
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(own.unwrap_or(product.price))
}
