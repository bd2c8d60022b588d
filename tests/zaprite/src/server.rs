//! Starting the double, and its end.

use crate::api;
use crate::state::Shared;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 1 << 20;

/// A running double. Dropping it ends it.
#[derive(Debug)]
pub struct Zaprite {
    pub(crate) shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Zaprite {
    /// Starts a double in real time; it accepts connections when this returns.
    ///
    /// # Errors
    /// No port can be bound; the system gives no thread.
    pub fn start() -> io::Result<Self> {
        Self::run(None)
    }

    /// The same with a time that stands at these unix seconds until it is
    /// [set](Self::set_now).
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_at(now: i64) -> io::Result<Self> {
        Self::run(Some(now))
    }

    fn run(now: Option<i64>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new(base_url, now));
        let (end, ended) = oneshot::channel::<()>();
        let served = shared.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("zaprite-double".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let Ok(listener) = TcpListener::from_std(listener) else {
                        return;
                    };
                    tokio::select! {
                        _ = ended => {}
                        () = accept(&listener, &served) => {}
                    }
                });
                runtime.shutdown_background();
            })?;
        Ok(Self {
            shared,
            end: Some(end),
            thread: Some(thread),
        })
    }
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, shared.clone()));
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = shared.clone();
        async move {
            let (parts, body) = request.map(Body::new).into_parts();
            let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
            let answer = api::answer(shared, parts.method, parts.uri, parts.headers, body);
            Ok::<_, Infallible>(answer.await)
        }
    });
    // An error here is a client that went away.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Drop for Zaprite {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
