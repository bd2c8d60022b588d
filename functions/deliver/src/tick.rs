//! One tick: makes deliveries of what was recorded, claims what is due, and sends it to up
//! to five endpoints side by side. Bounded in statements, requests and time; what is left
//! is due at the next tick.

use crate::mail::{self, Mail, MailReport};
use crate::{Ports, run};
use futures_util::future::join_all;
use keywright_domain::webhook::health::FAILING_FOR;
use keywright_ports::vault::NoVault;
use keywright_ports::{Batch, DatabaseError, Level, MAX_OPEN_CALLS};
use keywright_store::events::announcement;
use keywright_store::events::webhook_claims::{self, ClaimedDelivery, RUN};
use keywright_store::events::webhook_planning::{self, WINDOW};
use keywright_store::events::webhook_results;
use keywright_store::mail::mail_state;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use utoipa::ToSchema;

/// For how long a tick begins new runs, in milliseconds; one that has begun takes at most
/// another minute, and ticks may overlap.
const BEGINS_FOR: i64 = 40_000;

/// How many statements a tick may take at least: what an invocation on the free plan has.
const STATEMENTS: usize = 50;
/// How many requests those are for.
const FREE_REQUESTS: usize = 30;
/// How many statements each request beyond takes. An invocation on a paid plan has 1000.
const STATEMENTS_PER_REQUEST: usize = 2;
/// Statements of planning, of a claim, and of writing down a run.
const PLAN_STATEMENTS: usize = 12;
const CLAIM_STATEMENTS: usize = 5;
const RECORD_STATEMENTS: usize = 6;

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

/// What an invocation of the platform may still take, for one tick or several.
pub(crate) struct Budget {
    statements: usize,
    requests: usize,
    /// Unix milliseconds after which no run begins.
    until: i64,
}

impl Budget {
    /// Of an invocation that may send so many requests.
    pub(crate) fn of(per_tick: usize, begin: i64) -> Self {
        Self {
            statements: STATEMENTS
                + per_tick.saturating_sub(FREE_REQUESTS) * STATEMENTS_PER_REQUEST,
            requests: per_tick.max(usize::try_from(RUN).unwrap_or(1)),
            until: begin + BEGINS_FOR,
        }
    }

    /// Takes what it needs to look whether there is something to do, if as much is left
    /// as doing it would take. Answers whether it was.
    pub(crate) fn look(&mut self, has_mail: bool, now: i64) -> bool {
        let mail = if has_mail { mail::FEWEST_STATEMENTS } else { 0 };
        let tick = mail + PLAN_STATEMENTS + CLAIM_STATEMENTS + RECORD_STATEMENTS;
        let is_possible = self.statements > tick && now <= self.until;
        self.statements -= usize::from(is_possible);
        is_possible
    }

    /// Takes what planning needs.
    fn plan(&mut self) {
        self.statements = self.statements.saturating_sub(PLAN_STATEMENTS);
    }

    /// Takes what was done about mail.
    fn spend(&mut self, mail: &MailReport) {
        self.statements = self.statements.saturating_sub(mail.statements);
        self.requests = self.requests.saturating_sub(mail.requests);
    }

    /// Takes what a claim of this many endpoints and its results need. Answers how many
    /// endpoints can be claimed.
    fn claim(&mut self, endpoints: usize, now: i64) -> usize {
        let run = usize::try_from(RUN).unwrap_or(1);
        let after_claim = self.statements.saturating_sub(CLAIM_STATEMENTS);
        let possible = (after_claim / RECORD_STATEMENTS).min(self.requests / run);
        let endpoints = endpoints.min(possible);
        if now > self.until || endpoints == 0 {
            return 0;
        }
        self.statements -= CLAIM_STATEMENTS + endpoints * RECORD_STATEMENTS;
        self.requests -= endpoints * run;
        endpoints
    }

    /// Gives back what a claim did not use.
    fn return_unused(&mut self, endpoints: usize, runs: usize, deliveries: usize) {
        let run = usize::try_from(RUN).unwrap_or(1);
        self.statements += endpoints.saturating_sub(runs) * RECORD_STATEMENTS;
        self.requests += (endpoints * run).saturating_sub(deliveries);
    }
}

/// Runs one tick.
///
/// # Errors
/// After a [`DatabaseError`] what was claimed comes round again.
pub(crate) async fn tick(ports: &Ports, budget: &mut Budget) -> Result<TickReport, DatabaseError> {
    // Mail first: it is bounded, and a buyer waits for it. What breaks there stops no
    // webhook.
    let mail = match &ports.mail {
        Mail::On(settings) => mail::tick(ports, settings).await,
        Mail::Off(_) => Ok(MailReport::default()),
    };
    if let Ok(mail) = &mail {
        budget.spend(mail);
    }
    let webhooks = webhooks(ports, budget).await;
    let mail = mail?;
    Ok(TickReport {
        mails_sent: mail.sent,
        mails_unsent: mail.unsent,
        ..webhooks?
    })
}

