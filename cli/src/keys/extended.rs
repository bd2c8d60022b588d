//! Extended private keys (BIP-32): from a seed to an account. They exist while
//! a command runs and are never written.

use hmac::{Hmac, KeyInit, Mac};
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::sec1::ToSec1Point;
use k256::{ProjectivePoint, Scalar};
use keywright_providers::polygon::PublicKey;
use keywright_providers::polygon::wallet::{ExtendedPublicKey, HARDENED};
use ripemd::Ripemd160;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// A private key with what it takes to derive others from it.
pub(crate) struct ExtendedSecret {
    depth: u8,
    parent: [u8; 4],
    number: u32,
    chain_code: [u8; 32],
    secret: Scalar,
    public: PublicKey,
}

impl Drop for ExtendedSecret {
    fn drop(&mut self) {
        self.secret.zeroize();
        self.chain_code.zeroize();
    }
}

impl ExtendedSecret {
    /// The master key of a seed; `None` for the one seed in 2^127 that has
    /// none.
    pub(crate) fn master(seed: &[u8]) -> Option<Self> {
        let (left, chain_code) = halves(b"Bitcoin seed", &[seed])?;
        Self::new(0, [0; 4], 0, chain_code, scalar(&left)?)
    }

    fn new(
        depth: u8,
        parent: [u8; 4],
        number: u32,
        chain_code: [u8; 32],
        secret: Scalar,
    ) -> Option<Self> {
        let point = (ProjectivePoint::GENERATOR * secret).to_affine();
        let compressed = point.to_sec1_point(true);
        // Fails for infinity, which is the point of a key of zero.
        let public = PublicKey::from_compressed(compressed.as_bytes().try_into().ok()?)?;
        Some(Self {
            depth,
            parent,
            number,
            chain_code,
            secret,
            public,
        })
    }

    /// A child that only a private key derives; the number is without the
    /// mark. `None` from 2^31 on, and for the one number in 2^127 that has no
    /// key.
    pub(crate) fn hardened(&self, number: u32) -> Option<Self> {
        if number >= HARDENED {
            return None;
        }
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(self.secret.to_bytes().into());
        self.child(number + HARDENED, &[&[0], secret.as_slice()])
    }

    /// A child that the public key derives as well.
    #[cfg(test)]
    fn plain(&self, number: u32) -> Option<Self> {
        self.child(number, &[&self.public.to_compressed()])
    }

    fn child(&self, number: u32, data: &[&[u8]]) -> Option<Self> {
        let number_bytes = number.to_be_bytes();
        let data = [data, &[&number_bytes]].concat();
        let (left, chain_code) = halves(&self.chain_code, &data)?;
        let identifier = Ripemd160::digest(Sha256::digest(self.public.to_compressed()));
        let parent = identifier.first_chunk()?;
        let secret = scalar(&left)? + self.secret;
        Self::new(
            self.depth.checked_add(1)?,
            *parent,
            number,
            chain_code,
            secret,
        )
    }

    /// The public key of it.
    pub(crate) fn public(&self) -> ExtendedPublicKey {
        ExtendedPublicKey::new(
            self.depth,
            self.parent,
            self.number,
            self.chain_code,
            self.public,
        )
    }
}

/// Both halves of the code of some data.
fn halves(key: &[u8], data: &[&[u8]]) -> Option<(Zeroizing<[u8; 32]>, [u8; 32])> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).ok()?;
    for part in data {
        mac.update(part);
    }
    let hash: Zeroizing<[u8; 64]> = Zeroizing::new(mac.finalize().into_bytes().into());
    let (left, right) = hash.split_first_chunk::<32>()?;
    Some((Zeroizing::new(*left), right.try_into().ok()?))
}

fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    Scalar::from_repr((*bytes).into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// A step: its number, and whether it is hardened.
    type Step = (u32, bool);

    /// Test vectors 1 to 3 of BIP-32: a seed, the key of the master, and each
    /// step down from it with the key that it leads to.
    fn check(seed: &str, master: &str, steps: &[(Step, &str)]) {
        let seed = HEXLOWER.decode(seed.as_bytes()).expect("a seed");
        let mut key = ExtendedSecret::master(&seed).expect("a key");
        assert_eq!(key.public().to_string(), master);
        for ((number, hardened), expected) in steps {
            let child = if *hardened {
                key.hardened(*number)
            } else {
                key.plain(*number)
            };
            key = child.expect("a key");
            assert_eq!(key.public().to_string(), *expected);
        }
    }

    #[test]
    fn public_keys_are_those_of_vector_1() {
        check(
            "000102030405060708090a0b0c0d0e0f",
            "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
            &[
                (
                    (0, true),
                    "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw",
                ),
                (
                    (1, false),
                    "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ",
                ),
                (
                    (2, true),
                    "xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJPMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5",
                ),
                (
                    (2, false),
                    "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cfN7fe5JnJ7dh8zL4fiyLHV",
                ),
                (
                    (1_000_000_000, false),
                    "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
                ),
            ],
        );
    }

    #[test]
    fn public_keys_are_those_of_vector_2() {
        check(
            "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542",
            "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB",
            &[
                (
                    (0, false),
                    "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH",
                ),
                (
                    (2_147_483_647, true),
                    "xpub6ASAVgeehLbnwdqV6UKMHVzgqAG8Gr6riv3Fxxpj8ksbH9ebxaEyBLZ85ySDhKiLDBrQSARLq1uNRts8RuJiHjaDMBU4Zn9h8LZNnBC5y4a",
                ),
                (
                    (1, false),
                    "xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVvmdMVCQcoNJxGoWaU9DCWh89LojfZ537wTfunKau47EL2dhHKon",
                ),
                (
                    (2_147_483_646, true),
                    "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL",
                ),
                (
                    (2, false),
                    "xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt",
                ),
            ],
        );
    }

    /// The one whose private keys begin with zeros, which must stay.
    #[test]
    fn public_keys_are_those_of_vector_3() {
        check(
            "4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be",
            "xpub661MyMwAqRbcEZVB4dScxMAdx6d4nFc9nvyvH3v4gJL378CSRZiYmhRoP7mBy6gSPSCYk6SzXPTf3ND1cZAceL7SfJ1Z3GC8vBgp2epUt13",
            &[(
                (0, true),
                "xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y",
            )],
        );
    }

    #[test]
    fn what_both_keys_derive_is_the_same() {
        let key = ExtendedSecret::master(&[7; 32]).expect("a key");
        for number in [0, 1, 99, HARDENED - 1] {
            let child = key.plain(number).expect("a child").public();
            let (public, chain_code) = key.public().child(number).expect("a child");
            assert_eq!((child.key(), child.chain_code()), (&public, &chain_code));
        }
    }
}
