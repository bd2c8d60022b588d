//! A played mail API: keeps what it takes, once for each idempotency key, and fails as a
//! test asks it to. What goes elsewhere is sent there.

use crate::bench::{Answer, Bench, json_request, signed_in};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use keywright_native_host::{HttpFetch, SetClock};
use keywright_ports::{BoxFuture, Fetch, FetchError, FetchLimits, name};
use keywright_tests::shop::{CRON_TOKEN, MAIL_KEY, MAIL_TEMPLATE};
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

const HOST: &str = "mail.example.com";

/// What the API does with one call.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Takes the mail.
    Takes,
    /// Takes the mail, and the answer is lost.
    TakesSilently,
    /// Takes the mail, and then does this.
    TakesBut(Box<Reply>),
    /// Takes the mail after so many seconds.
    TakesAfter(u64),
    /// Takes nothing, with this status, body and `Retry-After`.
    Refuses(u16, &'static str, &'static str),
    /// Takes nothing and fails in this way.
    Fails(FetchError),
}

/// A mail as it was handed over.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Mail {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().expect(member)
    }

    /// The only recipient.
    pub(crate) fn to(&self) -> &str {
        assert_eq!(self.body["to"].as_array().map(Vec::len), Some(1));
        self.body["to"][0].as_str().expect("a recipient")
    }

    /// The path of its link.
    pub(crate) fn link(&self) -> String {
        let mut lines = self.text("text").lines();
        let link = lines.find(|line| line.contains("/recover/mail/"));
        let path = link.and_then(|link| link.find("/recover/mail/").map(|at| &link[at..]));
        path.expect("a link on a line of its own").to_owned()
    }
}

pub(crate) struct MailApi {
    /// The shop's clock, which an answer can take time of.
    clock: OnceLock<Arc<SetClock>>,
    calls: Mutex<Vec<Mail>>,
    taken: Mutex<Vec<Mail>>,
    keys: Mutex<BTreeSet<String>>,
    replies: Mutex<VecDeque<Reply>>,
    suppressed: Mutex<BTreeSet<String>>,
    elsewhere: HttpFetch,
}

impl MailApi {
    /// What the next calls meet, in this order; after that, mails are taken.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().expect("the replies").extend(replies);
    }

    /// Takes every mail again.
    pub(crate) fn recover(&self) {
        self.replies.lock().expect("the replies").clear();
    }

    /// Refuses mail to an address from now on.
    pub(crate) fn suppress(&self, address: &str) {
        let mut suppressed = self.suppressed.lock().expect("the addresses");
        suppressed.insert(address.to_owned());
    }

    /// The calls since the last time.
    pub(crate) fn calls(&self) -> Vec<Mail> {
        std::mem::take(&mut self.calls.lock().expect("the calls"))
    }

    /// The mails that went out since the last time.
    pub(crate) fn taken(&self) -> Vec<Mail> {
        std::mem::take(&mut self.taken.lock().expect("the mails"))
    }

    fn take(&self, mail: Mail) {
        let key = mail.headers.get("idempotency-key");
        let is_new = key.is_none_or(|key| {
            let key = key.to_str().expect("text").to_owned();
            self.keys.lock().expect("the keys").insert(key)
        });
        if is_new {
            self.taken.lock().expect("the mails").push(mail);
        }
    }
}

impl Fetch for MailApi {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        if request.uri().host() != Some(HOST) {
            return self.elsewhere.send(request, limits);
        }
        let (parts, body) = request.into_parts();
        assert_eq!(parts.method, Method::POST);
        let agent = parts.headers[header::USER_AGENT].to_str().expect("text");
        assert!(agent.starts_with("Keywright/"), "{agent}");
        let mail = Mail {
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        self.calls.lock().expect("the calls").push(mail.clone());
        let next = self.replies.lock().expect("the replies").pop_front();
        let to = mail.body["to"][0].as_str().unwrap_or_default();
        let is_suppressed = self.suppressed.lock().expect("the addresses").contains(to);
        let reply = match next {
            _ if is_suppressed => {
                Reply::Refuses(400, r#"{"message":"E_RECIPIENT_SUPPRESSED"}"#, "")
            }
            next => next.unwrap_or(Reply::Takes),
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            let answer = Response::builder();
            let reply = match reply {
                Reply::TakesBut(reply) => {
                    self.take(mail.clone());
                    *reply
                }
                reply => reply,
            };
            let taken = r#"{"id":"m-1","success":true}"#;
            let answer = match reply {
                Reply::Takes | Reply::TakesBut(_) => {
                    self.take(mail);
                    answer.body(Bytes::from(taken))
                }
                Reply::TakesSilently => {
                    self.take(mail);
                    return Err(FetchError::Unreachable(HOST.to_owned()));
                }
                Reply::TakesAfter(seconds) => {
                    self.take(mail);
                    if let Some(clock) = self.clock.get() {
                        clock.advance(seconds);
                    }
                    answer.body(Bytes::from(taken))
                }
                Reply::Refuses(status, body, retry_after) => answer
                    .status(status)
                    .header(header::RETRY_AFTER, retry_after)
                    .body(Bytes::from(body)),
                Reply::Fails(error) => return Err(error),
            };
            Ok(answer.expect("an answer"))
        })
    }
}

