//! What the operator calls: products, policies, discount codes, licenses, scoped
//! keys and the records of what was changed and validated. Every change is in the audit
//! table, written by the batch that makes it.

pub mod access;
mod api_keys;
mod attention;
mod audit;
mod btcpay;
mod chain;
mod claims;
mod conceal;
mod discount_codes;
mod licenses;
mod machines;
mod merchant_profiles;
mod operator;
mod policies;
mod products;
mod receipts;
mod releases;
mod span;
mod text;
mod transactions;
mod transfers;
mod uploads;
mod validations;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post, put};
use btcpay::BtcPay;
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::{Database, ReleaseWriter, Releases, Sign, Stamps, name};
use keywright_ports::{Grants, Host};
use keywright_services::activity::ActivityLog;
use keywright_services::journal::Journal;
use keywright_store::licenses::recorded::licenses_in_force;
use keywright_store::operator::api_keys::{Use, uses};
use keywright_web::Function;
use keywright_web::{ApiError, Bearer, Callers, api_router, repeatable};
use operator::Operator;
use receipts::SealingUntil;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// This function.
pub const FUNCTION: Function = Function {
    name: "admin",
    grants: Grants {
        database: Access::ReadWrite,
        sign: true,
        outbound: OutboundAccess::PaymentProviders,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::ADMIN_KEY,
            name::PUBLIC_URL,
            name::BTCPAY_URL,
            name::BTCPAY_API_KEY,
            name::BTCPAY_STORE_ID,
            name::BTCPAY_BROWSER_URL,
            name::CREDENTIALS_KEY,
            name::RECEIPT_KEYS,
            name::RECEIPT_SEALING_UNTIL,
            name::SANDBOX_MODE,
        ],
        releases: Access::ReadWrite,
        ..Grants::NONE
    },
    router,
    migrations: keywright_store::MIGRATIONS,
    tick: None,
};

keywright_host::entry!(FUNCTION);

/// What the OpenAPI document says of this function.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        products::list::handler,
        products::create::handler,
        products::show::handler,
        products::change::handler,
        products::delete::handler,
        products::active::handler,
        policies::list::handler,
        policies::create::handler,
        policies::show::handler,
        policies::change::handler,
        policies::delete::handler,
        policies::active::handler,
        policies::public::handler,
        policies::archived::handler,
        licenses::list::handler,
        licenses::issue::handler,
        licenses::search::handler,
        licenses::search::by_secret,
        licenses::summary::handler,
        licenses::show::handler,
        licenses::change::handler,
        licenses::suspend::handler,
        licenses::unsuspend::handler,
        licenses::revoke::handler,
        licenses::download_id::handler,
        discount_codes::list::handler,
        discount_codes::create::handler,
        discount_codes::get::handler,
        discount_codes::change::handler,
        discount_codes::delete::handler,
        discount_codes::active::handler,
        machines::list::handler,
        machines::deactivate::handler,
        merchant_profiles::list::handler,
        merchant_profiles::create::handler,
        merchant_profiles::show::handler,
        merchant_profiles::change::handler,
        merchant_profiles::delete::handler,
        merchant_profiles::set_default::handler,
        merchant_profiles::prefer::handler,
        merchant_profiles::unprefer::handler,
        btcpay::connect::handler,
        btcpay::disconnect::handler,
        btcpay::status::handler,
        btcpay::payment_methods::handler,
        btcpay::overview::handler,
        releases::list::handler,
        releases::publish::handler,
        releases::change::handler,
        releases::gate::handler,
        releases::installer::handler,
        releases::keys::show::handler,
        releases::keys::set::handler,
        uploads::open::handler,
        uploads::part::handler,
        api_keys::create::handler,
        api_keys::list::handler,
        api_keys::revoke::handler,
        attention::list::handler,
        attention::resolve::handler,
        transfers::list::handler,
        transfers::resolve::handler,
        chain::show::handler,
        chain::reread::handler,
        chain::cursor::handler,
        transactions::list::handler,
        audit::list::handler,
        receipts::list::handler,
        receipts::seal::handler,
        audit::activity::handler,
        validations::list::handler,
        claims::list::handler,
    ),
    modifiers(&OperatorKey)
)]
pub struct Api;

