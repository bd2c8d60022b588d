//! The control side over HTTP, for tests in other languages:
//! `POST /_control/{verb}` with a JSON body, `GET /_control/{noun}`.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Control, ControlError, MarkAs, NewInvoice};
use crate::api::invoice_json;
use crate::event::Event;
use crate::fault::{ApiState, Fault, Release};
use crate::invoice::Status;
use crate::json::Json;

/// Routes of the control port; the API's port has them as well.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/_control/{name}", get(look).post(act))
        .with_state(control)
}

/// What went wrong, as a status and a message.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let status = match error {
            ControlError::NotPossible(_) => StatusCode::CONFLICT,
            _ => StatusCode::NOT_FOUND,
        };
        Self(status, error.to_string())
    }
}

type Answer = Result<Json, Refusal>;

async fn look(State(control): State<Control>, Path(noun): Path<String>) -> Answer {
    let found = match noun.as_str() {
        "invoices" => control
            .invoices()
            .iter()
            .map(|invoice| invoice_json(invoice, control.base_url(), true))
            .collect(),
        "attempts" => json!(control.attempts()),
        "requests" => json!(control.requests()),
        "violations" => json!(control.violations()),
        "held" => json!(control.held()),
        "webhooks" => json!(control.webhooks()),
        "clock" => json!({"now": control.now()}),
        _ => {
            return Err(Refusal(
                StatusCode::NOT_FOUND,
                format!("nothing called {noun}"),
            ));
        }
    };
    Ok(Json(found))
}

async fn act(State(control): State<Control>, Path(verb): Path<String>, body: Bytes) -> Answer {
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let done = match verb.as_str() {
        "pay" | "confirm" | "vanish" | "expire" | "end_monitoring" | "mark" | "create" | "rate" => {
            money(&control, &verb, body)?
        }
        "announce" | "redeliver" | "replay" | "webhook" | "drop_pending" | "release" => {
            deliveries(&control, &verb, body)?
        }
        "advance" => {
            let Seconds { seconds } = parse(body)?;
            control.advance(Duration::from_secs(seconds));
            json!({"now": control.now()})
        }
        "idle" => {
            let idle = control.idle().await;
            idle.map_err(|stuck| Refusal(StatusCode::GATEWAY_TIMEOUT, stuck.to_string()))?;
            json!({})
        }
        "clear_logs" => {
            control.clear_logs();
            json!({})
        }
        _ => faults(&control, &verb, body).await?,
    };
    Ok(Json(done))
}

fn money(control: &Control, verb: &str, body: &[u8]) -> Result<Value, Refusal> {
    match verb {
        "pay" => {
            let Pay { invoice, how } = parse(body)?;
            let payment = match how {
                How::Full => control.pay_in_full(&invoice),
                How::OnChain => control.pay_on_chain(&invoice),
                How::Partial => control.pay_partially(&invoice),
                How::Over => control.pay_over(&invoice),
                How::Late => control.pay_late(&invoice),
            };
            Ok(json!({"payment": payment?}))
        }
        "create" => {
            let Create {
                amount,
                currency,
                order_id,
                store,
            } = parse(body)?;
            let mut new = NewInvoice::of(&amount, &currency);
            if let Some(order) = order_id {
                new = new.order(&order);
            }
            if let Some(store) = store {
                new = new.store(&store);
            }
            Ok(json!({"invoice": control.create_invoice(new)?}))
        }
        "rate" => {
            let Rate { currency, one_btc } = parse(body)?;
            control.set_rate(&currency, &one_btc);
            Ok(json!({}))
        }
        "mark" => {
            let Mark { invoice, status } = parse(body)?;
            let to = match status {
                Status::Settled => MarkAs::Settled,
                Status::Invalid => MarkAs::Invalid,
                other => return Err(unreadable(&format!("{other:?} cannot be marked"))),
            };
            control.mark(&invoice, to)?;
            Ok(json!({}))
        }
        _ => {
            let One { invoice } = parse(body)?;
            match verb {
                "confirm" => control.confirm(&invoice)?,
                "vanish" => control.vanish(&invoice)?,
                "expire" => control.expire(&invoice)?,
                _ => control.end_monitoring(&invoice)?,
            }
            Ok(json!({}))
        }
    }
}

