//! The turns of stores: the reconciler asks each store in turn, whatever the others have
//! to do, and asks one that does not answer less and less often.

use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;
use serde_json::{Value, json};

/// Most paid invoices that are read at once; 100 are about 200 KB.
pub const LARGEST_PAGE: i64 = 100;

/// How long a turn lasts at most, in seconds: three requests of ten seconds. Then
/// another tick may take it, because the one that had it died.
const LEASE: i64 = 30;
/// Seconds between two lists of what was paid at a store, so that ticks in a row do
/// not ask the same again. Less than the minute from one tick to the next.
const LIST_EVERY: i64 = 20;
/// Pause after a store did not answer twice in a row, in seconds; doubled each time up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i64 = 60;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 300;

/// A store whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoreTurn {
    /// Id of the connected provider; empty for the store of the configuration.
    pub store: String,
    /// Number of this turn.
    pub turn: i64,
    /// How many of the newest paid invoices the last turns read besides the first page;
    /// 0 when that was all.
    pub skip: i64,
    /// How many invoices to read at once.
    pub page_size: i64,
    /// How often in a row it did not answer.
    pub failures: i64,
    /// Whether to list paid invoices.
    #[serde(deserialize_with = "crate::columns::flag")]
    pub lists: bool,
}

/// The result of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreTurnOutcome {
    /// It answered for the orders that it was asked for; what was paid was not listed.
    NotListed,
    /// It answered, with so many paid invoices on its first page and on the page after
    /// [`StoreTurn::skip`], where that was read.
    Answered {
        /// On the first page.
        newest: usize,
        /// On the other one.
        older: Option<usize>,
    },
    /// Its answer was too large to be read.
    TooLarge,
    /// It did not answer, or answered an error.
    Failed,
}

impl StoreTurn {
    /// The connected provider; `None` for the store of the configuration.
    #[must_use]
    pub fn provider_id(&self) -> Option<&str> {
        Some(self.store.as_str()).filter(|id| !id.is_empty())
    }

    /// The same store after this turn.
    #[must_use]
    pub fn after(&self, outcome: StoreTurnOutcome) -> Self {
        let mut next = self.clone();
        match outcome {
            StoreTurnOutcome::NotListed => next.failures = 0,
            StoreTurnOutcome::Answered { newest, older } => {
                let is_full =
                    |count: usize| i64::try_from(count).is_ok_and(|count| count >= self.page_size);
                next.failures = 0;
                next.skip = match older {
                    _ if !is_full(newest) => 0,
                    Some(older) if !is_full(older) => self.page_size,
                    Some(_) => self.skip + self.page_size,
                    None => self.page_size,
                };
                next.page_size = (self.page_size * 2).min(LARGEST_PAGE);
            }
            StoreTurnOutcome::TooLarge => {
                next.page_size = (self.page_size / 2).max(1);
                next.skip = 0;
            }
            StoreTurnOutcome::Failed => next.failures = self.failures + 1,
        }
        next
    }

    /// Seconds until it is asked again: none after one failure, which may be a hiccup.
    #[must_use]
    pub fn pause(&self) -> i64 {
        match self.failures {
            ..=1 => 0,
            failures => {
                let doublings = u32::try_from((failures - 2).clamp(0, 8)).unwrap_or_default();
                (FIRST_PAUSE << doublings).min(LONGEST_PAUSE)
            }
        }
    }
}

