//! Waiting for deliveries. The waiting itself happens on the double's own
//! runtime, so it works under any other.

use std::sync::Arc;

use super::Control;
use crate::state::State;

/// What was waited for did not happen in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("waited in vain for {awaited}; attempts so far: {attempts}")]
pub struct Stuck {
    awaited: String,
    attempts: usize,
}

impl Control {
    /// Waits until no delivery is queued, under way or waiting for a retry.
    /// Those set aside by a fault do not count.
    ///
    /// # Errors
    /// It takes longer than the builder's patience, 30 seconds by default.
    pub async fn idle(&self) -> Result<(), Stuck> {
        self.wait_for("idle queues".to_owned(), State::is_idle)
            .await
    }

    /// Waits until so many attempts to deliver have been answered or failed,
    /// since the start or the last [`clear_logs`](Self::clear_logs).
    ///
    /// # Errors
    /// As [`idle`](Self::idle).
    pub async fn attempts_reached(&self, count: usize) -> Result<(), Stuck> {
        self.wait_for(format!("{count} attempts"), move |state| {
            state.sent() >= count
        })
        .await
    }

    async fn wait_for(
        &self,
        awaited: String,
        reached: impl Fn(&State) -> bool + Send + Sync + 'static,
    ) -> Result<(), Stuck> {
        let double = Arc::clone(&self.double);
        let watching = self.double.runtime.spawn(async move {
            let mut changed = double.changed.subscribe();
            let until = async {
                while !reached(&double.lock()) {
                    // The sender lives in `double`, so this cannot fail.
                    let _ = changed.changed().await;
                }
            };
            tokio::time::timeout(double.setup.patience, until)
                .await
                .is_ok()
        });
        match watching.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Stuck {
                awaited,
                attempts: self.double.lock().sent(),
            }),
        }
    }
}