async fn webhooks(ports: &Ports, budget: &mut Budget) -> Result<TickReport, DatabaseError> {
    budget.plan();
    plan(ports).await?;
    let mut report = TickReport::default();
    if let Err(reason) = &ports.vault {
        // No attempt is made that could only fail. A shop without webhooks has no key.
        if !matches!(reason, NoVault::Missing(_)) {
            ports.log.write(Level::Error, "", &reason.to_string());
        }
        return Ok(report);
    }
    let budget = Mutex::new(budget);
    let is_broken = AtomicBool::new(false);
    let first = claim(ports, &budget, MAX_OPEN_CALLS).await?;
    let lanes = first
        .into_iter()
        .map(|run| lane(ports, &budget, &is_broken, run));
    // All are polled together. On Spin one that holds the lock of the database and is not
    // polled would keep the others waiting for it.
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
        let sent = one(ports, run).await;
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

/// Announces the attention list, makes deliveries, expires what was held too long, and ends
/// interrupted claims.
async fn plan(ports: &Ports) -> Result<(), DatabaseError> {
    let now = ports.stamps.now();
    let mut batch = Batch::new();
    batch.extend(webhook_claims::end_interrupted(now));
    // Before the planning, so that its events are sent in this tick.
    let prefix = ports.stamps.new_id_prefix();
    batch.extend(announcement::of_attention(now, &prefix));
    let window = i64::try_from(ports.limits.per_tick).unwrap_or(i64::MAX);
    batch.extend(webhook_planning::plan(now, window.max(WINDOW)));
    if let Some(hold) = ports.limits.hold {
        batch.extend(webhook_planning::expire_held(now, now - hold));
    }
    let prefix = ports.stamps.new_id_prefix();
    batch.extend(webhook_planning::report_flaky(
        now,
        now - FAILING_FOR,
        &prefix,
    ));
    if let Mail::Off(faults) = &ports.mail {
        let faults = faults
            .iter()
            .map(|fault| serde_json::json!({ "name": fault.name, "message": fault.message }));
        let faults = faults.collect::<serde_json::Value>().to_string();
        batch.write(mail_state::off(&faults));
    }
    batch.run(&ports.database).await.map(drop)
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

/// Sends a run and writes its results down.
async fn one(ports: &Ports, run: Run) -> Result<TickReport, DatabaseError> {
    let Some(result) = run::send(ports, run.deliveries).await else {
        return Ok(TickReport::default());
    };
    let now = ports.stamps.now();
    let counted = webhook_results::record(
        &ports.database,
        &run.claim,
        now,
        &result.attempts,
        &result.endpoint,
        &ports.stamps.new_id(),
    )
    .await?;
    let of_state = |state: &str| {
        let attempts = result.attempts.iter();
        attempts.filter(|attempt| attempt.state == state).count()
    };
    Ok(TickReport {
        delivered: of_state("delivered"),
        failed: of_state("pending"),
        dead: of_state("dead"),
        late: result.attempts.len().saturating_sub(counted),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_stays_within_its_statements_and_requests() {
        let claims_of = |mut budget: Budget| {
            budget.plan();
            let mut claims = vec![budget.claim(MAX_OPEN_CALLS, 0)];
            while claims.last() != Some(&0) {
                claims.push(budget.claim(1, 0));
            }
            (claims.iter().sum::<usize>(), budget)
        };
        // 38 statements: 35 for the first five.
        let (endpoints, mut budget) = claims_of(Budget::of(30, -BEGINS_FOR));
        assert_eq!(endpoints, 5);
        budget.return_unused(5, 2, 3);
        assert_eq!(budget.claim(1, 1), 0, "the time is over");
        assert_eq!(budget.claim(5, 0), 2);
        let (endpoints, budget) = claims_of(Budget::of(450, 0));
        assert!(budget.statements < 1_000 && endpoints >= 80, "{endpoints}");
    }

    #[test]
    fn an_invocation_looks_again_as_long_as_it_could_do_something_then() {
        let looks = |budget: &mut Budget, has_mail| {
            (0..99).take_while(|_| budget.look(has_mail, 0)).count()
        };
        // A tick that found nothing: planning, and a claim.
        let mut free = Budget::of(30, 0);
        free.plan();
        free.statements -= CLAIM_STATEMENTS;
        assert_eq!(looks(&mut free, true), 0);
        assert_eq!(looks(&mut free, false), 10);
        free.plan();
        assert_eq!(
            free.claim(MAX_OPEN_CALLS, 0),
            1,
            "one endpoint can be served"
        );
        assert_eq!(looks(&mut Budget::of(450, 0), true), 99);
        assert!(
            !Budget::of(450, -BEGINS_FOR - 1).look(false, 0),
            "the time is over"
        );
    }
}
