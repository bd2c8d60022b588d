//! What the tests of the double share: a client of its API and a receiver of
//! its webhooks.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use keywright_btcpay_double::{BtcPay, Builder, Control};
use reqwest::Method;
use serde_json::Value;
use tokio::net::TcpListener;

/// A Tuesday in November 2023.
pub(crate) const START: i64 = 1_700_000_000;

/// Invoices of the store of most tests.
pub(crate) const INVOICES: &str = "/api/v1/stores/S/invoices";

/// A store `S` with key `K`.
pub(crate) fn shop() -> Builder {
    BtcPay::builder().store("S").api_key("K")
}

/// A client of the API.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    authorization: Option<String>,
}

impl Client {
    pub(crate) fn of(pay: &Control) -> Self {
        Self::with_key(pay, pay.api_key())
    }

    pub(crate) fn with_key(pay: &Control, key: &str) -> Self {
        Self::with_header(pay, Some(&format!("token {key}")))
    }

    pub(crate) fn with_header(pay: &Control, authorization: Option<&str>) -> Self {
        Self {
            http: reqwest::Client::builder()
                .no_proxy()
                // Each request meets the server's present state.
                .pool_max_idle_per_host(0)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base: pay.base_url().to_owned(),
            authorization: authorization.map(ToOwned::to_owned),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }

    /// Status and JSON; `Null` for an empty body.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.send(self.request(Method::DELETE, path)).await
    }
}

/// The names of an object's members.
pub(crate) fn names(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

/// Makes an invoice over the API.
pub(crate) async fn create(client: &Client, body: Value) -> Value {
    let (status, invoice) = client.post(INVOICES, &body).await;
    assert_eq!(status, 200, "{invoice}");
    invoice
}

/// Where the faults are that a 422 lists.
pub(crate) fn paths(errors: &Value) -> Vec<&str> {
    errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["path"].as_str().unwrap())
        .collect()
}

/// A request that arrived at the receiver.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What a webhook delivers to. Answers 200, unless told otherwise.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let arrived: Arc<Mutex<Vec<Received>>> = Arc::default();
        let answers: Arc<Mutex<VecDeque<u16>>> = Arc::default();
        let serving = {
            let (arrived, answers) = (Arc::clone(&arrived), Arc::clone(&answers));
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (arrived, answers) = (Arc::clone(&arrived), Arc::clone(&answers));
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (arrived, answers) = (Arc::clone(&arrived), Arc::clone(&answers));
                        async move {
                            let (parts, body) = request.into_parts();
                            let body = body.collect().await.unwrap().to_bytes().to_vec();
                            arrived.lock().unwrap().push(Received {
                                headers: parts.headers,
                                body,
                            });
                            let status = answers.lock().unwrap().pop_front().unwrap_or(200);
                            let answer = Response::builder()
                                .status(status)
                                .body(Full::new(Bytes::from_static(b"noted")))
                                .unwrap();
                            Ok::<_, Infallible>(answer)
                        }
                    });
                    tokio::spawn(
                        hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service),
                    );
                }
            })
        };
        Self {
            url,
            received: arrived,
            answers,
            serving,
        }
    }

    /// The next answers, in order.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Types of the events that arrived.
    pub(crate) fn types(&self) -> Vec<String> {
        let types = self.received().into_iter();
        types
            .map(|one| one.json()["type"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    pub(crate) fn forget(&self) {
        self.received.lock().unwrap().clear();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Long enough for something wrong to happen.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(60)).await;
}
