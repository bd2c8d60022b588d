//! Licenses as the operator looks them up.

use crate::columns;
use crate::paging;
use keywright_domain::email;
use keywright_domain::page::Page;
use keywright_domain::standing::LicenseStatus;
use keywright_ports::{DatabaseError, Reader, Statement, Value};
use serde::Deserialize;

/// A license with the names around it.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed {
    /// `UUIDv7`, also inside the key.
    pub id: String,
    /// The product.
    pub product_id: String,
    /// The product's name in URLs.
    pub product_slug: String,
    /// The policy it was issued under, where there was one.
    pub policy_id: Option<String>,
    /// The policy's name in requests.
    pub policy_slug: Option<String>,
    /// The policy's name for people.
    pub policy_name: Option<String>,
    /// The purchase, where it was bought.
    pub invoice_id: Option<String>,
    /// Its state.
    pub status: LicenseStatus,
    /// Why it is in that state, where somebody said so.
    pub status_reason: Option<String>,
    /// Unix seconds.
    pub issued_at: i64,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// Seconds after expiry in which it still validates.
    pub grace_seconds: i64,
    /// The last second of the last day whose builds are included, in unix
    /// seconds; `None` includes all.
    pub maintenance_until: Option<i64>,
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// Machines that hold a seat now.
    pub active_machines: i64,
    /// Its own limit of activations in 24 hours.
    pub max_activations_per_day: Option<i64>,
    /// What it unlocks.
    #[serde(deserialize_with = "columns::json")]
    pub entitlements: Vec<String>,
    /// Whether it is a trial.
    #[serde(deserialize_with = "columns::flag")]
    pub is_trial: bool,
    /// Whom it is for.
    pub buyer_email: Option<String>,
    /// What the operator noted.
    pub note: Option<String>,
    /// Unix seconds of the last change.
    pub updated_at: i64,
}

/// Which licenses to list; all of what is given has to fit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this product.
    pub product_id: Option<String>,
    /// Of the product of this slug.
    pub product_slug: Option<String>,
    /// In this state.
    pub status: Option<LicenseStatus>,
    /// For this address, however it is written.
    pub buyer_email: Option<String>,
    /// Bought by this invoice: our id or the provider's.
    pub invoice_id: Option<String>,
    /// This license.
    pub license_id: Option<String>,
    /// The license that a key names.
    pub key_license_id: Option<String>,
}

/// The columns of [`Listed`], of a license `l` and what belongs to it. The
/// index is named because `SQLite` would count the machines freed long ago, too.
macro_rules! listed_columns {
    () => {
        "l.id, l.product_id, p.slug AS product_slug, l.policy_id, o.slug AS policy_slug,
         o.name AS policy_name, r.invoice_id, l.status, l.status_reason, l.issued_at,
         l.expires_at, l.grace_seconds, l.maintenance_until, l.max_machines,
         (SELECT count(*) FROM machines INDEXED BY machines_active
          WHERE license_id = l.id AND deactivated_at IS NULL) AS active_machines,
         l.max_activations_per_day, l.entitlements, l.is_trial, l.buyer_email, l.note,
         l.updated_at"
    };
}
pub(crate) use listed_columns;

/// A page of licenses. `$first` is what the database should look for first:
/// each of the statements below walks along another index. The page is cut
/// before anything else is looked up.
macro_rules! select_page {
    ($first:literal) => {
        concat!(
            "SELECT ",
            listed_columns!(),
            " FROM (SELECT * FROM licenses
                    WHERE (?1 IS NULL OR (issued_at, id) < (?1, ?2))
                      AND (?4 IS NULL OR product_id = ?4)
                      AND (?5 IS NULL OR product_id = (SELECT id FROM products WHERE slug = ?5))
                      AND (?6 IS NULL OR status = ?6)
                      AND (?7 IS NULL OR (buyer_email IS NOT NULL
                                          AND lower(trim(buyer_email)) IN
                                              (SELECT value FROM json_each(?7))))
                      AND (?8 IS NULL OR receipt_id IN
                             (SELECT r.id FROM invoices i JOIN receipts r ON r.invoice_id = i.id
                              WHERE i.id = ?8 OR (i.provider IN ('free', 'btcpay', 'zaprite')
                                                  AND i.provider_invoice_id = ?8)))
                      AND (?9 IS NULL OR id = ?9)
                      AND (?10 IS NULL OR id = ?10)
                      AND ",
            $first,
            " ORDER BY issued_at DESC, id DESC LIMIT ?3) AS l
             JOIN products p ON p.id = l.product_id
             LEFT JOIN policies o ON o.id = l.policy_id
             JOIN receipts r ON r.id = l.receipt_id
             ORDER BY l.issued_at DESC, l.id DESC"
        )
    };
}

