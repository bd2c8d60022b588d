//! The license of the instance itself, and how much the instance has in use.

use crate::columns;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::instance_tier::{
    CHECK_SECONDS, IssuerVerdict, PinnedLicense, RETRY_SECONDS, RecordedLicense,
};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::{Value, json};

/// The license as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstanceLicense {
    /// The license.
    pub license_id: String,
    /// Its key, sealed; `None` for one of the configuration.
    pub sealed_key: Option<String>,
    /// What the issuer said last.
    pub verdict: IssuerVerdict,
    /// Why it is not good.
    pub reason: Option<String>,
    /// What it unlocks.
    #[serde(deserialize_with = "columns::json")]
    pub entitlements: Vec<String>,
    /// When it ends, in unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// When the issuer said so, in unix seconds.
    pub checked_at: Option<i64>,
    /// Why a later check had no answer.
    pub failure: Option<String>,
    /// When that was, in unix seconds.
    pub failed_at: Option<i64>,
}

impl InstanceLicense {
    /// Converts this row into what the rule decides by.
    #[must_use]
    pub fn recorded(&self) -> RecordedLicense {
        RecordedLicense {
            license: PinnedLicense {
                license_id: self.license_id.clone(),
                entitlements: self.entitlements.clone(),
                expires_at: self.expires_at,
            },
            verdict: self.verdict,
            is_entered: self.sealed_key.is_some(),
        }
    }
}

const SELECT: &str = "SELECT license_id, sealed_key, verdict, reason, entitlements, expires_at,
        checked_at, failure, failed_at
 FROM instance_license";

/// How much is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct InstanceUsage {
    /// Products.
    pub products: i64,
    /// Policies that are not archived, of the product that has the most.
    pub policies_per_product: i64,
    /// Discount codes that are enabled.
    pub active_codes: i64,
    /// Businesses.
    pub merchant_profiles: i64,
}

/// The license, if there ever was one: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn load(database: &Reader) -> Result<Option<InstanceLicense>, DatabaseError> {
    database.first(Statement::new(SELECT, [])).await
}

/// How much is in use: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn usage(database: &Reader) -> Result<InstanceUsage, DatabaseError> {
    let statement = Statement::new(
        "SELECT (SELECT count(*) FROM products) AS products,
                (SELECT coalesce(max(policies), 0)
                 FROM (SELECT count(*) AS policies FROM policies WHERE archived_at IS NULL
                       GROUP BY product_id)) AS policies_per_product,
                (SELECT count(*) FROM discount_codes WHERE active = 1) AS active_codes,
                (SELECT count(*) FROM merchant_profiles) AS merchant_profiles",
        [],
    );
    let usage: Option<InstanceUsage> = database.first(statement).await?;
    usage.ok_or_else(|| DatabaseError::Row("a SELECT of counts has no row".to_owned()))
}

/// A license that an operator enters.
#[derive(Debug, Clone)]
pub struct EnteredLicense<'a> {
    /// What it says, or what the issuer says of it.
    pub license: &'a PinnedLicense,
    /// Its key, sealed.
    pub sealed_key: &'a str,
    /// Whether the issuer said so.
    pub verdict: IssuerVerdict,
    /// Why the issuer could not be asked.
    pub failure: Option<&'a str>,
}

/// Records a license in place of any before, with its audit entry.
///
/// # Errors
/// [`DatabaseError`].
pub async fn enter(
    database: &Database,
    actor: &Actor,
    entered: &EnteredLicense<'_>,
    audit_id: &str,
) -> Result<(), DatabaseError> {
    let license = entered.license;
    let is_checked = entered.verdict == IssuerVerdict::Good;
    let wait = if is_checked {
        CHECK_SECONDS
    } else {
        RETRY_SECONDS
    };
    let put = Statement::new(
        "INSERT OR REPLACE INTO instance_license
           (one, license_id, sealed_key, verdict, entitlements, expires_at, checked_at, failure,
            failed_at, next_check_at)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, iif(?6, ?7, NULL), ?8, iif(?8 IS NULL, NULL, ?7), ?9)",
        [
            (&license.license_id).into(),
            entered.sealed_key.into(),
            entered.verdict.as_str().into(),
            Value::from(license.entitlements.clone()).to_string().into(),
            license.expires_at.into(),
            is_checked.into(),
            actor.at.into(),
            entered.failure.into(),
            (actor.at + wait).into(),
        ],
    );
    let after = json!({
        "license_id": license.license_id,
        "entitlements": license.entitlements,
        "verdict": entered.verdict,
    });
    let entry = Statement::new(
        insert_into_audit!(
            "VALUES (?1, ?2, ?3, 'instance.license', 'instance', 'license', NULL, ?4, ?5)"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            after.to_string().into(),
            (&actor.request_id).into(),
        ],
    );
    database.batch(vec![put, entry]).await.map(drop)
}

