//! `POST /v1/recover/mail`: has a link to all licenses of an address mailed to it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_domain::caller_limits::RECOVERY_MAILS;
use keywright_domain::email::EmailAddress;
use keywright_ports::{Database, Stamps};
use keywright_store::mail::mail_requests;
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{BodyRefusals, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whose licenses.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoveryMail {
    /// The address that the licenses were bought with. How it is written does not matter.
    #[schema(example = "satoshi@example.com", min_length = 1)]
    email: String,
}

/// The same for every address.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryMailAccepted {
    /// Always `true`.
    #[schema(example = true)]
    ok: bool,
    /// For people.
    message: &'static str,
}

/// Mails a link to all licenses of an address
///
/// The answer is the same whether the address is known or not, and so is the time it takes:
/// the mail is sent later, at most three in an hour to one address. Its link works for two
/// hours. 404 where the shop sends no mail.
#[utoipa::path(
    post,
    path = "/v1/recover/mail",
    operation_id = "requestRecoveryMail",
    tag = "buying",
    request_body = RecoveryMail,
    responses(
        (status = 200, description = "If licenses were bought with the address, a mail is on its way.", body = RecoveryMailAccepted),
        Failures, BodyRefusals, Unknown, TooMany
    )
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    client: Client,
    request: Result<Json<RecoveryMail>, ApiError>,
) -> Result<Response, ApiError> {
    let Json(request) = request?;
    if request.email.trim().is_empty() {
        return Err(ApiError::bad_request("email must not be empty"));
    }
    let email =
        EmailAddress::parse(&request.email).map_err(|error| ApiError::email("email", error))?;
    let now = stamps.now_millis();
    let allowance = take_for(&database, &[&RECOVERY_MAILS], &client, now).await?;
    let id = stamps.new_id();
    let is_on = mail_requests::ask(&database, &id, &email.folded(), stamps.now()).await?;
    if !is_on {
        return Err(ApiError::not_found("this shop does not send mail"));
    }
    let accepted = RecoveryMailAccepted {
        ok: true,
        message: "if licenses were bought with this address, a mail with a link is on its way",
    };
    let headers = [(CACHE_CONTROL, "no-store")];
    Ok((allowance, headers, Json(accepted)).into_response())
}
