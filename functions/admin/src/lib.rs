//! What the operator calls: products, policies, discount codes, licenses, scoped
//! keys and the records of what was changed and validated. Every change is in the audit
//! table, written by the batch that makes it.

mod access;
mod api_keys;
mod attention;
mod audit;
mod btcpay;
mod caps;
mod chain;
mod claims;
mod conceal;
mod discount_codes;
mod events;
mod ids;
mod instance;
mod licenses;
mod machines;
mod mails;
mod merchant_profiles;
mod operator;
mod policies;
mod products;
mod providers;
mod receipts;
mod releases;
mod span;
mod subscriptions;
mod text;
mod transactions;
mod transfers;
mod uploads;
mod validations;
mod webhook_deliveries;
mod webhook_endpoints;
mod zaprite;

use axum::Router;
use axum::middleware::from_fn_with_state;
use caps::Caps;
use keywright_domain::access::Gate;
use keywright_domain::access::Scope::{
    AttentionRead, AttentionWrite, AuditRead, DiscountCodesRead, DiscountCodesWrite, LicensesRead,
    LicensesWrite, MachinesRead, MachinesWrite, MerchantProfilesRead, MerchantProfilesWrite,
    PaymentProvidersRead, PaymentProvidersWrite, PoliciesRead, PoliciesWrite, ProductsRead,
    ProductsWrite, ReleaseGatesWrite, ReleaseInstallersWrite, ReleaseOffersWrite, ReleasesRead,
    ReleasesWrite, SubscriptionsRead, SubscriptionsWrite, TierRead, ValidationsRead, WebhooksRead,
    WebhooksWrite,
};
use keywright_ports::attempt::Attempt;
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::vault::{NoVault, Vault};
use keywright_ports::{Database, Outbound, ReleaseWriter, Releases, Sign, Stamps, name};
use keywright_ports::{Grants, Host, settings};
use keywright_services::activity::ActivityLog;
use keywright_services::configuration;
use keywright_services::instance_license::{self, InstanceLicensing};
use keywright_services::journal::Journal;
use keywright_store::licenses::recorded::licenses_in_force;
use keywright_store::operator::api_keys::{ApiKeyUse, uses};
use keywright_web::Function;
use keywright_web::endpoints::Endpoints;
use keywright_web::{ApiError, Bearer, Callers, WithinAttempt, api_router, repeatable};
use operator::{Guarded, Operator};
use providers::Providers;
use receipts::SealingUntil;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use webhook_endpoints::WebhookRules;

/// This function.
pub const FUNCTION: Function = Function {
    name: "admin",
    grants: Grants {
        database: Access::ReadWrite,
        sign: true,
        outbound: OutboundAccess::PaymentProvidersAndIssuer,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::ADMIN_KEY,
            name::PUBLIC_URL,
            name::BTCPAY_URL,
            name::BTCPAY_API_KEY,
            name::BTCPAY_STORE_ID,
            name::BTCPAY_BROWSER_URL,
            name::ZAPRITE_URL,
            name::CREDENTIALS_KEY,
            name::RECEIPT_KEYS,
            name::RECEIPT_SEALING_UNTIL,
            name::SANDBOX_MODE,
            name::INSTANCE_ISSUER_KEY,
            name::INSTANCE_ISSUER_URL,
            name::INSTANCE_PRODUCT_SLUG,
            name::INSTANCE_PRODUCT_ID,
            name::INSTANCE_LICENSE,
            name::WEBHOOK_KEY,
            name::WEBHOOK_HOSTS,
            name::WEBHOOK_PRIVATE,
        ],
        releases: Access::ReadWrite,
        ..Grants::NONE
    },
    router,
    migrations: keywright_store::MIGRATIONS,
    tick: None,
    settings: &[
        settings::CLIENT_ADDRESS_HEADER,
        settings::ADMIN_KEY,
        settings::PUBLIC_URL,
        settings::CREDENTIALS_KEY,
        settings::RECEIPT_KEYS,
        settings::SANDBOX_MODE,
        settings::WEBHOOK_KEY,
        settings::WEBHOOK_HOSTS,
        settings::WEBHOOK_PRIVATE,
        configuration::BTCPAY_STORE,
        configuration::BTCPAY_BROWSER_URL,
        configuration::ZAPRITE_URL,
        receipts::SEALING_UNTIL,
        instance_license::INSTANCE_LICENSE,
    ],
};

