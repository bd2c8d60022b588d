//! One tick: finds out what there is to do, makes deliveries of what was recorded, claims
//! what is due, and sends it to up to five endpoints side by side. Bounded in statements,
//! requests and time; what is left is due at the next tick.

use crate::budget::Budget;
use crate::mail::{self, Mail, MailReport};
use crate::{Ports, run};
use futures_util::future::join_all;
use keywright_domain::webhook::health::FAILING_FOR;
use keywright_ports::vault::NoVault;
use keywright_ports::{Batch, DatabaseError, Level, MAX_OPEN_CALLS};
use keywright_store::events::announcement;
use keywright_store::events::due_work::{self, DueRules, DueWork};
use keywright_store::events::webhook_claims::{self, ClaimedDelivery};
use keywright_store::events::webhook_planning::{self, WINDOW};
use keywright_store::events::webhook_results;
use keywright_store::mail::mail_state;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use utoipa::ToSchema;

/// What a tick did.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeliverReport)]
pub(crate) struct TickReport {
    /// Deliveries that were taken.
    delivered: usize,
    /// Attempts that failed and are repeated.
    failed: usize,
    /// Deliveries that ended as dead letters.
    dead: usize,
    /// Results that came after their claim had ended, and were not written down.
    late: usize,
    /// Mails that the mail API took.
    mails_sent: usize,
    /// Mails that it did not take, or of which nobody knows.
    mails_unsent: usize,
}

/// Runs one tick.
///
/// # Errors
/// After a [`DatabaseError`] what was claimed comes round again.
pub(crate) async fn tick(ports: &Ports, budget: &mut Budget) -> Result<TickReport, DatabaseError> {
    let is_first = budget.look();
    let due = look(ports).await?;
    // Mail first: it is bounded, and a buyer waits for it. What breaks there stops no
    // webhook.
    let mail = match &ports.mail {
        Mail::On(settings) => mail::tick(ports, settings, &due, budget, is_first).await,
        Mail::Off(_) => Ok(MailReport::default()),
    };
    let webhooks = webhooks(ports, &due, budget, is_first).await;
    let mail = mail?;
    Ok(TickReport {
        mails_sent: mail.sent,
        mails_unsent: mail.unsent,
        ..webhooks?
    })
}

/// Finds out what there is to do.
async fn look(ports: &Ports) -> Result<DueWork, DatabaseError> {
    let now = ports.stamps.now();
    let mail = match &ports.mail {
        Mail::On(settings) => Some(settings),
        Mail::Off(_) => None,
    };
    let rules = DueRules {
        now,
        window: window(ports),
        held_before: ports.limits.hold.map(|hold| now - hold),
        observed_before: now - FAILING_FOR,
        sends_webhooks: ports.vault.is_ok(),
        mail_hold_after: mail.map(|mail| mail.hold_after),
        has_operator: mail.is_some_and(|mail| mail.operator.is_some()),
    };
    due_work::read(&ports.database, rules).await
}

/// How many events an endpoint looks at in one tick.
fn window(ports: &Ports) -> i64 {
    let window = i64::try_from(ports.limits.per_tick).unwrap_or(i64::MAX);
    window.max(WINDOW)
}

async fn webhooks(
    ports: &Ports,
    due: &DueWork,
    budget: &mut Budget,
    is_first: bool,
) -> Result<TickReport, DatabaseError> {
    let planning = planning(ports, due, is_first);
    let statements = planning.statement_count();
    if !budget.has(statements) {
        return Ok(TickReport::default());
    }
    budget.spend(statements);
    planning.run(&ports.database).await?;
    if let Err(reason) = &ports.vault {
        // No attempt is made that could only fail. A shop without webhooks has no key.
        if is_first && !matches!(reason, NoVault::Missing(_)) {
            ports.log.write(Level::Error, "", &reason.to_string());
        }
        return Ok(TickReport::default());
    }
    let is_made_due = due.has_interrupted || due.has_news || due.has_wanted_events;
    if !due.has_deliveries && !is_made_due {
        return Ok(TickReport::default());
    }
    if budget.is_scarce() {
        waves(ports, budget).await
    } else {
        lanes(ports, budget).await
    }
}

/// Sends to up to five endpoints and writes the results down together, until nothing is due
/// or the budget ends.
async fn waves(ports: &Ports, budget: &mut Budget) -> Result<TickReport, DatabaseError> {
    let budget = Mutex::new(budget);
    let mut report = TickReport::default();
    loop {
        let runs = claim(ports, &budget, MAX_OPEN_CALLS).await?;
        if runs.is_empty() {
            break;
        }
        report.add(&send(ports, &budget, runs).await?);
        // A look costs less than a claim of nothing.
        let can_look = {
            let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
            let can_look = budget.can_look(now_millis(ports));
            if can_look {
                budget.look();
            }
            can_look
        };
        if !can_look || !look(ports).await?.has_deliveries {
            break;
        }
    }
    Ok(report)
}

