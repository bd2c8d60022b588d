//! Work after the answer: Spin keeps an instance until its tasks are done.

use super::send;
use keywright_ports::BoxFuture;
use keywright_ports::{Background, Later};
use spin_sdk::wasip3;
use std::sync::Arc;

struct InInstance;

/// The way to work after the answer.
pub(super) fn after() -> Later {
    Later::new(Arc::new(InInstance))
}

impl Background for InInstance {
    fn start(&self, work: BoxFuture<'static, ()>) {
        wasip3::spawn(work);
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        const NANOS: u64 = 1_000_000;
        Box::pin(send(async move {
            wasip3::clocks::monotonic_clock::wait_for(millis * NANOS).await;
        }))
    }
}
