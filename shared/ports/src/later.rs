//! Work that goes on after the answer was given.

use crate::BoxFuture;
use std::sync::Arc;

/// What a host implements, for each request: Workers keeps a request's context
/// alive until its work is done, Spin an instance.
pub trait Background: Send + Sync {
    /// Starts work that the answer does not wait for.
    fn start(&self, work: BoxFuture<'static, ()>);

    /// Waits for some milliseconds.
    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()>;
}

/// The way to do something after the answer; a request extension that every
/// host sets.
#[derive(Clone)]
pub struct Later(Arc<dyn Background>);

impl Later {
    /// Wraps a host's.
    pub fn new(background: Arc<dyn Background>) -> Self {
        Self(background)
    }

    /// Starts work that the answer does not wait for. It may be lost when the
    /// host stops; what must not be lost belongs into the batch that makes the
    /// change.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.start(Box::pin(work));
    }

    /// Waits for some milliseconds.
    pub async fn sleep(&self, millis: u64) {
        self.0.sleep(millis).await;
    }
}
