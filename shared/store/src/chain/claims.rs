//! Who proved to hold a wallet: challenges, each of which is used once, what a
//! transaction paid for, and the files that wallets were claimed for.

use crate::columns;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::page::{Page, Position};
use keywright_domain::standing::LicenseStatus;
use keywright_domain::usdc::claiming::TransferState;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::Deserialize;
use serde_json::json;

/// Most payments of one transaction that are told, and most licenses that are
/// handed out for it.
pub const MOST_PAYMENTS: i64 = 20;

/// Challenges whose time is over that go with each new one.
const FORGOTTEN_AT_ONCE: i64 = 50;

/// A payment of a transaction, and the license that it made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TransactionPayment {
    /// The log's number in its block; of one whose block is gone below 0.
    pub log_index: i64,
    /// The block.
    pub block: i64,
    /// Unix seconds; `None` until it was judged. Of one that no endpoint confirmed and
    /// that the operator resolved, when that was.
    pub block_time: Option<i64>,
    /// Lower case.
    pub payer: String,
    /// Micro-units.
    pub amount_units: i64,
    /// What became of it.
    pub state: TransferState,
    /// Why it paid nothing.
    pub reason: Option<String>,
    /// The license that it paid for.
    pub license_id: Option<String>,
    /// The license's state.
    pub license_status: Option<LicenseStatus>,
    /// The license's product.
    pub product_id: Option<String>,
    /// The product's name in URLs.
    pub product: Option<String>,
    /// Unix seconds.
    pub issued_at: Option<i64>,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// What the license unlocks.
    #[serde(deserialize_with = "columns::optional_json")]
    pub entitlements: Option<serde_json::Value>,
}

impl TransactionPayment {
    /// The license, where there is one in force.
    #[must_use]
    pub fn active_license(&self) -> Option<&str> {
        let active = self.license_status == Some(LicenseStatus::Active);
        self.license_id.as_deref().filter(|_| active)
    }
}

/// The payments of a transaction that were recorded, in their order. A license
/// belongs to the payment that settled its order, so a payment that was left to the
/// operator has none, whatever order it was meant for. Where several made the price
/// whole together, the license is claimed with a wallet only that paid all of it:
/// somebody else may have put in the last cent. One that the endpoints did not confirm
/// is not decided for the payer, although it is the operator's.
///
/// # Errors
/// [`DatabaseError`].
pub async fn payments(
    database: &Reader,
    chain_id: i64,
    tx_hash: &str,
) -> Result<Vec<TransactionPayment>, DatabaseError> {
    let statement = Statement::new(
        "SELECT t.log_index, t.block, coalesce(t.block_time, t.resolved_at) AS block_time,
                t.payer, t.amount_units,
                iif(t.state = 'unmatched' AND t.finding = 'unconfirmed', 'seen', t.state) AS state,
                coalesce(t.finding, t.reason) AS reason, l.id AS license_id,
                l.status AS license_status, l.product_id,
                p.slug AS product, l.issued_at, l.expires_at, l.entitlements
         FROM chain_transfers t
         LEFT JOIN usdc_orders o ON o.invoice_id = t.invoice_id
         LEFT JOIN receipts r ON r.kind = 'polygon' AND r.invoice_id = t.invoice_id
           AND (t.state = 'resolved' AND t.resolution = 'settled'
                OR t.state = 'credited'
                   AND (SELECT sum(p.amount_units) FROM chain_transfers p
                        WHERE p.invoice_id = t.invoice_id AND p.payer = t.payer
                          AND p.token = o.token
                          AND (p.id = t.id OR p.state = 'resolved' AND p.resolved_by = 'watch'))
                       >= o.amount_units)
         LEFT JOIN licenses l ON l.receipt_id = r.id
         LEFT JOIN products p ON p.id = l.product_id
         WHERE t.chain_id = ?1 AND t.tx_hash = ?2
         ORDER BY t.log_index LIMIT ?3",
        [chain_id.into(), tx_hash.into(), MOST_PAYMENTS.into()],
    );
    database.query(statement).await
}

/// Whether a wallet paid for anything. `?1` is the chain, `?2` the wallet.
macro_rules! has_paid {
    () => {
        "EXISTS (SELECT 1 FROM chain_transfers
                 WHERE payer = ?2 AND chain_id = ?1 AND state IN ('credited', 'resolved')
                   AND (state = 'credited' OR resolution = 'settled'))"
    };
}

#[derive(Deserialize)]
struct TransferRow {
    told: i64,
}

/// Whether a wallet, lower case, ever paid for anything.
///
/// # Errors
/// [`DatabaseError`].
pub async fn has_paid(
    database: &Reader,
    chain_id: i64,
    wallet: &str,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(
        concat!("SELECT ", has_paid!(), " AS told"),
        [chain_id.into(), wallet.into()],
    );
    let told: Option<TransferRow> = database.first(statement).await?;
    Ok(told.is_some_and(|told| told.told == 1))
}

/// A proof that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Challenge {
    /// Tells it from every other.
    pub nonce: String,
    /// What it is for.
    pub subject: String,
    /// Who shall sign, lower case.
    pub wallet: String,
    /// What is to be signed.
    pub message: String,
    /// Till when it is accepted, in unix seconds.
    pub expires_at: i64,
}

