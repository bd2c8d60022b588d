//! Notes that are written after the answer, many at once: the validation log,
//! last-seen times. The answer does not wait for them, and the database sees
//! one batch where it would see hundreds of small writes.
//!
//! A note is lost only when the host stops within [`GATHER_MILLIS`] of the
//! answer, or when the database refuses it [`MOST_FAILURES`] times in a row;
//! the second is counted and logged. What must not be lost at all belongs into
//! the batch that makes the change.

use keywright_ports::{Clock, Database, DatabaseError, Later, Level, Log, Statement};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a first note waits for others, in milliseconds.
pub const GATHER_MILLIS: u64 = 200;
/// Notes written in one batch, and the most that wait: whoever adds one more
/// writes them before it answers, so that memory stays bounded.
pub const MOST_NOTES: usize = 512;
/// Failures in a row after which the waiting notes are given up.
pub const MOST_FAILURES: u32 = 5;
/// Batches that one request writes after its answer: Workers ends a request's
/// context 30 seconds after the answer.
const MOST_ROUNDS: u32 = 20;
/// A writer that has been silent for so many milliseconds was stopped by the
/// host; the next note starts another.
const SILENCE_MILLIS: u64 = 30_000;

/// The journal of one function; cheap to clone.
pub struct Journal<T>(Arc<Inner<T>>);

impl<T> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<T> {
    database: Database,
    clock: Arc<dyn Clock>,
    log: Log,
    statements: fn(&[T]) -> Vec<Statement>,
    state: Mutex<State<T>>,
}

struct State<T> {
    waiting: Vec<T>,
    /// When the running writer last showed a sign of life, in unix
    /// milliseconds.
    writer: Option<u64>,
    failures: u32,
    counts: Counts,
}

/// What became of the notes of this instance so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Written.
    pub written: u64,
    /// Given up after [`MOST_FAILURES`] failures.
    pub lost: u64,
}

impl<T: Send + 'static> Journal<T> {
    /// A journal whose notes become statements by `statements`; each call of
    /// it is one batch.
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        log: Log,
        statements: fn(&[T]) -> Vec<Statement>,
    ) -> Self {
        Self(Arc::new(Inner {
            database,
            clock,
            log,
            statements,
            state: Mutex::new(State {
                waiting: Vec::new(),
                writer: None,
                failures: 0,
                counts: Counts::default(),
            }),
        }))
    }

    /// Adds a note. Returns at once, unless [`MOST_NOTES`] are waiting: then it
    /// writes them first.
    pub async fn add(&self, later: &Later, note: T) {
        let now = self.0.clock.unix_millis();
        let full = {
            let mut state = self.state();
            state.waiting.push(note);
            let is_silent = |since: u64| now.saturating_sub(since) > SILENCE_MILLIS;
            let full = state.waiting.len() >= MOST_NOTES;
            if !full && state.writer.is_none_or(is_silent) {
                state.writer = Some(now);
                let (journal, own_later) = (self.clone(), later.clone());
                later.start(async move { journal.write_on(&own_later).await });
            }
            full
        };
        if full {
            self.write().await;
        }
    }

    /// Writes what waits now.
    pub async fn write(&self) {
        let notes = std::mem::take(&mut self.state().waiting);
        if notes.is_empty() {
            return;
        }
        let outcome = self.0.database.aside((self.0.statements)(&notes)).await;
        self.done(notes, outcome.map(drop));
    }

    fn done(&self, mut notes: Vec<T>, outcome: Result<(), DatabaseError>) {
        let mut state = self.state();
        let count = u64::try_from(notes.len()).unwrap_or(u64::MAX);
        let Err(error) = outcome else {
            state.failures = 0;
            state.counts.written += count;
            return;
        };
        state.failures += 1;
        // More than twice the bound can only wait while the database is down.
        if state.failures < MOST_FAILURES && notes.len() + state.waiting.len() <= 2 * MOST_NOTES {
            notes.append(&mut state.waiting);
            state.waiting = notes;
            return;
        }
        state.failures = 0;
        state.counts.lost += count;
        let total = state.counts.lost;
        drop(state);
        let line = format!("{count} journal notes lost, {total} since the start: {error}");
        self.0.log.write(Level::Error, "", &line);
    }

    async fn write_on(&self, later: &Later) {
        for _ in 0..MOST_ROUNDS {
            later.sleep(GATHER_MILLIS).await;
            self.write().await;
            let mut state = self.state();
            if state.waiting.is_empty() {
                break;
            }
            state.writer = Some(self.0.clock.unix_millis());
        }
        self.state().writer = None;
    }

    /// What became of the notes so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
