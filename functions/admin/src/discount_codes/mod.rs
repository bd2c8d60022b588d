//! Routes for discount codes, one file each.

pub(crate) mod active;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;

use crate::text;
use keywright_domain::access::Caller;
use keywright_domain::dates::rfc3339;
use keywright_domain::money::Currency;
use keywright_domain::subscription::terms::MAX_DISCOUNT_CYCLES;
use keywright_ports::Database;
use keywright_store::catalog::discount_code_change::DiscountCodeRefusal;
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_store::catalog::policies;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// Longest description, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 2_000;
/// Longest referrer, in bytes.
const MAX_REFERRER_BYTES: usize = 200;
/// Most policies that one code is for.
const MAX_POLICIES: usize = 100;
/// Most uses that a code can be limited to.
const MAX_USES: i64 = 1_000_000_000;

/// A discount code.
#[derive(Serialize, ToSchema)]
#[schema(as = DiscountCode)]
pub(crate) struct CodeView {
    /// UUID.
    id: String,
    /// What buyers type; `hidden` for a caller that may write neither codes nor
    /// licenses, unless the code is featured.
    #[schema(example = "LAUNCH")]
    code: String,
    /// `percent`, `fixed_sats`, `set_price` or `free_license`.
    #[schema(example = "percent")]
    kind: &'static str,
    /// Basis points for `percent` (2500 is 25 %), the smallest unit of
    /// `discount_currency` for `fixed_sats` and `set_price`, 0 for
    /// `free_license`.
    #[schema(example = 2500)]
    amount: i64,
    /// `SAT`, `USD` or `EUR`: what the amount of `fixed_sats` and `set_price`
    /// is in. Such a code is for products priced in that currency. `SAT`, and of
    /// no meaning, for the other kinds.
    #[schema(value_type = String, example = "SAT")]
    discount_currency: Currency,
    /// How often it may be used; null as often as they like.
    max_uses: Option<i64>,
    /// How often it was used or is reserved. A payment that arrives after its
    /// reservation was given back is honoured, so this may exceed `max_uses`.
    used_count: i64,
    /// How often it may still be used; null as often as they like.
    remaining_uses: Option<i64>,
    /// When it ends, RFC 3339; null never.
    expires_at: Option<String>,
    /// UUID of the one product it is for; null all.
    product_id: Option<String>,
    /// Slug of that product.
    product_slug: Option<String>,
    /// Slugs of the policies it is for; null all.
    policy_slugs: Option<Vec<String>>,
    /// Whether it may be used.
    active: bool,
    /// Whether buyers who name a policy get it without asking.
    featured: bool,
    /// For how many cycles of a subscription it holds, the first paid one included; 0 for
    /// ever.
    cycles: i64,
    /// What it is for; buyers see it where the code is featured.
    description: String,
    /// Who brings the buyers; null nobody.
    referrer_label: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

impl From<DiscountCode> for CodeView {
    fn from(code: DiscountCode) -> Self {
        Self {
            remaining_uses: code.recorded().remaining_uses(),
            id: code.id,
            code: code.code,
            kind: code.discount.kind().as_str(),
            amount: code.discount.amount(),
            discount_currency: code.discount.currency().unwrap_or(Currency::Sat),
            max_uses: code.max_uses,
            used_count: code.used_count,
            expires_at: code.expires_at.map(rfc3339),
            product_id: code.product_id,
            product_slug: code.product_slug,
            policy_slugs: code.policy_slugs,
            active: code.active,
            featured: code.featured,
            cycles: code.cycles,
            description: code.description,
            referrer_label: code.referrer_label,
            created_at: rfc3339(code.created_at),
            updated_at: rfc3339(code.updated_at),
        }
    }
}

/// What stands for the text of a code that the caller may not see.
pub(crate) const HIDDEN_CODE: &str = "hidden";

impl CodeView {
    /// The code as this caller may see it. A code can give licenses away, so its text
    /// is for those who could issue one, or make a code, themselves; a featured one is
    /// in the storefront.
    fn shown_to(mut self, caller: &Caller) -> Self {
        if !self.featured && !caller.may_see_codes() {
            HIDDEN_CODE.clone_into(&mut self.code);
        }
        self
    }
}

/// The answer to a change that the database refused.
fn refused(refusal: DiscountCodeRefusal) -> ApiError {
    match refusal {
        DiscountCodeRefusal::AtCap => {
            ApiError::conflict("the codes changed meanwhile; send the request again")
        }
        DiscountCodeRefusal::UsedMoreOften => {
            ApiError::bad_request("max_uses must not be lower than how often the code was used")
        }
    }
}

fn check_description(description: &str) -> Result<(), ApiError> {
    text::check("description", description, MAX_DESCRIPTION_BYTES)
}

fn check_referrer(referrer: &str) -> Result<(), ApiError> {
    text::check("referrer_label", referrer, MAX_REFERRER_BYTES)
}

fn check_uses(max_uses: i64) -> Result<(), ApiError> {
    if (1..=MAX_USES).contains(&max_uses) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "max_uses must be from 1 to {MAX_USES}, or null for unlimited"
    )))
}

fn check_cycles(cycles: i64) -> Result<(), ApiError> {
    if (0..=MAX_DISCOUNT_CYCLES).contains(&cycles) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "cycles must be a number of cycles from 1 to {MAX_DISCOUNT_CYCLES}, or 0 for ever"
    )))
}

/// The end of a code, in unix seconds.
fn end(expires_at: &str) -> Result<i64, ApiError> {
    text::time("expires_at", expires_at)
}

/// The policies of these names, each once; none named is all of them.
///
/// # Errors
/// 404 for a name that the product has no policy of, 400 for too many.
async fn policy_ids(
    database: &Database,
    product_id: &str,
    slugs: &[String],
) -> Result<Option<Vec<String>>, ApiError> {
    if slugs.is_empty() {
        return Ok(None);
    }
    if slugs.len() > MAX_POLICIES {
        return Err(ApiError::bad_request(format!(
            "policy_slugs must not have more than {MAX_POLICIES} entries"
        )));
    }
    let policies = policies::of_product(database, product_id).await?;
    let mut ids = Vec::new();
    for slug in slugs {
        let policy = policies.iter().find(|policy| policy.slug == *slug);
        let policy = policy.ok_or_else(|| {
            ApiError::not_found(format!(
                "policy_slugs must name policies of the product; it has no policy {slug:?}"
            ))
        })?;
        if !ids.contains(&policy.id) {
            ids.push(policy.id.clone());
        }
    }
    // In one order, so that the same policies are no change.
    ids.sort();
    Ok(Some(ids))
}
