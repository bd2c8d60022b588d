//! Which operations of the API are tools, and what they do to the shop. The list is
//! explicit: the verb of a route does not say it. A `POST` may only ask, and a `GET` may
//! show a license key.

/// What an operation is to a program that is driven by a language model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Changes nothing and shows nothing that opens a license, a download or a price.
    Read,
    /// Changes the shop, by adding to it or by doing something again.
    Add,
    /// Changes or removes what is there.
    Change,
    /// No tool.
    NoTool(Reason),
}

/// Why an operation is no tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// No scoped key opens it, and a model is given a scoped key.
    AdminKeyOnly,
    /// For buyers and their applications. It takes or shows a license key or the secret of
    /// an order.
    ForBuyers,
    /// Answers or takes a file, a page, or what an updater reads.
    ForPrograms,
    /// Called by payment providers and schedulers.
    ForProviders,
    /// Needs signatures, or code that customers run: `keywright release` does it.
    ForReleases,
}

use Kind::{Add, Change, NoTool, Read};
use Reason::{AdminKeyOnly, ForBuyers, ForPrograms, ForProviders, ForReleases};

/// Every operation of the API, by its id in the OpenAPI document.
pub(super) const OPERATIONS: &[(&str, Kind)] = &[
    // the instance, and what is on sale
    ("getInstance", Read),
    ("getReadiness", Read),
    ("getHealth", NoTool(ForPrograms)),
    ("getOpenApiDocument", NoTool(ForPrograms)),
    ("getStorefront", NoTool(ForPrograms)),
    ("listProductsOnSale", Read),
    ("getProductOnSale", Read),
    ("listPoliciesOnSale", Read),
    ("previewDiscountCode", Read),
    ("validateLicense", Read),
    // the catalog
    ("listProducts", Read),
    ("getProduct", Read),
    ("createProduct", Add),
    ("updateProduct", Change),
    ("setProductActive", Change),
    ("deleteProduct", Change),
    ("listPolicies", Read),
    ("getPolicy", Read),
    ("createPolicy", Add),
    ("updatePolicy", Change),
    ("setPolicyActive", Change),
    ("setPolicyArchived", Change),
    ("setPolicyPublic", Change),
    ("deletePolicy", Change),
    ("listDiscountCodes", Read),
    ("getDiscountCode", Read),
    ("createDiscountCode", Add),
    ("updateDiscountCode", Change),
    ("setDiscountCodeActive", Change),
    ("deleteDiscountCode", Change),
    ("listMerchantProfiles", Read),
    ("getMerchantProfile", Read),
    ("createMerchantProfile", Add),
    ("updateMerchantProfile", Change),
    ("deleteMerchantProfile", Change),
    ("setDefaultMerchantProfile", Change),
    ("setRailPreference", Change),
    ("deleteRailPreference", Change),
    // licenses and machines
    ("listLicenses", Read),
    ("getLicense", Read),
    // The search by POST finds the same, and keeps keys out of URLs.
    ("searchLicenses", NoTool(ForPrograms)),
    ("searchLicensesByKey", Read),
    ("getLicenseSummary", Read),
    ("issueLicense", Add),
    ("updateLicense", Change),
    ("suspendLicense", Change),
    ("unsuspendLicense", Change),
    ("revokeLicense", Change),
    ("replaceDownloadId", Change),
    ("replaceKeyOfLicense", Change),
    ("changeLicenseTier", NoTool(AdminKeyOnly)),
    ("eraseLicenseBuyer", NoTool(AdminKeyOnly)),
    ("eraseBuyerByEmail", NoTool(AdminKeyOnly)),
    ("listSubscriptions", Read),
    ("getSubscriptionById", Read),
    ("cancelSubscriptionById", Change),
    ("getTier", Read),
    ("getSelfLicense", NoTool(AdminKeyOnly)),
    ("setSelfLicense", NoTool(AdminKeyOnly)),
    ("listMachines", Read),
    ("deactivateMachineById", Change),
    // payments
    ("listPaymentProviders", Read),
    ("getBtcpayStatus", Read),
    ("listBtcpayPaymentMethods", Read),
    ("connectBtcpayStore", NoTool(ForPrograms)),
    ("disconnectBtcpayStore", NoTool(AdminKeyOnly)),
    ("getZapriteStatus", Read),
    ("connectZaprite", NoTool(AdminKeyOnly)),
    ("disconnectZaprite", NoTool(AdminKeyOnly)),
    ("listTransactions", NoTool(ForPrograms)),
    ("listTransfers", Read),
    ("resolveTransfer", Change),
    ("listClaims", Read),
    ("getChainStatus", Read),
    ("moveChainCursor", NoTool(AdminKeyOnly)),
    ("rereadChain", NoTool(AdminKeyOnly)),
    ("lookUpTransaction", NoTool(AdminKeyOnly)),
    ("listReceipts", NoTool(AdminKeyOnly)),
    ("sealReceipts", NoTool(AdminKeyOnly)),
    // records
    ("listAttentionItems", Read),
    ("resolveAttentionItem", Change),
    ("listAuditEntries", Read),
    ("getAuditCheckpoint", NoTool(ForPrograms)),
    ("listAuditLeaves", NoTool(ForPrograms)),
    ("listActivity", Read),
    ("listValidations", Read),
    // webhooks
    ("listEvents", Read),
    ("listWebhookEndpoints", Read),
    ("getWebhookEndpoint", Read),
    ("createWebhookEndpoint", Add),
    ("updateWebhookEndpoint", Change),
    ("setWebhookEndpointActive", Change),
    ("deleteWebhookEndpoint", Change),
    ("rotateWebhookSecret", Change),
    ("testWebhookEndpoint", Add),
    ("replayWebhookDeliveries", Add),
    ("listWebhookDeliveries", Read),
    ("getWebhookDelivery", Read),
    ("retryWebhookDelivery", Add),
    // mail
    ("getMailStatus", Read),
    ("listMails", Read),
    ("getMail", Read),
    ("resendMail", Add),
    ("releaseMails", Add),
    ("dropMails", Change),
    // keys
    ("getCurrentApiKey", Read),
    ("listApiKeys", NoTool(AdminKeyOnly)),
    ("createApiKey", NoTool(AdminKeyOnly)),
    ("revokeApiKey", NoTool(AdminKeyOnly)),
    // releases
    ("listReleases", Read),
    ("updateRelease", Change),
    ("setReleaseGate", Change),
    ("getReleaseKeys", Read),
    ("setReleaseKeys", NoTool(AdminKeyOnly)),
    ("publishRelease", NoTool(ForReleases)),
    ("startUpload", NoTool(ForReleases)),
    ("uploadPart", NoTool(ForReleases)),
    ("setInstallScript", NoTool(ForReleases)),
    ("listReleasedProducts", NoTool(ForPrograms)),
    ("listReleasedVersions", NoTool(ForPrograms)),
    ("getReleaseChannel", NoTool(ForPrograms)),
    ("getReleaseManifest", NoTool(ForPrograms)),
    ("getInstallScript", NoTool(ForPrograms)),
    ("downloadRelease", NoTool(ForPrograms)),
    ("downloadNamedRelease", NoTool(ForPrograms)),
    ("redirectToLatestRelease", NoTool(ForPrograms)),
    ("redirectToGit", NoTool(ForPrograms)),
    ("redirectToGitByPost", NoTool(ForPrograms)),
    ("downloadExtension", NoTool(ForPrograms)),
    ("getJoomlaUpdates", NoTool(ForPrograms)),
    ("getJoomlaUpdatesFile", NoTool(ForPrograms)),
    ("getElectronUpdates", NoTool(ForPrograms)),
    ("redirectToElectronFile", NoTool(ForPrograms)),
    ("getSparkleAppcast", NoTool(ForPrograms)),
    ("getTauriRelease", NoTool(ForPrograms)),
    ("getTauriUpdate", NoTool(ForPrograms)),
    ("getJwks", NoTool(ForPrograms)),
    ("getIssuerPublicKey", NoTool(ForPrograms)),
    ("getPublicKey", NoTool(ForPrograms)),
    ("getVerifyKey", NoTool(ForPrograms)),
    ("verifyToken", NoTool(ForPrograms)),
    // buyers and their applications
    ("createOrder", NoTool(ForBuyers)),
    ("getOrder", NoTool(ForBuyers)),
    ("getOrderQrCode", NoTool(ForBuyers)),
    ("redeemCode", NoTool(ForBuyers)),
    ("getSubscription", NoTool(ForBuyers)),
    ("paySubscription", NoTool(ForBuyers)),
    ("cancelSubscription", NoTool(ForBuyers)),
    ("resumeSubscription", NoTool(ForBuyers)),
    ("changeSubscription", NoTool(ForBuyers)),
    ("quoteUpgrade", NoTool(ForBuyers)),
    ("upgradeLicense", NoTool(ForBuyers)),
    ("recoverLicense", NoTool(ForBuyers)),
    ("replaceLicenseKey", NoTool(ForBuyers)),
    ("getCurrentKey", NoTool(ForBuyers)),
    ("requestRecoveryMail", NoTool(ForBuyers)),
    ("showMailLink", NoTool(ForBuyers)),
    ("openMailLink", NoTool(ForBuyers)),
    ("getPaymentByTransaction", NoTool(ForBuyers)),
    ("createLicenseChallenge", NoTool(ForBuyers)),
    ("claimLicense", NoTool(ForBuyers)),
    ("createWalletChallenge", NoTool(ForBuyers)),
    ("claimWalletForFile", NoTool(ForBuyers)),
    ("createDownloadLink", NoTool(ForBuyers)),
    ("activateMachine", NoTool(ForBuyers)),
    ("deactivateMachine", NoTool(ForBuyers)),
    ("sendHeartbeat", NoTool(ForBuyers)),
    ("listMachinesOfLicense", NoTool(ForBuyers)),
    // providers and schedulers
    ("finishBtcpayConnection", NoTool(ForProviders)),
    ("finishBtcpayConnectionByForm", NoTool(ForProviders)),
    ("receiveBtcpayEvent", NoTool(ForProviders)),
    ("receiveConnectedStoreEvent", NoTool(ForProviders)),
    ("receiveZapriteEvent", NoTool(ForProviders)),
    ("tickDeliver", NoTool(ForProviders)),
    ("tickRenew", NoTool(ForProviders)),
    ("tickWatch", NoTool(ForProviders)),
];

/// Members that a read leaves out: they open downloads, or take something off a price. A
/// key that may change licenses is shown them by the API.
pub(super) const LEFT_OUT_OF_READS: [&str; 2] = ["download_id", "code"];
