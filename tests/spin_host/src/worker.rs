//! Instances of a component, and how long each of them serves.

use crate::guest::{Guest, GuestContext};
use crate::logs::Logs;
use crate::outbound::Outbound;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep};
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// A sleep without end; only ever polled after it was set anew.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// How instances are used again. The defaults are Spin's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reuse {
    /// Requests an instance serves before it is dropped.
    pub(crate) total: usize,
    /// Requests it serves at once.
    pub(crate) concurrent: usize,
    /// How long it is kept without work.
    pub(crate) idle: Duration,
}

impl Default for Reuse {
    fn default() -> Self {
        Self {
            total: 128,
            concurrent: 16,
            idle: Duration::from_secs(1),
        }
    }
}

/// Makes instances of one component.
pub(crate) struct Instances {
    pub(crate) engine: Engine,
    pub(crate) component: ServicePre<Guest>,
    pub(crate) context: Arc<GuestContext>,
    pub(crate) outbound: Outbound,
    pub(crate) reuse: Reuse,
    pub(crate) logs: Arc<Logs>,
}

impl HandlerState for Instances {
    type StoreData = Guest;
    type WorkerExpiration = IdleTimer;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, IdleTimer, Worker>> {
        let guest = Guest::new(Arc::clone(&self.context), self.outbound.clone())?;
        let mut store = Store::new(&self.engine, guest);
        let service = self.component.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: |guest| guest.http(),
            expiration: IdleTimer {
                idle: self.reuse.idle,
                sleep: Box::pin(sleep(FOREVER)),
            },
            state: Worker {
                component: self.context.name.clone(),
                reuse: self.reuse,
                logs: Arc::clone(&self.logs),
            },
        })
    }
}

/// Takes an instance away that has had nothing to do for a while. A request
/// may take as long as it likes, as in Spin without `--request-timeout`.
pub(crate) struct IdleTimer {
    idle: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for IdleTimer {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = (since + self.idle).into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(context)
    }
}

/// One instance at work.
pub(crate) struct Worker {
    component: String,
    reuse: Reuse,
    logs: Arc<Logs>,
}

impl WorkerState for Worker {
    type StoreData = Guest;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.total {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Guest>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            self.logs.host_line(format!(
                "component `{}`: an instance failed: {error:?}",
                self.component
            ));
        }
        drop(store);
    }
}
