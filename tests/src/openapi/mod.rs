//! The OpenAPI document: put together from what each function says of its own
//! endpoints, beside their types.

pub mod event_data;
mod examples;
mod grammar;
mod groups;
mod links;
mod schemas;
mod webhooks;

use groups::{check_tags, tags};
use keywright_web::MIN_ANONYMOUS_CHARS;
use keywright_web::openapi::ApiDescription;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Every method an OpenAPI path can have.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// What holds for every endpoint.
const DESCRIPTION: &str = "\
Sells software, signs its licenses and controls who can download its releases.

Success is always status 200. Every error is the envelope `{ok, error, message}`: `error` is a \
stable code for programs, and `message` explains the problem. Times are RFC 3339 in UTC, amounts \
are whole numbers of the currency's smallest unit (sats, cents), and ids are UUIDs. Members may be \
added to answers. A request with a member or a query parameter that is not described is refused, \
and the message has the nearest name that is; only the routes that foreign programs call (feeds, \
downloads, webhooks) ignore it.

Every answer has `x-request-id`, which also identifies the request in the instance's log. Lists \
have pages: `next_cursor` is null on the last one. Any origin may call; cookies are never read.

Status 405 means that the path does not support the method, 404 that the path does not exist. Both \
use the envelope.

The release gate (`/releases/…`, `/verify-key…`, `/git/…`, `/api/v1/licensing/download/…`) has \
another contract: its errors are `{error, note, hint}`, some answers are redirects (307), and every \
path may end in a slash.";

/// What opens the operator's routes.
const OPERATOR_KEY: &str = "\
The configured ADMIN_KEY, or a scoped key of `POST /v1/admin/api-keys` that has the \
scope named beside the route. A route that names `master` takes ADMIN_KEY only, and one that \
names none takes every key.";

/// What opens the downloads of a licensed product.
const LICENSE: &str = "\
A license token, or the license key. Products that are open to everybody need none, and links \
carry theirs in the query.";

/// The same for programs that send a password.
const PASSWORD: &str = "\
The license token or key as the password, for programs that read a netrc file. The user name \
does not matter.";

/// The document, as `GET /v1/openapi.json` serves it.
///
/// # Panics
/// When an endpoint is described twice, or two different schemas have one name.
#[must_use]
pub fn document() -> Value {
    let mut description = ApiDescription::default();
    keywright_admin::Api::describe(&mut description);
    keywright_validate::Api::describe(&mut description);
    keywright_download::Api::describe(&mut description);
    keywright_updates::Api::describe(&mut description);
    keywright_purchase::Api::describe(&mut description);
    keywright_webhook::Api::describe(&mut description);
    keywright_deliver::Api::describe(&mut description);
    keywright_renew::Api::describe(&mut description);
    keywright_watch::Api::describe(&mut description);
    let conflicts = description.conflicts();
    assert!(conflicts.is_empty(), "described in two ways: {conflicts:?}");
    let mut described = description.to_json();
    let mut take = |part: &str| match described[part].take() {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let (mut paths, mut schemas) = (take("paths"), take("schemas"));
    schemas::tidy(&mut paths, &mut schemas);
    let mut shared = Shared::default();
    for operation in operations(&mut paths) {
        describe_success(operation.operation, &schemas);
        describe_files(operation.operation);
        complete(operation, &mut shared);
    }
    name_methods(&mut paths);
    links::add(&mut paths);
    examples::add(&mut paths);
    check_tags(&mut paths);
    check_ids(&mut paths);
    let webhooks = webhooks::add(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Keywright",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(),
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas,
            "parameters": webhooks::parameters(),
            "responses": shared.responses,
            "securitySchemes": {
                "cron": { "type": "http", "scheme": "bearer", "description": "CRON_TOKEN." },
                "license": { "type": "http", "scheme": "bearer", "description": LICENSE },
                "license_as_password": { "type": "http", "scheme": "basic", "description": PASSWORD },
                "operator": { "type": "http", "scheme": "bearer", "description": OPERATOR_KEY },
            },
        },
    })
}

/// Every operation with its path and method.
pub fn operations(paths: &mut Map<String, Value>) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
                found.push(Operation {
                    path,
                    method,
                    operation,
                });
            }
        }
    }
    found
}

