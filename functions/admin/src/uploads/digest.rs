//! A SHA-256 that goes on where another request stopped.

use data_encoding::HEXLOWER;
use keywright_domain::release::statement::Sha256Hex;
use keywright_web::ApiError;
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

/// The digest of what has arrived so far.
pub(super) struct RunningDigest(Sha256);

impl RunningDigest {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    /// Reads a state that was recorded.
    pub(super) fn resume(state: &str) -> Result<Self, ApiError> {
        let damaged = || ApiError::internal("the state of an upload's digest cannot be read");
        let bytes = HEXLOWER.decode(state.as_bytes()).map_err(|_| damaged())?;
        let bytes = bytes.as_slice().try_into().map_err(|_| damaged())?;
        Sha256::deserialize(&bytes).map(Self).map_err(|_| damaged())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The state, to be recorded.
    pub(super) fn state(&self) -> String {
        HEXLOWER.encode(&self.0.serialize())
    }

    /// Whether this is the digest.
    pub(super) fn is(self, expected: &Sha256Hex) -> bool {
        HEXLOWER.encode(&self.0.finalize()) == expected.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_where_it_stopped() {
        let text: Vec<u8> = (0..1_000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = Sha256Hex::parse(&HEXLOWER.encode(&Sha256::digest(&text))).expect("a digest");
        for cut in [0, 1, 63, 64, 65, 1_000, text.len()] {
            let mut first = RunningDigest::new();
            first.update(&text[..cut]);
            let mut then = RunningDigest::resume(&first.state()).expect("a state");
            then.update(&text[cut..]);
            assert!(then.is(&whole), "cut at {cut}");
            assert_eq!(first.is(&whole), cut == text.len(), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_state_is_ours_to_explain() {
        for state in ["", "00", "zz", &"ff".repeat(105)] {
            let refused = RunningDigest::resume(state).err().expect(state);
            assert_eq!(refused.status().as_u16(), 500, "{state}");
        }
    }
}
