//! What happens too often for an entry each time: keys that are shown to their
//! holders, and credentials that are refused. It is counted by the hour; the first of
//! each subject and hour is in the audit table.
//!
//! Nobody can flood either table: of each kind an hour has a bounded number of
//! subjects, and what comes beyond is counted together.

use crate::operator::audit::insert_into_audit;
use keywright_domain::page::{Page, Position};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::{Deserialize, Serialize};

/// Seconds of an hour.
const HOUR: i64 = 3_600;
/// Days for which the counts are kept.
pub const KEEP_DAYS: i64 = 90;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ActivityKind {
    /// The poll of an order showed a license's key.
    #[serde(rename = "license.poll_key")]
    KeyPolled,
    /// A key was recovered with an order's id and e-mail address.
    #[serde(rename = "license.recover_key")]
    KeyRecovered,
    /// A key was given to who holds the wallet that paid for it.
    #[serde(rename = "license.claim_key")]
    KeyClaimed,
    /// A recovery was refused: no such order, another address, or no license in force.
    #[serde(rename = "recovery.refuse")]
    RecoveryRefused,
    /// An operator credential was refused.
    #[serde(rename = "credential.refuse")]
    CredentialRefused,
}

impl ActivityKind {
    /// What the subject is, for the audit table.
    const fn object_kind(self) -> &'static str {
        match self {
            Self::KeyPolled | Self::KeyRecovered | Self::KeyClaimed => "license",
            Self::RecoveryRefused => "recovery",
            Self::CredentialRefused => "credential",
        }
    }

    /// Who did it, for the audit table.
    const fn actor(self) -> &'static str {
        match self {
            Self::KeyPolled | Self::KeyRecovered | Self::KeyClaimed => "buyer",
            Self::RecoveryRefused | Self::CredentialRefused => "unknown",
        }
    }

    /// How many subjects an hour tells apart.
    const fn most_subjects(self) -> i64 {
        match self {
            Self::KeyPolled | Self::KeyRecovered | Self::KeyClaimed => 500,
            Self::RecoveryRefused | Self::CredentialRefused => 200,
        }
    }
}

/// One occurrence, to be written after the answer.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// What happened.
    pub kind: ActivityKind,
    /// Id of the license; or what was refused, the caller's network, and of a scoped key
    /// that opens nothing `api_key:<id>`. Never empty.
    pub subject: String,
    /// Unix seconds.
    pub at: i64,
    /// The caller's network.
    pub network: Option<String>,
    /// Id of the request.
    pub request_id: String,
    /// A new `UUIDv7`, should it be the first of its hour.
    pub audit_id: String,
}

/// Occurrences of one kind, subject and hour.
#[derive(Serialize)]
struct Group<'a> {
    kind: ActivityKind,
    subject: &'a str,
    hour: i64,
    count: i64,
    first_at: i64,
    last_at: i64,
    network: Option<&'a str>,
    request_id: &'a str,
    audit_id: &'a str,
    actor: &'static str,
    object_kind: &'static str,
    most: i64,
}

/// The listed groups, each with whether it has a row, and its place among the
/// subjects of its kind and hour.
macro_rules! placed {
    ($select:literal) => {
        concat!(
            "WITH listed AS (
               SELECT key AS n, value ->> 'kind' AS kind, value ->> 'subject' AS subject,
                      value ->> 'hour' AS hour, value ->> 'count' AS count,
                      value ->> 'first_at' AS first_at, value ->> 'last_at' AS last_at,
                      value ->> 'network' AS network, value ->> 'request_id' AS request_id,
                      value ->> 'audit_id' AS audit_id, value ->> 'actor' AS actor,
                      value ->> 'object_kind' AS object_kind, value ->> 'most' AS most
               FROM json_each(?1)),
             known AS (
               SELECT *, EXISTS (SELECT 1 FROM hourly_counts AS held
                                 WHERE held.hour = listed.hour AND held.kind = listed.kind
                                   AND held.subject = listed.subject) AS is_known
               FROM listed),
             placed AS (
               SELECT *, (SELECT count(*) FROM hourly_counts AS held
                          WHERE held.hour = known.hour AND held.kind = known.kind
                            AND held.subject <> '')
                         + sum(NOT is_known) OVER (PARTITION BY hour, kind ORDER BY n) AS place
               FROM known) ",
            $select
        )
    };
}

