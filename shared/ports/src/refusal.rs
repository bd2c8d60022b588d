//! Why a use case does not do what a caller wants, in words for the caller.

use crate::Unavailable;

/// A refusal that several functions give for the same reason: one code and one status on
/// every route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller may not have it. On the wire it is a 403.
    #[error("{message}")]
    Forbidden {
        /// The stable code.
        code: &'static str,
        /// The message for the caller.
        message: &'static str,
    },
    /// It cannot be done now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It failed; the details are for the log only. On the wire it is a 500.
    #[error("{0}")]
    Internal(String),
}
