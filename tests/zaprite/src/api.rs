//! The API: `/v1/orders`, `/v1/orders/charge`, `/v1/contacts`.

use crate::behavior::Charging;
use crate::state::{Request, Shared, State};
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

/// An answer, and whether it arrives.
struct Reply {
    status: u16,
    body: Value,
    lost: bool,
}

fn reply(status: u16, body: Value) -> Reply {
    Reply {
        status,
        body,
        lost: false,
    }
}

fn refusal(status: u16, message: &str) -> Reply {
    let code = match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        402 => "PAYMENT_REQUIRED",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        _ => "INTERNAL_SERVER_ERROR",
    };
    reply(
        status,
        json!({ "code": code, "message": message, "issues": [{ "message": message }] }),
    )
}

/// Answers any request.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (reply, slow) = {
        let mut state = shared.lock();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        state.requests.push(Request {
            route: format!("{method} {}", uri.path()),
            query: uri.query().unwrap_or_default().to_owned(),
            body,
        });
        let reply = match (
            state.behavior.take_failure(),
            is_authorized(&state, &headers),
        ) {
            (Some(status), _) => refusal(status, "failed on purpose"),
            (None, false) => refusal(401, "the API key is unknown"),
            (None, true) => routed(&mut state, &shared.base_url, &method, &uri),
        };
        (reply, state.behavior.slow)
    };
    tokio::time::sleep(slow).await;
    let mut response = Response::new(if reply.lost {
        // The connection breaks off behind the headers.
        let broken = async { Err::<Bytes, io::Error>(io::Error::other("lost on purpose")) };
        Body::from_stream(stream::once(broken))
    } else {
        Body::from(reply.body.to_string())
    });
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn is_authorized(state: &State, headers: &HeaderMap) -> bool {
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.strip_prefix("Bearer "));
    sent.is_some_and(|key| state.keys.iter().any(|known| known == key))
}

fn routed(state: &mut State, base_url: &str, method: &Method, uri: &Uri) -> Reply {
    let body = state
        .requests
        .last()
        .map(|request| request.body.clone())
        .unwrap_or_default();
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["v1", "orders"]) => {
            let status = state.behavior.created_status;
            match state.create_order(base_url, &body) {
                Ok(order) => Reply {
                    lost: take(&mut state.behavior.lose_created),
                    ..reply(status, order)
                },
                Err(message) => refusal(400, &message),
            }
        }
        ("GET", ["v1", "orders"]) => reply(200, list(state, uri.query().unwrap_or_default())),
        ("POST", ["v1", "orders", "charge"]) => charge(state, &body),
        ("GET", ["v1", "orders", id]) => match state.order_mut(id) {
            Some(order) => reply(200, order.clone()),
            None => refusal(404, "there is no such order"),
        },
        ("DELETE", ["v1", "orders", id]) if state.behavior.closable => match state.order_mut(id) {
            Some(order) => {
                order["status"] = json!("CANCELLED");
                reply(200, order.clone())
            }
            None => refusal(404, "there is no such order"),
        },
        ("POST", ["v1", "contacts"]) => match state.create_contact(&body) {
            Ok(contact) => reply(state.behavior.created_status, contact),
            Err(status) => refusal(status, "this contact cannot be made"),
        },
        ("GET", ["v1", "contacts", id]) => {
            match state.contacts.iter().find(|contact| contact["id"] == **id) {
                Some(contact) => reply(200, contact.clone()),
                None => refusal(404, "there is no such contact"),
            }
        }
        (_, ["v1", "orders" | "contacts", ..]) => refusal(405, "not allowed"),
        _ => refusal(404, "there is no such path"),
    }
}

/// Counts down; whether there was anything left.
fn take(left: &mut u32) -> bool {
    let had = *left > 0;
    *left = left.saturating_sub(1);
    had
}

/// A page of orders, the newest first; pending ones only if they are asked for.
fn list(state: &State, query: &str) -> Value {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let number = |name: &str| parameter(name).and_then(|value| value.parse::<usize>().ok());
    let (page, limit) = (
        number("page").unwrap_or(1).max(1),
        number("limit").unwrap_or(20).max(1),
    );
    let pending = parameter("includePending") == Some("true");
    let shown: Vec<Value> = state
        .orders
        .iter()
        .rev()
        .filter(|order| pending || order["status"] != "PENDING")
        .cloned()
        .collect();
    let count = shown.len();
    let items: Vec<Value> = shown
        .into_iter()
        .skip((page - 1) * limit)
        .take(limit)
        .collect();
    if state.behavior.bare_lists {
        return Value::from(items);
    }
    let meta = json!({ "pagesCount": count.div_ceil(limit), "itemsCount": count });
    json!({ "items": items, "meta": meta })
}

/// Charges a payment profile for an order.
fn charge(state: &mut State, body: &Value) -> Reply {
    let (order_id, profile_id) = (
        body["orderId"].as_str().unwrap_or_default().to_owned(),
        body["paymentProfileId"].as_str().unwrap_or_default(),
    );
    let mut profiles = state
        .contacts
        .iter()
        .filter_map(|one| one["paymentProfiles"].as_array());
    let is_known = profiles.any(|list| list.iter().any(|profile| profile["id"] == profile_id));
    let Some(status) = state
        .order_mut(&order_id)
        .map(|order| order["status"].clone())
    else {
        return refusal(404, "there is no such order");
    };
    if !is_known {
        return refusal(404, "there is no such payment profile");
    }
    if status != "PENDING" && !state.behavior.charges_twice {
        return refusal(409, "the order is not open");
    }
    let decline = state.behavior.decline.clone();
    let status = match state.behavior.charging {
        Charging::Settles => {
            state.charges += 1;
            state.pay(&order_id, "CARD");
            200
        }
        Charging::Pends => 200,
        Charging::Declines => {
            if let Some(order) = state.order_mut(&order_id) {
                order["status"] = json!(decline.word);
            }
            decline.status
        }
    };
    let lost = take(&mut state.behavior.lose_charged);
    let order = state.order_mut(&order_id).cloned().unwrap_or_default();
    let answered = if status < 300 {
        reply(status, order)
    } else {
        refusal(status, "the card was declined")
    };
    Reply { lost, ..answered }
}
