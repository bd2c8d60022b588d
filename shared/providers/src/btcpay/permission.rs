//! `BTCPay`'s permissions: what a key may do, at which store. A permission is
//! `name`, or `name:storeId`; some include others.

use std::collections::BTreeSet;

/// Create invoices.
pub const CREATE_INVOICE: &str = "btcpay.store.cancreateinvoice";
/// See invoices.
pub const VIEW_INVOICES: &str = "btcpay.store.canviewinvoices";
/// Make, change and remove webhooks.
pub const MODIFY_WEBHOOKS: &str = "btcpay.store.webhooks.canmodifywebhooks";
/// See a store's settings: its name, and its payment methods.
pub const VIEW_SETTINGS: &str = "btcpay.store.canviewstoresettings";
/// See a wallet's addresses; servers before 2.4.0 do not know it.
pub const VIEW_WALLET: &str = "btcpay.store.canviewwallet";

const MODIFY_INVOICES: &str = "btcpay.store.canmodifyinvoices";
const MODIFY_SETTINGS: &str = "btcpay.store.canmodifystoresettings";
const UNRESTRICTED: &str = "unrestricted";

/// What selling needs.
pub const NEEDED: [&str; 3] = [CREATE_INVOICE, VIEW_INVOICES, MODIFY_WEBHOOKS];

/// What a permission includes directly.
fn included(policy: &str) -> &'static [&'static str] {
    match policy {
        MODIFY_INVOICES => &[VIEW_INVOICES, CREATE_INVOICE],
        VIEW_SETTINGS => &[VIEW_INVOICES],
        MODIFY_SETTINGS => &[MODIFY_INVOICES, VIEW_SETTINGS, MODIFY_WEBHOOKS, VIEW_WALLET],
        _ => &[],
    }
}

fn includes(policy: &str, wanted: &str) -> bool {
    policy == UNRESTRICTED
        || policy == wanted
        || included(policy).iter().any(|inner| includes(inner, wanted))
}

/// What a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted(Vec<(String, Option<String>)>);

/// Which store a key is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// This one.
    Store(String),
    /// Any that its user has: ask which those are.
    Any,
    /// More than one.
    Several(usize),
}

impl Granted {
    /// Reads the permissions of a key.
    pub fn new(permissions: impl IntoIterator<Item = String>) -> Self {
        let split = |permission: String| match permission.split_once(':') {
            Some((policy, store)) if !store.is_empty() => {
                (policy.to_owned(), Some(store.to_owned()))
            }
            Some((policy, _)) => (policy.to_owned(), None),
            None => (permission, None),
        };
        Self(permissions.into_iter().map(split).collect())
    }

    /// Whether the key may do everything that its user may.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.0.iter().any(|(policy, _)| policy == UNRESTRICTED)
    }

    /// Which store it is for.
    #[must_use]
    pub fn scope(&self) -> Scope {
        if self.is_unrestricted() {
            return Scope::Any;
        }
        let stores: BTreeSet<&String> = self
            .0
            .iter()
            .filter_map(|(_, store)| store.as_ref())
            .collect();
        match stores.len() {
            0 => Scope::Any,
            1 => stores
                .first()
                .map_or(Scope::Any, |store| Scope::Store((*store).clone())),
            several => Scope::Several(several),
        }
    }

    /// Whether it may do this at a store; with no store, at any.
    #[must_use]
    pub fn allows(&self, wanted: &str, store: Option<&str>) -> bool {
        self.0.iter().any(|(policy, scope)| {
            let fits = match (scope, store) {
                (Some(scope), Some(store)) => scope == store,
                _ => true,
            };
            fits && includes(policy, wanted)
        })
    }

    /// What of [`NEEDED`] it may not do at a store.
    #[must_use]
    pub fn missing(&self, store: Option<&str>) -> Vec<&'static str> {
        let lacks = |wanted: &&str| !self.allows(wanted, store);
        NEEDED.into_iter().filter(lacks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(permissions: &[&str]) -> Granted {
        Granted::new(permissions.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn permissions_include_others() {
        let settings = granted(&[MODIFY_SETTINGS]);
        assert_eq!(settings.missing(Some("S")), [] as [&str; 0]);
        assert!(settings.allows(VIEW_WALLET, Some("S")));
        let viewer = granted(&[VIEW_SETTINGS]);
        assert_eq!(viewer.missing(None), [CREATE_INVOICE, MODIFY_WEBHOOKS]);
        assert_eq!(granted(&[]).missing(None), NEEDED);
        assert!(granted(&[UNRESTRICTED]).missing(Some("S")).is_empty());
        assert!(!granted(&["btcpay.store.canviewinvoicesandmore"]).allows(VIEW_INVOICES, None));
    }

    #[test]
    fn a_scope_is_one_store() {
        let one = granted(&[
            "btcpay.store.cancreateinvoice:A",
            "btcpay.store.canviewinvoices:A",
        ]);
        assert_eq!(one.scope(), Scope::Store("A".to_owned()));
        assert!(one.allows(VIEW_INVOICES, Some("A")));
        assert!(!one.allows(VIEW_INVOICES, Some("B")));
        assert_eq!(one.missing(Some("A")), [MODIFY_WEBHOOKS]);
        let two = granted(&[
            "btcpay.store.cancreateinvoice:A",
            "btcpay.store.cancreateinvoice:B",
        ]);
        assert_eq!(two.scope(), Scope::Several(2));
        // What is not for a store does not widen it.
        let mixed = granted(&[
            "btcpay.user.canviewprofile",
            "btcpay.store.canviewinvoices:A",
        ]);
        assert_eq!(mixed.scope(), Scope::Store("A".to_owned()));
        assert_eq!(granted(&[VIEW_INVOICES]).scope(), Scope::Any);
        assert_eq!(
            granted(&["btcpay.store.canviewinvoices:"]).scope(),
            Scope::Any
        );
        let all = granted(&[UNRESTRICTED, "btcpay.store.canviewinvoices:A"]);
        assert_eq!((all.scope(), all.is_unrestricted()), (Scope::Any, true));
    }
}
