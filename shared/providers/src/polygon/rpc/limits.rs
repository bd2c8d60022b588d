//! What endpoints say when too much is asked for. There is no standard for it:
//! each has its own words, and some name what would do.

use super::error::BlockSpan;

/// Words by which a refusal of the span is known, all lower case.
const TOO_WIDE: [&str; 18] = [
    "block range should work",
    "try with this block range",
    "retry with the range",
    "exceed maximum block range",
    "exceeds maximum block range",
    "exceed max block range",
    "exceeds max block range",
    "block range limit exceeded",
    "block range too large",
    "block range is too large",
    "block range too wide",
    "block range is too wide",
    "block range exceeds",
    "range exceeds limit",
    "exceeds limit",
    "blocks are not supported on free",
    "maximum allowed number of requested blocks",
    "requested too many blocks",
];

/// Words before the most blocks at a time, all lower case, the surest first.
const MAX_AFTER: [&str; 10] = [
    "maximum block range:",
    "max block range:",
    "number of requested blocks is",
    "maximum is set to",
    "up to a ",
    "ranges over ",
    "is limited to ",
    "limited to ",
    "exceeds limit of ",
    "max: ",
];

/// Words by which a refusal is known to be about the size of the answer and not
/// about the number of blocks, all lower case.
const TOO_MANY_RESULTS: [&str; 6] = [
    "query returned more than",
    "query exceeds max results",
    "response size exceeded",
    "response is too big",
    "response size should not",
    "query timeout exceeded",
];

/// What a refused span has too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Blocks.
    Blocks,
    /// Results in these blocks.
    Results,
}

/// What an endpoint says of a span that is too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooWide {
    pub(super) hint: Option<BlockSpan>,
    pub(super) max: Option<u64>,
    pub(super) cause: Cause,
}

/// Reads a refusal; `None` when it is about something else.
pub(super) fn too_wide(message: &str) -> Option<TooWide> {
    let said = message.to_ascii_lowercase();
    let results = TOO_MANY_RESULTS.iter().any(|words| said.contains(words));
    let known = results || TOO_WIDE.iter().any(|words| said.contains(words));
    // "is limited to a 5 range", "is limited to 0 - 1024 blocks range"
    let limited = said.contains("limited to") && said.contains("range");
    // "range 20000 exceeds limit of 10000", "up to a 10 block range"
    let up_to = said.contains("up to a ") && said.contains("block range");
    if !known && !limited && !up_to {
        return None;
    }
    Some(TooWide {
        hint: bracketed(&said).or_else(|| dashed(&said)),
        max: MAX_AFTER.iter().find_map(|words| {
            let (_, rest) = said.split_once(words)?;
            number(rest.trim_start_matches("a ").trim_start())
        }),
        cause: if results {
            Cause::Results
        } else {
            Cause::Blocks
        },
    })
}

/// `[0x1, 0xa]` or `[1, 10]`.
fn bracketed(said: &str) -> Option<BlockSpan> {
    let (_, rest) = said.rsplit_once('[')?;
    let (inside, _) = rest.split_once(']')?;
    let (from, to) = inside.split_once(',')?;
    span(block_number(from)?, block_number(to)?)
}

/// `the range 3600741-3620740`.
fn dashed(said: &str) -> Option<BlockSpan> {
    let (_, rest) = said.split_once("the range ")?;
    let (from, rest) = rest.split_once('-')?;
    let to: String = rest.chars().take_while(char::is_ascii_digit).collect();
    span(block_number(from)?, block_number(&to)?)
}

fn span(from: u64, to: u64) -> Option<BlockSpan> {
    (from <= to).then_some(BlockSpan { from, to })
}

fn block_number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A number with the separators and the suffix that people write: `10,000`,
/// `2k`. Zero is no limit, and a limit with many digits is none either.
fn number(text: &str) -> Option<u64> {
    // "0 - 1024 blocks": the second number is the limit.
    let text = text.strip_prefix("0 - ").unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != ',')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    let number = if rest.starts_with('k') {
        number.checked_mul(1_000)?
    } else {
        number
    };
    (1..=10_000_000).contains(&number).then_some(number)
}