/// The key of the operator's routes, for the document.
struct OperatorKey;

impl utoipa::Modify for OperatorKey {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some(
            "The configured ADMIN_KEY, or a scoped key of `POST /v1/admin/api-keys` that has the \
             scope named beside the route. A route that names `master` takes ADMIN_KEY only."
                .to_owned(),
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("operator", SecurityScheme::Http(bearer));
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
    /// The vendor's `BTCPay` Server.
    btcpay: BtcPay,
    /// When scoped keys were used.
    uses: Journal<Use>,
    /// What seals receipts.
    receipt_keys: Result<ReceiptKeys, NoReceiptKeys>,
    /// Until when receipts without a good seal may be sealed.
    sealing_until: SealingUntil,
    /// Where refused credentials are written down.
    activity: ActivityLog,
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
            btcpay: BtcPay::of(host)?,
            releases: host.release_writer()?,
            storage: host.releases().ok(),
            key: Arc::new(Bearer::configured(&host.config, name::ADMIN_KEY)),
            receipt_keys: ReceiptKeys::configured(&host.config),
            sealing_until: SealingUntil::configured(&host.config),
        })
    }

    /// What seals receipts; without it no license is issued.
    fn receipt_keys(&self) -> Result<&ReceiptKeys, ApiError> {
        self.receipt_keys.as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "RECEIPT_KEYS is not configured, or one of its keys cannot be used",
                reason.to_string(),
            )
        })
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports::open(host)?;
    let routes = Router::new()
        .merge(catalog_routes())
        .merge(license_routes())
        .route(
            "/v1/admin/discount-codes",
            get(discount_codes::list::handler).post(discount_codes::create::handler),
        )
        .route(
            "/v1/admin/discount-codes/{id}",
            get(discount_codes::get::handler)
                .patch(discount_codes::change::handler)
                .delete(discount_codes::delete::handler),
        )
        .route(
            "/v1/admin/discount-codes/{id}/active",
            patch(discount_codes::active::handler),
        )
        .route(
            "/v1/admin/api-keys",
            get(api_keys::list::handler).post(api_keys::create::handler),
        )
        .route("/v1/admin/api-keys/{id}", delete(api_keys::revoke::handler))
        .route("/v1/admin/audit", get(audit::list::handler))
        .route("/v1/admin/receipts", get(receipts::list::handler))
        .route("/v1/admin/receipts/seal", post(receipts::seal::handler))
        .route("/v1/admin/activity", get(audit::activity::handler))
        .route("/v1/admin/validations", get(validations::list::handler))
        .route("/v1/admin/claims", get(claims::list::handler))
        .merge(release_routes())
        .merge(business_routes())
        .with_state(ports.clone());
    // Outermost, so that a key is checked before anything is kept of a request.
    let routes = repeatable(routes, host, Callers::Verified, licenses_in_force)?;
    let routes = routes.route_layer(from_fn_with_state(ports, operator::let_in));
    Ok(api_router(routes))
}

fn catalog_routes() -> Router<Ports> {
    Router::new()
        .route(
            "/v1/admin/products",
            get(products::list::handler).post(products::create::handler),
        )
        .route(
            "/v1/admin/products/{id}",
            get(products::show::handler)
                .patch(products::change::handler)
                .delete(products::delete::handler),
        )
        .route(
            "/v1/admin/products/{id}/active",
            patch(products::active::handler),
        )
        .route(
            "/v1/admin/policies",
            get(policies::list::handler).post(policies::create::handler),
        )
        .route(
            "/v1/admin/policies/{id}",
            get(policies::show::handler)
                .patch(policies::change::handler)
                .delete(policies::delete::handler),
        )
        .route(
            "/v1/admin/policies/{id}/active",
            patch(policies::active::handler),
        )
        .route(
            "/v1/admin/policies/{id}/public",
            patch(policies::public::handler),
        )
        .route(
            "/v1/admin/policies/{id}/archived",
            patch(policies::archived::handler),
        )
}

