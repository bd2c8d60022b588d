//! Makes mails of what happened: events of purchases, open attention items, and requests
//! for the licenses of an address.

use crate::licenses::license_list;
use crate::mail::{mail_requests, mail_results};
use keywright_domain::mail::{MailKind, PER_ADDRESS_AND_HOUR, mail_id};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How many events, items and requests a tick looks at.
const WINDOW: i64 = 200;
/// Requests that one tick looks at: 12,000 an hour, more than everybody may make.
const REQUESTS: i64 = 200;

const KEY_REPLACED: &str = EventType::LicenseKeyReplaced.as_str();

/// Requests that one tick forgets.
const FORGOTTEN: u32 = 500;

/// How long an attention item is quiet after it was mailed, in seconds: one that goes back
/// and forth is one mail.
const QUIET_SECONDS: i64 = 86_400;

/// An event `e` after the position of mail that makes a mail.
macro_rules! is_new_key {
    () => {
        "e.sequence > (SELECT position FROM mail_state)
         AND (e.event_type = 'license.issued' AND e.data ->> '$.source' = 'purchase'
              OR e.event_type = 'license.key_replaced')"
    };
}

/// A mail that waited until its link was over.
macro_rules! is_outdated {
    () => {
        "state = 'waiting' AND template = 'recovery' AND claimed_until IS NULL
         AND created_at <= ?1 - 7200"
    };
}

