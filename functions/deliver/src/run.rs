//! One run: the claimed deliveries of one endpoint, sent in turn, so that they arrive in
//! the order of their events as long as nothing fails. A delivery that fails holds back no
//! later one.

use crate::{Ports, answer};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use keywright_domain::webhook::body::{WebhookEvent, WebhookFormat, body};
use keywright_domain::webhook::health::{AttemptOutcome, EndpointState, after_attempt, of_status};
use keywright_domain::webhook::retry::{next_attempt, retry_after};
use keywright_domain::webhook::target::{TargetRules, WebhookTarget};
use keywright_ports::FetchError;
use keywright_services::webhook_secrets::{DeliveryIds, DeliveryKeys};
use keywright_store::events::webhook_claims::ClaimedDelivery;
use keywright_store::events::webhook_results::{AttemptResult, EndpointResult};

/// What an attempt takes at most, in seconds, with a margin: one that cannot end before
/// its claim does is not begun.
const ATTEMPT_SECONDS: i64 = 11;

/// For how long a run begins new attempts, in seconds: what was claimed is not looked at
/// again, and an endpoint that was paused or deleted must not be sent more for long.
const RUN_SECONDS: i64 = 2;

/// What became of a run.
pub(crate) struct RunResult {
    /// One for each delivery that was attempted.
    pub(crate) attempts: Vec<AttemptResult>,
    /// What they say about the endpoint.
    pub(crate) endpoint: EndpointResult,
}

/// How an attempt ended.
struct Attempt {
    outcome: AttemptOutcome,
    status: Option<u16>,
    /// What the answer asks to wait, in seconds.
    wait: Option<i64>,
    head: Option<String>,
    body: Option<String>,
}

impl Attempt {
    const fn without_answer(outcome: AttemptOutcome) -> Self {
        Self {
            outcome,
            status: None,
            wait: None,
            head: None,
            body: None,
        }
    }
}

/// Sends the deliveries of one endpoint. After 410 the rest is not sent.
pub(crate) async fn send(ports: &Ports, deliveries: Vec<ClaimedDelivery>) -> Option<RunResult> {
    let first = deliveries.first()?;
    let mut endpoint = EndpointResult {
        id: first.endpoint_id.clone(),
        was_failing_since: first.failing_since,
        failing_since: first.failing_since,
        state: EndpointState::Active,
        good: 0,
        bad: 0,
        died: false,
        is_whole: false,
    };
    let begin = ports.stamps.now();
    let mut attempts = Vec::with_capacity(deliveries.len());
    for delivery in &deliveries {
        let started_at = ports.stamps.now();
        let is_late = started_at + ATTEMPT_SECONDS > delivery.claimed_until;
        if is_late || started_at > begin + RUN_SECONDS {
            // The rest is given back. What an operator changed meanwhile holds for it.
            break;
        }
        let attempt = attempt(ports, delivery, started_at).await;
        let ended_at = ports.stamps.now();
        let is_delivered = attempt.outcome == AttemptOutcome::Delivered;
        let next = next_attempt(delivery.attempts + 1, ended_at, attempt.wait);
        match attempt.outcome.shows() {
            Some(true) => {
                endpoint.good += 1;
                endpoint.failing_since = None;
            }
            Some(false) => {
                endpoint.bad += 1;
                endpoint.failing_since = endpoint.failing_since.or(Some(started_at));
            }
            None => {}
        }
        endpoint.state = after_attempt(attempt.status, endpoint.failing_since, ended_at);
        endpoint.died |= !is_delivered && next.is_none();
        attempts.push(AttemptResult {
            id: delivery.id.clone(),
            outcome: attempt.outcome.as_str(),
            started_at,
            ended_at,
            status: attempt.status,
            answer_head: attempt.head,
            answer_body: attempt.body,
            state: match (is_delivered, next) {
                (true, _) => "delivered",
                (false, Some(_)) => "pending",
                (false, None) => "dead",
            },
            next_attempt_at: next.filter(|_| !is_delivered),
        });
        if endpoint.state != EndpointState::Active {
            break;
        }
    }
    endpoint.is_whole = attempts.len() == deliveries.len();
    Some(RunResult { attempts, endpoint })
}

async fn attempt(ports: &Ports, delivery: &ClaimedDelivery, now: i64) -> Attempt {
    let Some((headers, body)) = signed(ports, delivery, now) else {
        return Attempt::without_answer(AttemptOutcome::Unsent);
    };
    let rules = TargetRules {
        allows_private: ports.limits.allows_private,
        public_url: ports.limits.public_url.as_deref(),
    };
    // Judged again at every attempt: the rules may have changed since it was entered.
    let target = WebhookTarget::parse(&delivery.url, rules).ok();
    let hosts = ports.limits.hosts.as_ref();
    let target = target.filter(|target| hosts.is_none_or(|hosts| hosts.allow(target)));
    let Some(target) = target else {
        return Attempt::without_answer(AttemptOutcome::AddressRefused);
    };
    match ports.calls.post(&target, headers, body).await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let asked = answer::retry_after(&answer);
            Attempt {
                outcome: of_status(status),
                status: Some(status),
                wait: asked.and_then(|text| retry_after(text, ports.stamps.now())),
                head: Some(answer::head(answer.headers())),
                body: Some(answer::body(&answer)),
            }
        }
        Err(error) => Attempt::without_answer(outcome_of(&error)),
    }
}

/// The headers and the body of an attempt; `None` if the secret cannot be opened or does
/// not fit the format, or the event is gone.
fn signed(ports: &Ports, delivery: &ClaimedDelivery, now: i64) -> Option<(HeaderMap, String)> {
    let vault = ports.vault.as_ref().ok()?;
    let format = WebhookFormat::parse(&delivery.format)?;
    let id = &delivery.endpoint_id;
    let old = delivery.old_secret.as_ref();
    let old = old.filter(|_| delivery.old_secret_until.is_some_and(|until| now < until));
    let keys = DeliveryKeys {
        secret: vault.open(id, &delivery.secret)?,
        old_secret: old.and_then(|sealed| vault.open(id, sealed)),
        signing_key: match &delivery.signing_seed {
            Some(sealed) => Some(vault.open_signing_key(id, sealed)?),
            None => None,
        },
    };
    let body = body(
        format,
        WebhookEvent {
            event_type: &delivery.event_type,
            at: delivery.event_at,
            sequence: delivery.sequence,
            data: delivery.data.as_deref()?,
        },
    );
    let ids = DeliveryIds {
        event_id: &delivery.event_id,
        delivery_id: &delivery.id,
        event_type: &delivery.event_type,
        attempt_at: now,
    };
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    for (name, value) in keys.headers(format, ids, &body)? {
        let value = HeaderValue::from_str(&value).ok()?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Some((headers, body))
}

fn outcome_of(error: &FetchError) -> AttemptOutcome {
    match error {
        FetchError::NotAllowed(_) => AttemptOutcome::AddressRefused,
        FetchError::NameUnknown(_) => AttemptOutcome::Dns,
        FetchError::NotSecure(_) => AttemptOutcome::Tls,
        FetchError::TimedOut(_) => AttemptOutcome::TimedOut,
        FetchError::TooManyOpen => AttemptOutcome::Interrupted,
        // The beginning of a body is enough, so that no answer is too large.
        FetchError::Unreachable(_) | FetchError::TooLarge(_) => AttemptOutcome::Unreachable,
    }
}