fn license_routes() -> Router<Ports> {
    Router::new()
        .route(
            "/v1/admin/licenses",
            get(licenses::list::handler).post(licenses::issue::handler),
        )
        .route(
            "/v1/admin/licenses/search",
            get(licenses::search::handler).post(licenses::search::by_secret),
        )
        .route(
            "/v1/admin/licenses/summary",
            get(licenses::summary::handler),
        )
        .route(
            "/v1/admin/licenses/{id}",
            get(licenses::show::handler).patch(licenses::change::handler),
        )
        .route(
            "/v1/admin/licenses/{id}/suspend",
            post(licenses::suspend::handler),
        )
        .route(
            "/v1/admin/licenses/{id}/unsuspend",
            post(licenses::unsuspend::handler),
        )
        .route(
            "/v1/admin/licenses/{id}/revoke",
            post(licenses::revoke::handler),
        )
        .route(
            "/v1/admin/licenses/{id}/download-id",
            post(licenses::download_id::handler),
        )
        .route("/v1/admin/attention", get(attention::list::handler))
        .route(
            "/v1/admin/attention/{id}/resolve",
            post(attention::resolve::handler),
        )
        .route("/v1/admin/transfers", get(transfers::list::handler))
        .route(
            "/v1/admin/transfers/{id}/resolve",
            post(transfers::resolve::handler),
        )
        .route("/v1/admin/chain", get(chain::show::handler))
        .route("/v1/admin/chain/rereads", post(chain::reread::handler))
        .route("/v1/admin/chain/cursor", post(chain::cursor::handler))
        .route("/v1/admin/transactions", get(transactions::list::handler))
        .route("/v1/admin/machines", get(machines::list::handler))
        .route(
            "/v1/admin/machines/{id}/deactivate",
            post(machines::deactivate::handler),
        )
}

fn release_routes() -> Router<Ports> {
    Router::new()
        .route(
            "/v1/admin/releases",
            get(releases::list::handler).post(releases::publish::handler),
        )
        .route("/v1/admin/releases/uploads", post(uploads::open::handler))
        .route(
            "/v1/admin/releases/uploads/{id}",
            put(uploads::part::handler),
        )
        .route(
            "/v1/admin/releases/gate/{product}",
            put(releases::gate::handler),
        )
        .route(
            "/v1/admin/releases/installer/{product}",
            put(releases::installer::handler),
        )
        .route(
            "/v1/admin/releases/keys/{product}",
            get(releases::keys::show::handler).put(releases::keys::set::handler),
        )
        .route("/v1/admin/releases/{id}", patch(releases::change::handler))
}

fn business_routes() -> Router<Ports> {
    Router::new()
        .route(
            "/v1/admin/merchant-profiles",
            get(merchant_profiles::list::handler).post(merchant_profiles::create::handler),
        )
        .route(
            "/v1/admin/merchant-profiles/{id}",
            get(merchant_profiles::show::handler)
                .patch(merchant_profiles::change::handler)
                .delete(merchant_profiles::delete::handler),
        )
        .route(
            "/v1/admin/merchant-profiles/{id}/set-default",
            post(merchant_profiles::set_default::handler),
        )
        .route(
            "/v1/admin/merchant-profiles/{id}/rail-preferences/{rail}",
            put(merchant_profiles::prefer::handler).delete(merchant_profiles::unprefer::handler),
        )
        .route("/v1/admin/btcpay/connect", post(btcpay::connect::handler))
        .route(
            "/v1/admin/btcpay/disconnect",
            post(btcpay::disconnect::handler),
        )
        .route("/v1/admin/btcpay/status", get(btcpay::status::handler))
        .route(
            "/v1/admin/btcpay/payment-methods",
            get(btcpay::payment_methods::handler),
        )
        .route(
            "/v1/admin/payment-provider/status",
            get(btcpay::overview::handler),
        )
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