/// Claims the check that is due, if one is. `configured` is the license of the
/// configuration, which takes the place of any other. Two ticks at once check once; after a
/// crash the next check comes as after one that failed. Two statements at most.
///
/// # Errors
/// [`DatabaseError`].
pub async fn claim(
    database: &Database,
    configured: Option<&PinnedLicense>,
    now: i64,
) -> Result<Option<InstanceLicense>, DatabaseError> {
    let mut batch = Batch::new();
    if let Some(license) = configured {
        batch.write(Statement::new(
            "INSERT INTO instance_license (one, license_id, verdict, entitlements, expires_at,
                                           next_check_at)
             VALUES (1, ?1, 'unchecked', ?2, ?3, 0)
             ON CONFLICT (one) DO UPDATE
             SET license_id = excluded.license_id, sealed_key = NULL, verdict = 'unchecked',
                 reason = NULL, entitlements = excluded.entitlements,
                 expires_at = excluded.expires_at, checked_at = NULL, failure = NULL,
                 failed_at = NULL, next_check_at = 0
             WHERE license_id <> excluded.license_id",
            [
                (&license.license_id).into(),
                Value::from(license.entitlements.clone()).to_string().into(),
                license.expires_at.into(),
            ],
        ));
    }
    let claimed = batch.read(Statement::new(
        "UPDATE instance_license SET next_check_at = ?1 + ?2
         WHERE next_check_at <= ?1 AND (sealed_key IS NOT NULL OR ?3)
         RETURNING license_id, sealed_key, verdict, reason, entitlements, expires_at, checked_at,
                   failure, failed_at",
        [
            now.into(),
            RETRY_SECONDS.into(),
            configured.is_some().into(),
        ],
    ));
    batch.run(database).await?.first(claimed)
}

/// What a check came to.
#[derive(Debug, Clone, Copy)]
pub enum CheckResult<'a> {
    /// The license is good, and says this now.
    Good(&'a PinnedLicense),
    /// It is not, for this reason.
    Refused(&'a str),
    /// There was no answer, for the log: the last one stands.
    Failed(&'a str),
}

/// Records what a check of this license came to, unless another one was entered meanwhile;
/// with an audit entry where it changes what the instance may do.
///
/// # Errors
/// [`DatabaseError`].
pub async fn record(
    database: &Database,
    license_id: &str,
    result: CheckResult<'_>,
    now: i64,
    audit_id: &str,
) -> Result<(), DatabaseError> {
    let (verdict, reason, license) = match result {
        CheckResult::Failed(why) => {
            let statement = Statement::new(
                "UPDATE instance_license SET failure = ?2, failed_at = ?3 WHERE license_id = ?1",
                [license_id.into(), why.into(), now.into()],
            );
            return database.batch(vec![statement]).await.map(drop);
        }
        CheckResult::Good(license) => (IssuerVerdict::Good, None, Some(license)),
        CheckResult::Refused(reason) => (IssuerVerdict::Refused, Some(reason), None),
    };
    let entitlements = license.map(|one| Value::from(one.entitlements.clone()).to_string());
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, 'renew', 'instance.license', 'instance', 'license',
                    json_object('verdict', verdict, 'entitlements', json(entitlements),
                                'reason', reason),
                    json_object('verdict', ?4, 'entitlements', json(coalesce(?5, entitlements)),
                                'reason', ?6), ''
             FROM instance_license
             WHERE license_id = ?3
               AND (verdict <> ?4 OR reason IS NOT ?6 OR entitlements <> coalesce(?5, entitlements))"
        ),
        [
            audit_id.into(),
            now.into(),
            license_id.into(),
            verdict.as_str().into(),
            entitlements.as_deref().into(),
            reason.into(),
        ],
    );
    let update = Statement::new(
        "UPDATE instance_license
         SET verdict = ?2, reason = ?3, entitlements = coalesce(?4, entitlements),
             expires_at = iif(?4 IS NULL, expires_at, ?5), checked_at = ?6, failure = NULL,
             failed_at = NULL, next_check_at = ?6 + ?7
         WHERE license_id = ?1",
        [
            license_id.into(),
            verdict.as_str().into(),
            reason.into(),
            entitlements.as_deref().into(),
            license.and_then(|one| one.expires_at).into(),
            now.into(),
            CHECK_SECONDS.into(),
        ],
    );
    database.batch(vec![entry, update]).await.map(drop)
}
