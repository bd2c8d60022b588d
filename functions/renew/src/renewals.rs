//! Looks after subscriptions: opens the cycle that is due next, begins the grace of what was
//! not paid, and lets lapse what was not paid in it either.
//!
//! Nothing is charged here, and no provider is asked: a cycle is paid through the buyer's
//! link, which makes an order when it is opened. A cycle that costs nothing is paid here.

use crate::Ports;
use keywright_domain::standing::LicenseStatus;
use keywright_domain::subscription::SubscriptionState;
use keywright_domain::subscription::schedule::{ScheduledSubscription, USUAL_NOTICE_DAYS};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{DatabaseError, Level};
use keywright_services::free_cycle;
use keywright_store::operator::audit::Actor;
use keywright_store::subscriptions::due::{self, Clock, DueSubscription};
use keywright_store::subscriptions::due_changes::{
    self, DueChange, DueCycle, UnreadableSubscription,
};
use keywright_store::tier_changes::applying::{self, AppliedIds};
use serde::Serialize;
use utoipa::ToSchema;

/// Cycles that cost nothing and are paid in one tick: 1,440 a day, and each is opened days
/// before it is due.
const FREE_CYCLES: usize = 1;
/// For how long the others are put off, in seconds, so that they do not stand before what
/// is due behind them.
const PUT_OFF: i64 = 3_600;

/// What a tick did for subscriptions.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Renewed)]
pub(crate) struct RenewalReport {
    /// Cycles that were opened.
    cycles_opened: usize,
    /// Cycles that cost nothing and were paid.
    cycles_free: usize,
    /// Subscriptions whose grace began.
    past_due: usize,
    /// Licenses that got another policy with the cycle that began.
    policies_changed: usize,
    /// Subscriptions that lapsed.
    lapsed: usize,
    /// Subscriptions that could not be read; they are tried again in an hour.
    subscriptions_failed: usize,
    /// Statements that it took.
    #[serde(skip)]
    pub(crate) statements: usize,
}

/// What a tick did, and what it leaves for the end of the tick.
pub(crate) struct Renewals {
    pub(crate) report: RenewalReport,
    /// Subscriptions whose open cycle costs nothing.
    free: Vec<String>,
    actor: Actor,
}

/// Runs one tick, but for the cycles that cost nothing.
///
/// # Errors
/// After a [`DatabaseError`] the next tick does the same.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<Renewals, DatabaseError> {
    let now = ports.stamps.now();
    let actor = Actor {
        name: "renew".into(),
        at: now,
        request_id: request_id.to_owned(),
    };
    let mut report = RenewalReport {
        statements: due_changes::IDLE_STATEMENTS,
        ..RenewalReport::default()
    };
    let work = due::due(&ports.database, now).await?;
    if !work.subscriptions.is_empty() {
        report.statements = due_changes::STATEMENTS;
    }
    let (mut changes, mut unreadable, mut free) = (Vec::new(), Vec::new(), Vec::new());
    let mut applied = Vec::new();
    for subscription in &work.subscriptions {
        match step(ports, subscription, now, work.running_since) {
            Ok(Step::Change(change)) => {
                report.count(subscription, &change);
                changes.push(change);
            }
            Ok(Step::Apply(change_id)) => applied.push(AppliedIds {
                audit_id: ports.stamps.new_id(),
                event_id: ports.stamps.new_id(),
                change_id,
            }),
            Ok(Step::PayNothing) => free.push(subscription.id.clone()),
            Err(reason) => {
                let line = format!("subscription {} cannot be read: {reason}", subscription.id);
                ports.log.write(Level::Error, request_id, &line);
                unreadable.push(UnreadableSubscription {
                    id: subscription.id.clone(),
                    attention_id: ports.stamps.new_id(),
                    reason,
                });
            }
        }
    }
    report.subscriptions_failed = unreadable.len();
    let page = ports.public_url.as_deref();
    let page = page.map(|url| format!("{url}/subscription#"));
    due_changes::change(
        &ports.database,
        &actor,
        &changes,
        &unreadable,
        page.as_deref(),
        work.clock,
    )
    .await?;
    if !applied.is_empty() {
        report.statements += applying::STATEMENTS;
        report.policies_changed = applied.len();
        applying::apply_due(&ports.database, &actor, &applied).await?;
    }
    Ok(Renewals {
        report,
        free,
        actor,
    })
}

