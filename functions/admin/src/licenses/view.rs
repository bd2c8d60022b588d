//! A license as the operator sees it: the same in lists and alone.

use keywright_domain::dates::{rfc3339, utc_day};
use keywright_domain::money::Currency;
use keywright_domain::page::Position;
use keywright_domain::seats::machines_over;
use keywright_store::licenses::license_detail::{Detail, Invoice, Machine, Receipt};
use keywright_store::licenses::license_list::Listed as ListedLicense;
use keywright_web::{List, list_of};
use serde::Serialize;
use utoipa::ToSchema;

list_of! {
    /// A page of licenses.
    Licenses as LicensePage { licenses: LicenseView }
}

/// A license, without its key.
#[derive(Serialize, ToSchema)]
#[schema(as = License)]
pub(crate) struct LicenseView {
    /// UUID, also inside the key.
    id: String,
    /// The licensed product.
    product_id: String,
    /// The product's slug.
    product_slug: String,
    /// The policy it was issued under, where there was one.
    policy_id: Option<String>,
    /// The policy's slug.
    policy_slug: Option<String>,
    /// The policy's name.
    policy_name: Option<String>,
    /// UUID of the order; null for a license by hand.
    invoice_id: Option<String>,
    /// `active`, `suspended` or `revoked`. A license past its expiry stays
    /// `active`.
    #[schema(example = "active")]
    status: &'static str,
    /// Why it is in that state, where somebody said so.
    status_reason: Option<String>,
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339; null for never.
    expires_at: Option<String>,
    /// Seconds after expiry in which it still validates.
    grace_seconds: i64,
    /// The last day whose builds are included, `YYYY-MM-DD`; null includes all.
    maintenance_until: Option<String>,
    /// Machines at once; 0 is unlimited.
    max_machines: i64,
    /// Machines that hold a seat now.
    active_machines: i64,
    /// How many of them are more than `max_machines`, after it was lowered.
    /// They go on working; no other is let in until they are fewer.
    machines_over_limit: i64,
    /// Activations in 24 hours; 0 is unlimited, null as its policy says.
    max_activations_per_day: Option<i64>,
    /// What it unlocks, in the order of the key.
    entitlements: Vec<String>,
    /// Whether it is a trial.
    is_trial: bool,
    /// Whom it is for.
    buyer_email: Option<String>,
    /// What the operator noted.
    note: Option<String>,
    /// When it was last changed, RFC 3339.
    updated_at: String,
}

/// A license with what entitles it and its machines.
#[derive(Serialize, ToSchema)]
pub(crate) struct LicenseDetail {
    #[serde(flatten)]
    license: LicenseView,
    /// What entitles it.
    receipt: ReceiptView,
    /// The purchase; null for a license by hand.
    invoice: Option<InvoiceView>,
    /// 32 hex digits that open the downloads of the license and nothing else:
    /// the "Download Key" of a Joomla site. Null for a caller that may not write
    /// licenses, and for a minute for a license that is older than download ids.
    download_id: Option<String>,
    /// The machines that hold a seat now, the last activated first, at most
    /// 100; the list of machines has all of them.
    machines: Vec<LicenseMachine>,
}

/// What entitles a license.
#[derive(Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptView {
    /// UUID.
    id: String,
    /// `btcpay`, `free` or `grant`.
    kind: String,
    /// What was paid: the provider's invoice, the free invoice, or the grant.
    external_ref: String,
    /// In the smallest unit of the currency.
    amount: i64,
    /// `SAT`, `USD` or `EUR`.
    currency: String,
    /// RFC 3339.
    received_at: String,
}

