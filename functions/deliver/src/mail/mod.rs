//! Mail in a tick: plans mails of what happened, claims what is due and hands it over, a
//! few at a time. Bounded; what is left is due at the next tick.

mod message;
mod send;

use crate::Ports;
use crate::budget::Budget;
use futures_util::future::join_all;
use keywright_domain::email::EmailAddress;
use keywright_domain::mail::link::MailLink;
use keywright_domain::mail::settings::MailSettings;
use keywright_domain::mail::state::{Attempted, MailOutcome, MailState, after_attempt};
use keywright_ports::{DatabaseError, SettingFault};
use keywright_store::events::due_work::DueWork;
use keywright_store::mail::mail_claims::{self, CallRecord, ClaimedMail, RUN};
use keywright_store::mail::mail_planning::{self, PlanRules};
use keywright_store::mail::mail_results::{self, MailResult};
use message::Prepared;
use send::Handover;
use std::sync::Arc;

/// Mail as it is configured.
#[derive(Clone)]
pub(crate) enum Mail {
    /// It is not, or wrongly.
    Off(Arc<[SettingFault]>),
    /// It is on.
    On(Arc<MailSettings>),
}

/// Requests of webhooks for which a tick makes one round of mails.
const REQUESTS_PER_ROUND: usize = 15;
/// The fewest and most rounds of a tick.
const ROUNDS: (usize, usize) = (2, 20);
/// Statements of planning, at most.
const PLAN_STATEMENTS: usize = 15;
/// Statements of a round: claiming, calling, and results with an attention item.
const ROUND_STATEMENTS: usize = 5;
/// Statements of a round that finds nothing.
const CLAIM_STATEMENTS: usize = 2;

/// After how many attempts a mail that waits is reported.
const REPORTED_ATTEMPTS: i64 = 3;

/// What a tick did about mail.
#[derive(Debug, Default)]
pub(crate) struct MailReport {
    /// Mails that were taken.
    pub(crate) sent: usize,
    /// Mails that were not.
    pub(crate) unsent: usize,
}

/// Plans, claims and sends what is due, as far as the budget lets it. The first tick of an
/// invocation is noted also where nothing is due: a long time without one is a silence.
///
/// # Errors
/// After a [`DatabaseError`] what was claimed comes round again, as far as that is safe.
pub(crate) async fn tick(
    ports: &Ports,
    settings: &MailSettings,
    due: &DueWork,
    budget: &mut Budget,
    is_first: bool,
) -> Result<MailReport, DatabaseError> {
    let now = ports.stamps.now();
    let operator = settings.operator.as_ref().map(EmailAddress::as_str);
    let prefix = ports.stamps.new_id_prefix();
    let rules = PlanRules {
        now,
        hold_after: settings.hold_after,
        is_idempotent: settings.transport.is_idempotent(),
        operator,
        per_day: settings.per_day,
        attention_prefix: &prefix,
    };
    let mut report = MailReport::default();
    let mut is_due = due.has_mails && !budget.is_mail_capped;
    if due.has_mail_planning && budget.has(PLAN_STATEMENTS + ROUND_STATEMENTS) {
        let planned = mail_planning::plan(&ports.database, &rules).await?;
        budget.spend(planned.statements);
        // What was planned before may be less urgent.
        is_due |= planned.mails > 0;
    } else if is_first {
        mail_planning::pass(&ports.database, &rules, due.mail_position, due.newest).await?;
        budget.spend(1);
    }
    let rounds = (ports.limits.per_tick / REQUESTS_PER_ROUND).clamp(ROUNDS.0, ROUNDS.1);
    for _ in 0..rounds {
        is_due = is_due && budget.has(ROUND_STATEMENTS);
        if !is_due {
            break;
        }
        is_due = round(ports, settings, budget, &mut report).await?;
    }
    Ok(report)
}

/// One round. Answers whether there may be more.
async fn round(
    ports: &Ports,
    settings: &MailSettings,
    budget: &mut Budget,
    report: &mut MailReport,
) -> Result<bool, DatabaseError> {
    let claim = ports.stamps.new_id();
    let now = ports.stamps.now();
    let claimed = mail_claims::claim(&ports.database, &claim, now, settings.per_day).await?;
    let is_full = i64::try_from(claimed.len()) == Ok(RUN);
    budget.is_mail_capped = claimed.is_empty();
    if claimed.is_empty() {
        budget.spend(CLAIM_STATEMENTS);
        return Ok(false);
    }
    budget.spend(ROUND_STATEMENTS);
    let prepared: Vec<_> = claimed
        .iter()
        .map(|mail| message::prepare(ports, settings, mail, now))
        .collect();
    let records = claimed.iter().zip(&prepared);
    let records: Vec<CallRecord<'_>> = records
        .filter_map(|(mail, prepared)| Some(record_of(mail, prepared.as_ref().ok()?)))
        .collect();
    let called = if records.is_empty() {
        Vec::new()
    } else {
        mail_claims::calling(&ports.database, &claim, now, &records).await?
    };
    budget.call(called.len());
    let results = claimed.iter().zip(prepared).map(async |(mail, prepared)| {
        let handover = match prepared {
            Ok(prepared) if called.contains(&mail.id) => {
                send::hand_over(ports, settings, mail, &prepared).await
            }
            // The claim ended meanwhile: it is another tick's.
            Ok(_) => return None,
            Err(handover) => handover,
        };
        Some(result_of(ports, settings, mail, handover))
    });
    let results: Vec<MailResult> = join_all(results).await.into_iter().flatten().collect();
    let now = ports.stamps.now();
    let prefix = ports.stamps.new_id_prefix();
    mail_results::record(&ports.database, &claim, now, &results, &prefix).await?;
    let is_sent = |result: &&MailResult| result.state == MailState::Sent.as_str();
    report.sent += results.iter().filter(is_sent).count();
    report.unsent += results.iter().filter(|result| !is_sent(result)).count();
    Ok(is_full)
}

fn record_of<'a>(mail: &'a ClaimedMail, prepared: &Prepared) -> CallRecord<'a> {
    CallRecord {
        id: &mail.id,
        link_digest: prepared.link.as_ref().map(MailLink::digest),
        link_expires_at: prepared.link_expires_at,
        digest: prepared.message.digest(),
    }
}

fn result_of(
    ports: &Ports,
    settings: &MailSettings,
    mail: &ClaimedMail,
    handover: Handover,
) -> MailResult {
    let now = ports.stamps.now();
    let attempted = Attempted {
        attempts: mail.attempts + 1,
        first_at: mail.first_attempt_at,
        doubt_at: mail.doubt_at,
        is_idempotent: settings.transport.is_idempotent(),
        wait: handover.wait,
    };
    let (state, next_attempt_at) = after_attempt(handover.outcome, attempted, now);
    let is_doubtful = handover.outcome == MailOutcome::Doubtful;
    MailResult {
        id: mail.id.clone(),
        state: state.as_str(),
        next_attempt_at,
        doubt_at: mail.doubt_at.or_else(|| is_doubtful.then_some(now)),
        message_id: handover.message_id,
        reason: handover.reason,
        needs_attention: match state {
            MailState::Unknown | MailState::Rejected | MailState::Failed => true,
            MailState::Waiting => attempted.attempts == REPORTED_ATTEMPTS,
            MailState::Held | MailState::Sent | MailState::Dropped | MailState::Expired => false,
        },
    }
}