keywright_host::entry!(FUNCTION);

keywright_web::endpoints! {
    Ports, Gate;
    routes {
        products::list(query): ProductsRead,
        products::create: ProductsWrite,
        products::show: ProductsRead,
        products::change: ProductsWrite,
        products::delete(query): ProductsWrite,
        products::active: ProductsWrite,
        policies::list(query): PoliciesRead,
        policies::create: PoliciesWrite,
        policies::show: PoliciesRead,
        policies::change: PoliciesWrite,
        policies::delete: PoliciesWrite,
        policies::active: PoliciesWrite,
        policies::public: PoliciesWrite,
        policies::archived: PoliciesWrite,
        licenses::list(query): LicensesRead,
        licenses::issue: LicensesWrite,
        licenses::search(query): LicensesRead,
        licenses::search_by_key(query): LicensesRead,
        licenses::summary: LicensesRead,
        licenses::show: LicensesRead,
        licenses::change: LicensesWrite,
        licenses::suspend: LicensesWrite,
        licenses::unsuspend: LicensesWrite,
        licenses::revoke: LicensesWrite,
        licenses::download_id: LicensesWrite,
        licenses::change_tier: Gate::Master,
        licenses::replace_key: LicensesWrite,
        licenses::erase_buyer: Gate::Master,
        licenses::erase_address: Gate::Master,
        discount_codes::list(query): DiscountCodesRead,
        discount_codes::create: DiscountCodesWrite,
        discount_codes::get: DiscountCodesRead,
        discount_codes::change: DiscountCodesWrite,
        discount_codes::delete: DiscountCodesWrite,
        discount_codes::active: DiscountCodesWrite,
        subscriptions::list(query): SubscriptionsRead,
        subscriptions::show: SubscriptionsRead,
        subscriptions::cancel: SubscriptionsWrite,
        attention::list(query): AttentionRead,
        attention::resolve: AttentionWrite,
        transfers::list(query): AttentionRead,
        transfers::resolve: AttentionWrite,
        chain::show(query): AttentionRead,
        chain::reread: Gate::Master,
        chain::transaction: Gate::Master,
        chain::cursor: Gate::Master,
        transactions(query): AuditRead,
        machines::list(query): MachinesRead,
        machines::deactivate: MachinesWrite,
        merchant_profiles::list(query): MerchantProfilesRead,
        merchant_profiles::create: MerchantProfilesWrite,
        merchant_profiles::show: MerchantProfilesRead,
        merchant_profiles::change: MerchantProfilesWrite,
        merchant_profiles::delete: MerchantProfilesWrite,
        merchant_profiles::set_default: MerchantProfilesWrite,
        merchant_profiles::prefer: MerchantProfilesWrite,
        merchant_profiles::unprefer: MerchantProfilesWrite,
        btcpay::connect: PaymentProvidersWrite,
        btcpay::disconnect: Gate::Master,
        btcpay::status(query): PaymentProvidersRead,
        btcpay::payment_methods(query): PaymentProvidersRead,
        zaprite::connect: Gate::Master,
        zaprite::disconnect: Gate::Master,
        zaprite::status(query): PaymentProvidersRead,
        providers::overview: PaymentProvidersRead,
        releases::list(query): ReleasesRead,
        releases::publish: ReleasesWrite,
        uploads::open: ReleasesWrite,
        uploads::part(query): ReleasesWrite,
        releases::gate: ReleaseGatesWrite,
        releases::installer: ReleaseInstallersWrite,
        releases::keys::show: ReleasesRead,
        releases::keys::set: Gate::Master,
        releases::change: ReleaseOffersWrite,
        api_keys::list(query): Gate::Master,
        api_keys::create: Gate::Master,
        api_keys::revoke: Gate::Master,
        api_keys::current: Gate::AnyKey,
        instance::tier: TierRead,
        instance::license: Gate::Master,
        instance::set_license: Gate::Master,
        audit::list(query): AuditRead,
        audit::checkpoint: AuditRead,
        audit::leaves(query): AuditRead,
        receipts::list(query): Gate::Master,
        receipts::seal: Gate::Master,
        audit::activity(query): AuditRead,
        validations(query): ValidationsRead,
        claims(query): LicensesRead,
        events(query): WebhooksRead,
        webhook_endpoints::list(query): WebhooksRead,
        webhook_endpoints::create: WebhooksWrite,
        webhook_endpoints::show: WebhooksRead,
        webhook_endpoints::change: WebhooksWrite,
        webhook_endpoints::active: WebhooksWrite,
        webhook_endpoints::delete: WebhooksWrite,
        webhook_endpoints::rotate_secret: WebhooksWrite,
        webhook_endpoints::test: WebhooksWrite,
        webhook_endpoints::replay(query): WebhooksWrite,
        webhook_deliveries::list(query): WebhooksRead,
        webhook_deliveries::show: WebhooksRead,
        webhook_deliveries::retry: WebhooksWrite,
        mails::status: AttentionRead,
        mails::list(query): LicensesRead,
        mails::show: LicensesRead,
        mails::resend: LicensesWrite,
        mails::release: AttentionWrite,
        mails::drop: AttentionWrite,
    }
}