fn deliveries(control: &Control, verb: &str, body: &[u8]) -> Result<Value, Refusal> {
    Ok(match verb {
        "announce" => {
            let Announce {
                kind,
                invoice,
                fields,
            } = parse(body)?;
            let mut event = Event::new(&kind);
            if let Some(invoice) = invoice {
                event = event.invoice(&invoice);
            }
            for (name, value) in fields {
                event = event.with(&name, value);
            }
            json!({"deliveries": control.announce(event)?})
        }
        "redeliver" => {
            let Again { delivery } = parse(body)?;
            json!({"delivery": control.redeliver(&delivery)?})
        }
        "replay" => {
            let Again { delivery } = parse(body)?;
            control.replay(&delivery)?;
            json!({})
        }
        "webhook" => {
            let Address { url, id } = parse(body)?;
            control.set_webhook_url_of(&id.unwrap_or_else(|| control.webhook_id()), &url)?;
            json!({})
        }
        "drop_pending" => json!({"dropped": control.drop_pending()}),
        _ => {
            let Let { order } = parse(body)?;
            json!({"released": control.release(order)})
        }
    })
}

async fn faults(control: &Control, verb: &str, body: &[u8]) -> Result<Value, Refusal> {
    match verb {
        "api" => {
            let Api { state } = parse(body)?;
            set_api(control, state).await?;
        }
        "clear_faults" => {
            control.forget_faults();
            set_api(control, ApiState::Up).await?;
        }
        "fail_next" => {
            let Fail { count, status } = parse(body)?;
            control.fail_next(count, status);
        }
        "slow" => {
            let Slow { milliseconds } = parse(body)?;
            control.slow(Duration::from_millis(milliseconds));
        }
        "lose_create_answers" => {
            let Count { count } = parse(body)?;
            control.lose_create_answers(count);
        }
        "freeze" => {
            let One { invoice } = parse(body)?;
            control.freeze_answers(&invoice)?;
        }
        "thaw" => {
            let One { invoice } = parse(body)?;
            control.thaw_answers(&invoice);
        }
        "on_delivery" => control.on_delivery(parse::<Rule>(body)?.fault()?),
        _ => return Err(Refusal(StatusCode::NOT_FOUND, format!("no verb {verb}"))),
    }
    Ok(json!({}))
}

async fn set_api(control: &Control, state: ApiState) -> Result<(), Refusal> {
    control
        .api_from_within(state)
        .await
        .map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, why.to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Full,
    OnChain,
    Partial,
    Over,
    Late,
}

#[derive(Deserialize)]
struct Pay {
    invoice: String,
    how: How,
}

#[derive(Deserialize)]
struct Create {
    amount: String,
    currency: String,
    order_id: Option<String>,
    store: Option<String>,
}

#[derive(Deserialize)]
struct Rate {
    currency: String,
    one_btc: String,
}

#[derive(Deserialize)]
struct Mark {
    invoice: String,
    status: Status,
}

#[derive(Deserialize)]
struct One {
    invoice: String,
}

#[derive(Deserialize)]
struct Announce {
    #[serde(rename = "type")]
    kind: String,
    invoice: Option<String>,
    #[serde(default)]
    fields: Map<String, Value>,
}

#[derive(Deserialize)]
struct Again {
    delivery: String,
}

#[derive(Deserialize)]
struct Address {
    url: String,
    id: Option<String>,
}

#[derive(Deserialize)]
struct Let {
    order: Release,
}

#[derive(Deserialize)]
struct Seconds {
    seconds: u64,
}

#[derive(Deserialize)]
struct Api {
    state: ApiState,
}

#[derive(Deserialize)]
struct Fail {
    count: u32,
    status: u16,
}

#[derive(Deserialize)]
struct Slow {
    milliseconds: u64,
}

#[derive(Deserialize)]
struct Count {
    count: u32,
}

#[derive(Deserialize)]
struct Rule {
    fault: String,
    event: Option<String>,
    times: Option<u32>,
    milliseconds: Option<u64>,
    count: Option<u32>,
    secret: Option<String>,
}

impl Rule {
    fn fault(self) -> Result<Fault, Refusal> {
        let missing = |what: &str| unreadable(&format!("{} needs {what}", self.fault));
        let mut fault = match self.fault.as_str() {
            "lose" => Fault::lose(),
            "delay" => Fault::delay(Duration::from_millis(
                self.milliseconds.ok_or_else(|| missing("milliseconds"))?,
            )),
            "duplicate" => Fault::duplicate(self.count.unwrap_or(1)),
            "hold" => Fault::hold(),
            "reorder" => {
                let group = self.count.ok_or_else(|| missing("count"))?;
                Fault::reorder(usize::try_from(group).unwrap_or(usize::MAX))
            }
            "compact" => Fault::compact(),
            "wrong_secret" => {
                Fault::wrong_secret(self.secret.as_deref().ok_or_else(|| missing("secret"))?)
            }
            other => return Err(unreadable(&format!("no fault {other}"))),
        };
        if let Some(event) = &self.event {
            fault = fault.event(event);
        }
        Ok(match self.times {
            Some(times) => fault.times(times),
            None => fault,
        })
    }
}