/// The purchase of a license.
#[derive(Serialize, ToSchema)]
#[schema(as = Invoice)]
pub(crate) struct InvoiceView {
    /// Our id.
    id: String,
    /// `pending`, `settled`, `expired` or `invalid`.
    status: String,
    /// `btcpay` or `free`.
    provider: String,
    /// The provider's id.
    provider_invoice_id: Option<String>,
    /// What the price is in: `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "SAT")]
    price_currency: Currency,
    /// The price the buyer paid, in the smallest unit of `price_currency`.
    price_value: i64,
    /// The price before any discount, in the same unit.
    base_price_value: i64,
    /// What the buyer paid in sats; 0 where the provider did not say what it
    /// made of a price in dollars or euros.
    amount_sats: i64,
    /// The price before any discount at the same rate.
    base_price_sats: i64,
    /// Where the buyer can be reached.
    buyer_email: Option<String>,
    /// What the buyer wrote.
    buyer_note: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null until it is paid.
    settled_at: Option<String>,
}

/// A machine that holds a seat.
#[derive(Serialize, ToSchema)]
pub(crate) struct LicenseMachine {
    /// UUID of the activation.
    id: String,
    /// SHA-256 of the fingerprint, 64 lower-case hex digits.
    fingerprint_hash: String,
    /// As the application named it.
    hostname: Option<String>,
    /// As the application named it.
    platform: Option<String>,
    /// RFC 3339.
    activated_at: String,
    /// When it was last heard of, RFC 3339, within ten minutes.
    last_seen_at: String,
}

/// The answer with these licenses.
pub(super) fn answer<F>(list: &List<F>, rows: Vec<ListedLicense>) -> LicensePage {
    let position = |row: &ListedLicense| Position {
        at: row.issued_at,
        id: row.id.clone(),
    };
    list.answer(rows, position, LicenseView::from)
}

impl From<ListedLicense> for LicenseView {
    fn from(license: ListedLicense) -> Self {
        Self {
            machines_over_limit: machines_over(license.max_machines, license.active_machines),
            id: license.id,
            product_id: license.product_id,
            product_slug: license.product_slug,
            policy_id: license.policy_id,
            policy_slug: license.policy_slug,
            policy_name: license.policy_name,
            invoice_id: license.invoice_id,
            status: license.status.as_str(),
            status_reason: license.status_reason,
            issued_at: rfc3339(license.issued_at),
            expires_at: license.expires_at.map(rfc3339),
            grace_seconds: license.grace_seconds,
            maintenance_until: license.maintenance_until.map(utc_day),
            max_machines: license.max_machines,
            active_machines: license.active_machines,
            max_activations_per_day: license.max_activations_per_day,
            entitlements: license.entitlements,
            is_trial: license.is_trial,
            buyer_email: license.buyer_email,
            note: license.note,
            updated_at: rfc3339(license.updated_at),
        }
    }
}

impl From<Detail> for LicenseDetail {
    fn from(detail: Detail) -> Self {
        Self {
            license: detail.license.into(),
            receipt: detail.receipt.into(),
            invoice: detail.invoice.map(InvoiceView::from),
            download_id: detail.download_id,
            machines: detail
                .machines
                .into_iter()
                .map(LicenseMachine::from)
                .collect(),
        }
    }
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        Self {
            id: receipt.id,
            kind: receipt.kind,
            external_ref: receipt.external_ref,
            amount: receipt.amount,
            currency: receipt.currency,
            received_at: rfc3339(receipt.received_at),
        }
    }
}

impl From<Invoice> for InvoiceView {
    fn from(invoice: Invoice) -> Self {
        Self {
            id: invoice.id,
            status: invoice.status,
            provider: invoice.provider,
            provider_invoice_id: invoice.provider_invoice_id,
            price_currency: invoice.price.currency(),
            price_value: invoice.price.amount(),
            base_price_value: invoice.base_price_amount,
            amount_sats: invoice.amount_sats,
            base_price_sats: invoice.base_price_sats,
            buyer_email: invoice.buyer_email,
            buyer_note: invoice.buyer_note,
            created_at: rfc3339(invoice.created_at),
            settled_at: invoice.settled_at.map(rfc3339),
        }
    }
}

impl From<Machine> for LicenseMachine {
    fn from(machine: Machine) -> Self {
        Self {
            id: machine.id,
            fingerprint_hash: machine.fingerprint_hash,
            hostname: machine.hostname,
            platform: machine.platform,
            activated_at: rfc3339(machine.activated_at),
            last_seen_at: rfc3339(machine.last_seen_at),
        }
    }
}
