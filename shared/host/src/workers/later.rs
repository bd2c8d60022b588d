//! Work after the answer: the request's context stays alive for it, for at most
//! 30 seconds.

use keywright_ports::BoxFuture;
use keywright_ports::{Background, Later};
use send_wrapper::SendWrapper;
use std::sync::Arc;
use std::time::Duration;
use worker::{Context, Delay};

struct AfterAnswer(Context);

/// The way to work after the answer of the context's request.
pub(super) fn after(context: Context) -> Later {
    Later::new(Arc::new(AfterAnswer(context)))
}

impl Background for AfterAnswer {
    fn start(&self, work: BoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        // Made in the first poll: the timer belongs to the request that waits.
        Box::pin(SendWrapper::new(async move {
            Delay::from(Duration::from_millis(millis)).await;
        }))
    }
}
