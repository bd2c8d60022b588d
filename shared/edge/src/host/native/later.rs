//! Work after the answer, as tasks of the runtime.

use crate::BoxFuture;
use crate::ports::{Background, Later};
use std::sync::Arc;
use std::time::Duration;

struct Tasks;

/// The way to work after the answer.
pub(super) fn after() -> Later {
    Later::new(Arc::new(Tasks))
}

impl Background for Tasks {
    fn start(&self, work: BoxFuture<'static, ()>) {
        tokio::spawn(work);
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
    }
}
