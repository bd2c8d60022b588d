//! Claims on mails that are due: one conditional update with a deadline and a fence, within
//! the daily cap.

use keywright_domain::mail::{MailKind, free_share};
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Mails that are handed over side by side.
pub const RUN: i64 = 5;

/// What is most urgent, by what a mail is about; a key that cost nothing is `free`.
const ORDER: &str = r#"{"license_key":1,"key_changed":2,"free":3,"attention":4,"recovery":5}"#;

/// How long a claim lasts, in seconds: a call takes at most ten.
const CLAIM_SECONDS: i64 = 30;

/// A mail to hand over now, with what it says.
#[derive(Debug, Clone, Deserialize)]
pub struct ClaimedMail {
    /// Derived from fact, recipient and template.
    pub id: String,
    /// As of [`MailKind`].
    pub template: String,
    /// The only recipient.
    pub recipient: String,
    /// Attempts before this one.
    pub attempts: i64,
    /// Unix seconds.
    pub first_attempt_at: i64,
    /// Unix seconds.
    pub doubt_at: Option<i64>,
    /// Until when the result counts, in unix seconds.
    pub claimed_until: i64,
    /// When its link ends, in unix seconds; `None` before the first attempt.
    pub link_expires_at: Option<i64>,
    /// State of the license that it is about.
    pub license_status: Option<String>,
    /// Name of its product.
    pub product: Option<String>,
    /// Its order.
    pub order_id: Option<String>,
    /// Name of who sells it; empty where the operator's name stands for it.
    pub vendor: String,
    /// Where to get help.
    pub support_url: Option<String>,
    /// An address for help.
    pub support_email: Option<String>,
    /// The attention item that it is about; `None` once that is resolved.
    pub item_kind: Option<String>,
    /// What the item is about.
    pub item_object_kind: Option<String>,
    /// The id of that.
    pub item_object_id: Option<String>,
    /// When it happened, in unix seconds.
    pub fact_at: i64,
    /// A stranger's text.
    pub item_buyer_email: Option<String>,
}

