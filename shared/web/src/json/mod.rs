//! The JSON extractor: axum's rejections are plain text, ours speak the
//! envelope and name the member. Statuses are those of the contract's framework: 400 for
//! JSON that does not parse, 422 for wrong members, 415 for another content type, 413
//! for a body over the limit. Whether a member that is not known is one, the type says:
//! with `#[serde(deny_unknown_fields)]` it is, as on every public route.

mod member_error;
mod members;
mod tree;

use super::ApiError;
use axum::body::Body;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
pub use members::AnyText;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tree::Node;

/// Largest request body, 2 MiB as in the Keysat contract.
pub const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// A request body read as JSON, or an answer written as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body with content-type: application/json",
            ));
        }
        let body = read_body(request.into_body()).await?;
        decode(&body).map(Self)
    }
}

/// A body that may be left out: `None` when it is empty, whatever its type, and
/// when it is `null`.
impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, ApiError> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        let (parts, body) = request.into_parts();
        let body = read_body(body).await?;
        if body.is_empty() {
            return Ok(None);
        }
        let request = Request::from_parts(parts, body.into());
        let json = <Json<Option<T>> as FromRequest<S>>::from_request(request, state).await?;
        Ok(json.0.map(Self))
    }
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    T::deserialize(Node::parse(body)?).map_err(ApiError::from)
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let json = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, json)], body).into_response()
            }
            Err(error) => ApiError::internal(format!("cannot write JSON: {error}")).into_response(),
        }
    }
}

/// Reads a body up to [`MAX_BODY_BYTES`].
///
/// # Errors
/// 413 for a larger one, 400 when the connection breaks off.
pub async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!("the body must not be larger than {MAX_BODY_BYTES} bytes"),
        )),
        Err(_) => Err(ApiError::bad_request("the request ended early")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(text) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
    else {
        return false;
    };
    let media_type = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Order {
        #[expect(dead_code, reason = "only the decoding matters here")]
        amount: i64,
    }

    async fn rejected(content_type: &str, body: impl Into<Body>) -> (u16, &'static str) {
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, content_type)
            .body(body.into())
            .expect("a request");
        let error = <Json<Order> as FromRequest<()>>::from_request(request, &())
            .await
            .expect_err("a rejection");
        (error.status().as_u16(), error.code())
    }

    #[tokio::test]
    async fn a_body_that_may_be_left_out_is_otherwise_read_as_ever() {
        let read = |content_type: &str, body: &'static str| {
            let request = Request::post("/")
                .header(header::CONTENT_TYPE, content_type)
                .body(Body::from(body))
                .expect("a request");
            async move {
                <Json<Order> as OptionalFromRequest<()>>::from_request(request, &())
                    .await
                    .map(|body| body.is_some())
                    .map_err(|error| error.status().as_u16())
            }
        };
        let json = "application/json";
        assert_eq!(read(json, "").await, Ok(false));
        assert_eq!(read("text/plain", "").await, Ok(false));
        assert_eq!(read(json, "{\"amount\":1}").await, Ok(true));
        assert_eq!(read(json, "null").await, Ok(false));
        assert_eq!(read(json, " ").await, Err(400));
        assert_eq!(read(json, "{}").await, Err(422));
        assert_eq!(read("text/plain", "{\"amount\":1}").await, Err(415));
    }

    #[tokio::test]
    async fn every_kind_of_bad_body_has_its_status() {
        let json = "application/json";
        assert_eq!(rejected(json, "not json").await, (400, "bad_request"));
        assert_eq!(rejected(json, "").await, (400, "bad_request"));
        assert_eq!(
            rejected(json, "{\"amount\":1} x").await,
            (400, "bad_request")
        );
        assert_eq!(rejected(json, "{}").await, (422, "unprocessable_entity"));
        assert_eq!(
            rejected(json, "{\"amount\":1.5}").await,
            (422, "unprocessable_entity")
        );
        assert_eq!(rejected(json, "{\"amount\":1,\"amount\":2}").await.0, 422);
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(
            rejected(json, deep.clone()).await,
            (422, "unprocessable_entity")
        );
        let inside = format!("{{\"amount\":{deep}}}");
        assert_eq!(rejected(json, inside).await, (422, "unprocessable_entity"));
        assert_eq!(rejected(json, "[1]").await, (422, "unprocessable_entity"));
        assert_eq!(
            rejected("text/plain", "{}").await,
            (415, "unsupported_media_type")
        );
        let large = vec![b' '; MAX_BODY_BYTES + 1];
        assert_eq!(rejected(json, large).await, (413, "payload_too_large"));
    }
}
