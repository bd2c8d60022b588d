//! The types of events in a shop.

use crate::audit_log::ERASURE;

/// Declares the types with their names on the wire, in alphabetical order, and what
/// happened.
macro_rules! event_types {
    ($($variant:ident = $name:literal: $summary:literal,)*) => {
        /// The type of a recorded event. Tests of an endpoint are not among them: they are
        /// sent to one endpoint and are in no feed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EventType {
            $(#[doc = $summary] $variant,)*
        }

        impl EventType {
            /// All of them, by name.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What happened, as a sentence.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Self::$variant => $summary,)*
                }
            }
        }
    };
}

event_types! {
    ApiKeyCreated = "api_key.created": "A scoped key was made.",
    ApiKeyRevoked = "api_key.revoked": "A scoped key was revoked.",
    AttentionOpened = "attention.opened": "Something needs the operator.",
    AttentionResolved = "attention.resolved": "Something no longer needs the operator.",
    CodeRedeemed = "code.redeemed": "An order with a discount code was settled.",
    DiscountCodeChanged = "discount_code.changed": "A discount code was changed, enabled or disabled.",
    DiscountCodeCreated = "discount_code.created": "A discount code was made.",
    DiscountCodeDeleted = "discount_code.deleted": "A discount code was deleted.",
    LicenseBuyerErased = "license.buyer_erased": "An operator erased what says who bought a license: forget it, too.",
    LicenseChanged = "license.changed": "An operator changed the terms of one license.",
    LicenseIssued = "license.issued": "A license was sold, redeemed, or issued by an operator.",
    LicenseKeyReplaced = "license.key_replaced": "The key of a license was replaced: every older one is revoked.",
    LicenseRevoked = "license.revoked": "A license ended for good.",
    LicenseSuspended = "license.suspended": "A license is held back, by an operator or because its payment was withdrawn.",
    LicenseTierChanged = "license.tier_changed": "A license got another policy, by an upgrade, a change that was booked, or the operator.",
    LicenseUnsuspended = "license.unsuspended": "A suspended license is in force again.",
    MachineActivated = "machine.activated": "A machine took a seat.",
    MachineDeactivated = "machine.deactivated": "A machine gave its seat back.",
    MerchantProfileChanged = "merchant_profile.changed": "A business was changed, made the default, or told which store to prefer.",
    MerchantProfileCreated = "merchant_profile.created": "A business was made.",
    MerchantProfileDeleted = "merchant_profile.deleted": "A business was deleted.",
    PaymentProviderConnected = "payment_provider.connected": "A store was connected.",
    PaymentProviderDisconnected = "payment_provider.disconnected": "A store was disconnected.",
    PolicyChanged = "policy.changed": "A policy was changed, put on sale, hidden or archived.",
    PolicyCreated = "policy.created": "A policy was made.",
    PolicyDeleted = "policy.deleted": "A policy was deleted.",
    ProductChanged = "product.changed": "A product was changed, or its gate, release keys or installer.",
    ProductCreated = "product.created": "A product was made.",
    ProductDeleted = "product.deleted": "A product was deleted.",
    ReleaseChanged = "release.changed": "A published version was moved, yanked, rolled out further or described differently.",
    ReleasePublished = "release.published": "A version, or a further file of one, was published.",
    SubscriptionCancelled = "subscription.cancelled": "A subscription was ended; its license is good for as long as it was paid.",
    SubscriptionLapsed = "subscription.lapsed": "A subscription was not paid in time, or its trial ended unpaid.",
    SubscriptionPastDue = "subscription.past_due": "The paid time of a subscription is over, and its grace began.",
    SubscriptionRenewalPending = "subscription.renewal_pending": "The next cycle of a subscription can be paid.",
    SubscriptionRenewed = "subscription.renewed": "A cycle was paid, and its license extended.",
    SubscriptionResumed = "subscription.resumed": "A cancelled subscription goes on.",
    SubscriptionStarted = "subscription.started": "A subscription was bought, or its trial began.",
    TransferResolved = "transfer.resolved": "An operator decided what becomes of a transfer of USDC.",
    WebhookEndpointChanged = "webhook_endpoint.changed": "A webhook endpoint was changed, paused or resumed, or its secret was rotated.",
    WebhookEndpointCreated = "webhook_endpoint.created": "A webhook endpoint was made.",
    WebhookEndpointDeleted = "webhook_endpoint.deleted": "A webhook endpoint was deleted.",
}

/// The actions in the audit log that are events too, and their types. The others either
/// have an event of their own, with more in it, or change nothing that anybody waits for.
pub const ANNOUNCED_ACTIONS: [(&str, EventType); 26] = [
    ("api_key.create", EventType::ApiKeyCreated),
    ("api_key.revoke", EventType::ApiKeyRevoked),
    ("discount_code.change", EventType::DiscountCodeChanged),
    ("discount_code.create", EventType::DiscountCodeCreated),
    ("discount_code.delete", EventType::DiscountCodeDeleted),
    (ERASURE, EventType::LicenseBuyerErased),
    ("merchant_profile.change", EventType::MerchantProfileChanged),
    ("merchant_profile.create", EventType::MerchantProfileCreated),
    ("merchant_profile.delete", EventType::MerchantProfileDeleted),
    ("merchant_profile.prefer", EventType::MerchantProfileChanged),
    (
        "merchant_profile.set_default",
        EventType::MerchantProfileChanged,
    ),
    (
        "payment_provider.connect",
        EventType::PaymentProviderConnected,
    ),
    (
        "payment_provider.disconnect",
        EventType::PaymentProviderDisconnected,
    ),
    ("policy.change", EventType::PolicyChanged),
    ("policy.create", EventType::PolicyCreated),
    ("policy.delete", EventType::PolicyDeleted),
    ("product.change", EventType::ProductChanged),
    ("product.delete", EventType::ProductDeleted),
    ("release.gate", EventType::ProductChanged),
    ("release.installer", EventType::ProductChanged),
    ("release.keys", EventType::ProductChanged),
    ("transfer.resolve", EventType::TransferResolved),
    ("webhook_endpoint.change", EventType::WebhookEndpointChanged),
    ("webhook_endpoint.create", EventType::WebhookEndpointCreated),
    ("webhook_endpoint.delete", EventType::WebhookEndpointDeleted),
    (
        "webhook_endpoint.rotate_secret",
        EventType::WebhookEndpointChanged,
    ),
];

/// The type of a delivery that an operator asked for to see whether an endpoint works.
/// Its body is signed like any other, and nothing happened.
pub const TEST_EVENT: &str = "webhook.test";

#[cfg(test)]
mod tests {
    use super::*;

    /// Event types are put into JSON and SQL as they are, and filters split them at the dot.
    #[test]
    fn a_type_is_an_area_and_what_happened_in_plain_letters() {
        let names: Vec<&str> = EventType::ALL.iter().map(|of| of.as_str()).collect();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
        for name in names.into_iter().chain([TEST_EVENT]) {
            let (area, what) = name.split_once('.').expect("a dot");
            for word in [area, what] {
                let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
                assert!(!word.is_empty() && word.chars().all(is_plain), "{name}");
            }
        }
    }
}