/// Claims up to [`RUN`] mails that are due, the most urgent first, as far as the daily cap
/// and the share of their kind allow. A mail that was tried before counts already.
///
/// # Errors
/// [`DatabaseError`]; what was claimed then is due again when the claim ends.
pub async fn claim(
    database: &Database,
    claim: &str,
    now: i64,
    per_day: i64,
) -> Result<Vec<ClaimedMail>, DatabaseError> {
    let mut batch = Batch::new();
    batch.write(Statement::new(
        "UPDATE mails SET claim = ?1, claimed_until = ?2 + ?3, called_at = NULL,
                          first_attempt_at = coalesce(first_attempt_at, ?2)
         WHERE id IN (
           WITH classed AS (
             SELECT m.id, m.state, m.next_attempt_at, m.claimed_until, m.first_attempt_at,
                    CASE WHEN m.template = 'license_key' AND r.kind = 'free' THEN 'free'
                         ELSE m.template END AS class
             FROM (SELECT id FROM mails INDEXED BY mails_due
                   WHERE state = 'waiting' AND next_attempt_at <= ?2 AND claimed_until IS NULL
                   UNION
                   SELECT id FROM mails INDEXED BY mails_attempted
                   WHERE first_attempt_at > ?2 - 86400) AS some
             JOIN mails m ON m.id = some.id
             LEFT JOIN licenses l ON m.template = 'license_key' AND l.id = m.subject_id
             LEFT JOIN receipts r ON r.id = l.receipt_id),
           today AS (SELECT class, count(*) AS mails FROM classed
                     WHERE first_attempt_at > ?2 - 86400 GROUP BY class),
           due AS (
             SELECT c.id, c.class, c.first_attempt_at,
                    row_number() OVER (PARTITION BY c.first_attempt_at IS NULL, c.class
                                       ORDER BY c.next_attempt_at, c.id) AS of_class,
                    row_number() OVER (ORDER BY o.value, c.next_attempt_at, c.id) AS place,
                    row_number() OVER (PARTITION BY c.first_attempt_at IS NULL
                                       ORDER BY o.value, c.next_attempt_at, c.id) AS of_all
             FROM classed c LEFT JOIN json_each(?6) AS o ON o.key = c.class
             WHERE c.state = 'waiting' AND c.next_attempt_at <= ?2 AND c.claimed_until IS NULL)
           SELECT due.id FROM due LEFT JOIN json_each(?7) AS s ON s.key = due.class
           WHERE due.first_attempt_at IS NOT NULL
              OR (due.of_all <= ?5 - (SELECT coalesce(sum(mails), 0) FROM today)
                  AND due.of_class <= coalesce(s.value, ?5)
                      - coalesce((SELECT mails FROM today WHERE class = due.class), 0))
           ORDER BY due.place LIMIT ?4)",
        [
            claim.into(),
            now.into(),
            CLAIM_SECONDS.into(),
            RUN.into(),
            per_day.into(),
            ORDER.into(),
            json!({
                "free": free_share(per_day),
                "attention": MailKind::Attention.daily_share(per_day),
                "recovery": MailKind::Recovery.daily_share(per_day),
            })
            .to_string()
            .into(),
        ],
    ));
    let claimed = batch.read(Statement::new(
        "SELECT m.id, m.template, m.recipient, m.attempts, m.first_attempt_at, m.doubt_at,
                m.claimed_until, m.link_expires_at, l.status AS license_status,
                p.name AS product, r.invoice_id AS order_id, s.name AS vendor, s.support_url,
                s.support_email, a.kind AS item_kind, a.object_kind AS item_object_kind,
                a.object_id AS item_object_id, m.fact_at,
                a.details ->> '$.buyer_email' AS item_buyer_email
         FROM mails m
         LEFT JOIN licenses l ON m.template IN ('license_key', 'key_changed')
                                 AND l.id = m.subject_id
         LEFT JOIN products p ON p.id = l.product_id
         LEFT JOIN receipts r ON r.id = l.receipt_id
         LEFT JOIN attention a ON m.template = 'attention' AND a.id = m.subject_id
                                  AND a.resolved_at IS NULL
         JOIN merchant_profiles s
           ON s.id = coalesce(p.merchant_profile_id,
                              (SELECT id FROM merchant_profiles WHERE is_default = 1))
         WHERE m.claim = ?1
         ORDER BY m.template = 'recovery', m.template <> 'license_key', m.id",
        [claim.into()],
    ));
    batch.run(database).await?.all(claimed)
}

/// What is recorded of a mail before it is handed over.
#[derive(Debug, Clone, Serialize)]
pub struct CallRecord<'a> {
    /// The mail.
    pub id: &'a str,
    /// Of the secret of its link.
    pub link_digest: Option<String>,
    /// When the link ends, in unix seconds.
    pub link_expires_at: Option<i64>,
    /// Of what is sent.
    pub digest: String,
}

/// Records that these mails are handed over now, so that a tick that dies meanwhile leaves
/// a trace. Answers the ids that the claim still holds.
///
/// # Errors
/// [`DatabaseError`]: nothing may be handed over.
pub async fn calling(
    database: &Database,
    claim: &str,
    now: i64,
    mails: &[CallRecord<'_>],
) -> Result<Vec<String>, DatabaseError> {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let mails = serde_json::to_string(mails)
        .map_err(|error| DatabaseError::Row(format!("mails cannot be written: {error}")))?;
    let statement = Statement::new(
        "UPDATE mails AS m
         SET called_at = ?3, link_digest = r.value ->> '$.link_digest',
             link_expires_at = r.value ->> '$.link_expires_at', digest = r.value ->> '$.digest'
         FROM json_each(?2) AS r
         WHERE m.id = r.value ->> '$.id' AND m.claim = ?1 AND m.claimed_until >= ?3
         RETURNING id",
        [claim.into(), mails.into(), now.into()],
    );
    let mut batch = Batch::new();
    let called = batch.read::<Id>(statement);
    let called = batch.run(database).await?.all(called)?;
    Ok(called.into_iter().map(|row| row.id).collect())
}