/// A shop that mails through the preset of Resend, whose calls carry an idempotency key.
pub(crate) const WITH_KEYS: &[(&str, &str)] = &[
    (name::MAIL_TRANSPORT, "resend"),
    (name::MAIL_API_KEY, "re_secret"),
    (name::MAIL_URL, "https://mail.example.com/emails"),
    (name::MAIL_FROM, "shop@x.example"),
    (name::MAIL_OPERATOR, "operator@x.example"),
    (name::MAIL_KEY, MAIL_KEY),
    (name::PUBLIC_URL, "https://shop.example"),
];

/// The same through an API of its own template, without one.
pub(crate) const WITHOUT_KEYS: &[(&str, &str)] = &[
    (name::MAIL_TRANSPORT, "http"),
    (name::MAIL_URL, "https://mail.example.com/send"),
    (name::MAIL_HEADERS, r#"{"X-Key":"k1"}"#),
    (name::MAIL_TEMPLATE, MAIL_TEMPLATE),
    (name::MAIL_SUCCESS, "success=true"),
    (name::MAIL_FROM, "shop@x.example"),
    (name::MAIL_OPERATOR, "operator@x.example"),
    (name::MAIL_KEY, MAIL_KEY),
    (name::PUBLIC_URL, "https://shop.example"),
];

/// The same through the played binding of the platform.
pub(crate) const BOUND: &[(&str, &str)] = &[
    (name::MAIL_TRANSPORT, "cloudflare"),
    (name::MAIL_FROM, "shop@x.example"),
    (name::MAIL_KEY, MAIL_KEY),
    (name::PUBLIC_URL, "https://shop.example"),
];

/// A shop that mails.
pub(crate) struct Mailing {
    pub(crate) bench: Bench,
    pub(crate) api: Arc<MailApi>,
}

impl Mailing {
    /// With this configuration, after its first tick: what was before is not mailed.
    pub(crate) async fn with(config: &[&[(&'static str, &str)]]) -> Self {
        let api = Arc::new(MailApi {
            clock: OnceLock::new(),
            calls: Mutex::default(),
            taken: Mutex::default(),
            keys: Mutex::default(),
            replies: Mutex::default(),
            suppressed: Mutex::default(),
            elsewhere: HttpFetch::patient(),
        });
        let bench = Bench::with_outbound(&config.concat(), api.clone());
        let _ = api.clock.set(bench.clock.clone());
        let mailing = Self { bench, api };
        mailing.bench.product("demo", 0).await;
        mailing.tick().await;
        mailing
    }

    /// A free license for an address, as a buyer orders it.
    pub(crate) async fn buy(&self, email: &str) -> Answer {
        let body = json!({ "product": "demo", "buyer_email": email });
        let bought = self.bench.post("/v1/purchase", &body).await;
        assert_eq!(bought.status, 200, "{bought:?}");
        bought
    }

    pub(crate) async fn try_tick(&self) -> Answer {
        let request = Request::post("/v1/cron/deliver")
            .header(header::AUTHORIZATION, format!("Bearer {CRON_TOKEN}"))
            .body(axum::body::Body::empty());
        self.bench.send(request.expect("a request")).await
    }

    /// One tick; answers the mails that went out.
    pub(crate) async fn tick(&self) -> Vec<Mail> {
        let ticked = self.try_tick().await;
        assert_eq!(ticked.status, 200, "{ticked:?} {}", self.bench.log());
        self.api.taken()
    }

    /// Ticks every minute for so many minutes.
    pub(crate) async fn tick_for(&self, minutes: u64) -> Vec<Mail> {
        let mut mails = Vec::new();
        for _ in 0..minutes {
            self.bench.clock.advance(60);
            mails.extend(self.tick().await);
        }
        mails
    }

    pub(crate) async fn shown(&self, path: &str) -> Value {
        let request = json_request(Method::GET, path, &json!({}));
        let answer = self.bench.send(signed_in(request)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Mails in this state, newest first.
    pub(crate) async fn mails(&self, state: &str) -> Vec<Value> {
        let listed = self.shown(&format!("/v1/admin/mails?state={state}")).await;
        listed["mails"].as_array().expect("a list").clone()
    }

    /// Open attention items of a kind.
    pub(crate) async fn attention(&self, kind: &str) -> Vec<Value> {
        let listed = self.shown("/v1/admin/attention").await;
        let mut items = listed["attention"].as_array().expect("a list").clone();
        items.retain(|item| item["kind"] == kind);
        items
    }
}
