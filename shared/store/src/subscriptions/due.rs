//! What is due of subscriptions, in one round trip. What the tick does about it is in
//! [`super::due_changes`].

use keywright_domain::standing::LicenseStatus;
use keywright_domain::subscription::SubscriptionState;
use keywright_domain::subscription::schedule::PAUSE_FROM;
use keywright_domain::subscription::terms::SubscriptionTerms;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

/// Subscriptions that one tick looks at.
pub const LOOKED_AT: i64 = 50;

/// A subscription whose time has come. `terms` is text, so that one row that cannot be read
/// does not hide the others.
#[derive(Debug, Clone, Deserialize)]
pub struct DueSubscription {
    /// Its id.
    pub id: String,
    /// The last change.
    pub step_id: String,
    /// Where it stands.
    pub state: String,
    /// The state of its license.
    pub license_status: LicenseStatus,
    /// How far it is paid.
    pub expires_at: Option<i64>,
    /// The end of its grace.
    pub grace_until: Option<i64>,
    /// The number of the newest paid cycle.
    pub paid_cycles: i64,
    /// What it was sold for, as JSON.
    pub terms: String,
    /// Since when the next cycle can be paid.
    pub opened_at: Option<i64>,
    /// What it costs.
    pub open_price: Option<i64>,
    /// What the next cycle is sold for, if a change is booked for it, as JSON.
    pub booked_terms: Option<String>,
    /// A change whose cycle is paid, and which waits for that to begin.
    pub paid_change_id: Option<String>,
    /// When it begins, in unix seconds.
    pub changes_at: Option<i64>,
}

impl DueSubscription {
    /// Where it stands.
    ///
    /// # Errors
    /// What is wrong, for the log.
    pub fn state(&self) -> Result<SubscriptionState, String> {
        SubscriptionState::parse(&self.state)
            .ok_or_else(|| format!("its state is {:?}", self.state))
    }

    /// What the next cycle is sold for.
    ///
    /// # Errors
    /// What is wrong, for the log.
    pub fn next_terms(&self) -> Result<SubscriptionTerms, String> {
        let text = self.booked_terms.as_ref().unwrap_or(&self.terms);
        serde_json::from_str(text).map_err(|error| format!("its booked terms: {error}"))
    }

    /// What it was sold for.
    ///
    /// # Errors
    /// What is wrong, for the log.
    pub fn terms(&self) -> Result<SubscriptionTerms, String> {
        serde_json::from_str(&self.terms).map_err(|error| format!("its terms: {error}"))
    }
}

/// Whether the clock of renewals has to be moved. It is not at every tick, which would be a
/// write a minute for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// It was moved some minutes ago, or there is no subscription yet.
    Fresh,
    /// It is to be moved.
    Stale,
}

/// How old the clock may be, in seconds: well below what counts as a pause.
const CLOCK_SECONDS: i64 = PAUSE_FROM / 6;

/// What was read for a tick.
#[derive(Debug, Clone)]
pub struct DueWork {
    /// Since when ticks have come without a pause.
    pub running_since: i64,
    /// Whether the clock has to be moved.
    pub clock: Clock,
    /// What is due, the most overdue first.
    pub subscriptions: Vec<DueSubscription>,
}

#[derive(Deserialize)]
struct ClockRow {
    ticked_at: i64,
    running_since: i64,
}

/// Reads what is due. After a pause, grace goes on from where it stood, because nobody could
/// pay meanwhile.
///
/// # Errors
/// [`DatabaseError`].
pub async fn due(database: &Database, now: i64) -> Result<DueWork, DatabaseError> {
    let (clock, subscriptions) = read(database, now).await?;
    match clock {
        Some(clock) if clock.ticked_at < now - PAUSE_FROM => {
            database.batch(prolong(clock.ticked_at, now).into()).await?;
            let (_, subscriptions) = read(database, now).await?;
            Ok(DueWork {
                running_since: now,
                clock: Clock::Fresh,
                subscriptions,
            })
        }
        clock => Ok(DueWork {
            clock: match &clock {
                Some(clock) if clock.ticked_at <= now - CLOCK_SECONDS => Clock::Stale,
                _ => Clock::Fresh,
            },
            running_since: clock.map_or(now, |clock| clock.running_since),
            subscriptions,
        }),
    }
}

async fn read(
    database: &Database,
    now: i64,
) -> Result<(Option<ClockRow>, Vec<DueSubscription>), DatabaseError> {
    let mut batch = Batch::new();
    let clock = batch.read::<ClockRow>(Statement::new(
        "SELECT ticked_at, running_since FROM renewal_clock WHERE id = 1",
        [],
    ));
    let due = batch.read::<DueSubscription>(Statement::new(
        "SELECT s.id, s.step_id, s.state, l.status AS license_status, l.expires_at,
                s.grace_until, s.paid_cycles, s.terms, c.opened_at, c.price_amount AS open_price,
                b.effect -> '$.terms' AS booked_terms, t.id AS paid_change_id,
                t.effective_at AS changes_at
         FROM subscriptions s
         JOIN licenses l ON l.id = s.license_id
         LEFT JOIN tier_changes b ON b.id = s.booked_change_id
         LEFT JOIN tier_changes t
           ON t.id = (SELECT id FROM tier_changes
                      WHERE license_id = s.license_id AND state = 'paid'
                      ORDER BY effective_at LIMIT 1)
         LEFT JOIN subscription_cycles c
           ON c.subscription_id = s.id AND c.number = s.paid_cycles + 1 AND c.state = 'open'
         WHERE s.next_step_at <= ?1
         ORDER BY s.next_step_at LIMIT ?2",
        [now.into(), LOOKED_AT.into()],
    ));
    let mut rows = batch.run(database).await?;
    Ok((rows.first(clock)?, rows.all(due)?))
}

/// Prolongs every grace that was running by the pause, once: all of it hangs on the clock as
/// it was read, which the last statement moves.
fn prolong(ticked_at: i64, now: i64) -> [Statement; 3] {
    let params = || [now.into(), ticked_at.into()];
    [
        Statement::new(
            "UPDATE licenses AS l
             SET grace_seconds = l.grace_seconds + (?1 - ?2), updated_at = ?1
             FROM subscriptions s JOIN renewal_clock k ON k.ticked_at = ?2
             WHERE l.id = s.license_id AND s.state = 'past_due' AND s.grace_until > ?2",
            params(),
        ),
        Statement::new(
            "UPDATE subscriptions AS s
             SET grace_until = s.grace_until + (?1 - ?2), next_step_at = s.next_step_at + (?1 - ?2)
             FROM renewal_clock k
             WHERE k.ticked_at = ?2 AND s.state = 'past_due' AND s.grace_until > ?2",
            params(),
        ),
        Statement::new(
            "UPDATE renewal_clock SET running_since = ?1, ticked_at = ?1
             WHERE ticked_at = ?2",
            params(),
        ),
    ]
}