/// Records a challenge, and forgets some whose time is over.
///
/// # Errors
/// [`DatabaseError`].
pub async fn open_challenge(
    database: &Database,
    challenge: &Challenge,
    now: i64,
) -> Result<(), DatabaseError> {
    let forget = Statement::new(
        "DELETE FROM claim_challenges WHERE nonce IN
           (SELECT nonce FROM claim_challenges WHERE expires_at < ?1
            ORDER BY expires_at LIMIT ?2)",
        [now.into(), FORGOTTEN_AT_ONCE.into()],
    );
    let open = Statement::new(
        "INSERT INTO claim_challenges (nonce, subject, wallet, message, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        [
            (&challenge.nonce).into(),
            (&challenge.subject).into(),
            (&challenge.wallet).into(),
            (&challenge.message).into(),
            challenge.expires_at.into(),
        ],
    );
    database.batch(vec![forget, open]).await.map(drop)
}

/// A challenge for this subject that can still be used.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find_challenge(
    database: &Reader,
    nonce: &str,
    subject: &str,
    now: i64,
) -> Result<Option<Challenge>, DatabaseError> {
    let statement = Statement::new(
        "SELECT nonce, subject, wallet, message, expires_at FROM claim_challenges
         WHERE nonce = ?1 AND subject = ?2 AND used_at IS NULL AND expires_at >= ?3",
        [nonce.into(), subject.into(), now.into()],
    );
    database.first(statement).await
}

/// Uses a challenge up, if it can still be used; answers a row where it could.
fn using(nonce: &str, now: i64) -> Statement {
    Statement::new(
        "UPDATE claim_challenges SET used_at = ?2
         WHERE nonce = ?1 AND used_at IS NULL AND expires_at >= ?2
         RETURNING nonce",
        [nonce.into(), now.into()],
    )
}

/// Uses a challenge up. Answers whether it could still be used: of two who use
/// it at once, one can.
///
/// # Errors
/// [`DatabaseError`].
pub async fn use_challenge(
    database: &Database,
    nonce: &str,
    now: i64,
) -> Result<bool, DatabaseError> {
    let mut batch = Batch::new();
    let used = batch.read::<Row>(using(nonce, now));
    batch.run(database).await?.any(used)
}

/// A file that a wallet was claimed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClaim<'a> {
    /// A new `UUIDv7`.
    pub id: String,
    /// The chain on which the wallet paid.
    pub chain_id: i64,
    /// Lower case.
    pub wallet: &'a str,
    /// SHA-256 of the file in lower-case hex.
    pub binary_sha256: &'a str,
    /// The challenge that was signed.
    pub nonce: &'a str,
    /// Id of the entry in the audit table.
    pub audit_id: String,
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It is recorded, since this unix second.
    Since(i64),
    /// The challenge was used, or its time is over.
    Used,
    /// The wallet paid for nothing.
    NeverPaid,
}

/// Uses a challenge up and records the claim, in one batch. One that is recorded
/// already stays as it is.
///
/// # Errors
/// [`DatabaseError`].
pub async fn record(
    database: &Database,
    actor: &Actor,
    claim: &NewClaim<'_>,
) -> Result<ClaimOutcome, DatabaseError> {
    #[derive(Deserialize)]
    struct ClaimRow {
        claimed_at: i64,
    }
    let put = Statement::new(
        concat!(
            "INSERT INTO wallet_claims (id, wallet, binary_sha256, claimed_at)
             SELECT ?3, ?2, ?4, ?5 WHERE changes() > 0 AND ",
            has_paid!(),
            " ON CONFLICT DO NOTHING"
        ),
        [
            claim.chain_id.into(),
            claim.wallet.into(),
            (&claim.id).into(),
            claim.binary_sha256.into(),
            actor.at.into(),
        ],
    );
    let entry = AuditedChange {
        id: claim.audit_id.clone(),
        action: "wallet_claim.create",
        object_kind: "wallet_claim",
        object_id: claim.id.clone(),
        before: None,
        after: Some(json!({
            "wallet": claim.wallet, "binary_sha256": claim.binary_sha256,
        })),
    };
    let recorded = Statement::new(
        "SELECT claimed_at FROM wallet_claims WHERE wallet = ?1 AND binary_sha256 = ?2",
        [claim.wallet.into(), claim.binary_sha256.into()],
    );
    let mut batch = Batch::new();
    let used = batch.read(using(claim.nonce, actor.at));
    batch.extend([put, audit::insert_if_changed(actor, entry)]);
    let recorded = batch.read::<ClaimRow>(recorded);
    let mut rows = batch.run(database).await?;
    if !rows.any(used)? {
        return Ok(ClaimOutcome::Used);
    }
    let recorded = rows.first(recorded)?;
    Ok(recorded.map_or(ClaimOutcome::NeverPaid, |row| {
        ClaimOutcome::Since(row.claimed_at)
    }))
}

/// A claim as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claim {
    /// `UUIDv7`.
    pub id: String,
    /// Lower case.
    pub wallet: String,
    /// SHA-256 of the file in lower-case hex.
    pub binary_sha256: String,
    /// Unix seconds.
    pub claimed_at: i64,
}

/// Which claims; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct ClaimFilter {
    /// Of this wallet, lower case.
    pub wallet: Option<String>,
    /// Of this file.
    pub binary_sha256: Option<String>,
}

/// Claims, newest first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    filter: &ClaimFilter,
    page: &Page,
) -> Result<Vec<Claim>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        "SELECT id, wallet, binary_sha256, claimed_at FROM wallet_claims
         WHERE (claimed_at, id) < (?1, ?2)
           AND (?3 IS NULL OR wallet = ?3) AND (?4 IS NULL OR binary_sha256 = ?4)
         ORDER BY claimed_at DESC, id DESC LIMIT ?5",
        [
            after.at.into(),
            after.id.into(),
            filter.wallet.as_ref().into(),
            filter.binary_sha256.as_ref().into(),
            (page.limit + 1).into(),
        ],
    );
    database.query(statement).await
}
