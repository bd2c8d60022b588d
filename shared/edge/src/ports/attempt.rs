//! One attempt at a request that carries an `Idempotency-Key`. While the
//! attempt is being worked on, every batch of it also notes, in the same
//! transaction, that it was written, and fails as a whole when another attempt
//! has taken over: so the request's change happens once, whatever crashes.

use super::database::{DatabaseError, Statement};
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

/// The attempt, shared between its request and the database's handle.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Id of the key's row.
    row: String,
    /// Id of this attempt.
    id: String,
    progress: AtomicU8,
}

const NOTHING: u8 = 0;
const APPLIED: u8 = 1;
const SUPERSEDED: u8 = 2;

thread_local! {
    /// Set while a poll of the request runs, and only then.
    static CURRENT: RefCell<Option<Arc<Attempt>>> = const { RefCell::new(None) };
}

impl Attempt {
    pub(crate) fn new(row: String, id: String) -> Arc<Self> {
        Arc::new(Self {
            row,
            id,
            progress: AtomicU8::new(NOTHING),
        })
    }

    /// The attempt that the running code belongs to.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs a future as part of the attempt.
    pub(crate) fn run<F: Future>(self: &Arc<Self>, future: F) -> Within<F> {
        Within {
            attempt: self.clone(),
            future: Box::pin(future),
        }
    }

    /// Notes that the batch it is part of was written. A row that names
    /// another attempt gets a value its CHECK refuses.
    pub(crate) fn apply(&self) -> Statement {
        Statement::new(
            "UPDATE idempotency_keys SET applied = CASE WHEN attempt = ?2 THEN 1 ELSE 2 END
             WHERE id = ?1",
            [self.row.as_str().into(), self.id.as_str().into()],
        )
    }

    /// Takes note of how the batch ended.
    pub(crate) fn outcome<T>(&self, outcome: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        match &outcome {
            Ok(_) => self.progress.store(APPLIED, Ordering::Relaxed),
            Err(DatabaseError::Constraint(text)) if text.contains("applied IN (0, 1)") => {
                self.progress.store(SUPERSEDED, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        outcome
    }

    /// Id of this attempt.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether a batch of this attempt was written.
    pub(crate) fn is_applied(&self) -> bool {
        self.progress.load(Ordering::Relaxed) == APPLIED
    }

    /// Whether another attempt has taken over.
    pub(crate) fn is_superseded(&self) -> bool {
        self.progress.load(Ordering::Relaxed) == SUPERSEDED
    }
}

/// A future that is part of an attempt.
pub(crate) struct Within<F> {
    attempt: Arc<Attempt>,
    future: Pin<Box<F>>,
}

/// Puts the outer attempt back, also when a poll panics.
struct Restore(Option<Arc<Attempt>>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _restore = Restore(CURRENT.replace(Some(self.attempt.clone())));
        self.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_polls_of_its_future_are_part_of_an_attempt() {
        let attempt = Attempt::new("row".to_owned(), "one".to_owned());
        let here = || Attempt::current().map(|attempt| attempt.id.clone());
        let within = attempt.run(async {
            let first = here();
            tokio::task::yield_now().await;
            (first, here())
        });
        let beside = async {
            tokio::task::yield_now().await;
            here()
        };
        let (within, beside) = tokio::join!(within, beside);
        let one = Some("one".to_owned());
        assert_eq!(within, (one.clone(), one));
        assert_eq!(beside, None);
        assert_eq!(here(), None);
    }
}
