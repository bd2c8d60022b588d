//! Work after the answer: the request's context stays alive for it, for at most
//! 30 seconds.

use keywright_ports::BoxFuture;
use keywright_ports::{Background, Later};
use send_wrapper::SendWrapper;
use std::sync::Arc;
use std::time::Duration;
use worker::{Context, Delay, ScheduleContext};

struct AfterAnswer(Context);

struct WithinTick(ScheduleContext);

/// The way to work after the answer of the context's request.
pub(super) fn after(context: Context) -> Later {
    Later::new(Arc::new(AfterAnswer(context)))
}

/// The way to wait within a run of the cron trigger.
pub(super) fn within(context: ScheduleContext) -> Later {
    Later::new(Arc::new(WithinTick(context)))
}

/// Waits for some milliseconds. The timer is made in the first poll: it belongs to the
/// request that waits.
fn sleep(millis: u64) -> BoxFuture<'static, ()> {
    Box::pin(SendWrapper::new(async move {
        Delay::from(Duration::from_millis(millis)).await;
    }))
}

impl Background for AfterAnswer {
    fn start(&self, work: BoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        sleep(millis)
    }
}

impl Background for WithinTick {
    fn start(&self, work: BoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        sleep(millis)
    }
}
