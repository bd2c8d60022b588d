//! When a configured secret is none: too short, or what somebody typed to try
//! things out. One rule for every secret that an operator makes.

/// Shortest secret that an operator makes, in bytes.
pub const MIN_SECRET_BYTES: usize = 32;
/// Fewest different bytes in a secret of that length. Of 32 random hexadecimal
/// digits fewer than eight are different once in 10^8 times.
const MIN_DIFFERENT: usize = 8;
/// What stands in examples, in lower case. Each is long enough that a random secret
/// does not hold it by chance.
const PLACEHOLDERS: [&str; 9] = [
    "changeme",
    "change-me",
    "change_me",
    "example",
    "password",
    "placeholder",
    "replace-me",
    "replace_me",
    "replaceme",
];

/// Why a secret is refused. The text says what to do and holds no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Fewer bytes than are asked for.
    #[error("must have at least {0} characters")]
    Short(usize),
    /// The same few characters, a pattern over and over, or a row such as
    /// `abcdef`.
    #[error("must be random, not a pattern")]
    Pattern,
    /// Text of an example.
    #[error("must be random, not the placeholder of an example")]
    Placeholder,
}

/// Checks a secret of at least `least` bytes. What is called random cannot be
/// measured: this refuses what nobody would get from a generator.
///
/// # Errors
/// [`WeakSecret`].
pub fn check_secret(secret: &[u8], least: usize) -> Result<(), WeakSecret> {
    if secret.len() < least {
        return Err(WeakSecret::Short(least));
    }
    let mut seen = [false; 256];
    for byte in secret {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.into_iter().filter(|seen| *seen).count();
    if different < MIN_DIFFERENT.min(least) || is_repeated(secret) || is_row(secret) {
        return Err(WeakSecret::Pattern);
    }
    let text = String::from_utf8_lossy(secret).to_ascii_lowercase();
    if PLACEHOLDERS
        .iter()
        .any(|placeholder| text.contains(placeholder))
    {
        return Err(WeakSecret::Placeholder);
    }
    Ok(())
}

/// Whether a part of at most half its length makes it up.
fn is_repeated(secret: &[u8]) -> bool {
    (1..=secret.len() / 2).any(|period| {
        secret
            .iter()
            .zip(secret.iter().skip(period))
            .all(|(one, other)| one == other)
    })
}

/// Whether most bytes follow the one before, as in `abcdef` or `987654`.
fn is_row(secret: &[u8]) -> bool {
    let steps = secret
        .windows(2)
        .filter(|pair| pair[0].abs_diff(pair[1]) <= 1)
        .count();
    4 * steps > 3 * secret.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_nobody_gets_from_a_generator_is_refused() {
        for (secret, why) in [
            ("", WeakSecret::Short(32)),
            ("8f14e45fceea167a5a36dedd4bea254", WeakSecret::Short(32)),
            (&"a".repeat(32), WeakSecret::Pattern),
            (&"0".repeat(64), WeakSecret::Pattern),
            (&"ab".repeat(16), WeakSecret::Pattern),
            (&"correcthorse".repeat(3), WeakSecret::Pattern),
            ("0123456789abcdef0123456789abcdef", WeakSecret::Pattern),
            ("12345678901234567890123456789012", WeakSecret::Pattern),
            ("abcdefghijklmnopqrstuvwxyz012345", WeakSecret::Pattern),
            ("zyxwvutsrqponmlkjihgfedcba987654", WeakSecret::Pattern),
            ("aaaaaaaabbbbbbbbccccccccdddddddd", WeakSecret::Pattern),
            ("1111111111111111111111112345678a", WeakSecret::Pattern),
            ("change-me-change-me-please-now-ok", WeakSecret::Placeholder),
            (
                "your-example-admin-key-goes-in-here",
                WeakSecret::Placeholder,
            ),
            (
                "MyVeryLongPassword-for-the-license-shop",
                WeakSecret::Placeholder,
            ),
        ] {
            let found = check_secret(secret.as_bytes(), MIN_SECRET_BYTES);
            assert_eq!(found, Err(why), "{secret}");
        }
        let row: Vec<u8> = (0..32).collect();
        assert_eq!(check_secret(&row, 32), Err(WeakSecret::Pattern));
        assert_eq!(check_secret(&[0x5a; 32], 32), Err(WeakSecret::Pattern));
    }

    #[test]
    fn what_generators_give_is_taken() {
        for secret in [
            // openssl rand -hex 16, openssl rand -base64 32, pwgen, a passphrase.
            "8f14e45fceea167a5a36dedd4bea2543",
            "Q0dH3k2mWm0h7vXyqkqf3y9Z8c1nN5bTtR4uLwEoJ6A=",
            "iej6Ohdaiqu0ooth7eeWi2Ciexoh3Aek",
            "tundra-velvet-cactus-orbit-magnet-plum",
        ] {
            let found = check_secret(secret.as_bytes(), MIN_SECRET_BYTES);
            assert_eq!(found, Ok(()), "{secret}");
        }
    }

    proptest! {
        #[test]
        fn random_secrets_are_taken(bytes in prop::array::uniform32(any::<u8>())) {
            prop_assert_eq!(check_secret(&bytes, 32), Ok(()));
        }
    }
}
