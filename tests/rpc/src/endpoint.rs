//! One endpoint: a server on a port of its own, with faults of its own.

use crate::chain::Chain;
use crate::fault::{Call, Fault};
use crate::{answer, control};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A running endpoint, ended when dropped.
pub struct Endpoint {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    chain: Chain,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    faults: Vec<Fault>,
    calls: Vec<Call>,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answer with this status and body.
    Answer(u16, String),
    /// The connection is cut.
    Cut,
    /// Nothing ever comes.
    Silence,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, body: &[u8]) -> Reply {
        let Ok(request) = serde_json::from_slice::<Value>(body) else {
            return error(&Value::Null, 400, -32_700, "parse error");
        };
        let method = request["method"].as_str().unwrap_or_default();
        let (id, params) = (&request["id"], &request["params"]);
        let met: Vec<Fault> = {
            let mut inner = self.lock();
            inner.calls.push(Call {
                method: method.to_owned(),
                params: params.clone(),
            });
            let faults = inner.faults.iter_mut();
            let met = faults.filter_map(|fault| fault.meet(method));
            met.filter_map(|fault| fault.about(params)).collect()
        };
        let mut met = met;
        if method == "eth_getLogs" && met.iter().any(|met| matches!(met, Fault::AtBlock(..))) {
            let logs = answer::answer(&self.chain.lock(), &[], method, params);
            let holds = |block: u64| {
                let block = format!("{block:#x}");
                let logs = logs.as_ref().ok().and_then(Value::as_array);
                logs.is_some_and(|logs| logs.iter().any(|log| log["blockNumber"] == block))
            };
            let at: Vec<Fault> = met
                .extract_if(.., |met| matches!(met, Fault::AtBlock(..)))
                .collect();
            met.extend(at.into_iter().filter_map(|at| match at {
                Fault::AtBlock(block, fault) if holds(block) => Some(*fault),
                _ => None,
            }));
        }
        for fault in &met {
            match fault {
                Fault::Hang => return Reply::Silence,
                Fault::Cut => return Reply::Cut,
                Fault::Status(status) => {
                    return Reply::Answer(*status, "<html>not now</html>".to_owned());
                }
                Fault::Refuse(code, text) => return error(id, 200, *code, text),
                Fault::RangeLimit(limit, most) if method == "eth_getLogs" => {
                    let number = |name: &str| {
                        let text = params[0][name].as_str()?;
                        u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
                    };
                    if let (Some(from), Some(to)) = (number("fromBlock"), number("toBlock"))
                        && to.saturating_sub(from) >= *most
                    {
                        return match limit.refusal(*most, from, to) {
                            (status, Some((code, text))) => error(id, status, code, &text),
                            (status, None) => Reply::Answer(status, String::new()),
                        };
                    }
                }
                _ => {}
            }
        }
        let answered = match method {
            control::PAY => control::pay(&self.chain, params),
            _ => answer::answer(&self.chain.lock(), &met, method, params),
        };
        match answered {
            Ok(result) => {
                let mut body = json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
                if met.contains(&Fault::Truncate) {
                    body.truncate(body.len() / 2);
                }
                Reply::Answer(200, body)
            }
            Err((code, text)) => error(id, 200, code, &text),
        }
    }
}

fn error(id: &Value, status: u16, code: i64, text: &str) -> Reply {
    let error = json!({ "code": code, "message": text });
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    Reply::Answer(status, body.to_string())
}

impl Endpoint {
    /// Starts an endpoint that tells of a chain.
    ///
    /// # Errors
    /// [`io::Error`] when the machine gives no port or no thread.
    pub fn start(chain: &Chain) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            chain: chain.clone(),
            inner: Mutex::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = shared.clone();
        let thread = std::thread::Builder::new()
            .name("rpc-double".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = serve(listener, serving) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            shared,
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Its URL, with a path like the keys that real ones have.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v2/secret-key-of-the-endpoint", self.address)
    }

    /// What it replies to a body, without a connection.
    #[must_use]
    pub fn reply(&self, body: &[u8]) -> Reply {
        self.shared.reply(body)
    }

    /// From now on this goes wrong.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.push(fault);
    }

    /// Everything goes well again.
    pub fn clear(&self) {
        self.shared.lock().faults.clear();
    }

    /// The calls it got so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// How many calls of a method it got so far.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        let inner = self.shared.lock();
        let calls = inner.calls.iter();
        calls.filter(|call| call.method == method).count()
    }

    /// Forgets the calls it got.
    pub fn forget_calls(&self) {
        self.shared.lock().calls.clear();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| handle(shared.clone(), request));
            // A client that breaks off is its own affair.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let body = request
        .into_body()
        .collect()
        .await
        .map_err(io::Error::other)?;
    match shared.reply(&body.to_bytes()) {
        Reply::Answer(status, body) => {
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
            response.headers_mut().insert(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static("application/json"),
            );
            Ok(response)
        }
        Reply::Cut => Err(io::Error::other("cut")),
        Reply::Silence => std::future::pending().await,
    }
}
