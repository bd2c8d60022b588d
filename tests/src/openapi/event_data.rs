//! What each event says, as its statement in `keywright-store` writes it.

#![expect(dead_code, reason = "descriptions; `keywright-store` writes the data")]

use keywright_domain::webhook::event_type::EventType;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The data of `code.redeemed`. Amounts in sats are those of the moment of the order.
#[derive(ToSchema)]
struct CodeRedeemedData {
    /// UUID of this use.
    redemption_id: String,
    /// UUID of the code.
    code_id: String,
    /// The code's text. The feed leaves it out for keys that may not see codes.
    code: Option<String>,
    /// UUID of the license that was issued.
    license_id: String,
    /// UUID.
    product_id: String,
    /// The public id of the order.
    invoice_id: String,
    /// In sats.
    discount_applied_sats: i64,
    /// In sats, before the discount.
    base_price_sats: i64,
    /// In sats, what the order cost.
    final_price_sats: i64,
    /// The currency of the three values below: `SAT`, `USD` or `EUR`.
    #[schema(example = "USD")]
    price_currency: String,
    /// In the currency's smallest unit.
    discount_applied_value: i64,
    /// In the currency's smallest unit, before the discount.
    base_price_value: i64,
    /// In the currency's smallest unit, what the order cost.
    final_price_value: i64,
}

/// The data of `license.buyer_erased`.
#[derive(ToSchema)]
struct LicenseBuyerErasedData {
    /// UUID.
    license_id: String,
    /// UUID.
    product_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
}

/// The data of `license.changed`.
#[derive(ToSchema)]
struct LicenseChangedData {
    /// UUID.
    license_id: String,
    /// UUID.
    product_id: String,
    /// The members that changed, as they were.
    before: ChangedTerms,
    /// The same members, as they are now.
    after: ChangedTerms,
}

/// The data of `license.tier_changed`.
#[derive(ToSchema)]
struct LicenseTierChangedData {
    /// UUID.
    license_id: String,
    /// UUID.
    product_id: String,
    /// UUID; null for a license that is sold once.
    subscription_id: Option<String>,
    /// UUID of the change.
    tier_change_id: String,
    /// UUID of the policy before; null without one.
    from_policy_id: Option<String>,
    /// UUID of the policy now.
    to_policy_id: Option<String>,
    /// The public id of the order that paid for it; null without one.
    invoice_id: Option<String>,
    /// `SAT`, `USD` or `EUR`.
    #[schema(example = "USD")]
    listed_currency: String,
    /// What was paid for it, in the currency's smallest unit.
    listed_value: i64,
    /// What the license unlocks now.
    entitlements: Vec<String>,
    /// Machines at once; 0 is unlimited.
    max_machines: i64,
    /// RFC 3339; null where it never expires.
    expires_at: Option<String>,
    /// Who did it, such as `buyer`, `btcpay`, `renew` or `operator`.
    #[schema(example = "btcpay")]
    actor: String,
    /// Why; empty where nobody gave a reason.
    reason: String,
}

/// Terms of a license. Only those that changed are there.
#[derive(ToSchema)]
struct ChangedTerms {
    /// Machines at once; 0 is unlimited.
    max_machines: Option<i64>,
    /// What it unlocks.
    entitlements: Option<Vec<String>>,
    /// RFC 3339; null where it never expires.
    expires_at: Option<String>,
    /// Seconds after expiry in which it still validates.
    grace_seconds: Option<i64>,
    /// The last day whose builds are included; null where all are.
    #[schema(example = "2027-12-31")]
    maintenance_until: Option<String>,
    /// True for a trial.
    is_trial: Option<bool>,
    /// Activations in 24 hours; 0 is unlimited, null as its policy says.
    max_activations_per_day: Option<i64>,
    /// Whom it is for.
    buyer_email: Option<String>,
    /// What the operator notes.
    note: Option<String>,
}

/// The data of `license.issued`.
#[derive(ToSchema)]
struct LicenseIssuedData {
    /// UUID.
    license_id: String,
    /// UUID.
    product_id: String,
    /// UUID; null for a license without a policy.
    #[schema(required)]
    policy_id: Option<String>,
    /// The public id of the order; null where an operator issued it.
    #[schema(required)]
    invoice_id: Option<String>,
    /// True for a trial.
    is_trial: bool,
    /// RFC 3339; null where it never expires.
    #[schema(required)]
    expires_at: Option<String>,
    /// What it unlocks.
    entitlements: Vec<String>,
    /// Where it comes from, such as `purchase` or `admin_issue`.
    #[schema(example = "purchase")]
    source: String,
}

