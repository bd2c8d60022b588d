//! What a buyer means: a product, the policy it is sold under, and the price
//! before any discount.

use crate::Ports;
use keywright_domain::discount::applies::Ordered;
use keywright_domain::money::Price;
use keywright_domain::terms::Terms;
use keywright_edge::http::ApiError;
use keywright_store::policies::{self, Policy};
use keywright_store::products::Product;

/// How a buyer names a policy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// By its slug.
    Slug(&'a str),
    /// By the code they hold, which is for this one only.
    Id(&'a str),
    /// Not at all.
    Any,
}

/// What is meant.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) product: Product,
    pub(crate) policy: Option<Policy>,
    /// The price before any discount.
    pub(crate) base: Price,
}

impl Selection {
    /// Finds the policy and the price. Without a named policy: the product's own
    /// price, under the policy `default`, else the first one by name, else none.
    ///
    /// # Errors
    /// 404 for an unknown policy, 400 for one that is not for sale.
    pub(crate) async fn of(
        ports: &Ports,
        product: Product,
        wanted: Wanted<'_>,
    ) -> Result<Self, ApiError> {
        let mut policies = policies::of_product(&ports.database, &product.id).await?;
        if let Wanted::Any = wanted {
            policies.retain(|policy| policy.active);
            policies.sort_by(|a, b| {
                (a.slug != "default", &a.name).cmp(&(b.slug != "default", &b.name))
            });
            return Ok(Self {
                policy: policies.into_iter().next(),
                base: product.price,
                product,
            });
        }
        let is_wanted = |policy: &Policy| match wanted {
            Wanted::Slug(slug) => policy.slug == slug,
            Wanted::Id(id) => policy.id == id,
            Wanted::Any => false,
        };
        let policy = policies
            .into_iter()
            .find(is_wanted)
            .ok_or_else(|| ApiError::not_found("this product has no such policy"))?;
        if !policy.is_for_sale() {
            return Err(ApiError::bad_request(
                "policy_slug: this policy is not for sale",
            ));
        }
        let base = price(&policy, &product)?;
        Ok(Self {
            product,
            policy: Some(policy),
            base,
        })
    }

    /// What the license will promise.
    pub(crate) fn terms(&self) -> Terms {
        self.policy
            .as_ref()
            .map_or_else(Terms::default, Policy::terms)
    }

    /// The policy's id.
    pub(crate) fn policy_id(&self) -> Option<&str> {
        self.policy.as_ref().map(|policy| policy.id.as_str())
    }

    /// It, for the rules of discount codes, at `now` in unix seconds.
    pub(crate) fn ordered(&self, now: i64) -> Ordered<'_> {
        Ordered {
            product_id: &self.product.id,
            policy_id: self.policy_id(),
            currency: self.base.currency(),
            now,
        }
    }
}

/// What a policy of a product costs before any discount.
///
/// # Errors
/// Our own fault, for a number that nobody could have recorded.
pub(crate) fn price(policy: &Policy, product: &Product) -> Result<Price, ApiError> {
    let own = policy
        .price()
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(own.unwrap_or(product.price))
}
