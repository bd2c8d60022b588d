//! Lists in pages: newest first, an opaque cursor, and a `Link` to the next page
//! (RFC 8288). A cursor is a position, not a number of rows to skip, so what is added or
//! removed meanwhile neither repeats a row nor loses one.

use crate::query::QueryMembers;
use crate::{ApiError, Json};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri, header};
use keywright_domain::page::{Page, Position};
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, Type, schema::SchemaType};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// Rows of a page where no limit is sent.
pub const DEFAULT_LIMIT: i64 = 100;
/// Most rows of a page.
pub const MAX_LIMIT: i64 = 1_000;

/// The members of a query that pick a page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; `List` reads them")]
pub struct PageQuery {
    /// How many to answer at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// The filter of a list that has none.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct NoFilter {}

/// Which page of a list is asked for: extracts the query.
#[derive(Debug, Clone)]
pub struct List<F> {
    /// Which rows.
    pub filter: F,
    /// Which of them.
    pub page: Page,
    uri: Uri,
}

impl<S: Send + Sync, F: DeserializeOwned> FromRequestParts<S> for List<F> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let members = QueryMembers::read(&parts.uri)?;
        let limit = match members.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| {
                    ApiError::bad_request(format!("limit must be from 1 to {MAX_LIMIT}"))
                })?,
        };
        let after = match members.get("cursor") {
            None => None,
            Some(cursor) => Some(Position::read(cursor).ok_or_else(wrong_cursor)?),
        };
        Ok(Self {
            filter: members.into_struct(&["limit", "cursor"])?,
            page: Page { limit, after },
            uri: parts.uri.clone(),
        })
    }
}

/// The answer to a cursor that no answer of the list had.
#[must_use]
pub fn wrong_cursor() -> ApiError {
    ApiError::bad_request("cursor must be the next_cursor of the page before")
}

/// How a page leads to the next one.
#[derive(Debug, Clone, PartialEq)]
pub struct NextPage {
    /// `Link: <…>; rel="next"`, empty on the last page.
    pub headers: HeaderMap,
    /// `next_cursor`; `None` on the last page.
    pub cursor: Option<String>,
}

impl<F> List<F> {
    /// Cuts the rows to the page; there is one more than fits when there is a next page.
    pub fn cut<R>(&self, rows: &mut Vec<R>, position: impl Fn(&R) -> Position) -> NextPage {
        let cursor = self.page.cut(rows, position);
        NextPage {
            headers: link_to_next(&self.uri, cursor.as_deref()),
            cursor,
        }
    }

    /// The answer with these rows; there is one more than fits when there is a next page.
    pub fn answer<R, L: ListOf>(
        &self,
        mut rows: Vec<R>,
        position: impl Fn(&R) -> Position,
        view: impl FnMut(R) -> L::Item,
    ) -> Listed<L> {
        let next = self.cut(&mut rows, position);
        Listed {
            items: rows.into_iter().map(view).collect(),
            next,
        }
    }
}

/// What a list holds, and how its answer is named; made by [`list_of!`](crate::list_of!).
pub trait ListOf {
    /// One item.
    type Item: Serialize + ToSchema;
    /// The member of the answer that holds the items.
    const MEMBER: &'static str;
    /// The name of the answer in the OpenAPI document.
    const PAGE: &'static str;
    /// What the answer is.
    const DESCRIPTION: &'static str;
}

/// Names a list: its type, its answer, the member that holds the items, and their type.
///
/// ```ignore
/// keywright_web::list_of! {
///     /// A page of products.
///     Products as ProductPage { products: ProductView }
/// }
/// ```
///
/// makes `ProductPage`, a [`Listed`] that is answered as
/// `{"products": […], "next_cursor": …}`.
#[macro_export]
macro_rules! list_of {
    ($(#[doc = $doc:literal])+ $list:ident as $page:ident { $member:ident: $item:ty }) => {
        $(#[doc = $doc])+
        pub(crate) type $page = $crate::Listed<$list>;

        pub(crate) struct $list;

        impl $crate::list::ListOf for $list {
            type Item = $item;
            const MEMBER: &'static str = stringify!($member);
            const PAGE: &'static str = stringify!($page);
            const DESCRIPTION: &'static str = concat!($($doc),+);
        }
    };
}

/// One page of a list: `{"<member>": […], "next_cursor": …}`, with a `Link` header.
pub struct Listed<L: ListOf> {
    /// The rows.
    pub items: Vec<L::Item>,
    /// How to go on.
    pub next: NextPage,
}

impl<L: ListOf> Serialize for Listed<L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut page = serializer.serialize_struct(L::PAGE, 2)?;
        page.serialize_field(L::MEMBER, &self.items)?;
        page.serialize_field("next_cursor", &self.next.cursor)?;
        page.end()
    }
}

impl<L: ListOf> IntoResponse for Listed<L> {
    fn into_response(self) -> Response {
        (self.next.headers.clone(), Json(self)).into_response()
    }
}

