//! Public keys as JSON Web Keys (RFC 7517, RFC 8037).

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::{Digest, Sha256};

use crate::json;
use crate::{KeyError, PublicKey, VerifyKeys};

/// A public key as it is served in a key set.
///
/// | member | value |
/// |---|---|
/// | `kty` | `OKP` (RFC 8037 section 2) |
/// | `crv` | `Ed25519` |
/// | `x` | the 32 key bytes, base64url without `=` |
/// | `kid` | the RFC 7638 thumbprint |
/// | `use` | `sig` |
///
/// There is no `alg`: the curve leaves no choice, and RFC 9864 replaced the name
/// that older libraries expect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
}

/// A JWK set (RFC 7517 section 5), newest key first; what
/// `/.well-known/jwks.json` serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

/// The members of a JWK that matter here; others are ignored, as RFC 7517
/// section 4 demands.
#[derive(Deserialize)]
struct ReadJwk {
    kty: String,
    crv: String,
    x: String,
    /// Present in private keys only.
    d: Option<IgnoredAny>,
}

impl PublicKey {
    /// Reads a JWK from its JSON text.
    ///
    /// # Errors
    /// [`KeyError::PrivateKey`] if it holds a private key, [`KeyError::BadJwk`]
    /// if it is not an Ed25519 key, or what [`Self::from_bytes`] refuses.
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        let jwk: ReadJwk = json::from_object(text.as_bytes()).map_err(|_| KeyError::BadJwk)?;
        if jwk.d.is_some() {
            return Err(KeyError::PrivateKey);
        }
        if jwk.kty != "OKP" || jwk.crv != "Ed25519" {
            return Err(KeyError::BadJwk);
        }
        let bytes = BASE64URL_NOPAD
            .decode(jwk.x.as_bytes())
            .map_err(|_| KeyError::BadJwk)?;
        Self::from_bytes(bytes.try_into().map_err(|_| KeyError::BadJwk)?)
    }

    /// The key as a JWK.
    #[must_use]
    pub fn to_jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP",
            crv: "Ed25519",
            x: BASE64URL_NOPAD.encode(self.as_bytes()),
            kid: self.key_id(),
            usage: "sig",
            alg: "EdDSA",
        }
    }

    /// The key's id: its RFC 7638 thumbprint, SHA-256 in base64url without `=`,
    /// 43 characters.
    #[must_use]
    pub fn key_id(&self) -> String {
        // RFC 7638 section 3: the required members only, in the order of their
        // names, without white space. RFC 8037 section 2 names them for OKP.
        let x = BASE64URL_NOPAD.encode(self.as_bytes());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        BASE64URL_NOPAD.encode(&Sha256::digest(members))
    }
}

impl VerifyKeys {
    /// All keys as a JWK set, newest first.
    #[must_use]
    pub fn to_jwks(&self) -> JwkSet {
        JwkSet {
            keys: self.iter().map(PublicKey::to_jwk).collect(),
        }
    }
}
