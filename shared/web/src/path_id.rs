//! Typed ids in paths ([`path_ids!`](crate::path_ids!)).

use crate::ApiError;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

/// Reads the only parameter of a route's path as an id of its own type. Any text is one;
/// a query finds out whether something has it. Text that is not UTF-8 names nothing, so
/// it is refused like an unknown id.
#[doc(hidden)]
pub async fn only_parameter<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    unknown: fn() -> ApiError,
) -> Result<String, ApiError> {
    let id = Path::<String>::from_request_parts(parts, state).await;
    id.map(|Path(id)| id).map_err(|_| unknown())
}

/// Makes types of ids in paths, each with what is answered when nothing has that id.
/// Such a type is the extractor of a route whose path has one parameter, dereferences to
/// `str`, and cannot be confused with the id of something else.
///
/// ```ignore
/// keywright_web::path_ids! {
///     /// A product's id.
///     ProductId: "there is no such product",
/// }
/// ```
#[macro_export]
macro_rules! path_ids {
    ($($(#[$docs:meta])* $name:ident: $unknown:literal,)+) => {
        $(
            $(#[$docs])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub(crate) struct $name(String);

            impl $name {
                /// 404: nothing has this id.
                pub(crate) fn unknown() -> $crate::ApiError {
                    $crate::ApiError::not_found($unknown)
                }
            }

            impl ::std::ops::Deref for $name {
                type Target = str;

                fn deref(&self) -> &str {
                    &self.0
                }
            }

            impl<S: Send + Sync> ::axum::extract::FromRequestParts<S> for $name {
                type Rejection = $crate::ApiError;

                async fn from_request_parts(
                    parts: &mut ::http::request::Parts,
                    state: &S,
                ) -> Result<Self, $crate::ApiError> {
                    $crate::path_id::only_parameter(parts, state, Self::unknown)
                        .await
                        .map(Self)
                }
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http::{Request, StatusCode};
    use tower_service::Service as _;

    path_ids! {
        /// A box's id.
        BoxId: "there is no such box",
    }

    async fn answer(path: &str) -> (StatusCode, Vec<u8>) {
        let mut router = Router::new().route(
            "/boxes/{id}",
            get(async |id: BoxId| {
                if &*id == "b 1" {
                    Ok(id.to_string())
                } else {
                    Err(BoxId::unknown())
                }
            }),
        );
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.call(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1000).await;
        (status, body.unwrap().to_vec())
    }

    #[tokio::test]
    async fn an_id_is_decoded_and_one_that_is_no_text_is_unknown() {
        assert_eq!(
            answer("/boxes/b%201").await,
            (StatusCode::OK, b"b 1".to_vec())
        );
        let unknown = answer("/boxes/other").await;
        assert_eq!(unknown.0, StatusCode::NOT_FOUND);
        assert_eq!(answer("/boxes/%ff").await, unknown);
    }
}