impl<L: ListOf> PartialSchema for Listed<L> {
    fn schema() -> RefOr<Schema> {
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("`cursor` of the next page; null on the last one."));
        let items = ArrayBuilder::new()
            .items(Ref::from_schema_name(L::Item::name()))
            .description(Some("The items of the page."));
        ObjectBuilder::new()
            .description(Some(L::DESCRIPTION.trim()))
            .property(L::MEMBER, items)
            .property("next_cursor", cursor)
            .required(L::MEMBER)
            .required("next_cursor")
            .into()
    }
}

impl<L: ListOf> ToSchema for Listed<L> {
    fn name() -> Cow<'static, str> {
        L::PAGE.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((L::Item::name().into_owned(), L::Item::schema()));
        L::Item::schemas(schemas);
    }
}

/// The headers of a page: the same query with the next cursor, where there is one.
fn link_to_next(uri: &Uri, next_cursor: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(cursor) = next_cursor else {
        return headers;
    };
    let kept = uri.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> = kept
        .filter(|member| !member.is_empty() && !member.starts_with("cursor="))
        .collect();
    let cursor = format!("cursor={cursor}");
    query.push(&cursor);
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"));
    // A query that came in over HTTP is visible ASCII, so this always fits.
    if let Ok(value) = HeaderValue::from_str(&link) {
        headers.insert(header::LINK, value);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use serde_json::json;

    #[derive(Debug, PartialEq, Serialize, ToSchema)]
    pub(crate) struct Thing {
        /// Its name.
        name: &'static str,
    }

    crate::list_of! {
        /// A page of things.
        Things as ThingPage { things: Thing }
    }

    #[derive(Debug, Deserialize)]
    struct Filter {
        color: Option<String>,
    }

    async fn list(query: &str) -> Result<List<Filter>, String> {
        let request = Request::get(format!("/v1/things{query}"));
        let (mut parts, _) = request.body(Body::empty()).expect("a request").into_parts();
        let list = List::from_request_parts(&mut parts, &()).await;
        list.map_err(|error| error.message().to_owned())
    }

    #[tokio::test]
    async fn a_page_has_100_rows_unless_asked_and_1000_at_most() {
        for (query, limit) in [
            ("", 100),
            ("?limit=", 100),
            ("?limit=1", 1),
            ("?limit=1000", 1_000),
        ] {
            assert_eq!(list(query).await.expect("a list").page.limit, limit);
        }
        for bad in ["0", "1001", "-1", "x", "1.5"] {
            let refused = list(&format!("?limit={bad}")).await.expect_err(bad);
            assert_eq!(refused, "limit must be from 1 to 1000");
        }
    }

    #[tokio::test]
    async fn a_cursor_that_is_not_ours_is_refused() {
        for bad in ["!", "AAAA", "NyA=", "%C3%A9"] {
            let refused = list(&format!("?cursor={bad}")).await.expect_err(bad);
            assert_eq!(refused, "cursor must be the next_cursor of the page before");
        }
        assert_eq!(list("?cursor=").await.expect("a list").page.after, None);
    }

    #[tokio::test]
    async fn a_filter_that_is_not_known_is_refused() {
        let list_of = list("?color=red&limit=3").await.expect("a list");
        assert_eq!(list_of.filter.color.as_deref(), Some("red"));
        assert_eq!(
            list("?colour=red").await.expect_err("a refusal"),
            "unknown query parameter \"colour\"; did you mean color?"
        );
    }

    #[tokio::test]
    async fn an_answer_leads_to_the_next_page_with_the_same_query() {
        let list = list("?color=red&cursor=NyBi&limit=2").await.expect("one");
        assert_eq!(list.page.after.as_ref().map(|after| after.at), Some(7));
        let position = |(at, name): &(i64, &str)| Position {
            at: *at,
            id: (*name).to_owned(),
        };
        let view = |(_, name)| Thing { name };
        let page: ThingPage = list.answer(vec![(6, "c"), (5, "b"), (4, "a")], position, view);
        assert_eq!(
            page.next.headers[header::LINK],
            "</v1/things?color=red&limit=2&cursor=NSBi>; rel=\"next\""
        );
        assert_eq!(
            json!(page),
            json!({ "things": [{ "name": "c" }, { "name": "b" }], "next_cursor": "NSBi" })
        );
        let last: ThingPage = list.answer(vec![(6, "c")], position, view);
        assert!(last.next.headers.is_empty());
        assert_eq!(
            json!(last),
            json!({ "things": [{ "name": "c" }], "next_cursor": null })
        );
    }

    #[test]
    fn every_list_is_described_alike() {
        let schema = serde_json::to_value(ThingPage::schema()).expect("JSON");
        assert_eq!(ThingPage::name(), "ThingPage");
        assert_eq!(schema["description"], "A page of things.");
        assert_eq!(schema["required"], json!(["things", "next_cursor"]));
        assert_eq!(
            schema["properties"]["next_cursor"]["type"],
            json!(["string", "null"])
        );
        let items = &schema["properties"]["things"]["items"];
        assert_eq!(*items, json!({ "$ref": "#/components/schemas/Thing" }));
    }
}
