//! A span of time in a query.

use keywright_domain::dates::parse_rfc3339;
use keywright_web::ApiError;
use serde::Deserialize;
use utoipa::IntoParams;

/// From when until when; either may be left out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// Nothing before this time; RFC 3339.
    #[param(example = "2026-01-01T00:00:00Z", format = DateTime)]
    from: Option<String>,
    /// Only before this time; RFC 3339.
    #[param(example = "2026-02-01T00:00:00Z", format = DateTime)]
    to: Option<String>,
}

impl Span {
    /// Both ends in unix seconds.
    pub(crate) fn read(&self) -> Result<(Option<i64>, Option<i64>), ApiError> {
        let time = |name: &str, text: &Option<String>| {
            let time = text.as_deref().map(parse_rfc3339).transpose();
            time.map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
        };
        Ok((time("from", &self.from)?, time("to", &self.to)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: Option<&str>, to: Option<&str>) -> Result<(Option<i64>, Option<i64>), String> {
        let span = Span {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        span.read().map_err(|error| error.message().to_owned())
    }

    #[test]
    fn each_end_may_be_left_out() {
        let (start, end) = ("1970-01-01T00:00:01Z", "1970-01-01T02:00:02+02:00");
        assert_eq!(read(None, None), Ok((None, None)));
        assert_eq!(read(Some(start), None), Ok((Some(1), None)));
        assert_eq!(read(None, Some(end)), Ok((None, Some(2))));
        assert_eq!(read(Some(start), Some(end)), Ok((Some(1), Some(2))));
    }

    #[test]
    fn the_end_that_is_no_time_is_named() {
        let named = |result: Result<_, String>| {
            let message = result.expect_err("a refusal");
            message.split(':').next().unwrap_or_default().to_owned()
        };
        for bad in ["", "yesterday", "2026-01-01", "1700000000"] {
            assert_eq!(named(read(Some(bad), None)), "from", "{bad}");
            assert_eq!(named(read(None, Some(bad))), "to", "{bad}");
        }
    }
}
