//! `POST /v1/validate`: whether a key is good now. Always status 200; a key
//! that is not good has `ok: false` and a reason, in the contract's order. One
//! database round trip, and a second one for the first validation on a new
//! machine. What is logged is written after the answer.

use crate::Ports;
use crate::limits::LimitToken;
use crate::machine_description::MachineDescription;
use crate::notes::{Note, Notes};
use crate::reason::Reason;
use crate::seat::{self, SeatOutcome};
use axum::Extension;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::seats::Asking;
use keywright_domain::standing::{Recorded, Standing, judge};
use keywright_license::{VerifiedLicense, verify_license};
use keywright_ports::Later;
use keywright_store::seats::activations::{self, Count, LookUp, OnMachine};
use keywright_store::seats::validation_log::ValidationEntry;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures};
use keywright_web::rate_limit::Allowance;
use keywright_web::{AnyText, ApiError, Client, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The question. An empty text counts as absent, except in `key`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValidateRequest {
    /// The license key, `LIC1-…-…`. White space, line breaks, quotation marks, a label
    /// before it, the kind of its dashes and letter case do not matter.
    #[schema(value_type = String)]
    key: AnyText,
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
pub(crate) struct ValidateAnswer {
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
    operation_id = "validateLicense",
    tag = "licenses",
    request_body = ValidateRequest,
    responses(
        (
            status = 200,
            description = "Whether it is, and why not.",
            body = ValidateAnswer,
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
    request: Result<Json<ValidateRequest>, ApiError>,
) -> Result<(Allowance, Json<ValidateAnswer>), ApiError> {
    let Json(request) = request?;
    let machine =
        MachineDescription::optional(request.fingerprint, request.hostname, request.platform)?;
    let fingerprint_hash = machine
        .as_ref()
        .map(|machine| machine.fingerprint_hash.clone());
    let notes = ports.notes(&later);
    let at = ports.stamps.now_millis();
    let token = match ports.limits.validation(&client, &request.key.0, at) {
        Ok(token) => token,
        Err(allowance) => return Ok((allowance, Json(refused(None, Reason::RateLimited)))),
    };
    let question = Question {
        key: &request.key.0,
        product_slug: request.product_slug.as_deref(),
        machine,
    };
    let decision = decide(&ports, &notes, question, token).await?;
    let answer = match decision.verdict {
        Verdict::Valid(license, standing) => valid(*license, standing),
        Verdict::Refused(reason, license) => refused(license.map(|license| *license), reason),
    };
    let unlogged = [Some(Reason::RateLimited), Some(Reason::InvalidState)];
    // Text that is no key names no license: anybody can make it up, without an end.
    let logs = decision.named.is_some() || ports.limits.logs_garbage(&client, at);
    if ports.logs_validations && logs && !unlogged.contains(&answer.reason) {
        let (license_id, product_id) = decision.named.unzip();
        notes
            .add(Note::Validated(ValidationEntry {
                at: ports.stamps.now(),
                license_id,
                product_id,
                machine_id: answer.machine_id.clone(),
                fingerprint_hash,
                result: answer.reason.map_or("ok", Reason::as_str),
                address_prefix: client.address_prefix(),
                user_agent: client.user_agent,
            }))
            .await;
    }
    Ok((decision.token.charge(&notes).await, Json(answer)))
}

/// What is asked about a key.
struct Question<'a> {
    key: &'a str,
    product_slug: Option<&'a str>,
    machine: Option<MachineDescription>,
}

/// What is decided about a key, and what it takes to log and to charge for it.
struct Decision<'a> {
    verdict: Verdict,
    /// The ids of the license and of the product that the key names, where its
    /// signature is good.
    named: Option<(String, String)>,
    /// The token of the rate limit, as the database knows it.
    token: LimitToken<'a>,
}

/// Whether a key is good.
enum Verdict {
    /// It is: the license, and where it stands.
    Valid(Box<OnMachine>, Standing),
    /// It is not; with the license where the answer may tell of it.
    Refused(Reason, Option<Box<OnMachine>>),
}

/// Decides, with the reasons in the contract's order.
async fn decide<'a>(
    ports: &Ports,
    notes: &Notes<'_>,
    question: Question<'_>,
    mut token: LimitToken<'a>,
) -> Result<Decision<'a>, ApiError> {
    let verified = match verify_license(question.key, ports.keys()?) {
        Ok(verified) => verified,
        Err(error) => {
            return Ok(Decision {
                verdict: Verdict::Refused(error.into(), None),
                named: None,
                token,
            });
        }
    };
    let payload = verified.payload();
    let license_id = payload.license_id().to_string();
    let look_up = LookUp {
        license_id: &license_id,
        issued_at: payload.issued_at(),
        fingerprint_hash: question
            .machine
            .as_ref()
            .map(|machine| machine.fingerprint_hash.as_str()),
        now: ports.stamps.now(),
        count: Count::WhereNeeded,
        bucket: Some(&token.bucket()),
    };
    let license = activations::look_up(&ports.database, look_up).await?;
    let verdict = match license {
        None => Verdict::Refused(Reason::NotFound, None),
        Some(license) if !token.correct(license.bucket_full_at) => {
            Verdict::Refused(Reason::RateLimited, None)
        }
        Some(license) => judged(ports, notes, question, &verified, license).await?,
    };
    Ok(Decision {
        verdict,
        named: Some((license_id, payload.product_id().to_string())),
        token,
    })
}

/// Judges a recorded license: its standing first, then the machine's seat.
async fn judged(
    ports: &Ports,
    notes: &Notes<'_>,
    question: Question<'_>,
    verified: &VerifiedLicense,
    license: OnMachine,
) -> Result<Verdict, ApiError> {
    let recorded = Recorded {
        status: license.status,
        product_slug: &license.product_slug,
        expires_at: license.expires_at,
        grace_seconds: license.grace_seconds,
    };
    // The SDKs send an empty string where the application gave none.
    let product_slug = question.product_slug.filter(|slug| !slug.is_empty());
    let standing = match judge(recorded, product_slug, ports.stamps.now()) {
        Ok(standing) => standing,
        Err(refusal) => return Ok(Verdict::Refused(refusal.into(), Some(Box::new(license)))),
    };
    let Some(machine) = question.machine else {
        return Ok(Verdict::Valid(Box::new(license), standing));
    };
    let outcome = seat::take(ports, notes, Asking::Validation, license, verified, machine).await?;
    Ok(match outcome {
        SeatOutcome::Held(license) => Verdict::Valid(Box::new(license), standing),
        SeatOutcome::Refused(license, reason) => Verdict::Refused(reason, Some(Box::new(license))),
    })
}

fn refused(license: Option<OnMachine>, reason: Reason) -> ValidateAnswer {
    let mut answer = ValidateAnswer {
        reason: Some(reason),
        ..ValidateAnswer::default()
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

fn valid(license: OnMachine, standing: Standing) -> ValidateAnswer {
    let grace_until = match standing {
        Standing::Good => None,
        Standing::InGrace { until } => Some(rfc3339(until)),
    };
    ValidateAnswer {
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