/// The data of `license.suspended`, `license.unsuspended` and `license.revoked`.
#[derive(ToSchema)]
struct LicenseStatusData {
    /// UUID.
    license_id: String,
    /// What the operator gave as the reason, or why we did it; may be empty.
    reason: String,
}

/// The data of `license.key_replaced`. It has no key.
#[derive(ToSchema)]
struct LicenseKeyReplacedData {
    /// UUID.
    license_id: String,
    /// UUID.
    product_id: String,
    /// Who did it, such as `buyer` or `operator`.
    #[schema(example = "buyer")]
    actor: String,
}

/// The data of `machine.activated`.
#[derive(ToSchema)]
struct MachineActivatedData {
    /// UUID.
    license_id: String,
    /// UUID.
    machine_id: String,
    /// SHA-256 of the machine's fingerprint, in hexadecimal.
    fingerprint_hash: String,
}

/// The data of `machine.deactivated`.
#[derive(ToSchema)]
struct MachineDeactivatedData {
    /// UUID.
    license_id: String,
    /// UUID.
    machine_id: String,
    /// The reason that was given; may be empty.
    reason: String,
}

/// The data of `product.created`.
#[derive(ToSchema)]
struct ProductCreatedData {
    /// UUID.
    product_id: String,
    /// Its name in URLs and requests.
    slug: String,
}

/// The data of `release.changed`.
#[derive(ToSchema)]
struct ReleaseChangedData {
    /// UUID.
    release_id: String,
    /// UUID.
    product_id: String,
    /// Its version.
    #[schema(example = "1.2.0")]
    version: String,
    /// The members that changed, as they are now.
    changes: ReleaseChangesMade,
}

