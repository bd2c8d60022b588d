//! A database that fails on demand, before or after its write: what a crash
//! or a lost connection looks like to the code above it. It can also let others
//! write between a request's reading and its writing.

use keywright_ports::BoxFuture;
use keywright_ports::{DatabaseError, DatabasePort, Row, Statement};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Barrier;

/// Where a call breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Before anything is written.
    Before,
    /// After the write took effect; the caller does not learn of it.
    After,
}

/// A database in front of another that breaks one chosen call.
pub struct FaultyDatabase {
    inner: Arc<dyn DatabasePort>,
    calls: AtomicU64,
    statements: AtomicU64,
    broken_call: AtomicU64,
    fault: AtomicU8,
    meanwhile: Mutex<Option<Statement>>,
    gathering: Mutex<Option<Gathering>>,
}

/// Batches that wait for each other.
struct Gathering {
    start: Arc<Barrier>,
    /// How many are still to come.
    missing: usize,
}

const NEVER: u64 = u64::MAX;

impl FaultyDatabase {
    /// Passes everything on until [`Self::break_call`].
    #[must_use]
    pub fn new(inner: Arc<dyn DatabasePort>) -> Self {
        Self {
            inner,
            calls: AtomicU64::new(0),
            statements: AtomicU64::new(0),
            broken_call: AtomicU64::new(NEVER),
            fault: AtomicU8::new(0),
            meanwhile: Mutex::new(None),
            gathering: Mutex::new(None),
        }
    }

    /// Runs a statement of somebody else's right before the next batch: what
    /// may happen between a request's reading and its writing.
    pub fn before_batch(&self, statement: Statement) {
        *self.intruder() = Some(statement);
    }

    fn intruder(&self) -> MutexGuard<'_, Option<Statement>> {
        self.meanwhile
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the next `count` batches back until all of them are there, so that
    /// whatever their requests read before is old by the time they write.
    pub fn gather(&self, count: usize) {
        *self.gathering() = Some(Gathering {
            start: Arc::new(Barrier::new(count)),
            missing: count,
        });
    }

    fn gathering(&self) -> MutexGuard<'_, Option<Gathering>> {
        self.gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The start to wait for, where batches are gathered.
    fn start(&self) -> Option<Arc<Barrier>> {
        let mut gathering = self.gathering();
        let waiting = gathering.as_mut()?;
        let start = waiting.start.clone();
        waiting.missing -= 1;
        if waiting.missing == 0 {
            *gathering = None;
        }
        Some(start)
    }

    /// Breaks the call number `call` from now on, 0 being the next one.
    pub fn break_call(&self, call: u64, fault: Fault) {
        self.count_anew();
        self.fault
            .store(u8::from(fault == Fault::After), Ordering::SeqCst);
        self.broken_call.store(call, Ordering::SeqCst);
    }

    /// Starts counting calls and statements at 0.
    pub fn count_anew(&self) {
        self.calls.store(0, Ordering::SeqCst);
        self.statements.store(0, Ordering::SeqCst);
    }

    /// Calls since [`Self::count_anew`] or [`Self::break_call`]: round trips.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Statements of those calls, each of a batch counted.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::SeqCst)
    }

    /// Passes everything on again. Answers how many calls there were since
    /// [`Self::break_call`].
    pub fn mend(&self) -> u64 {
        self.broken_call.store(NEVER, Ordering::SeqCst);
        self.calls()
    }

    fn fault_now(&self, statements: &[Statement]) -> Option<Fault> {
        self.statements
            .fetch_add(statements.len() as u64, Ordering::SeqCst);
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = if self.fault.load(Ordering::SeqCst) == 0 {
            Fault::Before
        } else {
            Fault::After
        };
        (call == self.broken_call.load(Ordering::SeqCst)).then_some(fault)
    }
}

fn lost() -> DatabaseError {
    DatabaseError::Unavailable("connection lost".to_owned())
}

impl DatabasePort for FaultyDatabase {
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async move {
            if let Some(start) = self.start() {
                start.wait().await;
            }
            let meanwhile = self.intruder().take();
            if let Some(statement) = meanwhile {
                self.inner.batch(vec![statement]).await?;
            }
            match self.fault_now(&statements) {
                Some(Fault::Before) => Err(lost()),
                Some(Fault::After) => {
                    self.inner.batch(statements).await?;
                    Err(lost())
                }
                None => self.inner.batch(statements).await,
            }
        })
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move {
            match self.fault_now(std::slice::from_ref(&statement)) {
                Some(_) => Err(lost()),
                None => self.inner.query(statement).await,
            }
        })
    }
}
