//! Who made a request, as far as it is written down.

use crate::{BoxFuture, Later};

/// The caller of a request, for logs: no more of an address is kept than its network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The network of the caller's address, such as `203.0.113.0/24`.
    pub network: Option<String>,
    /// Id of the request.
    pub request_id: String,
}

/// Where refused operator credentials are noted, after the answer.
pub trait CredentialRefusals: Send + Sync {
    /// Notes that a credential of `subject`, `api_key:<id>` or a network, was refused in a
    /// request of this caller.
    fn note<'a>(&'a self, later: &'a Later, caller: Caller, subject: String) -> BoxFuture<'a, ()>;
}
