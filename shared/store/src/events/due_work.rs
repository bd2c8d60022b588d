//! What a tick of `deliver` has to do now. One statement that reads next to nothing, so that
//! a tick without work costs little and can come every few seconds.

use crate::columns;
use crate::events::webhook_planning::{self, WINDOW};
use crate::events::{announcement, is_subscribed, webhook_claims};
use crate::mail::mail_planning;
use keywright_ports::{Database, DatabaseError, Statement, Value};
use serde::Deserialize;

/// What the work goes by.
#[derive(Debug, Clone, Copy)]
pub struct DueRules {
    /// Unix seconds.
    pub now: i64,
    /// How many events an endpoint looks at in one tick.
    pub window: i64,
    /// From before when nothing is held for a paused endpoint, in unix seconds; `None` where
    /// nothing expires.
    pub held_before: Option<i64>,
    /// The last beginning of a window of observation that has ended, in unix seconds.
    pub observed_before: i64,
    /// Whether webhooks can be sent.
    pub sends_webhooks: bool,
    /// After how many seconds without a tick mails are held; `None` where mail is off.
    pub mail_hold_after: Option<i64>,
    /// Whether the operator is mailed.
    pub has_operator: bool,
}

/// What there is to do.
#[derive(Debug, Clone, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is found out by itself, and any of them can be true"
)]
pub struct DueWork {
    /// Claims on deliveries ended without a result.
    #[serde(deserialize_with = "columns::flag")]
    pub has_interrupted: bool,
    /// The attention list has news.
    #[serde(deserialize_with = "columns::flag")]
    pub has_news: bool,
    /// An endpoint has not looked at the newest event.
    #[serde(deserialize_with = "columns::flag")]
    pub has_events: bool,
    /// And one of those that it looks at next is for it.
    #[serde(deserialize_with = "columns::flag")]
    pub has_wanted_events: bool,
    /// Something was held too long.
    #[serde(deserialize_with = "columns::flag")]
    pub has_outdated: bool,
    /// The window of observation of an endpoint has ended.
    #[serde(deserialize_with = "columns::flag")]
    pub has_observed: bool,
    /// A delivery can be claimed.
    #[serde(deserialize_with = "columns::flag")]
    pub has_deliveries: bool,
    /// Mails have to be planned, held, ended, or forgotten.
    #[serde(deserialize_with = "columns::flag")]
    pub has_mail_planning: bool,
    /// A mail is due; whether the daily cap lets it go is not said.
    #[serde(deserialize_with = "columns::flag")]
    pub has_mails: bool,
    /// Up to where mail looked at events.
    pub mail_position: i64,
    /// The newest event.
    pub newest: i64,
}

/// Reads what there is to do.
///
/// # Errors
/// [`DatabaseError`].
pub async fn read(database: &Database, rules: DueRules) -> Result<DueWork, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT
               EXISTS (SELECT 1 FROM webhook_deliveries WHERE claimed_until < ?1)
                 AS has_interrupted,
               EXISTS (SELECT 1 FROM attention WHERE ",
            announcement::is_unannounced!(),
            ") AS has_news,
               EXISTS (SELECT 1 FROM webhook_endpoints w
                       WHERE w.position < (SELECT max(sequence) FROM events) AND ",
            webhook_planning::is_planned!(),
            ") AS has_events,
               EXISTS (SELECT 1 FROM webhook_endpoints w
                       CROSS JOIN events e
                         ON e.sequence > w.position AND e.sequence <= w.position + ?2
                       WHERE ",
            webhook_planning::is_planned!(),
            " AND ",
            is_subscribed!(),
            ") AS has_wanted_events,
               EXISTS (SELECT 1 FROM webhook_endpoints w
                       WHERE ",
            webhook_planning::is_held!(),
            " AND (EXISTS (SELECT 1 FROM events e
                           WHERE e.sequence > w.position AND e.sequence <= w.position + ?3
                             AND e.at < ?4)
                   OR EXISTS (SELECT 1 FROM webhook_deliveries d
                              WHERE d.endpoint_id = w.id AND d.state = 'pending'
                                AND d.event_at < ?4))) AS has_outdated,
               EXISTS (SELECT 1 FROM webhook_endpoints WHERE window_from <= ?5)
                 AS has_observed,
               (?6 AND EXISTS (SELECT 1 FROM webhook_endpoints w WHERE ",
            webhook_claims::is_next!("?1"),
            ")) AS has_deliveries,
               CASE WHEN ?7 IS NULL THEN 0 ELSE ",
            mail_planning::has_planning!(),
            " END AS has_mail_planning,
               CASE WHEN ?7 IS NULL THEN 0 ELSE
                 EXISTS (SELECT 1 FROM mails
                         WHERE state = 'waiting' AND next_attempt_at <= ?1
                           AND claimed_until IS NULL) END AS has_mails,
               (SELECT position FROM mail_state) AS mail_position,
               coalesce((SELECT max(sequence) FROM events), 0) AS newest"
        ),
        params(rules),
    );
    let due: Option<DueWork> = database.query(statement).await?.into_iter().next();
    due.ok_or_else(|| DatabaseError::Row("what is due has no row".to_owned()))
}

fn params(rules: DueRules) -> [Value; 8] {
    [
        rules.now.into(),
        rules.window.into(),
        WINDOW.into(),
        rules.held_before.into(),
        rules.observed_before.into(),
        rules.sends_webhooks.into(),
        rules.mail_hold_after.into(),
        rules.has_operator.into(),
    ]
}