/// Takes the turns of up to `limit` stores that have something to check, the longest
/// waiting first. Ticks at the same time get different stores.
pub async fn claim(
    database: &Database,
    now: i64,
    limit: i64,
) -> Result<Vec<StoreTurn>, DatabaseError> {
    let known = Statement::new(
        "INSERT INTO store_turns (store, turn, leased_until, list_at, failures, skip, page_size)
         SELECT s.store, 0, 0, 0, 0, 0, ?1
         FROM (SELECT '' AS store UNION ALL SELECT id FROM payment_providers) AS s
         WHERE NOT EXISTS (SELECT 1 FROM store_turns t WHERE t.store = s.store)
           AND EXISTS (SELECT 1 FROM invoices
                       WHERE payment_provider_id IS nullif(s.store, '')
                         AND next_check_at IS NOT NULL)",
        [LARGEST_PAGE.into()],
    );
    let taken = Statement::new(
        "UPDATE store_turns
         SET turn = (SELECT max(turn) + 1 FROM store_turns), leased_until = ?1 + ?3
         WHERE store IN
           (SELECT s.store FROM store_turns s
            WHERE s.leased_until <= ?1
              AND (s.list_at <= ?1
                   AND EXISTS (SELECT 1 FROM invoices
                               WHERE payment_provider_id IS nullif(s.store, '')
                                 AND next_check_at IS NOT NULL AND status <> 'settled')
                   OR EXISTS (SELECT 1 FROM invoices
                              WHERE payment_provider_id IS nullif(s.store, '')
                                AND next_check_at IS NOT NULL AND status <> 'settled'
                                AND next_check_at <= ?1)
                   OR EXISTS (SELECT 1 FROM invoices
                              WHERE payment_provider_id IS nullif(s.store, '')
                                AND next_check_at IS NOT NULL AND status = 'settled'
                                AND next_check_at <= ?1))
            ORDER BY s.turn, s.store LIMIT ?2)
         RETURNING store, turn, skip, page_size, failures, list_at <= ?1 AS lists",
        [now.into(), limit.into(), LEASE.into()],
    );
    let mut batch = Batch::new();
    batch.write(known);
    let taken = batch.read(taken);
    batch.run(database).await?.all(taken)
}

/// The statement that ends the turns.
#[must_use]
pub fn end(turns: &[(StoreTurn, StoreTurnOutcome)], now: i64) -> Statement {
    let ended: Vec<Value> = turns
        .iter()
        .map(|(turn, outcome)| {
            let next = turn.after(*outcome);
            let list_at = match outcome {
                StoreTurnOutcome::Answered { .. } => Some(now + LIST_EVERY),
                StoreTurnOutcome::NotListed
                | StoreTurnOutcome::TooLarge
                | StoreTurnOutcome::Failed => None,
            };
            json!({
                "store": next.store, "turn": next.turn, "skip": next.skip,
                "page_size": next.page_size, "failures": next.failures,
                "leased_until": now + next.pause(), "list_at": list_at,
            })
        })
        .collect();
    // A turn that took longer than its lease may be another tick's by now.
    Statement::new(
        "UPDATE store_turns
         SET skip = e.value ->> 'skip', page_size = e.value ->> 'page_size',
             failures = e.value ->> 'failures', leased_until = e.value ->> 'leased_until',
             list_at = coalesce(e.value ->> 'list_at', list_at)
         FROM json_each(?1) AS e
         WHERE store_turns.store = e.value ->> 'store' AND store_turns.turn = e.value ->> 'turn'",
        [Value::from(ended).to_string().into()],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(skip: i64, page_size: i64) -> StoreTurn {
        StoreTurn {
            store: String::new(),
            turn: 1,
            skip,
            page_size,
            failures: 0,
            lists: true,
        }
    }

    #[test]
    fn older_pages_are_read_one_after_the_other_and_from_the_start() {
        let answered = |newest, older| StoreTurnOutcome::Answered { newest, older };
        let next = |skip, outcome| turn(skip, 100).after(outcome).skip;
        assert_eq!(next(0, answered(99, None)), 0, "that was all");
        assert_eq!(next(0, answered(100, None)), 100);
        assert_eq!(next(100, answered(100, Some(100))), 200);
        assert_eq!(next(200, answered(100, Some(3))), 100, "from the start");
        assert_eq!(next(200, answered(7, Some(0))), 0);
    }

    #[test]
    fn an_answer_that_is_too_large_makes_the_next_one_smaller() {
        let mut now = turn(300, 100);
        let mut sizes = Vec::new();
        for _ in 0..8 {
            now = now.after(StoreTurnOutcome::TooLarge);
            sizes.push(now.page_size);
        }
        assert_eq!(sizes, [50, 25, 12, 6, 3, 1, 1, 1]);
        assert_eq!(now.skip, 0);
        let answered = StoreTurnOutcome::Answered {
            newest: 1,
            older: None,
        };
        assert_eq!(now.after(answered).page_size, 2);
        assert_eq!(turn(0, 100).after(answered).page_size, 100);
    }

    #[test]
    fn a_store_that_does_not_answer_is_asked_less_and_less_often() {
        let mut now = turn(0, 100);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            now = now.after(StoreTurnOutcome::Failed);
            pauses.push(now.pause());
        }
        assert_eq!(pauses, [0, 60, 120, 240, 300, 300, 300, 300]);
        let answered = StoreTurnOutcome::Answered {
            newest: 0,
            older: None,
        };
        assert_eq!(now.after(answered).pause(), 0);
    }
}
