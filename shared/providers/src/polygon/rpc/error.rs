//! Why a call has no result.

/// Blocks from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSpan {
    /// The first.
    pub from: u64,
    /// The last; not below the first.
    pub to: u64,
}

impl BlockSpan {
    /// How many blocks it holds.
    #[must_use]
    pub const fn len(self) -> u64 {
        (self.to - self.from).saturating_add(1)
    }

    /// Never: it holds one block at least.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Whether a block is in it.
    #[must_use]
    pub const fn holds(self, number: u64) -> bool {
        self.from <= number && number <= self.to
    }
}

/// Why a call has no result. No text of it contains an endpoint's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// No answer came: set by whoever sends.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// The endpoint answered with an HTTP status that is no success.
    #[error("the endpoint answered with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The body is no JSON-RPC answer to what was asked.
    #[error("the endpoint's answer cannot be read: {0}")]
    Malformed(&'static str),
    /// The endpoint asks to be called less often.
    #[error("the endpoint has had enough calls for now")]
    RateLimited,
    /// The endpoint does not let this key in, or no longer.
    #[error("the endpoint refuses the API key of its URL ({code})")]
    Unauthorized {
        /// Its code, or the HTTP status.
        code: i64,
    },
    /// The body ends before the answer does: some endpoints, and proxies before
    /// them, cut off what is too large.
    #[error("the endpoint's answer ends too early")]
    CutOff,
    /// The answer would hold more results or bytes than the endpoint sends at
    /// once, or than we take. That is a matter of what is in the blocks, so other
    /// blocks may still be asked for as many at a time as before.
    #[error("the endpoint has more to say about these blocks than fits one answer")]
    TooManyResults {
        /// The span that would do, where the endpoint names one.
        hint: Option<BlockSpan>,
    },
    /// Too many blocks were asked for at once.
    #[error("the endpoint reads fewer blocks at a time")]
    RangeTooWide {
        /// The span that would do, where the endpoint names one.
        hint: Option<BlockSpan>,
        /// The most blocks at a time, where the endpoint says.
        max: Option<u64>,
    },
    /// The endpoint knows the tag `finalized` and has no such block now: wait.
    #[error("the endpoint knows no finalized block now")]
    NoFinalized,
    /// The endpoint does not know the tag `finalized` at all.
    #[error("the endpoint does not know the tag finalized")]
    TagUnsupported,
    /// A contract that was called refused.
    #[error("the contract refused the call")]
    Reverted,
    /// Any other refusal.
    #[error("the endpoint refused ({code}): {message}")]
    Refused {
        /// Its code.
        code: i64,
        /// Its message, shortened, without what the URL keeps secret.
        message: String,
    },
}