/// Sends to up to five endpoints side by side, each as fast as it answers.
async fn lanes(ports: &Ports, budget: &mut Budget) -> Result<TickReport, DatabaseError> {
    let budget = Mutex::new(budget);
    let is_broken = AtomicBool::new(false);
    let first = claim(ports, &budget, MAX_OPEN_CALLS).await?;
    let lanes = first
        .into_iter()
        .map(|run| lane(ports, &budget, &is_broken, run));
    // All are polled together. On Spin one that holds the lock of the database and is not
    // polled would keep the others waiting for it.
    let mut report = TickReport::default();
    let mut broken = None;
    for done in join_all(lanes).await {
        match done {
            Ok(done) => report.add(&done),
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    broken.map_or(Ok(report), Err)
}

/// Sends one run after the other, until nothing is due or the budget ends. After an error
/// no lane begins another; what is in flight elsewhere is written down first.
async fn lane(
    ports: &Ports,
    budget: &Mutex<&mut Budget>,
    is_broken: &AtomicBool,
    first: Run,
) -> Result<TickReport, DatabaseError> {
    let mut report = TickReport::default();
    let mut next = Some(first);
    while let Some(run) = next.take() {
        let sent = send(ports, budget, vec![run]).await;
        is_broken.fetch_or(sent.is_err(), Ordering::SeqCst);
        report.add(&sent?);
        if !is_broken.load(Ordering::SeqCst) {
            let claimed = claim(ports, budget, 1).await;
            is_broken.fetch_or(claimed.is_err(), Ordering::SeqCst);
            next = claimed?.pop();
        }
    }
    Ok(report)
}

/// What makes deliveries, as far as there is something to do: ends interrupted claims,
/// announces the attention list, plans, expires what was held too long, and begins new
/// windows of observation.
fn planning(ports: &Ports, due: &DueWork, is_first: bool) -> Batch {
    let now = ports.stamps.now();
    let mut batch = Batch::new();
    if due.has_interrupted {
        batch.extend(webhook_claims::end_interrupted(now));
    }
    if due.has_news {
        // Before the planning, so that its events are sent in this tick.
        let prefix = ports.stamps.new_id_prefix();
        batch.extend(announcement::of_attention(now, &prefix));
    }
    if due.has_news || due.has_events {
        batch.extend(webhook_planning::plan(now, window(ports)));
    }
    if let Some(hold) = ports.limits.hold.filter(|_| due.has_outdated) {
        batch.extend(webhook_planning::expire_held(now, now - hold));
    }
    if due.has_observed {
        let prefix = ports.stamps.new_id_prefix();
        let before = now - FAILING_FOR;
        batch.extend(webhook_planning::report_flaky(now, before, &prefix));
    }
    if let (Mail::Off(faults), true) = (&ports.mail, is_first) {
        let faults = faults
            .iter()
            .map(|fault| serde_json::json!({ "name": fault.name, "message": fault.message }));
        let faults = faults.collect::<serde_json::Value>().to_string();
        batch.write(mail_state::off(&faults));
    }
    batch
}

pub(crate) fn now_millis(ports: &Ports) -> i64 {
    i64::try_from(ports.stamps.now_millis()).unwrap_or(i64::MAX)
}

/// A claim's deliveries to one endpoint.
struct Run {
    claim: String,
    deliveries: Vec<ClaimedDelivery>,
}

async fn claim(
    ports: &Ports,
    budget: &Mutex<&mut Budget>,
    endpoints: usize,
) -> Result<Vec<Run>, DatabaseError> {
    let budget = || budget.lock().unwrap_or_else(PoisonError::into_inner);
    let now = now_millis(ports);
    let endpoints = budget().claim(endpoints, now);
    if endpoints == 0 {
        return Ok(Vec::new());
    }
    let claim = ports.stamps.new_id();
    let most = i64::try_from(endpoints).unwrap_or(1);
    let claimed = webhook_claims::claim(&ports.database, &claim, now, most).await?;
    let count = claimed.len();
    let mut runs: Vec<Run> = Vec::new();
    for delivery in claimed {
        let of_run = runs.last_mut().filter(|run| {
            run.deliveries
                .first()
                .is_some_and(|first| first.endpoint_id == delivery.endpoint_id)
        });
        match of_run {
            Some(run) => run.deliveries.push(delivery),
            None => runs.push(Run {
                claim: claim.clone(),
                deliveries: vec![delivery],
            }),
        }
    }
    budget().return_unused(endpoints, runs.len(), count);
    Ok(runs)
}

/// Sends runs of one claim side by side and writes their results down together.
async fn send(
    ports: &Ports,
    budget: &Mutex<&mut Budget>,
    runs: Vec<Run>,
) -> Result<TickReport, DatabaseError> {
    let Some(claim) = runs.first().map(|run| run.claim.clone()) else {
        return Ok(TickReport::default());
    };
    let sent = runs.into_iter().map(|run| run::send(ports, run.deliveries));
    let results = join_all(sent).await.into_iter().flatten();
    let (attempts, endpoints): (Vec<_>, Vec<_>) = results
        .map(|result| (result.attempts, result.endpoint))
        .unzip();
    let attempts = attempts.concat();
    let recorded = webhook_results::record(
        &ports.database,
        &claim,
        ports.stamps.now(),
        &attempts,
        &endpoints,
        &ports.stamps.new_id_prefix(),
    )
    .await?;
    let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
    budget.recorded(recorded.statements);
    let of_state = |state: &str| {
        let attempts = attempts.iter();
        attempts.filter(|attempt| attempt.state == state).count()
    };
    Ok(TickReport {
        delivered: of_state("delivered"),
        failed: of_state("pending"),
        dead: of_state("dead"),
        late: attempts.len().saturating_sub(recorded.counted),
        ..TickReport::default()
    })
}

impl TickReport {
    fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.dead += other.dead;
        self.late += other.late;
    }
}
