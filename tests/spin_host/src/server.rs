//! The HTTP server in front of an application.

use crate::app::Application;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wasmtime_wasi_http::Error;

/// Serves until the task is dropped, and then closes every connection.
pub(crate) async fn serve(listener: TcpListener, application: Arc<Application>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                connections.spawn(connection(stream, client, Arc::clone(&application)));
            }
            // Too many open files, or a client that left in between.
            Err(error) => {
                application
                    .logs
                    .host_line(format!("a connection was not accepted: {error}"));
                tokio::task::yield_now().await;
            }
        }
        // Finished connections would stay in the set for ever otherwise.
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection. As in Spin its small writes are not sent at once
/// (no `TCP_NODELAY`), so that a chunked answer shows its price here too.
async fn connection(stream: TcpStream, client: SocketAddr, application: Arc<Application>) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let application = Arc::clone(&application);
        async move {
            let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
            let answer = application.serve(request, client).await;
            if let Err(why) = &answer {
                application
                    .logs
                    .host_line(format!("a request was refused: {why}"));
            }
            answer
        }
    });
    let served = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        application
            .logs
            .host_line(format!("a connection failed: {error:?}"));
    }
}
