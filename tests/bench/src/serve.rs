//! The native server: a function's own router on edge's native ports, hyper on all
//! processors, and a connection to the database file for whoever needs one. What
//! one would write who has no WebAssembly in mind.

use crate::Error;
use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keywright_native_host::{
    HttpFetch, MemoryLog, Native, PageFolder, ReleaseFolder, SqliteDatabase, SystemClock,
    SystemRandom, serve,
};
use keywright_ports::{BoxFuture, Host};
use keywright_ports::{DatabaseError, DatabasePort, Row, Statement};
use keywright_web::Function;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};

/// Serves until the process is ended.
///
/// # Errors
/// [`Error`] when it cannot listen or open its database.
pub async fn run(address: SocketAddr, database: &Path) -> Result<(), Error> {
    let pool = Pool::of(database);
    // A mistake in the file shows at the start.
    let first = pool
        .take()
        .map_err(|error| Error::new("the database", error))?;
    pool.give_back(first);
    let opened = opened(&keywright_validate::FUNCTION, pool, Path::new("releases"))?;
    listen(address, opened).await
}

/// Serves downloads from a folder of releases until the process is ended.
///
/// # Errors
/// [`Error`] when it cannot listen.
pub async fn run_gate(address: SocketAddr, releases: &Path) -> Result<(), Error> {
    // The gate works without one; this is opened when somebody asks it.
    let pool = Pool::of(&releases.join("../gate.db"));
    let opened = opened(&keywright_download::FUNCTION, pool, releases)?;
    listen(address, opened).await
}

async fn listen(address: SocketAddr, opened: (Host, Router)) -> Result<(), Error> {
    let shared = Arc::new(opened);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Error::new("listening", error))?;
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, shared.clone()));
        }
    }
}

fn opened(function: &Function, pool: Pool, releases: &Path) -> Result<(Host, Router), Error> {
    let config: BTreeMap<String, String> = function
        .grants
        .config
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect();
    let native = Native {
        database: Arc::new(pool),
        without_database: &[],
        releases: Arc::new(ReleaseFolder::new(releases.to_owned())),
        release_writer: None,
        pages: Arc::new(PageFolder::new(PathBuf::from("static"))),
        outbound: Arc::new(HttpFetch::new()),
        sign: None,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        config,
        log: Arc::new(MemoryLog::default()),
    };
    let host = native.host(function);
    let router = (function.router)(&host).map_err(|error| Error::new(function.name, error))?;
    Ok((host, router))
}

async fn connection(stream: TcpStream, shared: Arc<(Host, Router)>) {
    // Without it a slow client would wait for its own acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let shared = shared.clone();
        async move {
            let (host, router) = &*shared;
            Ok::<_, Infallible>(serve(host, router, request.map(Body::new)).await)
        }
    });
    // A client that breaks off is its own affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Kept connections, as many as are in use at once.
struct Pool {
    file: PathBuf,
    idle: Mutex<Vec<SqliteDatabase>>,
}

impl Pool {
    fn of(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteDatabase>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<SqliteDatabase, DatabaseError> {
        let idle = self.idle().pop();
        idle.map_or_else(
            // The file is in WAL mode, and rusqlite waits five seconds for a lock.
            || SqliteDatabase::open(&self.file, keywright_store::MIGRATIONS),
            Ok,
        )
    }

    fn give_back(&self, connection: SqliteDatabase) {
        self.idle().push(connection);
    }
}

impl DatabasePort for Pool {
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async move {
            let connection = self.take()?;
            // A write waits for the disk: the thread's other work moves away.
            let answers = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(connection.batch(statements))
            });
            self.give_back(connection);
            answers
        })
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move {
            // A point read takes less time than handing it to another thread.
            let connection = self.take()?;
            let rows = connection.query(statement).await;
            self.give_back(connection);
            rows
        })
    }
}