impl Renewals {
    /// Pays cycles that cost nothing, as far as the platform's limit of statements allows:
    /// money that came in goes first. Those that are not paid now are put off.
    ///
    /// # Errors
    /// After a [`DatabaseError`] a later tick does the same.
    pub(crate) async fn pay_nothing(
        &mut self,
        ports: &Ports,
        statements_left: &mut usize,
    ) -> Result<(), DatabaseError> {
        let Ok(keys) = &ports.receipt_keys else {
            return Ok(());
        };
        let free = std::mem::take(&mut self.free);
        let needed = free_cycle::STATEMENTS + due_changes::PUT_OFF_STATEMENTS;
        let paid_now = if *statements_left >= needed {
            FREE_CYCLES
        } else {
            0
        };
        let (now, later) = free.split_at(free.len().min(paid_now));
        if !later.is_empty() && *statements_left > 0 {
            *statements_left -= 1;
            let at = self.actor.at + PUT_OFF;
            due_changes::put_off(&ports.database, later, at).await?;
        }
        for id in now {
            *statements_left -= needed.min(*statements_left);
            let (database, stamps) = (&ports.database, &ports.stamps);
            match free_cycle::pay(database, stamps, &self.actor, id, keys).await {
                Ok(true) => self.report.cycles_free += 1,
                Ok(false) => {}
                Err(error) => {
                    self.report.subscriptions_failed += 1;
                    let failed = UnreadableSubscription {
                        id: id.clone(),
                        attention_id: stamps.new_id(),
                        reason: format!(
                            "its next period costs nothing and was not recorded: {error}"
                        ),
                    };
                    due_changes::change(database, &self.actor, &[], &[failed], None, Clock::Fresh)
                        .await?;
                }
            }
        }
        Ok(())
    }
}

enum Step {
    Change(DueChange),
    /// The cycle has begun that this change waits for.
    Apply(String),
    /// Its open cycle costs nothing.
    PayNothing,
}

fn step(
    ports: &Ports,
    subscription: &DueSubscription,
    now: i64,
    running_since: i64,
) -> Result<Step, String> {
    let (state, terms) = (subscription.state()?, subscription.terms()?);
    if let (Some(change_id), Some(at)) = (&subscription.paid_change_id, subscription.changes_at)
        && at <= now
    {
        return Ok(Step::Apply(change_id.clone()));
    }
    let is_in_force = subscription.license_status == LicenseStatus::Active;
    if is_in_force && state.is_live() && subscription.open_price == Some(0) {
        return Ok(Step::PayNothing);
    }
    let scheduled = ScheduledSubscription {
        state,
        is_in_force,
        expires_at: subscription.expires_at,
        grace_until: subscription.grace_until,
        opened_at: subscription.opened_at,
        period_seconds: terms.period_seconds(),
        grace_seconds: terms.grace_seconds(),
    };
    let step = scheduled.step(now, USUAL_NOTICE_DAYS, running_since);
    let number = subscription.paid_cycles + 1;
    let charge = subscription.next_terms()?.charge(number);
    let cycle = step.opens_cycle.then(|| DueCycle {
        id: ports.stamps.new_id(),
        number,
        currency: charge.price.currency().as_str(),
        price: charge.price.amount(),
        base: charge.base.amount(),
        due_at: subscription.expires_at.unwrap_or(now),
    });
    let is_free = step.opens_cycle && charge.price.is_zero();
    let event_type = due_changes::event_of(step.state, step.opens_cycle, step.change.is_some());
    Ok(Step::Change(DueChange {
        id: subscription.id.clone(),
        step_id: subscription.step_id.clone(),
        new_step_id: ports.stamps.new_id(),
        state: step.state,
        event_type: event_type.map(EventType::as_str),
        grace_until: step.grace_until,
        // A cycle that costs nothing is paid by the next tick.
        next_step_at: if is_free {
            Some(now)
        } else {
            earlier(step.next_step_at, subscription.changes_at)
        },
        cycle,
    }))
}

/// The earlier of two times, where there are any.
fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

impl RenewalReport {
    fn count(&mut self, before: &DueSubscription, change: &DueChange) {
        let is_new = before.state != change.state.as_str();
        self.cycles_opened += usize::from(change.cycle.is_some());
        self.past_due += usize::from(is_new && change.state == SubscriptionState::PastDue);
        self.lapsed += usize::from(is_new && change.state == SubscriptionState::Lapsed);
    }
}
