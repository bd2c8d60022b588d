//! Why a use case cannot run now, in words for the caller and for the log.

/// A setting is missing, or what it names cannot be used; the operator has to act. On the
/// wire it is a 503.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct Unavailable {
    /// The stable code.
    pub code: &'static str,
    /// The message for the caller.
    pub message: &'static str,
    /// The details, for the log only.
    pub failure: String,
}
