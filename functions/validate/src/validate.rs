//! `POST /v1/validate`: whether a key is good now. Always status 200; a key
//! that is not good has `ok: false` and a reason, in the contract's order. One
//! database round trip, and a second one for the first validation on a new
//! machine. What is logged is written after the answer.

use crate::Ports;
use crate::device::Device;
use crate::limits::Token;
use crate::notes::{Note, Notes};
use crate::reason::Reason;
use crate::seat::{self, Asked};
use axum::Extension;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::seats::Asking;
use keywright_domain::standing::{Recorded, Standing, judge};
use keywright_license::verify_license;
use keywright_ports::Later;
use keywright_store::seats::activations::{self, Count, LookUp, OnMachine};
use keywright_store::seats::validation_log::Entry;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures};
use keywright_web::rate_limit::Allowance;
use keywright_web::{ApiError, Client, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The question. An empty text counts as absent, except in `key`.
#[derive(Deserialize, ToSchema)]
#[schema(as = ValidateRequest)]
pub(crate) struct Validate {
    /// The license key, `LIC1-…-…`. White space, line breaks, quotation marks, a label
    /// before it, the kind of its dashes and letter case do not matter.
    key: String,
    /// The product that the application belongs to. Send it: without it a key
    /// for any product of this vendor is good.
    product_slug: Option<String>,
    /// What tells this machine from others, at most 1024 bytes; only its
    /// SHA-256 is kept. With it the machine takes a seat of the license: the
    /// only seat of a single-seat license on first use, else one of
    /// `max_machines`.
    #[schema(max_length = 1024)]
    fingerprint: Option<String>,
    /// What the machine calls itself, shown in the list of machines; at most
    /// 255 bytes.
    #[schema(max_length = 255)]
    hostname: Option<String>,
    /// What the machine runs, such as `linux-x86_64`; at most 255 bytes.
    #[schema(max_length = 255)]
    platform: Option<String>,
}

/// The answer. What does not apply is absent, never null.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = ValidateAnswer)]
pub(crate) struct Validation {
    /// Whether the key is good.
    ok: bool,
    /// Why it is not; only with `ok: false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<Reason>,
    /// The license: with `ok: true`, and for the reasons `expired`,
    /// `too_many_machines` and `too_many_activations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    license_id: Option<String>,
    /// The product, where `license_id` is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    product_id: Option<String>,
    /// The product's name in URLs; with `ok: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    product_slug: Option<String>,
    /// When the license was issued; with `ok: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    issued_at: Option<String>,
    /// When it expires or expired, where it does: with `ok: true`, and for the
    /// reason `expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    expires_at: Option<String>,
    /// Until when it still validates although it is expired; only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    grace_until: Option<String>,
    /// `true` when it is expired and still validates, else absent.
    #[serde(skip_serializing_if = "is_false")]
    in_grace_period: bool,
    /// `true` for a trial, else absent.
    #[serde(skip_serializing_if = "is_false")]
    is_trial: bool,
    /// What the license unlocks now; absent when that is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entitlements: Vec<String>,
    /// `active`, with `ok: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<&'static str>,
    /// The machine's seat; with `ok: true` where a fingerprint was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    machine_id: Option<String>,
    /// How many machines may use the license at once, 0 without a limit: with
    /// `ok: true`, and for the reasons `too_many_machines` and
    /// `too_many_activations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    max_machines: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether a license key is good now.
///
/// Always status 200: a key that is not good has `ok: false` and a `reason`,
/// the first that applies of: `rate_limited` (60 at once from an address, then
/// one a second; see `Retry-After`), `bad_format`, `bad_signature`, `not_found`,
/// `revoked`, `suspended`, `invalid_state`, `product_mismatch`, `expired`, and,
/// where a fingerprint is sent, `fingerprint_mismatch` (the only seat, or the
/// key itself, belongs to another machine), `too_many_machines` and
/// `too_many_activations`. Expiry, entitlements and seats are those recorded
/// now, not those in the key.
#[utoipa::path(
    post,
    path = "/v1/validate",
    tag = "licenses",
    request_body = Validate,
    responses(
        (
            status = 200,
            description = "Whether it is, and why not.",
            body = Validation,
            headers(
                ("RateLimit-Policy" = String, description = "how often this caller may ask"),
                ("RateLimit" = String, description = "how often it may ask now"),
                ("Retry-After" = u64, description = "when it may ask again, in seconds; only where it may not now"),
            ),
        ),
        BodyRefusals,
        Conflict,
        Failures,
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    client: Client,
    Extension(later): Extension<Later>,
    asked: Result<Json<Validate>, ApiError>,
) -> Result<(Allowance, Json<Validation>), ApiError> {
    let Json(asked) = asked?;
    let device = Device::optional(asked.fingerprint, asked.hostname, asked.platform)?;
    let notes = ports.notes(&later);
    let at = ports.stamps.now_millis();
    let mut token = match ports.limits.validation(&client, &asked.key, at) {
        Ok(token) => token,
        Err(allowance) => return Ok((allowance, Json(refused(None, Reason::RateLimited)))),
    };
    let mut known = Known {
        fingerprint_hash: device
            .as_ref()
            .map(|device| device.fingerprint_hash.clone()),
        ..Known::default()
    };
    let question = Question {
        key: &asked.key,
        product_slug: asked.product_slug.as_deref(),
        device,
    };
    let outcome = decide(&ports, &notes, question, &mut token, &mut known).await?;
    let answer = match outcome {
        Ok((license, standing)) => good(license, standing),
        Err((license, reason)) => refused(license, reason),
    };
    let unlogged = [Some(Reason::RateLimited), Some(Reason::InvalidState)];
    // Text that is no key names no license: anybody can make it up, without an end.
    let logs = known.license_id.is_some() || ports.limits.logs_garbage(&client, at);
    if ports.logs_validations && logs && !unlogged.contains(&answer.reason) {
        let entry = known.entry(&answer, client, ports.stamps.now());
        notes.add(Note::Validated(entry)).await;
    }
    Ok((token.charge(&notes).await, Json(answer)))
}

/// The question, read.
struct Question<'a> {
    key: &'a str,
    product_slug: Option<&'a str>,
    device: Option<Device>,
}

/// What the log tells of a validation besides its result.
#[derive(Default)]
struct Known {
    license_id: Option<String>,
    product_id: Option<String>,
    fingerprint_hash: Option<String>,
}

impl Known {
    fn entry(self, answer: &Validation, client: Client, at: i64) -> Entry {
        Entry {
            at,
            license_id: self.license_id,
            product_id: self.product_id,
            machine_id: answer.machine_id.clone(),
            fingerprint_hash: self.fingerprint_hash,
            result: answer.reason.map_or("ok", Reason::as_str),
            address_prefix: client.address_prefix(),
            user_agent: client.user_agent,
        }
    }
}

/// The license and where it stands, or why not; with the license where the
/// answer may tell of it.
type Outcome = Result<(OnMachine, Standing), (Option<OnMachine>, Reason)>;

/// The reasons in the contract's order.
async fn decide(
    ports: &Ports,
    notes: &Notes<'_>,
    question: Question<'_>,
    token: &mut Token<'_>,
    known: &mut Known,
) -> Result<Outcome, ApiError> {
    let verified = match verify_license(question.key, ports.keys()?) {
        Ok(verified) => verified,
        Err(error) => return Ok(Err((None, error.into()))),
    };
    let payload = verified.payload();
    let license_id = &*known.license_id.insert(payload.license_id().to_string());
    known.product_id = Some(payload.product_id().to_string());
    let now = ports.stamps.now();
    let asked = LookUp {
        license_id,
        fingerprint_hash: known.fingerprint_hash.as_deref(),
        now,
        count: Count::WhereNeeded,
        bucket: Some(&token.bucket()),
    };
    let Some(license) = activations::look_up(&ports.database, asked).await? else {
        return Ok(Err((None, Reason::NotFound)));
    };
    if !token.correct(license.bucket_full_at) {
        return Ok(Err((None, Reason::RateLimited)));
    }
    let recorded = Recorded {
        status: license.status,
        product_slug: &license.product_slug,
        expires_at: license.expires_at,
        grace_seconds: license.grace_seconds,
    };
    // The SDKs send an empty string where the application gave none.
    let product_slug = question.product_slug.filter(|slug| !slug.is_empty());
    let standing = match judge(recorded, product_slug, now) {
        Ok(standing) => standing,
        Err(refusal) => return Ok(Err((Some(license), refusal.into()))),
    };
    let Some(device) = question.device else {
        return Ok(Ok((license, standing)));
    };
    let seat = seat::take(ports, notes, Asking::Validation, license, &verified, device).await?;
    Ok(match seat {
        Asked::Seated(license) => Ok((license, standing)),
        Asked::Turned(license, reason) => Err((Some(license), reason)),
    })
}

fn refused(license: Option<OnMachine>, reason: Reason) -> Validation {
    let mut answer = Validation {
        reason: Some(reason),
        ..Validation::default()
    };
    let Some(license) = license else {
        return answer;
    };
    match reason {
        Reason::Expired => answer.expires_at = license.expires_at.map(rfc3339),
        Reason::TooManyMachines | Reason::TooManyActivations => {
            answer.max_machines = Some(license.max_machines);
        }
        _ => return answer,
    }
    answer.license_id = Some(license.id);
    answer.product_id = Some(license.product_id);
    answer
}

fn good(license: OnMachine, standing: Standing) -> Validation {
    let grace_until = match standing {
        Standing::Good => None,
        Standing::InGrace { until } => Some(rfc3339(until)),
    };
    Validation {
        ok: true,
        reason: None,
        license_id: Some(license.id),
        product_id: Some(license.product_id),
        product_slug: Some(license.product_slug),
        issued_at: Some(rfc3339(license.issued_at)),
        expires_at: license.expires_at.map(rfc3339),
        in_grace_period: grace_until.is_some(),
        grace_until,
        is_trial: license.is_trial,
        entitlements: license.entitlements,
        status: Some("active"),
        machine_id: license.machine_id,
        max_machines: Some(license.max_machines),
    }
}
