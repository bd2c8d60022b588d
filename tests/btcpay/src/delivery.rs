//! Delivering: one worker per webhook, in order, with `BTCPay`'s retries.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use tokio::task::JoinSet;

use crate::fault::Effect;
use crate::log::{Attempt, Outcome};
use crate::sign::sign;
use crate::state::{Double, HeldJob, State};
use crate::webhook::{Delivery, Job};

/// Waits before each retry: 10 seconds, a minute, then six times ten minutes.
const RETRY_WAITS: [Duration; 8] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_mins(10),
    Duration::from_mins(10),
    Duration::from_mins(10),
    Duration::from_mins(10),
    Duration::from_mins(10),
];

/// Makes a webhook's worker, which lives as long as the webhook.
pub(crate) fn start_worker(double: &Double, webhook_id: &str) {
    let worker = work(Arc::clone(double), webhook_id.to_owned());
    double.runtime.spawn(worker);
}

async fn work(double: Double, webhook_id: String) {
    loop {
        let (job, wake, generation) = {
            let mut state = double.lock();
            let Some(webhook) = state.webhook_mut(&webhook_id) else {
                return;
            };
            let job = webhook.queue.pop_front();
            webhook.busy = job.is_some();
            (job, Arc::clone(&webhook.wake), webhook.generation)
        };
        // Told after every change of `busy`, so that nobody misses the last.
        double.bump();
        match job {
            Some(job) => process(&double, job, generation).await,
            None => wake.notified().await,
        }
    }
}

/// What a fault rule makes of a delivery.
enum Step {
    Send(Job),
    SendAfter(Duration, Job),
    Done,
}

async fn process(double: &Double, job: Job, generation: u64) {
    if !still_wanted(&double.lock(), &job) {
        return;
    }
    let step = meet_faults(&mut double.lock(), job);
    let job = match step {
        Step::Done => return,
        Step::Send(job) => job,
        Step::SendAfter(wait, job) => {
            if !pause(double, wait, &job.ids.webhook_id, generation).await {
                return;
            }
            job
        }
    };
    let retry = send(double, &job, 1).await;
    if !retry || !job.target.automatic_redelivery {
        return;
    }
    for (index, wait) in RETRY_WAITS.iter().enumerate() {
        let wait = *wait / double.setup.retry_speed;
        if !pause(double, wait, &job.ids.webhook_id, generation).await {
            return;
        }
        let again = {
            let mut state = double.lock();
            let again = state.redelivery(&job.ids.webhook_id, &job.ids.delivery_id);
            // The settings may have changed meanwhile.
            again.filter(|again| again.target.automatic_redelivery && still_wanted(&state, again))
        };
        let Some(mut again) = again else { return };
        again.shape = job.shape.clone();
        again.shape.copies = 0;
        if !send(double, &again, index + 2).await {
            return;
        }
    }
}

fn still_wanted(state: &State, job: &Job) -> bool {
    state
        .webhook(&job.ids.webhook_id)
        .is_some_and(|webhook| webhook.settings.should_deliver(&job.event.kind))
}

/// Applies the first fault rule that meets this delivery.
fn meet_faults(state: &mut State, mut job: Job) -> Step {
    if job.past_faults {
        return Step::Send(job);
    }
    job.past_faults = true;
    let now = state.clock.now();
    let rule = state
        .delivery_faults
        .iter_mut()
        .find(|rule| rule.meets(&job.event.kind));
    let Some(rule) = rule else {
        return Step::Send(job);
    };
    if !matches!(rule.effect, Effect::Reorder(_)) {
        rule.use_once();
    }
    match rule.effect.clone() {
        Effect::Lose => {
            state.attempts.push(attempt(&job, now, Outcome::Lost));
            Step::Done
        }
        Effect::Hold => {
            state.attempts.push(attempt(&job, now, Outcome::Held));
            state.held.push(HeldJob {
                job,
                reorder: false,
            });
            Step::Done
        }
        Effect::Reorder(group) => {
            let waiting = state.held.iter().filter(|held| held.reorder).count();
            if waiting + 1 >= group {
                rule.use_once();
            }
            state.attempts.push(attempt(&job, now, Outcome::Held));
            state.held.push(HeldJob { job, reorder: true });
            if waiting + 1 >= group {
                release(state, true, |held| held.reorder);
            }
            Step::Done
        }
        Effect::Delay(by) => Step::SendAfter(by, job),
        Effect::Duplicate(extra) => {
            job.shape.copies = extra;
            Step::Send(job)
        }
        Effect::Compact => {
            job.shape.compact = true;
            Step::Send(job)
        }
        Effect::WrongSecret(secret) => {
            job.shape.secret = Some(secret);
            Step::Send(job)
        }
    }
}

/// Puts held deliveries back at the head of their queues; how many.
pub(crate) fn release(
    state: &mut State,
    reversed: bool,
    which: impl Fn(&HeldJob) -> bool,
) -> usize {
    let (mut going, staying): (Vec<_>, Vec<_>) = state.held.drain(..).partition(which);
    state.held = staying;
    let count = going.len();
    // Pushed to the front one by one, so the last pushed leaves first.
    if !reversed {
        going.reverse();
    }
    for held in going {
        if let Some(webhook) = state.webhook_mut(&held.job.ids.webhook_id) {
            webhook.queue.push_front(held.job);
            webhook.wake.notify_one();
        }
    }
    count
}