/// What is offered of a version, and how. Only what changed is there.
#[derive(ToSchema)]
struct ReleaseChangesMade {
    /// Its channel.
    channel: Option<String>,
    /// Why it was yanked; null where it is offered again.
    yank_reason: Option<String>,
    /// The part of the machines that it is offered to.
    rollout_percent: Option<i64>,
    /// Its notes.
    notes: Option<String>,
    /// The entitlement that its downloads need; null where they need none.
    requires_entitlement: Option<String>,
    /// The vendor's own members.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// The data of `release.published`.
#[derive(ToSchema)]
struct ReleasePublishedData {
    /// UUID.
    release_id: String,
    /// UUID.
    product_id: String,
    /// The product's slug.
    product: String,
    /// Its version.
    #[schema(example = "1.2.0")]
    version: String,
    /// `stable`, `rc`, `beta`, `alpha` or `dev`.
    #[schema(example = "stable")]
    channel: String,
}

/// The data of `api_key.*`.
#[derive(ToSchema)]
struct ApiKeyEventData {
    /// UUID of the key.
    api_key_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `attention.*`: an item of the attention list.
#[derive(ToSchema)]
struct AttentionEventData {
    /// UUID of the item.
    attention_id: String,
    /// What it is.
    #[schema(example = "underpaid")]
    kind: String,
    /// What it is about.
    #[schema(example = "invoice")]
    object_kind: String,
    /// Id of that.
    object_id: String,
}

/// The data of `discount_code.*`.
#[derive(ToSchema)]
struct DiscountCodeEventData {
    /// UUID of the code.
    discount_code_id: String,
    /// UUID of its product, where it is for one.
    product_id: Option<String>,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `merchant_profile.*`.
#[derive(ToSchema)]
struct MerchantProfileEventData {
    /// UUID of the business.
    merchant_profile_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `payment_provider.*`.
#[derive(ToSchema)]
struct PaymentProviderEventData {
    /// UUID of the store.
    payment_provider_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `policy.*`.
#[derive(ToSchema)]
struct PolicyEventData {
    /// UUID of the policy.
    policy_id: String,
    /// UUID of its product.
    product_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `product.changed` and `product.deleted`.
#[derive(ToSchema)]
struct ProductEventData {
    /// UUID of the product.
    product_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `transfer.resolved`.
#[derive(ToSchema)]
struct TransferEventData {
    /// UUID of the transfer.
    transfer_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `webhook_endpoint.*`. No endpoint is sent events about itself.
#[derive(ToSchema)]
struct WebhookEndpointEventData {
    /// UUID of the endpoint.
    webhook_endpoint_id: String,
    /// Who did it: `operator`, or `api_key:` and the key's id.
    actor: String,
    /// The names of the members that were changed.
    changed: Option<Vec<String>>,
}

/// The data of `subscription.started`.
#[derive(ToSchema)]
struct SubscriptionStartedData {
    /// UUID.
    subscription_id: String,
    /// UUID of its license.
    license_id: String,
    /// UUID.
    product_id: String,
    /// UUID.
    policy_id: Option<String>,
    /// `active`, or `trialing`.
    #[schema(example = "active")]
    state: String,
    /// The public id of the order.
    invoice_id: String,
    /// Days that one payment buys.
    period_days: i64,
    /// How far it is paid; in a trial, its end.
    #[schema(format = DateTime)]
    paid_until: Option<String>,
}

/// The data of `subscription.renewal_pending`, `subscription.past_due` and
/// `subscription.lapsed`.
#[derive(ToSchema)]
struct SubscriptionRenewalData {
    /// UUID.
    subscription_id: String,
    /// UUID of its license.
    license_id: String,
    /// UUID.
    product_id: String,
    /// UUID.
    policy_id: Option<String>,
    /// Where it stands now.
    #[schema(example = "active")]
    state: String,
    /// UUID of the cycle that is to be paid; orders that pay it have ids of their own.
    invoice_id: Option<String>,
    /// The buyer's page, where it is paid.
    checkout_url: Option<String>,
    /// What it costs, if its price is in sats; else 0.
    amount_sats: Option<i64>,
    /// `SAT`, `USD` or `EUR`.
    #[schema(example = "USD")]
    listed_currency: Option<String>,
    /// What it costs, in the currency's smallest unit.
    listed_value: Option<i64>,
    /// 1 is the first that is paid.
    cycle_number: Option<i64>,
    /// How far it is paid.
    #[schema(format = DateTime)]
    cycle_start_at: Option<String>,
    /// What a payment now would pay it to.
    #[schema(format = DateTime)]
    cycle_end_at: Option<String>,
    /// When it is due.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// Until when the license still validates unpaid.
    #[schema(format = DateTime)]
    grace_until: Option<String>,
    /// The buyer's address.
    buyer_email: Option<String>,
    /// Whether nothing was paid yet.
    is_first_paid_cycle: bool,
}

/// The data of `subscription.renewed`.
#[derive(ToSchema)]
struct SubscriptionRenewedData {
    /// UUID.
    subscription_id: String,
    /// UUID of its license.
    license_id: String,
    /// UUID.
    product_id: String,
    /// UUID.
    policy_id: Option<String>,
    /// `active`, or `cancelled` if it was paid after its cancellation.
    #[schema(example = "active")]
    state: String,
    /// The public id of the order that paid it.
    invoice_id: String,
    /// What it cost in sats; 0 where that is not known.
    amount_sats: i64,
    /// `SAT`, `USD` or `EUR`.
    #[schema(example = "USD")]
    listed_currency: String,
    /// What it cost, in the currency's smallest unit.
    listed_value: i64,
    /// 1 is the first that is paid.
    cycle_number: i64,
    /// What was bought.
    #[schema(format = DateTime)]
    cycle_start_at: String,
    /// The end of that.
    #[schema(format = DateTime)]
    cycle_end_at: String,
}

/// The data of `subscription.cancelled` and `subscription.resumed`.
#[derive(ToSchema)]
struct SubscriptionStatusData {
    /// UUID.
    subscription_id: String,
    /// UUID of its license.
    license_id: String,
    /// UUID.
    product_id: String,
    /// UUID.
    policy_id: Option<String>,
    /// Who did it: `buyer`, `operator`, `api_key:` and the key's id, or who reported a
    /// payment that was withdrawn.
    actor: String,
    /// Why.
    reason: Option<String>,
}

/// The name of the schema of an event's data. A new type does not compile without one.
#[must_use]
pub fn schema_of(event_type: EventType) -> &'static str {
    match event_type {
        EventType::ApiKeyCreated | EventType::ApiKeyRevoked => "ApiKeyEventData",
        EventType::AttentionOpened | EventType::AttentionResolved => "AttentionEventData",
        EventType::CodeRedeemed => "CodeRedeemedData",
        EventType::DiscountCodeChanged
        | EventType::DiscountCodeCreated
        | EventType::DiscountCodeDeleted => "DiscountCodeEventData",
        EventType::LicenseBuyerErased => "LicenseBuyerErasedData",
        EventType::LicenseChanged => "LicenseChangedData",
        EventType::LicenseIssued => "LicenseIssuedData",
        EventType::LicenseKeyReplaced => "LicenseKeyReplacedData",
        EventType::LicenseTierChanged => "LicenseTierChangedData",
        EventType::LicenseRevoked | EventType::LicenseSuspended | EventType::LicenseUnsuspended => {
            "LicenseStatusData"
        }
        EventType::MachineActivated => "MachineActivatedData",
        EventType::MachineDeactivated => "MachineDeactivatedData",
        EventType::MerchantProfileChanged
        | EventType::MerchantProfileCreated
        | EventType::MerchantProfileDeleted => "MerchantProfileEventData",
        EventType::PaymentProviderConnected | EventType::PaymentProviderDisconnected => {
            "PaymentProviderEventData"
        }
        EventType::PolicyChanged | EventType::PolicyCreated | EventType::PolicyDeleted => {
            "PolicyEventData"
        }
        EventType::ProductChanged | EventType::ProductDeleted => "ProductEventData",
        EventType::ProductCreated => "ProductCreatedData",
        EventType::ReleaseChanged => "ReleaseChangedData",
        EventType::ReleasePublished => "ReleasePublishedData",
        EventType::SubscriptionCancelled | EventType::SubscriptionResumed => {
            "SubscriptionStatusData"
        }
        EventType::SubscriptionLapsed
        | EventType::SubscriptionPastDue
        | EventType::SubscriptionRenewalPending => "SubscriptionRenewalData",
        EventType::SubscriptionRenewed => "SubscriptionRenewedData",
        EventType::SubscriptionStarted => "SubscriptionStartedData",
        EventType::TransferResolved => "TransferEventData",
        EventType::WebhookEndpointChanged
        | EventType::WebhookEndpointCreated
        | EventType::WebhookEndpointDeleted => "WebhookEndpointEventData",
    }
}

/// The schemas by name.
pub(super) fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    add::<ApiKeyEventData>(&mut schemas);
    add::<AttentionEventData>(&mut schemas);
    add::<CodeRedeemedData>(&mut schemas);
    add::<DiscountCodeEventData>(&mut schemas);
    add::<LicenseKeyReplacedData>(&mut schemas);
    add::<MerchantProfileEventData>(&mut schemas);
    add::<PaymentProviderEventData>(&mut schemas);
    add::<PolicyEventData>(&mut schemas);
    add::<ProductEventData>(&mut schemas);
    add::<SubscriptionStartedData>(&mut schemas);
    add::<SubscriptionRenewalData>(&mut schemas);
    add::<SubscriptionRenewedData>(&mut schemas);
    add::<SubscriptionStatusData>(&mut schemas);
    add::<TransferEventData>(&mut schemas);
    add::<WebhookEndpointEventData>(&mut schemas);
    add::<LicenseBuyerErasedData>(&mut schemas);
    add::<LicenseChangedData>(&mut schemas);
    add::<ChangedTerms>(&mut schemas);
    add::<LicenseIssuedData>(&mut schemas);
    add::<LicenseStatusData>(&mut schemas);
    add::<LicenseTierChangedData>(&mut schemas);
    add::<MachineActivatedData>(&mut schemas);
    add::<MachineDeactivatedData>(&mut schemas);
    add::<ProductCreatedData>(&mut schemas);
    add::<ReleaseChangedData>(&mut schemas);
    add::<ReleaseChangesMade>(&mut schemas);
    add::<ReleasePublishedData>(&mut schemas);
    schemas
}

fn add<T: ToSchema>(schemas: &mut Map<String, Value>) {
    let schema = serde_json::to_value(T::schema()).unwrap_or_default();
    schemas.insert(T::name().into_owned(), schema);
}