/// The statements that write these down, however many.
#[must_use]
pub fn statements(occurrences: &[Occurrence]) -> Vec<Statement> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for one in occurrences {
        let hour = one.at.div_euclid(HOUR);
        let same = |group: &&mut Group<'_>| {
            group.kind == one.kind && group.subject == one.subject && group.hour == hour
        };
        if let Some(group) = groups.iter_mut().find(same) {
            group.count += 1;
            group.last_at = group.last_at.max(one.at);
            group.network = one.network.as_deref().or(group.network);
        } else {
            groups.push(Group {
                kind: one.kind,
                subject: &one.subject,
                hour,
                count: 1,
                first_at: one.at,
                last_at: one.at,
                network: one.network.as_deref(),
                request_id: &one.request_id,
                audit_id: &one.audit_id,
                actor: one.kind.actor(),
                object_kind: one.kind.object_kind(),
                most: one.kind.most_subjects(),
            });
        }
    }
    // A list of texts and numbers can always be written as JSON.
    let groups = serde_json::to_string(&groups).unwrap_or_default();
    let entries = Statement::new(
        insert_into_audit!(placed!(
            "SELECT audit_id, first_at, actor, kind, object_kind, subject, NULL,
                    json_object('network', network), request_id
             FROM placed WHERE NOT is_known AND place <= most"
        )),
        [groups.as_str().into()],
    );
    let counts = Statement::new(
        concat!(
            "INSERT INTO hourly_counts (kind, subject, hour, count, first_at, last_at, network) ",
            placed!(
                "SELECT kind, CASE WHEN is_known OR place <= most THEN subject ELSE '' END,
                        hour, count, first_at, last_at, network
                 FROM placed WHERE true
                 ON CONFLICT (hour, kind, subject) DO UPDATE SET
                   count = hourly_counts.count + excluded.count,
                   last_at = max(hourly_counts.last_at, excluded.last_at),
                   network = coalesce(excluded.network, hourly_counts.network)"
            )
        ),
        [groups.into()],
    );
    vec![entries, counts]
}

/// A count as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HourlyCount {
    /// What happened.
    pub kind: String,
    /// To what, or by whom; empty for all those that were too many.
    pub subject: String,
    /// Hours since 1970.
    pub hour: i64,
    /// How often.
    pub count: i64,
    /// Unix seconds.
    pub first_at: i64,
    /// Unix seconds.
    pub last_at: i64,
    /// The network of the last caller that had an address.
    pub network: Option<String>,
}

impl HourlyCount {
    /// When the hour began, in unix seconds.
    #[must_use]
    pub fn starts_at(&self) -> i64 {
        self.hour * HOUR
    }

    /// Where it stands in the list.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            at: self.hour,
            id: format!("{} {}", self.kind, self.subject),
        }
    }
}

/// Which counts; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// This kind.
    pub kind: Option<String>,
    /// This subject.
    pub subject: Option<String>,
}

/// Counts, the newest hour first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<HourlyCount>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        "SELECT kind, subject, hour, count, first_at, last_at, network FROM hourly_counts
         WHERE (hour, kind || ' ' || subject) < (?1, ?2)
           AND (?3 IS NULL OR kind = ?3) AND (?4 IS NULL OR subject = ?4)
         ORDER BY hour DESC, kind || ' ' || subject DESC LIMIT ?5",
        [
            after.at.into(),
            after.id.into(),
            filter.kind.as_ref().into(),
            filter.subject.as_ref().into(),
            (page.limit + 1).into(),
        ],
    );
    database.query(statement).await
}

/// Deletes up to `most` counts of hours that are longer ago than they are kept.
#[must_use]
pub fn forget(now: i64, most: u32) -> Statement {
    Statement::new(
        "DELETE FROM hourly_counts WHERE rowid IN
           (SELECT rowid FROM hourly_counts WHERE hour < ?1 ORDER BY hour LIMIT ?2)",
        [
            (now - KEEP_DAYS * 86_400).div_euclid(HOUR).into(),
            i64::from(most).into(),
        ],
    )
}
