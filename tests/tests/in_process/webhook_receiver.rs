//! A played receiver of webhooks: says for each host what it answers next, and keeps what
//! it was sent.

use crate::bench::{Answer, Bench, json_request, signed_in};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use keywright_native_host::SetClock;
use keywright_ports::{BoxFuture, Fetch, FetchError, FetchLimits};
use keywright_tests::shop::CRON_TOKEN;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

/// What a receiver does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Answers 503 with this `Retry-After`.
    Later(&'static str),
    /// Answers 200 with this body.
    Body(Vec<u8>),
    /// Answers 200 after so many seconds.
    After(u64),
    /// Fails in this way.
    Fails(FetchError),
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) host: String,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub(crate) fn sequence(&self) -> i64 {
        self.json()["sequence"].as_i64().expect("a sequence")
    }
}

#[derive(Default)]
pub(crate) struct Receiver {
    /// The shop's clock, which an answer can take time of.
    clock: OnceLock<Arc<SetClock>>,
    received: Mutex<Vec<Received>>,
    replies: Mutex<BTreeMap<String, VecDeque<Reply>>>,
    /// What a host answers when it has no reply left; 200 where it is not here.
    always: Mutex<BTreeMap<String, Reply>>,
}

impl Receiver {
    /// What a host answers next, in this order; after that, 200.
    pub(crate) fn reply(&self, host: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut all = self.replies.lock().expect("the replies");
        all.entry(host.to_owned()).or_default().extend(replies);
    }

    /// What a host answers from now on.
    pub(crate) fn always(&self, host: &str, reply: Reply) {
        let mut all = self.always.lock().expect("the replies");
        all.insert(host.to_owned(), reply);
    }

    /// What has arrived since the last time.
    pub(crate) fn taken(&self) -> Vec<Received> {
        std::mem::take(&mut self.received.lock().expect("the requests"))
    }
}

impl Fetch for Receiver {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        let (parts, body) = request.into_parts();
        let host = parts.uri.host().expect("a host").to_owned();
        assert_eq!(parts.method, Method::POST);
        assert_eq!(parts.headers[header::CONTENT_TYPE], "application/json");
        self.received.lock().expect("the requests").push(Received {
            host: host.clone(),
            url: parts.uri.to_string(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        });
        let next = self.replies.lock().expect("the replies");
        let next = { next }.get_mut(&host).and_then(VecDeque::pop_front);
        let always = || self.always.lock().expect("the replies").get(&host).cloned();
        let reply = next.or_else(always).unwrap_or(Reply::Status(200));
        Box::pin(async move {
            // A moment, so that calls side by side are open together.
            tokio::task::yield_now().await;
            let answer = Response::builder();
            let answer = match reply {
                Reply::Status(status) => answer.status(status).body(Bytes::from_static(b"ok")),
                Reply::Later(when) => answer
                    .status(503)
                    .header(header::RETRY_AFTER, when)
                    .body(Bytes::new()),
                Reply::Body(body) => answer.status(200).body(body.into()),
                Reply::After(seconds) => {
                    if let Some(clock) = self.clock.get() {
                        clock.advance(seconds);
                    }
                    answer.body(Bytes::new())
                }
                Reply::Fails(error) => return Err(error),
            };
            Ok(answer.expect("an answer"))
        })
    }
}

/// A shop whose webhooks go to a played receiver.
pub(crate) struct Told {
    pub(crate) bench: Bench,
    pub(crate) receiver: Arc<Receiver>,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With this configuration on top.
    pub(crate) fn with(config: &[(&'static str, &str)]) -> Self {
        let receiver = Arc::new(Receiver::default());
        let bench = Bench::with_outbound(config, receiver.clone());
        let _ = receiver.clock.set(bench.clock.clone());
        Self { bench, receiver }
    }

    /// A new endpoint at a host, with these members on top.
    pub(crate) async fn endpoint(&self, host: &str, members: Value) -> Value {
        let mut body = json!({ "url": format!("https://{host}/in?t=secret") });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        let made = self
            .bench
            .operate("POST", "/v1/admin/webhook-endpoints", &body)
            .await;
        assert_eq!(made.status, 200, "{made:?}");
        made.json()
    }

    /// Changes an endpoint, or does something with it.
    pub(crate) async fn change(&self, endpoint: &Value, body: &Value) -> Answer {
        let path = endpoint_path(endpoint, "");
        self.bench.operate("PATCH", &path, body).await
    }

    /// Something that happens: a license is issued.
    pub(crate) async fn happens(&self) -> String {
        let issued = self.bench.issue("demo", json!({})).await;
        assert_eq!(issued.status, 200, "{issued:?}");
        issued.text("license_id")
    }

    /// One tick of `deliver`.
    pub(crate) async fn try_tick(&self) -> Answer {
        let request = Request::post("/v1/cron/deliver")
            .header(header::AUTHORIZATION, format!("Bearer {CRON_TOKEN}"))
            .body(axum::body::Body::empty());
        self.bench.send(request.expect("a request")).await
    }

    /// The same; answers what arrived.
    pub(crate) async fn tick(&self) -> Vec<Received> {
        let ticked = self.try_tick().await;
        assert_eq!(ticked.status, 200, "{ticked:?} {}", self.bench.log());
        self.receiver.taken()
    }

    /// A tick after so many seconds.
    pub(crate) async fn tick_after(&self, seconds: u64) -> Vec<Received> {
        self.bench.clock.advance(seconds);
        self.tick().await
    }

    pub(crate) async fn shown(&self, path: &str) -> Value {
        let request = json_request(Method::GET, path, &json!({}));
        let answer = self.bench.send(signed_in(request)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Deliveries in this state, newest first.
    pub(crate) async fn deliveries(&self, status: &str) -> Vec<Value> {
        let path = format!("/v1/admin/webhook-deliveries?status={status}");
        let listed = self.shown(&path).await;
        listed["webhook_deliveries"]
            .as_array()
            .expect("a list")
            .clone()
    }

    /// Open items of the attention list, by kind.
    pub(crate) async fn attention(&self) -> Vec<String> {
        let listed = self.shown("/v1/admin/attention").await;
        let items = listed["attention"].as_array().expect("a list").clone();
        let kind = |item: &Value| item["kind"].as_str().expect("a kind").to_owned();
        items.iter().map(kind).collect()
    }
}

/// The path of an endpoint, with something behind it.
pub(crate) fn endpoint_path(endpoint: &Value, rest: &str) -> String {
    let id = endpoint["id"].as_str().expect("an id");
    format!("/v1/admin/webhook-endpoints/{id}{rest}")
}
