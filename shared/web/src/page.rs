//! Lists in pages: newest first, an opaque cursor, and a `Link` to the next
//! page (RFC 8288). A cursor is a position, not a number of rows to skip, so
//! what is added or removed meanwhile neither repeats a row nor loses one.

use super::ApiError;
use http::{HeaderMap, HeaderValue, Uri, header};
use keywright_domain::page::{Page, Position};
use utoipa::IntoParams;

/// The members of a query that pick a page. Both are text so that they can be
/// flattened into a larger query.
#[derive(Debug, Clone, Default, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many to answer at most.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl PageQuery {
    /// Checks the members; `usual` rows where no limit is sent, `most` at most.
    ///
    /// # Errors
    /// 400 for a limit outside 1 to `most` or a cursor that is not ours.
    pub fn page(&self, usual: i64, most: i64) -> Result<Page, ApiError> {
        let limit = match &self.limit {
            None => usual,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=most).contains(limit))
                .ok_or_else(|| {
                    ApiError::bad_request(format!("limit: a number from 1 to {most}"))
                })?,
        };
        let after = self.cursor.as_deref().map(read_cursor).transpose()?;
        Ok(Page { limit, after })
    }
}

/// Ends a list at this page: cuts its rows, and answers the headers and the
/// cursor that lead to the next page, where there is one. `uri` is what was
/// asked for.
pub fn end_page<T>(
    page: &Page,
    uri: &Uri,
    rows: &mut Vec<T>,
    position: impl Fn(&T) -> Position,
) -> (HeaderMap, Option<String>) {
    let next_cursor = page.cut(rows, position);
    (link_to_next(uri, next_cursor.as_deref()), next_cursor)
}

fn read_cursor(cursor: &str) -> Result<Position, ApiError> {
    Position::read(cursor).ok_or_else(|| {
        ApiError::bad_request("cursor: not one of ours; take next_cursor of the page before")
    })
}

/// The headers of a page: `Link: <…>; rel="next"` with the same query and the
/// next cursor, where there is one.
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

    fn query(limit: Option<&str>, cursor: Option<&str>) -> PageQuery {
        PageQuery {
            limit: limit.map(str::to_owned),
            cursor: cursor.map(str::to_owned),
        }
    }

    #[test]
    fn limits_are_checked() {
        assert_eq!(query(None, None).page(100, 500).expect("a page").limit, 100);
        assert_eq!(
            query(Some("500"), None).page(100, 500).expect("one").limit,
            500
        );
        for bad in ["0", "501", "-1", "x", "", "1.5"] {
            assert!(query(Some(bad), None).page(100, 500).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_that_is_not_ours_is_refused() {
        for bad in ["", "!", "AAAA", "NyA=", "\u{e9}"] {
            assert!(query(None, Some(bad)).page(2, 2).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_link_keeps_the_query() {
        let uri: Uri = "/v1/admin/audit?action=a&cursor=old&limit=5"
            .parse()
            .expect("a URI");
        let headers = link_to_next(&uri, Some("new"));
        assert_eq!(
            headers[header::LINK],
            "</v1/admin/audit?action=a&limit=5&cursor=new>; rel=\"next\""
        );
        assert!(link_to_next(&uri, None).is_empty());
    }
}
