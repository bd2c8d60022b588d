//! Who made a request, as far as it is written down.

/// The caller of a request, for logs: no more of an address is kept than its network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The network of the caller's address, such as `203.0.113.0/24`.
    pub network: Option<String>,
    /// Id of the request.
    pub request_id: String,
}
