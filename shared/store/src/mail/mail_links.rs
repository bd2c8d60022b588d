//! What the link of a mail opens: the licenses that the mail is about.

use crate::licenses::license_list;
use keywright_domain::mail::MailKind;
use keywright_domain::standing::LicenseStatus;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// Licenses that one page shows.
pub const PAGE: usize = 20;

/// A license that a link opens.
#[derive(Debug, Clone, Deserialize)]
pub struct LinkedLicense {
    /// `UUIDv7`.
    pub id: String,
    /// Name of its product.
    pub product: String,
    /// Name of its policy.
    pub policy: Option<String>,
    /// Its state.
    pub status: LicenseStatus,
    /// Unix seconds.
    pub issued_at: i64,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
}

/// What a link opens.
#[derive(Debug, Clone)]
pub struct LinkedPage {
    /// The licenses.
    pub licenses: Vec<LinkedLicense>,
    /// Whether the link also replaces keys: one that was asked for a moment ago does, and
    /// one of an old mail does not.
    pub may_replace: bool,
}

/// What a link opens: up to [`PAGE`] licenses, newest first, and one more where there are
/// more. `before` is the last license of the page before. `None` for a link that is
/// unknown or over. A license that is for somebody else by now is left out. Three round
/// trips, or one for a link that opens nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn open(
    reader: &Reader,
    link_digest: &str,
    now: i64,
    before: Option<&str>,
) -> Result<Option<LinkedPage>, DatabaseError> {
    #[derive(Deserialize)]
    struct Mail {
        recipient: String,
        template: String,
        license_id: Option<String>,
    }
    let mail: Option<Mail> = reader
        .first(Statement::new(
            "SELECT recipient, template,
                    iif(template IN ('license_key', 'key_changed'), subject_id, NULL) AS license_id
             FROM mails WHERE link_digest = ?1 AND link_expires_at > ?2",
            [link_digest.into(), now.into()],
        ))
        .await?;
    let Some(mail) = mail else {
        return Ok(None);
    };
    let written = license_list::written(reader, &mail.recipient).await?;
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let statement = Statement::new(
        "SELECT l.id, p.name AS product, o.name AS policy, l.status, l.issued_at, l.expires_at
         FROM licenses l
         JOIN products p ON p.id = l.product_id
         LEFT JOIN policies o ON o.id = l.policy_id
         WHERE l.buyer_email IS NOT NULL
           AND lower(trim(l.buyer_email)) IN (SELECT value FROM json_each(?1))
           AND (?2 IS NULL OR l.id = ?2)
           AND (?3 IS NULL OR (l.issued_at, l.id) <
                (SELECT issued_at, id FROM licenses WHERE id = ?3))
         ORDER BY l.issued_at DESC, l.id DESC LIMIT ?4",
        [
            written.into(),
            mail.license_id.into(),
            before.into(),
            limit.into(),
        ],
    );
    Ok(Some(LinkedPage {
        licenses: reader.query(statement).await?,
        may_replace: MailKind::parse(&mail.template) == Some(MailKind::Recovery),
    }))
}
