//! What several endpoints say alike in the OpenAPI document. The document is
//! made from these and the handlers' own types by a test, not at run time: a
//! module carries none of it.

use utoipa::{IntoResponses, ToSchema};

/// The envelope of every error.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; `ApiError` writes the envelope")]
pub struct Error {
    /// Always `false`.
    #[schema(example = false)]
    ok: bool,
    /// A stable code.
    #[schema(example = "bad_request")]
    error: String,
    /// What was wrong and what to do about it.
    message: String,
}

/// What every endpoint may answer.
#[derive(IntoResponses)]
pub enum Failures {
    /// Something went wrong on our side; the log has it under `x-request-id`.
    #[response(status = 500)]
    Internal(Error),
    /// Not set up yet, or not now; the code says which.
    #[response(status = 503)]
    Unavailable(Error),
}

/// What an endpoint with a JSON body may answer.
#[derive(IntoResponses)]
pub enum BodyRefusals {
    /// The body is not JSON, or a member breaks its limits.
    #[response(status = 400)]
    BadRequest(Error),
    /// The body is larger than 2 MiB.
    #[response(status = 413)]
    TooLarge(Error),
    /// The body is not `application/json`.
    #[response(status = 415)]
    MediaType(Error),
    /// The JSON does not have the members it should, or an `Idempotency-Key`
    /// was used before with another body.
    #[response(status = 422)]
    Members(Error),
}

/// A member of the query breaks its limits.
#[derive(IntoResponses)]
#[response(status = 400)]
#[expect(dead_code, reason = "a description")]
pub struct BadQuery(#[to_schema] Error);

/// What an endpoint behind a bearer key may answer.
#[derive(IntoResponses)]
pub enum AccessRefusals {
    /// No `Authorization: Bearer` header.
    #[response(status = 401)]
    Unauthorized(Error),
    /// The key is wrong, revoked, or lacks the scope.
    #[response(status = 403)]
    Forbidden(Error),
}

/// Nothing has this id or name.
#[derive(IntoResponses)]
#[response(status = 404)]
#[expect(dead_code, reason = "a description")]
pub struct Unknown(#[to_schema] Error);

/// It clashes with what is recorded, or the same `Idempotency-Key` is still
/// being worked on.
#[derive(IntoResponses)]
#[response(status = 409)]
#[expect(dead_code, reason = "a description")]
pub struct Conflict(#[to_schema] Error);

/// This host cannot write release files: they are put into the folder that it
/// mounts.
#[derive(IntoResponses)]
#[response(status = 501)]
#[expect(dead_code, reason = "a description")]
pub struct NoReleaseStorage(#[to_schema] Error);

/// The payment provider did not do it; the log has the details.
#[derive(IntoResponses)]
#[response(status = 502)]
#[expect(dead_code, reason = "a description")]
pub struct Upstream(#[to_schema] Error);

/// Too many requests; `Retry-After` says when to come back.
#[derive(IntoResponses)]
#[response(status = 429)]
#[expect(dead_code, reason = "a description")]
pub struct TooMany(#[to_schema] Error);
