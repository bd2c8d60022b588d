//! The instance in this process: the functions' own routers behind a loopback
//! HTTP server.

use super::{Database, Running, Setup, StartError, Started};
use crate::shop::{self, Shop};
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keywright_native_host::{MemoryLog, SystemClock};
use keywright_ports::name;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

struct Server(JoinHandle<()>, Arc<MemoryLog>);

impl Running for Server {
    fn log(&self) -> String {
        self.1.lines().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) async fn start(setup: Setup) -> Result<Started, StartError> {
    let failed = |error| StartError::new("listening on 127.0.0.1", error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(failed)?;
    let base_url = format!("http://{}", listener.local_addr().map_err(failed)?);
    let mut config = setup.config;
    config.push((name::PUBLIC_URL, base_url.clone()));
    let shop = Arc::new(Shop::open(shop::Setup {
        config,
        clock: Arc::new(SystemClock),
        releases: setup.releases.path(),
        without_database: setup.without_database,
    }));
    let database = Database::Here(shop.database.clone());
    let log = shop.native.log.clone();
    let server = tokio::spawn(accept(listener, shop));
    Ok(Started {
        base_url,
        database,
        running: Box::new(Server(server, log)),
    })
}

async fn accept(listener: TcpListener, shop: Arc<Shop>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, shop.clone()));
    }
}

async fn connection(stream: TcpStream, shop: Arc<Shop>) {
    let service = service_fn(|request: Request<Incoming>| {
        let shop = shop.clone();
        async move { Ok::<_, Infallible>(answer(&shop, request.map(Body::new)).await) }
    });
    // A client that breaks off is its own affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(shop: &Shop, request: Request<Body>) -> Response<Body> {
    if keywright_gateway::routes::binding_for(request.uri().path()).is_none() {
        // `OPTIONS *` and `CONNECT` name no path.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    }
    shop.answer(request).await
}
