//! Points of secp256k1 (SEC 2), as far as addresses need them.

use super::Address;
use super::hash::keccak256;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::sec1::ToSec1Point;
use k256::{FieldBytes, ProjectivePoint, Scalar};

/// A public key: a point of the curve that is not infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(k256::PublicKey);

impl PublicKey {
    /// Reads the 33 bytes of a compressed point, checked to be on the curve.
    #[must_use]
    pub fn from_compressed(bytes: &[u8; 33]) -> Option<Self> {
        k256::PublicKey::from_sec1_bytes(bytes).ok().map(Self)
    }

    /// The 33 bytes of the compressed point.
    #[must_use]
    pub fn to_compressed(&self) -> [u8; 33] {
        let mut bytes = [0; 33];
        let point = self.0.to_sec1_point(true);
        // A compressed point that is not infinity has 33 bytes.
        for (to, from) in bytes.iter_mut().zip(point.as_bytes()) {
            *to = *from;
        }
        bytes
    }

    /// The account of this key: the last 20 bytes of the hash of its two
    /// coordinates.
    #[must_use]
    pub fn address(&self) -> Address {
        let point = self.0.to_sec1_point(false);
        let hash = keccak256(&point.as_bytes()[1..]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Address::from_bytes(address)
    }

    /// The sum of this point and the scalar's; `None` when the scalar is not
    /// below the order of the curve or the sum is infinity.
    pub(crate) fn plus(&self, scalar: &[u8; 32]) -> Option<Self> {
        let scalar = Option::<Scalar>::from(Scalar::from_repr(FieldBytes::from(*scalar)))?;
        let sum = ProjectivePoint::GENERATOR * scalar + self.0.to_projective();
        k256::PublicKey::from_affine(sum.to_affine()).ok().map(Self)
    }
}

/// Why no key follows from a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// Of the two forms of a signature it is the one that is not used.
    HighS,
    /// No key can have made it.
    Impossible,
}

/// The key that made a signature, from its two numbers and which of the two
/// possible keys it is. Of two signatures that are worth the same only the one
/// with the lower second number is accepted (EIP-2).
pub(crate) fn recover(hash: &[u8; 32], numbers: &[u8; 64], odd: bool) -> Result<PublicKey, NoKey> {
    let signature = Signature::from_slice(numbers).map_err(|_| NoKey::Impossible)?;
    if signature.normalize_s() != signature {
        return Err(NoKey::HighS);
    }
    // The first number is below the order of the curve but for one case in
    // 2^127, which no wallet makes.
    let recovery = RecoveryId::new(odd, false);
    VerifyingKey::recover_from_prehash(hash, &signature, recovery)
        .map(|key| PublicKey(key.into()))
        .map_err(|_| NoKey::Impossible)
}