const BY_TIME: &str = select_page!("1");
const OF_PRODUCT: &str = select_page!("product_id = ?4");
const OF_SLUG: &str = select_page!("product_id = (SELECT id FROM products WHERE slug = ?5)");
const BY_EMAIL: &str = select_page!(
    "buyer_email IS NOT NULL
     AND lower(trim(buyer_email)) IN (SELECT value FROM json_each(?7))"
);
const BY_INVOICE: &str = select_page!(
    "receipt_id IN (SELECT r.id FROM invoices i JOIN receipts r ON r.invoice_id = i.id
                    WHERE i.id = ?8 OR (i.provider IN ('free', 'btcpay', 'zaprite')
                                        AND i.provider_invoice_id = ?8))"
);
const BY_ID: &str = select_page!("id = ?9");
const BY_KEY: &str = select_page!("id = ?10");

impl Filter {
    /// The statement whose index leaves the fewest rows.
    fn statement(&self) -> &'static str {
        if self.key_license_id.is_some() {
            BY_KEY
        } else if self.license_id.is_some() {
            BY_ID
        } else if self.invoice_id.is_some() {
            BY_INVOICE
        } else if self.buyer_email.is_some() {
            BY_EMAIL
        } else if self.product_id.is_some() {
            OF_PRODUCT
        } else if self.product_slug.is_some() {
            OF_SLUG
        } else {
            BY_TIME
        }
    }
}

/// Addresses whose form SQL cannot make, as `lower(trim(…))` writes them; along the index
/// `licenses_by_odd_email`, whose condition this is. New rows are recorded in their form.
const ODD_EMAILS: &str = "SELECT DISTINCT lower(trim(buyer_email)) AS written FROM licenses
     WHERE buyer_email GLOB '*[^-A-Za-z0-9@._+=&~]*' OR buyer_email GLOB '*[xX][nN]--*'
        OR buyer_email GLOB '*.'
     LIMIT 10000";

#[derive(Deserialize)]
struct Odd {
    written: String,
}

/// The ways in which an address is written in the database, as a list in JSON.
pub(crate) async fn written(database: &Reader, address: &str) -> Result<String, DatabaseError> {
    let form = email::folded(address);
    let odd: Vec<Odd> = database.query(Statement::new(ODD_EMAILS, [])).await?;
    let same = odd
        .into_iter()
        .map(|odd| odd.written)
        .filter(|written| email::folded(written) == form);
    let mut all: Vec<String> = same.collect();
    all.push(form);
    Ok(serde_json::Value::from(all).to_string())
}

/// Statements of [`recorded_addresses`].
pub(crate) const ADDRESS_STATEMENTS: usize = 2;

/// For each address, in the form in which they are compared, the one that its newest
/// license has; `None` for one without a license.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn recorded_addresses<T>(
    database: &Reader,
    items: &[T],
    address: impl Fn(&T) -> &str,
) -> Result<Vec<Option<String>>, DatabaseError> {
    #[derive(Deserialize)]
    struct Recorded {
        buyer_email: String,
    }
    let odd: Vec<Odd> = database.query(Statement::new(ODD_EMAILS, [])).await?;
    let asked: Vec<&str> = items.iter().map(address).collect();
    let odd = odd.into_iter().map(|odd| odd.written);
    let odd = odd.filter(|written| asked.contains(&email::folded(written).as_str()));
    let mut written: Vec<String> = odd.collect();
    written.extend(asked.iter().map(|address| (*address).to_owned()));
    let statement = Statement::new(
        "SELECT buyer_email, max(issued_at) AS issued_at FROM licenses
         WHERE buyer_email IS NOT NULL
           AND lower(trim(buyer_email)) IN (SELECT value FROM json_each(?1))
         GROUP BY lower(trim(buyer_email)) ORDER BY issued_at DESC",
        [serde_json::Value::from(written).to_string().into()],
    );
    let recorded: Vec<Recorded> = database.query(statement).await?;
    let of = |asked: &&str| {
        let mut recorded = recorded.iter();
        let found = recorded.find(|one| email::folded(&one.buyer_email) == **asked);
        found.map(|one| one.buyer_email.clone())
    };
    Ok(asked.iter().map(of).collect())
}

