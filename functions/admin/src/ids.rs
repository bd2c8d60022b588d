//! The ids that the operator's routes have in their paths.

keywright_web::path_ids! {
    /// Of a scoped key.
    ApiKeyId: "there is no such key",
    /// Of an item of the attention list.
    AttentionItemId: "there is no such item",
    /// Of a discount code; not its text.
    DiscountCodeId: "there is no such discount code",
    /// Of a license; not its key.
    LicenseId: "there is no such license",
    /// Of a machine.
    MachineId: "there is no such machine",
    /// Of a mail.
    MailId: "there is no such mail",
    /// Of a merchant profile.
    MerchantProfileId: "there is no such business",
    /// Of a policy.
    PolicyId: "there is no such policy",
    /// Of a product.
    ProductId: "there is no such product",
    /// Of one platform's file of a version.
    ReleaseId: "there is no such release",
    /// Of a subscription.
    SubscriptionId: "there is no such subscription",
    /// Of a USDC transfer.
    TransferId: "there is no such transfer",
    /// Of a delivery to a webhook endpoint.
    WebhookDeliveryId: "there is no such delivery",
    /// Of a webhook endpoint.
    WebhookEndpointId: "there is no such webhook endpoint",
    /// Of an upload in parts.
    UploadId: "there is no such upload, or it was discarded; start with POST /v1/admin/releases/uploads",
}
