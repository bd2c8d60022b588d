//! Work after the answer, as tasks of the runtime.

use keywright_ports::BoxFuture;
use keywright_ports::{Background, Later};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How often [`finished`] looks whether the work is done.
const STEP: Duration = Duration::from_millis(1);

/// The work that was started on one thread.
#[derive(Default)]
struct Started {
    running: AtomicUsize,
    /// Ends the waits of work whose waits are held.
    over: Notify,
}

thread_local! {
    static STARTED: Arc<Started> = Arc::default();
    static HELD: Cell<bool> = const { Cell::new(false) };
}

struct Tasks;

/// The way to work after the answer.
#[must_use]
pub fn after() -> Later {
    Later::new(Arc::new(Tasks))
}

impl Background for Tasks {
    fn start(&self, work: BoxFuture<'static, ()>) {
        let started = STARTED.with(Arc::clone);
        started.running.fetch_add(1, Ordering::SeqCst);
        let one = Running(started);
        tokio::spawn(async move {
            let _one = one;
            work.await;
        });
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        if HELD.get() {
            let started = STARTED.with(Arc::clone);
            return Box::pin(async move { started.over.notified().await });
        }
        Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
    }
}

/// Counts down when its work ends, also by a panic.
struct Running(Arc<Started>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// From now on background work of this thread that waits goes on only when
/// [`finished`] is called, however slow the machine is. For tests with a runtime of
/// one thread.
pub fn hold_background_waits() {
    HELD.set(true);
}

/// Waits until the background work that was started on this thread is done. For
/// tests with a runtime of one thread.
pub async fn finished() {
    let started = STARTED.with(Arc::clone);
    while started.running.load(Ordering::SeqCst) > 0 {
        started.over.notify_waiters();
        tokio::time::sleep(STEP).await;
    }
}