/// One operation of the document.
pub struct Operation<'a> {
    /// Its path, with `{parameters}`.
    pub path: &'a str,
    /// Its method, in lower case.
    pub method: &'a str,
    /// What is said of it.
    pub operation: &'a mut Value,
}

/// Adds what the HTTP layer does for every route of a kind, so that no
/// endpoint has to say it.
fn complete(
    Operation {
        path,
        method,
        operation,
    }: Operation<'_>,
    shared: &mut Shared,
) {
    // A handler names its operation; without a name utoipa takes the function's.
    assert_ne!(
        operation["operationId"], "handler",
        "{method} {path} has no operation_id"
    );
    summarize(operation);
    add_errors(
        operation,
        &[(
            "500",
            "Something went wrong on our side; the log has it under `x-request-id`.",
        )],
    );
    // Said of every operation: a tool cannot tell "open to all" from "not said".
    if operation.get("security").is_none() {
        operation["security"] = if takes_license(path) && !is_feed(path) {
            json!([{}, { "license": [] }, { "license_as_password": [] }])
        } else if takes_license(path) {
            json!([{}, { "license": [] }])
        } else {
            json!([])
        };
    }
    let scheme = if path.starts_with("/v1/cron/") {
        Some("cron")
    } else if path.starts_with("/v1/admin/") {
        Some("operator")
    } else {
        None
    };
    if let Some(scheme) = scheme {
        add_errors(operation, &KEYED);
        // The scopes that the endpoint itself names stay.
        if operation["security"][0][scheme].is_null() {
            operation["security"] = json!([{ scheme: [] }]);
        }
    }
    if takes_idempotency_key(method, path) {
        add_errors(operation, &REPEATABLE);
        let parameter = json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Makes repeating the request safe: the same key and body answer what the first request did. Kept for a day; a new UUID is a good one.",
            "schema": { "type": "string", "minLength": min_key_length(path), "maxLength": 255, "pattern": "^[!#-~]+$" },
        });
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
    }
    let responses = operation["responses"].as_object_mut();
    for (status, response) in responses.into_iter().flatten() {
        if status != "200" {
            *response = shared.reference(status, response.take());
        }
    }
}

/// Whether a license opens more behind this path.
fn takes_license(path: &str) -> bool {
    let is_download = [
        "/api/v1/licensing/",
        "/git/",
        "/releases/{product}/latest/",
        "/releases/{product}/{version}/",
        "/updates/",
    ];
    is_download.iter().any(|begin| path.starts_with(begin)) && !path.ends_with("/MANIFEST")
}

/// Whether it is a list of versions for an updater.
fn is_feed(path: &str) -> bool {
    path.starts_with("/updates/") || path.starts_with("/api/v1/licensing/updates/")
}

/// What a route behind a key may answer.
const KEYED: [(&str, &str); 3] = [
    ("401", "No `Authorization: Bearer` header."),
    ("403", "The key is wrong, revoked, or lacks the scope."),
    ("503", "No key is configured for this route."),
];

/// What a route that takes `Idempotency-Key` may answer.
const REPEATABLE: [(&str, &str); 3] = [
    (
        "400",
        "The `Idempotency-Key` is too short, too long, or has characters that cannot be seen.",
    ),
    (
        "409",
        "The first request with this `Idempotency-Key` is still being worked on, or its answer was lost.",
    ),
    (
        "422",
        "This `Idempotency-Key` was used before with another body.",
    ),
];

/// Adds errors that the endpoint does not describe itself.
fn add_errors(operation: &mut Value, errors: &[(&str, &str)]) {
    for (status, text) in errors {
        let responses = &mut operation["responses"];
        if responses.get(*status).is_none() {
            responses[*status] = json!({
                "description": text,
                "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/Error" } }
                },
            });
        }
    }
}

/// Answers that several endpoints describe in the same words, once.
#[derive(Default)]
struct Shared {
    responses: Map<String, Value>,
}

