//! A span of time in a query: `from` and `to`.

use crate::text;
use keywright_web::ApiError;

/// Both ends of a span in unix seconds; either may be left out.
pub(crate) fn read(
    from: Option<&String>,
    to: Option<&String>,
) -> Result<(Option<i64>, Option<i64>), ApiError> {
    let time =
        |name: &str, text: Option<&String>| text.map(|text| text::time(name, text)).transpose();
    Ok((time("from", from)?, time("to", to)?))
}

#[cfg(test)]
mod tests {

    fn read(from: Option<&str>, to: Option<&str>) -> Result<(Option<i64>, Option<i64>), String> {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        super::read(from.as_ref(), to.as_ref()).map_err(|error| error.message().to_owned())
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
            message.split(' ').next().unwrap_or_default().to_owned()
        };
        for bad in ["", "yesterday", "2026-01-01", "1700000000"] {
            assert_eq!(named(read(Some(bad), None)), "from", "{bad}");
            assert_eq!(named(read(None, Some(bad))), "to", "{bad}");
        }
    }
}