/// Whether a refusal asks for fewer calls. Looked at before the span, because
/// some say "limit" for both.
pub(super) fn too_often(message: &str) -> bool {
    let said = message.to_ascii_lowercase();
    [
        "rate limit",
        "rate-limit",
        "ratelimit",
        "too many requests",
        "request limit reached",
        "request count exceeded",
        "compute units per second",
        "capacity limit",
        "throughput",
        "requests per second",
        "try again later",
    ]
    .iter()
    .any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, the first and last block that it proposes, and its limit.
    type LimitText = (&'static str, Option<(u64, u64)>, Option<u64>);

    /// What endpoints say, and what is understood of it.
    const SAID: [LimitText; 21] = [
        ("exceed maximum block range: 50000", None, Some(50_000)),
        (
            "ranges over 10000 blocks are not supported on freetier",
            None,
            Some(10_000),
        ),
        (
            "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x1180fca, 0x1180fd3]. Upgrade to PAYG for expanded block range.",
            Some((0x118_0fca, 0x118_0fd3)),
            Some(10),
        ),
        (
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0xc5dc00, 0xc614a7]",
            Some((0xc5_dc00, 0xc6_14a7)),
            Some(2_000),
        ),
        (
            "Query timeout exceeded. Consider reducing your block range. Based on your parameters and the response size limit, this block range should work: [0x5223c98, 0x5223e80]",
            Some((0x522_3c98, 0x522_3e80)),
            None,
        ),
        ("eth_getLogs is limited to a 5 range", None, Some(5)),
        (
            "eth_getLogs is limited to a 10,000 range",
            None,
            Some(10_000),
        ),
        (
            "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range",
            None,
            Some(10_000),
        ),
        ("range 20000 exceeds limit", None, None),
        ("range 20000 exceeds limit of 10000", None, Some(10_000)),
        (
            "query returned more than 10000 results. Try with this block range [0x1, 0xa].",
            Some((1, 10)),
            None,
        ),
        ("query returned more than 10000 results", None, None),
        ("block range is too wide", None, None),
        (
            "query exceeds max results 20000, retry with the range 3600741-3620740",
            Some((3_600_741, 3_620_740)),
            None,
        ),
        (
            "eth_getLogs is limited to 1024 block range. Please check the parameter requirements at https://docs.example",
            None,
            Some(1_024),
        ),
        (
            "eth_getLogs is limited to 0 - 1024 blocks range",
            None,
            Some(1_024),
        ),
        (
            "Maximum allowed number of requested blocks is 1000",
            None,
            Some(1_000),
        ),
        (
            "Block range limit exceeded. See more details at https://docs.example/limits",
            None,
            None,
        ),
        (
            "block range too large, range: 5000, max: 3500",
            None,
            Some(3_500),
        ),
        ("block range is too large", None, None),
        (
            "requested too many blocks from 0 to 5000000, maximum is set to 1024",
            None,
            Some(1_024),
        ),
    ];

    #[test]
    fn what_endpoints_say_of_a_wide_span_is_understood() {
        for (message, hint, max) in SAID {
            let hint = hint.map(|(from, to)| BlockSpan { from, to });
            let said = message.to_ascii_lowercase();
            let results = ["size exceeded", "timeout", "results"];
            let cause = if results.iter().any(|words| said.contains(words)) {
                Cause::Results
            } else {
                Cause::Blocks
            };
            let expected = TooWide { hint, max, cause };
            assert_eq!(too_wide(message), Some(expected), "{message}");
            assert!(!too_often(message), "{message}");
        }
    }

    #[test]
    fn other_refusals_are_not_taken_for_it() {
        for message in [
            "execution reverted",
            "invalid block range params",
            "block range extends beyond current head block",
            "header not found",
            "method not found",
            "finalized block not found",
            "",
        ] {
            assert_eq!(too_wide(message), None, "{message}");
            assert!(!too_often(message), "{message}");
        }
        for message in [
            "daily request count exceeded, request rate limited",
            "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message.",
            "15/second request limit reached - reduce calls per second or upgrade your account",
            "Too many requests, reason: call rate limit exhausted, retry in 10s",
        ] {
            assert!(too_often(message), "{message}");
        }
    }

    #[test]
    fn nonsense_in_a_hint_is_no_hint() {
        for message in [
            "this block range should work: [0xa, 0x1]",
            "this block range should work: [0xzz, 0x1]",
            "this block range should work: []",
            "this block range should work: [0x1",
            "retry with the range 9-",
            "retry with the range 20-10",
            "this block range should work: [-1, 5]",
            "exceed maximum block range: 0",
            "exceed maximum block range: 99999999999999999999999",
        ] {
            let none = TooWide {
                hint: None,
                max: None,
                cause: Cause::Blocks,
            };
            assert_eq!(too_wide(message), Some(none), "{message}");
        }
    }
}