impl Shared {
    fn reference(&mut self, status: &str, response: Value) -> Value {
        let prefix = format!("Error{status}-");
        let mut alike = self.responses.iter();
        let alike = alike.find(|(name, known)| name.starts_with(&prefix) && **known == response);
        let name = if let Some((name, _)) = alike {
            name.clone()
        } else {
            let others = self.responses.keys();
            let others = others.filter(|name| name.starts_with(&prefix)).count();
            let name = format!("{prefix}{}", others + 1);
            self.responses.insert(name.clone(), response);
            name
        };
        json!({ "$ref": format!("#/components/responses/{name}") })
    }
}

/// A summary is one sentence without its full stop; what follows is
/// description.
fn summarize(operation: &mut Value) {
    let text = operation["summary"].as_str().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (summary, rest) = text.split_once(". ").unwrap_or((&text, ""));
    let description = operation["description"].as_str().unwrap_or_default();
    let parts = [rest, description].map(str::trim);
    let description = parts.into_iter().filter(|part| !part.is_empty());
    let description = description.collect::<Vec<_>>().join("\n\n");
    operation["summary"] = summary.trim_end_matches('.').into();
    if !description.is_empty() {
        operation["description"] = description.into();
    }
}

/// Says of a success, where the endpoint does not, what its body is.
fn describe_success(operation: &mut Value, schemas: &Map<String, Value>) {
    // A route that only leads elsewhere has none.
    let Some(success) = operation["responses"].get_mut("200") else {
        return;
    };
    if success["description"] != "" {
        return;
    }
    let reference = &success["content"]["application/json"]["schema"]["$ref"];
    let name = reference.as_str().and_then(|text| text.rsplit('/').next());
    if let Some(body) = name.and_then(|name| schemas.get(name)) {
        success["description"] = body["description"].clone();
    }
}

/// Bodies that are files: bytes, not the list of numbers that their type is in Rust.
fn describe_files(operation: &mut Value) {
    let responses = operation["responses"].as_object_mut();
    let contents = responses.into_iter().flatten();
    for (_, response) in contents {
        if let Some(content) = response.get_mut("content") {
            bytes_in(content);
        }
    }
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        bytes_in(content);
    }
}

fn bytes_in(content: &mut Value) {
    for (media_type, described) in content.as_object_mut().into_iter().flatten() {
        let schema = &mut described["schema"];
        if !media_type.contains("json") && schema["items"]["format"] == "int32" {
            *schema = json!({ "type": "string", "format": "binary" });
        }
    }
}

/// One handler may serve several methods of its path; each is an operation.
fn name_methods(paths: &mut Map<String, Value>) {
    let mut seen = BTreeSet::new();
    for one in operations(paths) {
        let id = one.operation["operationId"].as_str().unwrap_or_default();
        if !seen.insert((one.path.to_owned(), id.to_owned())) {
            let (first, rest) = one.method.split_at(1);
            one.operation["operationId"] = format!("{id}By{}{rest}", first.to_uppercase()).into();
        }
    }
}

/// # Panics
/// When two operations have one id.
fn check_ids(paths: &mut Map<String, Value>) {
    let mut seen = BTreeSet::new();
    for one in operations(paths) {
        let id = one.operation["operationId"].as_str().unwrap_or_default();
        assert!(seen.insert(id.to_owned()), "two operations are called {id}");
    }
}

/// Keys of the operator's routes belong to a caller whose credential was checked.
fn min_key_length(path: &str) -> usize {
    if path.starts_with("/v1/admin/") {
        1
    } else {
        MIN_ANONYMOUS_CHARS
    }
}

/// POSTs that only ask, or that are safe to repeat as they are.
const QUESTIONS: [&str; 9] = [
    "/v1/admin/licenses/search",
    "/v1/downloads/link",
    "/v1/licenses/current-key",
    "/v1/machines/heartbeat",
    "/v1/machines/list",
    "/v1/recover",
    "/v1/recover/mail",
    "/v1/upgrade-quote",
    "/v1/validate",
];

/// Providers and cron triggers send none, and the release gate changes nothing.
fn takes_idempotency_key(method: &str, path: &str) -> bool {
    method == "post"
        && path.starts_with("/v1/")
        && !path.starts_with("/v1/cron/")
        && !path.starts_with("/v1/btcpay/")
        && !path.starts_with("/v1/zaprite/")
        && !QUESTIONS.contains(&path)
}
