//! Who may call which route: one table. A route that has no row opens to
//! nobody.

use http::Method;
use keywright_domain::access::Gate;
use keywright_domain::access::Scope::{
    AttentionRead, AttentionWrite, AuditRead, DiscountCodesRead, DiscountCodesWrite, LicensesRead,
    LicensesWrite, MachinesRead, MachinesWrite, MerchantProfilesRead, MerchantProfilesWrite,
    PaymentProvidersRead, PaymentProvidersWrite, PoliciesRead, PoliciesWrite, ProductsRead,
    ProductsWrite, ReleaseGatesWrite, ReleaseInstallersWrite, ReleaseOffersWrite, ReleasesRead,
    ReleasesWrite, ValidationsRead,
};

/// One of the operator's routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method; `GET` is also `HEAD`.
    pub method: Method,
    /// Its path, as the router has it.
    pub path: &'static str,
    /// What opens it.
    pub gate: Gate,
}

const fn row(method: Method, path: &'static str, gate: Gate) -> Route {
    Route { method, path, gate }
}

/// Every route, in the order of the router.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    row(Method::GET, "/v1/admin/products", Gate::Scope(ProductsRead)),
    row(Method::POST, "/v1/admin/products", Gate::Scope(ProductsWrite)),
    row(Method::GET, "/v1/admin/products/{id}", Gate::Scope(ProductsRead)),
    row(Method::PATCH, "/v1/admin/products/{id}", Gate::Scope(ProductsWrite)),
    row(Method::DELETE, "/v1/admin/products/{id}", Gate::Scope(ProductsWrite)),
    row(Method::PATCH, "/v1/admin/products/{id}/active", Gate::Scope(ProductsWrite)),
    row(Method::GET, "/v1/admin/policies", Gate::Scope(PoliciesRead)),
    row(Method::POST, "/v1/admin/policies", Gate::Scope(PoliciesWrite)),
    row(Method::GET, "/v1/admin/policies/{id}", Gate::Scope(PoliciesRead)),
    row(Method::PATCH, "/v1/admin/policies/{id}", Gate::Scope(PoliciesWrite)),
    row(Method::DELETE, "/v1/admin/policies/{id}", Gate::Scope(PoliciesWrite)),
    row(Method::PATCH, "/v1/admin/policies/{id}/active", Gate::Scope(PoliciesWrite)),
    row(Method::PATCH, "/v1/admin/policies/{id}/public", Gate::Scope(PoliciesWrite)),
    row(Method::PATCH, "/v1/admin/policies/{id}/archived", Gate::Scope(PoliciesWrite)),
    row(Method::GET, "/v1/admin/licenses", Gate::Scope(LicensesRead)),
    row(Method::POST, "/v1/admin/licenses", Gate::Scope(LicensesWrite)),
    row(Method::GET, "/v1/admin/licenses/search", Gate::Scope(LicensesRead)),
    row(Method::POST, "/v1/admin/licenses/search", Gate::Scope(LicensesRead)),
    row(Method::GET, "/v1/admin/licenses/summary", Gate::Scope(LicensesRead)),
    row(Method::GET, "/v1/admin/licenses/{id}", Gate::Scope(LicensesRead)),
    row(Method::PATCH, "/v1/admin/licenses/{id}", Gate::Scope(LicensesWrite)),
    row(Method::POST, "/v1/admin/licenses/{id}/suspend", Gate::Scope(LicensesWrite)),
    row(Method::POST, "/v1/admin/licenses/{id}/unsuspend", Gate::Scope(LicensesWrite)),
    row(Method::POST, "/v1/admin/licenses/{id}/revoke", Gate::Scope(LicensesWrite)),
    row(Method::POST, "/v1/admin/licenses/{id}/download-id", Gate::Scope(LicensesWrite)),
    row(Method::GET, "/v1/admin/discount-codes", Gate::Scope(DiscountCodesRead)),
    row(Method::POST, "/v1/admin/discount-codes", Gate::Scope(DiscountCodesWrite)),
    row(Method::GET, "/v1/admin/discount-codes/{id}", Gate::Scope(DiscountCodesRead)),
    row(Method::PATCH, "/v1/admin/discount-codes/{id}", Gate::Scope(DiscountCodesWrite)),
    row(Method::DELETE, "/v1/admin/discount-codes/{id}", Gate::Scope(DiscountCodesWrite)),
    row(Method::PATCH, "/v1/admin/discount-codes/{id}/active", Gate::Scope(DiscountCodesWrite)),
    row(Method::GET, "/v1/admin/attention", Gate::Scope(AttentionRead)),
    row(Method::POST, "/v1/admin/attention/{id}/resolve", Gate::Scope(AttentionWrite)),
    row(Method::GET, "/v1/admin/transfers", Gate::Scope(AttentionRead)),
    row(Method::POST, "/v1/admin/transfers/{id}/resolve", Gate::Scope(AttentionWrite)),
    row(Method::GET, "/v1/admin/chain", Gate::Scope(AttentionRead)),
    row(Method::POST, "/v1/admin/chain/rereads", Gate::Master),
    row(Method::POST, "/v1/admin/chain/cursor", Gate::Master),
    row(Method::GET, "/v1/admin/transactions", Gate::Scope(AuditRead)),
    row(Method::GET, "/v1/admin/machines", Gate::Scope(MachinesRead)),
    row(Method::POST, "/v1/admin/machines/{id}/deactivate", Gate::Scope(MachinesWrite)),
    row(Method::GET, "/v1/admin/merchant-profiles", Gate::Scope(MerchantProfilesRead)),
    row(Method::POST, "/v1/admin/merchant-profiles", Gate::Scope(MerchantProfilesWrite)),
    row(Method::GET, "/v1/admin/merchant-profiles/{id}", Gate::Scope(MerchantProfilesRead)),
    row(Method::PATCH, "/v1/admin/merchant-profiles/{id}", Gate::Scope(MerchantProfilesWrite)),
    row(Method::DELETE, "/v1/admin/merchant-profiles/{id}", Gate::Scope(MerchantProfilesWrite)),
    row(Method::POST, "/v1/admin/merchant-profiles/{id}/set-default", Gate::Scope(MerchantProfilesWrite)),
    row(Method::PUT, "/v1/admin/merchant-profiles/{id}/rail-preferences/{rail}", Gate::Scope(MerchantProfilesWrite)),
    row(Method::DELETE, "/v1/admin/merchant-profiles/{id}/rail-preferences/{rail}", Gate::Scope(MerchantProfilesWrite)),
    row(Method::POST, "/v1/admin/btcpay/connect", Gate::Scope(PaymentProvidersWrite)),
    row(Method::POST, "/v1/admin/btcpay/disconnect", Gate::Master),
    row(Method::GET, "/v1/admin/btcpay/status", Gate::Scope(PaymentProvidersRead)),
    row(Method::GET, "/v1/admin/btcpay/payment-methods", Gate::Scope(PaymentProvidersRead)),
    row(Method::GET, "/v1/admin/payment-provider/status", Gate::Scope(PaymentProvidersRead)),
    row(Method::GET, "/v1/admin/releases", Gate::Scope(ReleasesRead)),
    row(Method::POST, "/v1/admin/releases", Gate::Scope(ReleasesWrite)),
    row(Method::POST, "/v1/admin/releases/uploads", Gate::Scope(ReleasesWrite)),
    row(Method::PUT, "/v1/admin/releases/uploads/{id}", Gate::Scope(ReleasesWrite)),
    row(Method::PUT, "/v1/admin/releases/gate/{product}", Gate::Scope(ReleaseGatesWrite)),
    row(Method::PUT, "/v1/admin/releases/installer/{product}", Gate::Scope(ReleaseInstallersWrite)),
    row(Method::GET, "/v1/admin/releases/keys/{product}", Gate::Scope(ReleasesRead)),
    row(Method::PUT, "/v1/admin/releases/keys/{product}", Gate::Master),
    row(Method::PATCH, "/v1/admin/releases/{id}", Gate::Scope(ReleaseOffersWrite)),
    row(Method::GET, "/v1/admin/api-keys", Gate::Master),
    row(Method::POST, "/v1/admin/api-keys", Gate::Master),
    row(Method::DELETE, "/v1/admin/api-keys/{id}", Gate::Master),
    row(Method::GET, "/v1/admin/audit", Gate::Scope(AuditRead)),
    row(Method::GET, "/v1/admin/receipts", Gate::Master),
    row(Method::POST, "/v1/admin/receipts/seal", Gate::Master),
    row(Method::GET, "/v1/admin/activity", Gate::Scope(AuditRead)),
    row(Method::GET, "/v1/admin/validations", Gate::Scope(ValidationsRead)),
    row(Method::GET, "/v1/admin/claims", Gate::Scope(LicensesRead)),
];

