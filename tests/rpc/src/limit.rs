//! Limits of the span of blocks, in the words of those who have them.

/// How an endpoint refuses a span that is too wide for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeLimit {
    /// PublicNode, 50,000 blocks.
    PublicNode,
    /// dRPC, 10,000 blocks.
    Drpc,
    /// Alchemy's free plan, 10 blocks, with a hint.
    Alchemy,
    /// Alchemy's size of answers, with a hint.
    AlchemySize,
    /// QuickNode, 5 blocks and 10,000.
    QuickNode,
    /// Infura's blocks.
    Infura,
    /// Infura's results, with a hint.
    InfuraResults,
    /// Ankr, 3,000 blocks.
    Ankr,
    /// Ankr's results, with a hint.
    AnkrResults,
    /// BlockPI, 1,024 blocks.
    BlockPi,
    /// Thirdweb and Merkle, 1,000 blocks.
    Thirdweb,
    /// Chainstack, 100 blocks.
    Chainstack,
    /// Polygon's own endpoints, 3,500 blocks.
    Polygon,
    /// A bare HTTP status 413.
    TooLarge,
}

impl RangeLimit {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::PublicNode,
        Self::Drpc,
        Self::Alchemy,
        Self::AlchemySize,
        Self::QuickNode,
        Self::Infura,
        Self::InfuraResults,
        Self::Ankr,
        Self::AnkrResults,
        Self::BlockPi,
        Self::Thirdweb,
        Self::Chainstack,
        Self::Polygon,
        Self::TooLarge,
    ];

    /// The HTTP status, code and text of a refusal; `None` for a status
    /// without a JSON-RPC answer.
    pub(crate) fn refusal(self, most: u64, from: u64, to: u64) -> (u16, Option<(i64, String)>) {
        let asked = to.saturating_sub(from) + 1;
        let last = from + most - 1;
        let (status, code, text) = match self {
            Self::PublicNode => (200, -32_602, format!("exceed maximum block range: {most}")),
            Self::Drpc => (
                400,
                35,
                format!("ranges over {most} blocks are not supported on freetier"),
            ),
            Self::Alchemy => (
                400,
                -32_600,
                format!(
                    "Under the Free tier plan, you can make eth_getLogs requests with up to a \
                     {most} block range. Based on your parameters, this block range should work: \
                     [{from:#x}, {last:#x}]. Upgrade to PAYG for expanded block range."
                ),
            ),
            Self::AlchemySize => (
                200,
                -32_602,
                format!(
                    "Log response size exceeded. Based on your parameters and the response size \
                     limit, this block range should work: [{from:#x}, {last:#x}]"
                ),
            ),
            Self::QuickNode => (
                413,
                -32_614,
                format!("eth_getLogs is limited to a {} range", thousands(most)),
            ),
            Self::Infura => (200, -32_602, format!("range {asked} exceeds limit")),
            Self::InfuraResults => (
                200,
                -32_005,
                format!(
                    "query returned more than 10000 results. Try with this block range \
                     [{from:#X}, {last:#X}]."
                )
                .replace("0X", "0x"),
            ),
            Self::Ankr => (200, -32_600, "block range is too wide".to_owned()),
            Self::AnkrResults => (
                200,
                -32_600,
                format!("query exceeds max results 20000, retry with the range {from}-{last}"),
            ),
            Self::BlockPi => (
                200,
                -32_602,
                format!("eth_getLogs is limited to {most} block range"),
            ),
            Self::Thirdweb => (
                200,
                -32_602,
                format!("Maximum allowed number of requested blocks is {most}"),
            ),
            Self::Chainstack => (200, -32_602, "Block range limit exceeded.".to_owned()),
            Self::Polygon => (
                200,
                -32_000,
                format!("block range too large, range: {asked}, max: {most}"),
            ),
            Self::TooLarge => return (413, None),
        };
        (status, Some((code, text)))
    }
}

fn thousands(number: u64) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1_000, number % 1_000)
    }
}