#[derive(Clone)]
struct Ports {
    database: Database,
    sign: Sign,
    stamps: Stamps,
    /// The release files; `None` on a host that cannot write them.
    releases: Option<ReleaseWriter>,
    /// The same, for reading; `None` on a host that has none here.
    storage: Option<Releases>,
    /// The operator's key, or why there is none.
    key: Arc<Result<Bearer, String>>,
    /// The payment providers.
    providers: Providers,
    /// When scoped keys were used.
    uses: Journal<ApiKeyUse>,
    /// What seals receipts.
    receipt_keys: Result<ReceiptKeys, NoReceiptKeys>,
    /// What may be entered for a webhook endpoint.
    webhooks: WebhookRules,
    /// Until when receipts without a good seal may be sealed.
    sealing_until: SealingUntil,
    /// Where refused credentials are written down.
    activity: ActivityLog,
    /// Whether the host sets caps.
    licensing: InstanceLicensing,
    /// The way to the issuer of instance licenses.
    issuer: Outbound,
    /// What seals the key of the instance's license.
    vault: Result<Vault, NoVault>,
}

impl Ports {
    fn open(host: &Host) -> Result<Self, PortError> {
        let database = host.database()?;
        Ok(Self {
            uses: Journal::new(database.clone(), host.clock.clone(), host.log.clone(), uses),
            database,
            activity: ActivityLog::open(host)?,
            sign: host.sign()?,
            stamps: host.stamps(),
            providers: Providers::of(host)?,
            releases: host.release_writer()?,
            storage: host.releases().ok(),
            key: Arc::new(Bearer::configured(&host.config, name::ADMIN_KEY)),
            receipt_keys: ReceiptKeys::configured(&host.config),
            webhooks: WebhookRules::configured(&host.config),
            sealing_until: SealingUntil::configured(&host.config),
            licensing: InstanceLicensing::configured(&host.config),
            issuer: host.outbound(InstanceLicensing::url(&host.config).as_slice())?,
            vault: Vault::configured(&host.config),
        })
    }

    /// The caps as they are now; see [`Caps::now`].
    async fn caps(&self) -> Result<Caps, ApiError> {
        Caps::now(&self.licensing, &self.database, &self.stamps).await
    }

    /// What seals receipts; without it no license is issued.
    fn receipt_keys(&self) -> Result<&ReceiptKeys, ApiError> {
        self.receipt_keys.as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "RECEIPT_KEYS is not configured, or one of its keys is invalid",
                reason.to_string(),
            )
        })
    }
}

keywright_web::from_ref! {
    Ports {
        database: Database, stamps: Stamps, providers: Providers, sign: Sign, webhooks: WebhookRules,
        licensing: InstanceLicensing
    }
}

impl WithinAttempt for Ports {
    fn within(mut self, attempt: Arc<Attempt>) -> Self {
        self.database = self.database.within(attempt);
        self
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports::open(host)?;
    let Endpoints { router, table } = routes();
    let routes = router.with_state(ports.clone());
    // Outermost, so that a key is checked before anything is kept of a request.
    let routes = repeatable(routes, host, Callers::Verified, licenses_in_force)?;
    let guarded = Guarded {
        ports,
        table: table.into(),
    };
    let routes = routes.route_layer(from_fn_with_state(guarded, operator::let_in));
    Ok(api_router(routes))
}

/// It is done, and there is nothing else to say.
#[derive(Serialize, ToSchema)]
struct Done {
    /// Always `true`.
    ok: bool,
}

impl Done {
    const OK: Self = Self { ok: true };
}