/// The gate of a route; `None` when the table has no row for it.
pub(crate) fn gate(method: &Method, path: &str) -> Option<Gate> {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    ROUTES
        .iter()
        .find(|route| route.method == *method && route.path == path)
        .map(|route| route.gate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use utoipa::OpenApi;

    /// Method and path of every `.route(` in the router's source.
    fn routed() -> BTreeSet<(String, String)> {
        let source = include_str!("lib.rs");
        let mut routes = BTreeSet::new();
        for call in source.split(".route(").skip(1) {
            let path = call.split('"').nth(1).expect("a path").to_owned();
            // The methods stand between the path and the next call.
            let end = call.find(".with_state(").unwrap_or(call.len());
            for method in ["get", "post", "put", "patch", "delete"] {
                let count = call[..end].matches(&format!("{method}(")).count();
                assert!(count <= 1, "{path}: {method} twice");
                if count == 1 {
                    routes.insert((method.to_uppercase(), path.clone()));
                }
            }
        }
        routes
    }

    #[test]
    fn every_route_has_one_row_and_every_row_a_route() {
        let rows: BTreeSet<(String, String)> = ROUTES
            .iter()
            .map(|route| (route.method.to_string(), route.path.to_owned()))
            .collect();
        assert_eq!(rows.len(), ROUTES.len(), "a route has one row");
        assert_eq!(rows, routed());
    }

    /// Method, path and required scope of everything in the document.
    fn documented() -> BTreeSet<(String, String, String)> {
        let document = serde_json::to_value(crate::Api::openapi()).expect("a document");
        let mut routes = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let security = operation["security"].as_array().expect("security");
                let [one] = security.as_slice() else {
                    panic!("{method} {path}: one key opens it: {security:?}");
                };
                let scopes = one["operator"].as_array().expect("the operator's key");
                let [scope] = scopes.as_slice() else {
                    panic!("{method} {path}: one scope opens it: {scopes:?}");
                };
                let scope = scope.as_str().expect("a text").to_owned();
                routes.insert((method.to_uppercase(), path.clone(), scope));
            }
        }
        routes
    }

    #[test]
    fn the_document_names_what_opens_each_route() {
        let rows: BTreeSet<(String, String, String)> = ROUTES
            .iter()
            .map(|route| {
                let opens = match route.gate {
                    Gate::Scope(scope) => scope.to_string(),
                    Gate::Master => "master".to_owned(),
                };
                (route.method.to_string(), route.path.to_owned(), opens)
            })
            .collect();
        assert_eq!(documented(), rows);
    }

    #[test]
    fn a_route_without_a_row_has_no_gate() {
        assert_eq!(gate(&Method::DELETE, "/v1/admin/products"), None);
        assert_eq!(gate(&Method::POST, "/v1/admin/products/x"), None);
        assert_eq!(gate(&Method::POST, "/v1/admin/products/"), None);
        assert_eq!(gate(&Method::HEAD, "/v1/admin/api-keys/{id}"), None);
        let read = Some(Gate::Scope(PoliciesRead));
        assert_eq!(gate(&Method::HEAD, "/v1/admin/policies"), read);
        assert_eq!(gate(&Method::GET, "/v1/admin/policies"), read);
    }
}
