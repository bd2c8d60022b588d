//! `BTCPay`'s permissions: names, what includes what, and scopes.

/// May see invoices.
pub const VIEW_INVOICES: &str = "btcpay.store.canviewinvoices";
/// May create invoices.
pub const CREATE_INVOICE: &str = "btcpay.store.cancreateinvoice";
/// May mark and archive invoices; includes viewing and creating them.
pub const MODIFY_INVOICES: &str = "btcpay.store.canmodifyinvoices";
/// May see store settings, and list stores; includes viewing invoices.
pub const VIEW_STORE_SETTINGS: &str = "btcpay.store.canviewstoresettings";
/// May change store settings; includes everything else of this list but `unrestricted`.
pub const MODIFY_STORE_SETTINGS: &str = "btcpay.store.canmodifystoresettings";
/// May manage webhooks and redeliver.
pub const MODIFY_WEBHOOKS: &str = "btcpay.store.webhooks.canmodifywebhooks";
/// May see a wallet's addresses (since 2.4.0).
pub const VIEW_WALLET: &str = "btcpay.store.canviewwallet";
/// May do everything its user may.
pub const UNRESTRICTED: &str = "unrestricted";

/// The least a license shop needs: create and view invoices, manage webhooks.
pub const LICENSE_SHOP: [&str; 3] = [VIEW_INVOICES, CREATE_INVOICE, MODIFY_WEBHOOKS];

/// What a permission includes directly.
fn included(policy: &str) -> &'static [&'static str] {
    match policy {
        MODIFY_INVOICES => &[VIEW_INVOICES, CREATE_INVOICE],
        VIEW_STORE_SETTINGS => &[VIEW_INVOICES],
        MODIFY_STORE_SETTINGS => &[
            MODIFY_INVOICES,
            VIEW_STORE_SETTINGS,
            MODIFY_WEBHOOKS,
            VIEW_WALLET,
        ],
        _ => &[],
    }
}

fn contains(policy: &str, wanted: &str) -> bool {
    policy == UNRESTRICTED
        || policy == wanted
        || included(policy).iter().any(|inner| contains(inner, wanted))
}

/// Whether one of the granted permissions (`name` or `name:storeId`) allows
/// `wanted` on the store; with no store, a grant of any scope will do.
pub(crate) fn allows(granted: &[String], wanted: &str, store: Option<&str>) -> bool {
    granted.iter().any(|grant| {
        let (policy, scope) = match grant.split_once(':') {
            Some((policy, scope)) if !scope.is_empty() => (policy, Some(scope)),
            Some((policy, _)) => (policy, None),
            None => (grant.as_str(), None),
        };
        contains(policy, wanted) && (scope.is_none() || store.is_none() || scope == store)
    })
}

#[cfg(test)]
mod tests {
    use super::{
        CREATE_INVOICE, MODIFY_INVOICES, MODIFY_STORE_SETTINGS, MODIFY_WEBHOOKS, UNRESTRICTED,
        VIEW_INVOICES, VIEW_STORE_SETTINGS, allows,
    };

    fn granted(permissions: &[&str]) -> Vec<String> {
        permissions.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn permissions_include_others() {
        let modify = granted(&[MODIFY_INVOICES]);
        assert!(allows(&modify, VIEW_INVOICES, Some("S")));
        assert!(allows(&modify, CREATE_INVOICE, Some("S")));
        assert!(!allows(&modify, MODIFY_WEBHOOKS, Some("S")));
        assert!(!allows(
            &granted(&[VIEW_INVOICES]),
            CREATE_INVOICE,
            Some("S")
        ));
        let settings = granted(&[MODIFY_STORE_SETTINGS]);
        assert!(allows(&settings, MODIFY_WEBHOOKS, Some("S")));
        assert!(allows(&settings, VIEW_STORE_SETTINGS, None));
        assert!(allows(
            &granted(&[UNRESTRICTED]),
            MODIFY_STORE_SETTINGS,
            Some("S")
        ));
    }

    #[test]
    fn a_scope_limits_to_one_store() {
        let scoped = granted(&["btcpay.store.canviewinvoices:A"]);
        assert!(allows(&scoped, VIEW_INVOICES, Some("A")));
        assert!(!allows(&scoped, VIEW_INVOICES, Some("B")));
        assert!(allows(&scoped, VIEW_INVOICES, None));
        assert!(!allows(&[], VIEW_INVOICES, None));
    }
}