/// Waits by the double's clock, real time or moved. False when the pending
/// work of this webhook was dropped meanwhile.
async fn pause(double: &Double, wait: Duration, webhook_id: &str, generation: u64) -> bool {
    let mut changed = double.changed.subscribe();
    let due = double.lock().clock.since_epoch() + wait;
    loop {
        let (left, frozen) = {
            let state = double.lock();
            if state
                .webhook(webhook_id)
                .is_none_or(|webhook| webhook.generation != generation)
            {
                return false;
            }
            (
                due.saturating_sub(state.clock.since_epoch()),
                state.clock.is_frozen(),
            )
        };
        if left.is_zero() {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(left), if !frozen => {}
            _ = changed.changed() => {}
        }
    }
}

/// Sends a delivery once (and its copies at the same moment) and remembers it.
/// Whether `BTCPay` would try again.
async fn send(double: &Double, job: &Job, number: usize) -> bool {
    let body = body(job, double.setup.crlf);
    let secret = job.shape.secret.as_ref().unwrap_or(&job.target.secret);
    let signature = sign(secret, &body);
    let sent = if job.shape.compact {
        compacted(&body)
    } else {
        body.clone()
    };
    let url = job.target.url.clone().unwrap_or_default();
    let at = double.lock().clock.now();

    let mut copies = JoinSet::new();
    for _ in 0..=job.shape.copies {
        let double = Arc::clone(double);
        let (url, sent, signature) = (url.clone(), sent.clone(), signature.clone());
        copies.spawn(async move { post(&double, &url, sent, Some(&signature)).await });
    }
    let outcomes = copies.join_all().await;

    let mut state = double.lock();
    for outcome in &outcomes {
        let mut entry = attempt(job, at, outcome.clone());
        entry.number = number;
        entry.body.clone_from(&sent);
        entry.signature.clone_from(&signature);
        state.attempts.push(entry);
    }
    let outcome = outcomes.into_iter().next().unwrap_or(Outcome::Lost);
    let (http_code, error) = match &outcome {
        Outcome::Answered {
            status: 200..=299, ..
        } => (outcome_status(&outcome), None),
        Outcome::Answered { status, .. } => (
            Some(*status),
            Some(format!("the receiver answered {status}")),
        ),
        Outcome::NoAnswer(reason) => (None, Some(reason.clone())),
        Outcome::Lost | Outcome::Held => (None, None),
    };
    if let Some(webhook) = state.webhook_mut(&job.ids.webhook_id) {
        webhook.deliveries.push(Delivery {
            id: job.ids.delivery_id.clone(),
            created: job.created,
            sent: at,
            http_code,
            error,
            event: job.event.clone(),
            ids: job.ids.clone(),
            body,
            signature,
        });
    }
    drop(state);
    double.bump();
    // Since 2.3.4: other client errors and redirects are final.
    matches!(http_code, None | Some(408 | 429 | 500..=599))
}

fn outcome_status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Answered { status, .. } => Some(*status),
        _ => None,
    }
}

/// Sends these bytes to this address, outside of any queue and without retries.
pub(crate) fn send_aside(double: &Double, entry: Attempt, signature: Option<String>) {
    double.lock().in_flight += 1;
    let task = {
        let double = Arc::clone(double);
        async move {
            let mut entry = entry;
            entry.outcome = post(
                &double,
                &entry.url,
                entry.body.clone(),
                signature.as_deref(),
            )
            .await;
            let mut state = double.lock();
            state.in_flight -= 1;
            state.attempts.push(entry);
            drop(state);
            double.bump();
        }
    };
    double.runtime.spawn(task);
}

async fn post(double: &Double, url: &str, body: Vec<u8>, signature: Option<&str>) -> Outcome {
    let mut request = double
        .client
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .body(body);
    if let Some(signature) = signature {
        request = request.header("BTCPay-Sig", signature);
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Outcome::NoAnswer(error.to_string()),
    };
    let status = answer.status().as_u16();
    match answer.text().await {
        Ok(body) => Outcome::Answered { status, body },
        Err(error) => Outcome::NoAnswer(error.to_string()),
    }
}

fn body(job: &Job, crlf: bool) -> Vec<u8> {
    let body = job.event.body(&job.ids);
    if !crlf {
        return body;
    }
    // A raw LF is never inside a JSON string, so each one ends a line.
    let mut lines = Vec::with_capacity(body.len() * 2);
    for byte in body {
        if byte == b'\n' {
            lines.push(b'\r');
        }
        lines.push(byte);
    }
    lines
}

/// The same JSON as a program writes it that parsed and re-serialised it.
fn compacted(body: &[u8]) -> Vec<u8> {
    serde_json::from_slice::<serde_json::Value>(body)
        .map_or_else(|_| body.to_vec(), |value| value.to_string().into_bytes())
}

/// A log entry for a delivery; what was sent is added by the sender.
fn attempt(job: &Job, at: i64, outcome: Outcome) -> Attempt {
    Attempt {
        delivery_id: job.ids.delivery_id.clone(),
        original_delivery_id: job.ids.original_delivery_id.clone(),
        webhook_id: job.ids.webhook_id.clone(),
        event: job.event.kind.clone(),
        invoice_id: job.event.invoice.clone(),
        is_redelivery: job.ids.is_redelivery,
        number: 1,
        url: job.target.url.clone().unwrap_or_default(),
        body: Vec::new(),
        signature: String::new(),
        at,
        outcome,
    }
}
