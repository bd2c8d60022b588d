//! A shop that is paid by card, at a played Zaprite.

use crate::bench::{Answer, Bench, NOW, json_request};
use axum::body::Body;
use http::{Method, Request};
use keywright_ports::name;
use keywright_zaprite_double::{API_KEY, Spelling, Zaprite, event};
use serde_json::{Value, json};

/// The default business.
pub(crate) const DEFAULT: &str = "00000000-0000-7000-8000-000000000001";

/// A shop, the played Zaprite, and the address of its webhook.
pub(crate) struct CardShop {
    pub(crate) bench: Bench,
    pub(crate) zaprite: Zaprite,
    pub(crate) provider: String,
    pub(crate) webhook: String,
}

/// A played Zaprite whose time stands where the shop's starts.
pub(crate) fn played_zaprite() -> Zaprite {
    Zaprite::start_at(NOW.cast_signed()).expect("a played Zaprite")
}

/// Connects Zaprite to a business, by default the default one.
pub(crate) async fn connect(bench: &Bench, business: Option<&str>, api_key: &str) -> Answer {
    let body = json!({ "merchant_profile_id": business, "api_key": api_key });
    let path = "/v1/admin/zaprite/connect";
    bench.operate("POST", path, &body).await
}

/// The path and query of the address that a connection answers.
pub(crate) fn path_of(connected: &Answer) -> String {
    let url = connected.text("webhook_url");
    let path = url.strip_prefix("http://shop.test").expect("our address");
    path.to_owned()
}

impl CardShop {
    /// A shop that sells `demo` for 25 dollars through Zaprite alone.
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// The same with this configuration on top.
    pub(crate) async fn open_with(config: &[(&'static str, &str)]) -> Self {
        let zaprite = played_zaprite();
        let url = zaprite.base_url().to_owned();
        let config = [config, &[(name::ZAPRITE_URL, url.as_str())]].concat();
        let bench = Bench::with(&config);
        dollars(&bench, "demo").await;
        let connected = connect(&bench, None, API_KEY).await;
        assert_eq!(connected.status, 200, "{connected:?}");
        Self {
            provider: connected.text("payment_provider_id"),
            webhook: path_of(&connected),
            bench,
            zaprite,
        }
    }

    /// Orders `demo` by card; answers the order's public id and Zaprite's.
    pub(crate) async fn order(&self) -> (String, String) {
        let order = json!({ "product": "demo", "rail": "card" });
        let answer = self.bench.post("/v1/purchase", &order).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.text("order_id"), answer.text("btcpay_invoice_id"))
    }

    /// A delivery about an order of Zaprite's.
    pub(crate) fn delivery(&self, zaprite_id: &str) -> Request<Body> {
        self.delivery_of(&event(Spelling::Event, zaprite_id, "PAID"))
    }

    /// A delivery of this body.
    pub(crate) fn delivery_of(&self, body: &Value) -> Request<Body> {
        json_request(Method::POST, &self.webhook, body)
    }

    /// Delivers about an order, and asserts that it was taken.
    pub(crate) async fn deliver(&self, zaprite_id: &str) {
        let answer = self.bench.send(self.delivery(zaprite_id)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    }

    /// Moves both clocks on.
    pub(crate) fn advance(&self, seconds: u64) {
        self.bench.clock.advance(seconds);
        let now = keywright_ports::Clock::unix_seconds(&*self.bench.clock);
        self.zaprite.set_now(now);
    }

    /// What a tick reports, without what it sealed.
    pub(crate) async fn tick(&self) -> Value {
        let answer = self.bench.tick().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

/// A new product for 25 dollars.
pub(crate) async fn dollars(bench: &Bench, slug: &str) {
    let body = json!({ "slug": slug, "name": slug, "price_currency": "USD", "price_value": 2_500 });
    let answer = bench.operate("POST", "/v1/admin/products", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