/// An open item `a` that makes a mail: nobody was mailed about it, or it happened again when
/// it had been quiet for `$quiet` seconds.
macro_rules! is_unmailed {
    ($quiet:literal) => {
        concat!(
            "a.resolved_at IS NULL AND a.kind NOT LIKE 'mail\\_%' ESCAPE '\\'
             AND a.at >= (SELECT began_at FROM mail_state)
             AND NOT EXISTS (SELECT 1 FROM mails m
                             WHERE m.subject_id = a.id
                               AND (m.created_at > ?1 - ",
            $quiet,
            " OR m.fact_at >= a.at))"
        )
    };
}

/// What the planning goes by.
#[derive(Debug, Clone)]
pub struct PlanRules<'a> {
    /// Unix seconds.
    pub now: i64,
    /// After how many seconds without a tick what was before is held.
    pub hold_after: i64,
    /// True where a mail that may have been taken can be handed over again.
    pub is_idempotent: bool,
    /// Whom attention items are mailed to.
    pub operator: Option<&'a str>,
    /// Mails in 24 hours.
    pub per_day: i64,
    /// The first 24 characters of a new id.
    pub attention_prefix: &'a str,
}

#[derive(Deserialize)]
struct Ended {
    state: String,
}

#[derive(Deserialize)]
struct State {
    position: i64,
    ticked_at: Option<i64>,
    began_at: Option<i64>,
    newest: i64,
}

#[derive(Deserialize)]
struct NewKey {
    event_id: String,
    event_type: String,
    sequence: i64,
    at: i64,
    license_id: Option<String>,
    recipient: Option<String>,
    is_free: i64,
    recent: i64,
}

#[derive(Deserialize)]
struct OpenItem {
    id: String,
    at: i64,
}

#[derive(Deserialize)]
struct Request {
    id: String,
    email: String,
    at: i64,
}

/// A mail to record.
#[derive(Debug, Clone, Serialize)]
struct PlannedMail {
    id: String,
    fact: String,
    recipient: String,
    template: &'static str,
    subject_id: Option<String>,
    fact_at: i64,
    state: &'static str,
    reason: Option<&'static str>,
}

/// A condition: [`plan`] has something to do at `?1`, in unix seconds, where `?7` seconds
/// without a tick are a silence, and `?8` says whether the operator is mailed.
macro_rules! has_planning {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM mail_state WHERE began_at IS NULL OR ticked_at < ?1 - ?7)
             OR EXISTS (SELECT 1 FROM events e WHERE ",
            $crate::mail::mail_planning::is_new_key!(),
            ")
             OR EXISTS (SELECT 1 FROM mails WHERE claimed_until < ?1)
             OR EXISTS (SELECT 1 FROM mails WHERE ",
            $crate::mail::mail_planning::is_outdated!(),
            ")
             OR EXISTS (SELECT 1 FROM mail_requests WHERE planned_at IS NULL)
             OR EXISTS (SELECT 1 FROM mail_requests WHERE at <= ?1 - 7200)
             OR (?8 AND EXISTS (SELECT 1 FROM attention a WHERE ",
            $crate::mail::mail_planning::is_unmailed!("86400"),
            "))"
        )
    };
}
pub(crate) use {has_planning, is_new_key, is_outdated, is_unmailed};

/// What a planning did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planned {
    /// Statements that it took.
    pub statements: usize,
    /// Mails that are due by it, at most.
    pub mails: usize,
}

/// Ends interrupted claims, holds what is from before a silence, and plans mails of what
/// happened since the last time. Two ticks at once plan each mail once: its id is derived
/// from its fact.
///
/// # Errors
/// [`DatabaseError`]; the next tick plans the same.
pub async fn plan(database: &Database, rules: &PlanRules<'_>) -> Result<Planned, DatabaseError> {
    let now = rules.now;
    let mut batch = Batch::new();
    let ended = batch.read::<Ended>(end_interrupted(now, rules.is_idempotent));
    batch.write(hold(now, rules.hold_after));
    batch.write(expire(now));
    let state = batch.read::<State>(Statement::new(
        "SELECT position, ticked_at, began_at,
                coalesce((SELECT max(sequence) FROM events), 0) AS newest
         FROM mail_state",
        [],
    ));
    let keys = batch.read::<NewKey>(new_keys(now));
    let items = batch.read::<OpenItem>(open_items(now));
    let requests = batch.read::<Request>(Statement::new(
        "SELECT id, email, at FROM mail_requests
         WHERE planned_at IS NULL AND at > ?1 - 7200 ORDER BY at, id LIMIT ?2",
        [now.into(), REQUESTS.into()],
    ));
    let mut statements = batch.statement_count();
    let mut rows = batch.run(database).await?;
    let ended = rows.all(ended)?;
    let is_doubtful = ended.iter().any(|mail| mail.state == "unknown");
    let state = rows.one(state)?;
    let (keys, items, requests) = (rows.all(keys)?, rows.all(items)?, rows.all(requests)?);
    let silence = state.ticked_at.map_or(0, |at| now - at);
    let is_held = |at: i64| silence > rules.hold_after && at <= now - rules.hold_after;
    let mut position = state.newest;
    let mut mails = Vec::new();
    if state.began_at.is_some() {
        if i64::try_from(keys.len()) == Ok(WINDOW) {
            position = keys.last().map_or(position, |last| last.sequence);
        }
        mails.extend(of_new_keys(&keys, &is_held));
        let operator = rules.operator.into_iter();
        mails.extend(operator.flat_map(|to| {
            let items = items.iter();
            items.map(|item| of_item(item, to, is_held(item.at)))
        }));
    }
    if !requests.is_empty() {
        let addresses = license_list::recorded_addresses(database, &requests, |one| &one.email);
        let addresses = addresses.await?;
        statements += license_list::ADDRESS_STATEMENTS;
        let known = requests.iter().zip(addresses);
        // One from before a silence was perhaps answered, and can be repeated.
        let known = known.filter(|(request, _)| !is_held(request.at));
        mails.extend(known.filter_map(|(request, address)| Some(of_request(request, address?))));
    }
    let mut batch = Batch::new();
    if !mails.is_empty() {
        batch.write(record(now, &mails)?);
    }
    if !requests.is_empty() {
        let ids: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
        batch.write(Statement::new(
            "UPDATE mail_requests SET planned_at = ?1
             WHERE id IN (SELECT value FROM json_each(?2))",
            [now.into(), serde_json::Value::from(ids).to_string().into()],
        ));
    }
    if silence > rules.hold_after {
        batch.write(report_held(now));
    }
    if is_doubtful {
        batch.write(mail_results::report(now, rules.attention_prefix));
    }
    batch.write(mail_requests::forget(now, FORGOTTEN));
    batch.write(ticked(rules, state.position, position));
    statements += batch.statement_count();
    batch.run(database).await?;
    Ok(Planned {
        statements,
        mails: mails.len() + ended.len(),
    })
}

/// Notes a tick that had nothing to plan: no event from `position` up to `newest` makes a
/// mail. One statement.
///
/// # Errors
/// [`DatabaseError`].
pub async fn pass(
    database: &Database,
    rules: &PlanRules<'_>,
    position: i64,
    newest: i64,
) -> Result<(), DatabaseError> {
    let mut batch = Batch::new();
    batch.write(ticked(rules, position, newest));
    batch.run(database).await.map(drop)
}

/// Notes a tick, and moves on from where it looked, or not at all.
fn ticked(rules: &PlanRules<'_>, from: i64, to: i64) -> Statement {
    Statement::new(
        "UPDATE mail_state
         SET is_on = 1, faults = '[]', per_day = ?1, began_at = coalesce(began_at, ?2),
             position = iif(position = ?3, ?4, position), ticked_at = ?2",
        [
            rules.per_day.into(),
            rules.now.into(),
            from.into(),
            to.into(),
        ],
    )
}

/// Ends claims whose tick was interrupted. One that had not called the mail API yet is
/// tried again. Of any other nobody knows, so it is tried again only where a mail is taken
/// once for its id.
fn end_interrupted(now: i64, is_idempotent: bool) -> Statement {
    Statement::new(
        "UPDATE mails
         SET claim = NULL, claimed_until = NULL, called_at = NULL, attempts = attempts + 1,
             doubt_at = iif(called_at IS NULL, doubt_at, coalesce(doubt_at, ?1)),
             state = iif(called_at IS NULL OR ?2, 'waiting', 'unknown'),
             next_attempt_at = iif(called_at IS NULL OR ?2, ?1, NULL),
             reason = 'interrupted: the result of the last attempt is not known',
             ended_at = iif(called_at IS NULL OR ?2, NULL, ?1)
         WHERE claimed_until < ?1
         RETURNING state",
        [now.into(), is_idempotent.into()],
    )
}

/// Holds what waits, after a silence: nobody knows whether it was sent meanwhile. A request
/// for a link can be repeated, so it ends.
fn hold(now: i64, hold_after: i64) -> Statement {
    Statement::new(
        "UPDATE mails
         SET state = iif(template = 'recovery', 'expired', 'held'),
             reason = 'planned before a time without ticks', next_attempt_at = NULL,
             ended_at = iif(template = 'recovery', ?1, NULL)
         WHERE state = 'waiting' AND claimed_until IS NULL
           AND (SELECT ticked_at FROM mail_state) < ?1 - ?2",
        [now.into(), hold_after.into()],
    )
}

/// Ends what would arrive with a link that is over.
fn expire(now: i64) -> Statement {
    Statement::new(
        concat!(
            "UPDATE mails
             SET state = 'expired', reason = 'not sent within two hours', ended_at = ?1,
                 next_attempt_at = NULL
             WHERE ",
            is_outdated!()
        ),
        [now.into()],
    )
}

/// Licenses that were bought, and those whose key was replaced, since the last time, with
/// the address of each. A license that the operator issued is not mailed: its key is in the
/// answer.
fn new_keys(now: i64) -> Statement {
    Statement::new(
        concat!(
            "SELECT e.id AS event_id, e.event_type, e.sequence, e.at, l.id AS license_id,
                l.buyer_email AS recipient,
                coalesce(r.kind = 'free', 0) AS is_free,
                (SELECT count(*) FROM mails m
                 WHERE lower(m.recipient) = lower(l.buyer_email) AND m.template = 'license_key'
                   AND m.created_at > ?1 - 3600) AS recent
         FROM events e
         LEFT JOIN licenses l ON l.id = e.data ->> '$.license_id' AND l.buyer_email IS NOT NULL
         LEFT JOIN receipts r ON r.id = l.receipt_id
         WHERE ",
            is_new_key!(),
            " ORDER BY e.sequence LIMIT ?2"
        ),
        [now.into(), WINDOW.into()],
    )
}

/// Attention items that nobody was mailed about, or that happened again a day later. News
/// about mail does not travel by mail.
fn open_items(now: i64) -> Statement {
    Statement::new(
        concat!(
            "SELECT a.id, a.at FROM attention a WHERE ",
            is_unmailed!("?3"),
            " ORDER BY a.at, a.id LIMIT ?2"
        ),
        [now.into(), WINDOW.into(), QUIET_SECONDS.into()],
    )
}

fn of_new_keys(
    keys: &[NewKey],
    is_held: &impl Fn(i64) -> bool,
) -> impl Iterator<Item = PlannedMail> {
    let mut free: HashMap<String, i64> = HashMap::new();
    keys.iter().filter_map(move |one| {
        let (license_id, recipient) = (one.license_id.as_ref()?, one.recipient.as_ref()?);
        let is_replaced = one.event_type == KEY_REPLACED;
        let (kind, fact) = if is_replaced {
            (MailKind::KeyChanged, format!("key:{}", one.event_id))
        } else {
            (MailKind::LicenseKey, format!("license:{license_id}"))
        };
        let planned = free.entry(recipient.to_ascii_lowercase()).or_default();
        *planned += i64::from(!is_replaced);
        // A stranger can order what is free in somebody else's name.
        let is_too_many =
            !is_replaced && one.is_free == 1 && one.recent + *planned > PER_ADDRESS_AND_HOUR;
        let (state, reason) = if is_too_many {
            (
                "dropped",
                Some("too many free orders with this address in an hour"),
            )
        } else if is_held(one.at) {
            ("held", Some("happened during a time without ticks"))
        } else {
            ("waiting", None)
        };
        Some(PlannedMail {
            id: mail_id(&fact, recipient, kind),
            fact,
            recipient: recipient.clone(),
            template: kind.as_str(),
            subject_id: Some(license_id.clone()),
            fact_at: one.at,
            state,
            reason,
        })
    })
}

fn of_item(item: &OpenItem, operator: &str, is_held: bool) -> PlannedMail {
    let fact = format!("attention:{}:{}", item.id, item.at);
    PlannedMail {
        id: mail_id(&fact, operator, MailKind::Attention),
        fact,
        recipient: operator.to_owned(),
        template: MailKind::Attention.as_str(),
        subject_id: Some(item.id.clone()),
        fact_at: item.at,
        state: if is_held { "held" } else { "waiting" },
        reason: is_held.then_some("happened during a time without ticks"),
    }
}

/// To the address as the license has it, not as somebody typed it.
fn of_request(request: &Request, recipient: String) -> PlannedMail {
    let fact = format!("recovery:{}", request.id);
    PlannedMail {
        id: mail_id(&fact, &recipient, MailKind::Recovery),
        fact,
        recipient,
        template: MailKind::Recovery.as_str(),
        subject_id: None,
        fact_at: request.at,
        state: "waiting",
        reason: None,
    }
}

fn record(now: i64, mails: &[PlannedMail]) -> Result<Statement, DatabaseError> {
    let mails = serde_json::to_string(mails)
        .map_err(|error| DatabaseError::Row(format!("mails cannot be written: {error}")))?;
    Ok(Statement::new(
        "INSERT INTO mails (id, fact, recipient, template, subject_id, fact_at, state, reason,
                            attempts, next_attempt_at, created_at, ended_at)
         SELECT m.value ->> '$.id', m.value ->> '$.fact', m.value ->> '$.recipient',
                m.value ->> '$.template', m.value ->> '$.subject_id', m.value ->> '$.fact_at',
                m.value ->> '$.state', m.value ->> '$.reason', 0,
                iif(m.value ->> '$.state' = 'waiting', ?1, NULL), ?1,
                iif(m.value ->> '$.state' = 'dropped', ?1, NULL)
         FROM json_each(?2) AS m WHERE true
         ON CONFLICT DO NOTHING",
        [now.into(), mails.into()],
    ))
}

/// One item that says how many mails are held, and since when.
fn report_held(now: i64) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4'
                      || substr(hex(randomblob(2)), 2) || '-8'
                      || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
                ?1, 'mail_held', 'mail', 'held',
                json_object('held', count(*), 'oldest', min(fact_at), 'newest', max(fact_at),
                            'license_keys', sum(template = 'license_key'),
                            'attention', sum(template = 'attention'))
         FROM mails WHERE state = 'held'
         HAVING count(*) > 0
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details, resolved_at = NULL,
                       resolved_by = NULL",
        [now.into()],
    )
}
