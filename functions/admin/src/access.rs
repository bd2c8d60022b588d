//! What opens a route: the scope beside it in the list of endpoints. A route without a
//! row opens to nobody.

use http::Method;
use keywright_domain::access::Gate;
use keywright_web::endpoints::Endpoint;

/// The gate of a route; `None` when the table has no row for it.
pub(crate) fn gate(table: &[Endpoint<Gate>], method: &Method, path: &str) -> Option<Gate> {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    table
        .iter()
        .find(|route| route.method == *method && route.path == path)
        .map(|route| route.access)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Api;
    use keywright_domain::access::Scope::PoliciesRead;

    #[test]
    fn a_route_without_a_row_has_no_gate() {
        let gate = |method, path| gate(&Api::endpoints(), &method, path);
        assert_eq!(gate(Method::DELETE, "/v1/admin/products"), None);
        assert_eq!(gate(Method::POST, "/v1/admin/products/x"), None);
        assert_eq!(gate(Method::POST, "/v1/admin/products/"), None);
        assert_eq!(gate(Method::HEAD, "/v1/admin/api-keys/{id}"), None);
        let read = Some(Gate::Scope(PoliciesRead));
        assert_eq!(gate(Method::HEAD, "/v1/admin/policies"), read);
        assert_eq!(gate(Method::GET, "/v1/admin/policies"), read);
    }
}
