//! What the endpoints of all functions share in the OpenAPI document. A test makes the
//! document from these and the handlers' own types, so a module carries none of it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::{PathItem, RefOr, Schema};
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

/// The refusal of a reader who asks for what was deleted meanwhile.
#[derive(IntoResponses)]
#[response(
    status = 410,
    description = "Some of what is asked for is purged; the message says from where nothing is missing."
)]
#[expect(dead_code, reason = "a description")]
pub struct Gone(#[to_schema] Error);

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

/// The endpoints of all functions, put together for the OpenAPI document.
#[derive(Default)]
pub struct ApiDescription {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    conflicts: Vec<String>,
}

impl ApiDescription {
    /// Adds one endpoint. `{*rest}`, a parameter of several segments, has no sign of its
    /// own in OpenAPI and becomes `{rest}`.
    pub fn add(
        &mut self,
        path: &str,
        methods: Vec<HttpMethod>,
        operation: Operation,
        schemas: Vec<(String, RefOr<Schema>)>,
    ) {
        let path = path.replace("{*", "{");
        let item = PathItem::from_http_methods(methods, operation);
        self.add_path(&path, as_json(&item));
        for (name, schema) in schemas {
            self.add_schema(name, as_json(&schema));
        }
    }

    fn add_path(&mut self, path: &str, item: Value) {
        let there = self
            .paths
            .entry(path)
            .or_insert_with(|| Value::Object(Map::new()));
        let (Value::Object(there), Value::Object(item)) = (there, item) else {
            return;
        };
        for (method, operation) in item {
            let conflict = format!("{} {path}", method.to_uppercase());
            if there.insert(method, operation).is_some() {
                self.conflicts.push(conflict);
            }
        }
    }

    fn add_schema(&mut self, name: String, schema: Value) {
        match self.schemas.get(&name) {
            Some(there) if *there != schema => {
                let conflict = format!("schema {name}");
                if !self.conflicts.contains(&conflict) {
                    self.conflicts.push(conflict);
                }
            }
            Some(_) => {}
            None => {
                self.schemas.insert(name, schema);
            }
        }
    }

    /// Routes that are described twice, and names of different schemas. Such a document
    /// lacks one of them.
    #[must_use]
    pub fn conflicts(&self) -> &[String] {
        &self.conflicts
    }

    /// `{"paths": …, "schemas": …}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "paths": self.paths, "schemas": self.schemas })
    }
}

/// Everything of an OpenAPI document can be written as JSON.
fn as_json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
