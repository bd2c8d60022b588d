//! The door: listening, refusing, and cutting connections.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tower_service::Service;

/// Put into the extensions of a response that must not be sent: the connection
/// is cut instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut;

/// The reason hyper is given for closing a connection.
#[derive(Debug, thiserror::Error)]
#[error("cut on purpose")]
struct CutOnPurpose;

type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

struct Order {
    open: bool,
    done: Done,
}

/// Opens and shuts the door of a running server.
#[derive(Debug, Clone)]
pub(crate) struct Gate(mpsc::UnboundedSender<Order>);

impl Gate {
    /// Opens or shuts, and waits until it is so. For threads other than the
    /// server's.
    pub(crate) fn set(&self, open: bool) -> io::Result<()> {
        let (done, wait) = std::sync::mpsc::channel();
        self.order(open, Box::new(move |result| drop(done.send(result))))?;
        wait.recv().map_err(|_| gone())?
    }

    /// The same for tasks of the server itself.
    pub(crate) async fn set_from_within(&self, open: bool) -> io::Result<()> {
        let (done, wait) = oneshot::channel();
        self.order(open, Box::new(move |result| drop(done.send(result))))?;
        wait.await.map_err(|_| gone())?
    }

    fn order(&self, open: bool, done: Done) -> io::Result<()> {
        self.0.send(Order { open, done }).map_err(|_| gone())
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the double has ended")
}

/// Orders on their way to the door.
pub(crate) struct Inbox(mpsc::UnboundedReceiver<Order>);

/// A gate, and what its door needs to hear of it.
pub(crate) fn gate() -> (Gate, Inbox) {
    let (orders, inbox) = mpsc::unbounded_channel();
    (Gate(orders), Inbox(inbox))
}

/// Serves a router on a listener, behind a door that is open at first.
pub(crate) async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    inbox: Inbox,
    router: Router,
) {
    let door = Door {
        address,
        listener: Some(listener),
        reserved: None,
        inbox: inbox.0,
    };
    door.keep(router).await;
}

struct Door {
    address: SocketAddr,
    listener: Option<TcpListener>,
    /// Holds the port while nobody listens, so that no other process gets it
    /// and connections are refused.
    reserved: Option<TcpSocket>,
    inbox: mpsc::UnboundedReceiver<Order>,
}

impl Door {
    async fn keep(mut self, router: Router) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                // Without anybody left to give orders, the door stays as it is.
                Some(Order { open, done }) = self.inbox.recv() => {
                    if open {
                        done(self.open().await);
                    } else {
                        connections.shutdown().await;
                        done(self.shut().await);
                    }
                }
                accepted = accept(self.listener.as_ref()) => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(converse(stream, router.clone()));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn open(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            let socket = match self.reserved.take() {
                Some(socket) => socket,
                None => reserve(self.address).await?,
            };
            self.listener = Some(socket.listen(1024)?);
        }
        Ok(())
    }

    async fn shut(&mut self) -> io::Result<()> {
        if self.listener.take().is_some() {
            self.reserved = Some(reserve(self.address).await?);
        }
        Ok(())
    }
}

/// Binds without listening.
///
/// The listener that was closed just before can live on for a moment in a
/// process that is being forked elsewhere in this one, until that one execs;
/// the port is free only then.
async fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    for _ in 0..400 {
        match bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            bound => return bound,
        }
    }
    bind(address)
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn converse(stream: TcpStream, router: Router) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            let answer: Result<Response, Infallible> = router.call(request.map(Body::new)).await;
            let answer = answer.unwrap_or_else(|never| match never {});
            if answer.extensions().get::<Cut>().is_some() {
                Err(CutOnPurpose)
            } else {
                Ok(answer)
            }
        }
    });
    // An error here is a client that went away, or a cut.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}