/// A page of licenses, newest first: one round trip, and one more to find an address. Asks
/// for one row more than `limit`, so that the caller sees whether there is a next page.
///
/// # Errors
/// [`DatabaseError`].
pub async fn page(
    database: &Reader,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<Listed>, DatabaseError> {
    let written = match &filter.buyer_email {
        Some(address) => Some(written(database, address).await?),
        None => None,
    };
    let mut params = Vec::from(paging::params(page));
    params.extend([
        Value::from(filter.product_id.as_ref()),
        filter.product_slug.as_ref().into(),
        filter.status.map(LicenseStatus::as_str).into(),
        written.into(),
        filter.invoice_id.as_ref().into(),
        filter.license_id.as_ref().into(),
        filter.key_license_id.as_ref().into(),
    ]);
    database
        .query(Statement::new(filter.statement(), params))
        .await
}

/// How many licenses of a product are in which state.
#[derive(Debug, Clone, Deserialize)]
pub struct Count {
    /// The product.
    pub product_id: String,
    /// Its name in URLs.
    pub product_slug: String,
    /// Its name for people.
    pub product_name: String,
    /// In force, expired ones included.
    pub active: i64,
    /// Held back.
    pub suspended: i64,
    /// Ended for good.
    pub revoked: i64,
    /// Of the active ones: expiry and grace are over.
    pub expired: i64,
}

/// The licenses of every product, counted at `now` in unix seconds.
///
/// # Errors
/// [`DatabaseError`].
pub async fn summary(database: &Reader, now: i64) -> Result<Vec<Count>, DatabaseError> {
    let statement = Statement::new(
        "SELECT p.id AS product_id, p.slug AS product_slug, p.name AS product_name,
                count(*) FILTER (WHERE l.status = 'active') AS active,
                count(*) FILTER (WHERE l.status = 'suspended') AS suspended,
                count(*) FILTER (WHERE l.status = 'revoked') AS revoked,
                count(*) FILTER (WHERE l.status = 'active'
                                 AND l.expires_at + l.grace_seconds <= ?1) AS expired
         FROM products p LEFT JOIN licenses l ON l.product_id = p.id
         GROUP BY p.id ORDER BY p.slug",
        [now.into()],
    );
    database.query(statement).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MIGRATIONS;
    use keywright_native_host::SqliteDatabase;
    use keywright_ports::DatabasePort;

    /// What the database walks along in the table `licenses`.
    async fn plan(sql: &str) -> String {
        let database = SqliteDatabase::in_memory(MIGRATIONS).expect("a database");
        // A test may leak a few statements.
        let explained: &'static str = String::leak(format!("EXPLAIN QUERY PLAN {sql}"));
        let params = vec![Value::Null; if sql.contains("?10") { 10 } else { 0 }];
        let steps = database.query(Statement::new(explained, params)).await;
        let steps = steps.expect("a plan");
        let step = steps
            .iter()
            .filter_map(|row| row["detail"].as_str())
            .find(|detail| detail.contains(" licenses"));
        step.expect("a step along the licenses").to_owned()
    }

    #[tokio::test]
    async fn each_statement_walks_along_its_index() {
        let with = |change: fn(&mut Filter)| {
            let mut filter = Filter::default();
            change(&mut filter);
            filter.statement()
        };
        for (sql, step) in [
            (with(|_| ()), "USING INDEX licenses_by_time"),
            (
                with(|filter| filter.status = Some(LicenseStatus::Active)),
                "USING INDEX licenses_by_time",
            ),
            (
                with(|filter| filter.product_id = Some("p".to_owned())),
                "INDEX licenses_of_product (product_id=?",
            ),
            (
                with(|filter| filter.product_slug = Some("p".to_owned())),
                "INDEX licenses_of_product (product_id=?",
            ),
            (
                with(|filter| filter.buyer_email = Some("e".to_owned())),
                "INDEX licenses_by_email (<expr>=?",
            ),
            (
                with(|filter| filter.invoice_id = Some("i".to_owned())),
                "(receipt_id=?",
            ),
            (
                with(|filter| filter.license_id = Some("l".to_owned())),
                "(id=?",
            ),
            (
                with(|filter| filter.key_license_id = Some("l".to_owned())),
                "(id=?",
            ),
        ] {
            let plan = plan(sql).await;
            assert!(plan.contains(step), "{plan}, not {step}");
        }
    }

    #[tokio::test]
    async fn odd_addresses_are_found_along_their_index() {
        let plan = plan(ODD_EMAILS).await;
        assert!(plan.contains("INDEX licenses_by_odd_email"), "{plan}");
    }

    #[tokio::test]
    async fn the_rarest_filter_leads() {
        let filter = Filter {
            product_id: Some("p".to_owned()),
            buyer_email: Some("e".to_owned()),
            license_id: Some("l".to_owned()),
            ..Filter::default()
        };
        assert!(plan(filter.statement()).await.contains("(id=?"));
    }
}
