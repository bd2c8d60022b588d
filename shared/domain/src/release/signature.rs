//! The vendor's signature of a file, in the form of `minisign`.

use data_encoding::BASE64;

/// A `.minisig` file of the older kind (algorithm `Ed`): the Ed25519 signature
/// is over the bytes of the file itself, so that OpenSSL, Sparkle and signify
/// check the same 64 bytes. Four lines: an untrusted comment; base64 of `Ed`, 8
/// bytes of key id and the signature; `trusted comment: ` and a text; base64 of
/// the global signature, which is over the signature and that text.
///
/// Only the form is read here; nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachedSignature {
    /// Which key made it; `minisign` shows it as a little-endian number.
    pub key_id: [u8; 8],
    /// Ed25519 over the file.
    pub signature: [u8; 64],
    /// What the vendor states about the file, without line ends.
    pub trusted_comment: String,
    /// Ed25519 over `signature` followed by `trusted_comment`.
    pub global_signature: [u8; 64],
}

/// Longest signature file, in bytes: minisign's own limits of 1024 and 8192
/// for its comments, and the two lines of base64.
pub const MAX_SIGNATURE_BYTES: usize = 10 * 1024;

/// Text that is not a [`DetachedSignature`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotASignature {
    /// Not four lines, or longer than [`MAX_SIGNATURE_BYTES`].
    #[error(
        "a signature file has four lines: untrusted comment, signature, trusted comment, global signature"
    )]
    Lines,
    /// A line of base64 has the wrong length or characters.
    #[error("the signature file is damaged: a line is not base64 of the right length")]
    Base64,
    /// Signed over a hash of the file.
    #[error(
        "the signature is over a BLAKE2b hash of the file (minisign's default); sign the file itself, as keywright and `minisign -S -l` do"
    )]
    Prehashed,
    /// Some other algorithm.
    #[error("the signature's algorithm is not Ed25519 of minisign")]
    Algorithm,
}

const TRUSTED: &str = "trusted comment: ";
const UNTRUSTED: &str = "untrusted comment: ";

impl DetachedSignature {
    /// Reads a signature file.
    ///
    /// # Errors
    /// [`NotASignature`].
    pub fn parse(text: &str) -> Result<Self, NotASignature> {
        if text.len() > MAX_SIGNATURE_BYTES {
            return Err(NotASignature::Lines);
        }
        let mut lines = text.lines();
        let [untrusted, signature, trusted, global] =
            std::array::from_fn(|_| lines.next().unwrap_or_default());
        let trusted_comment = trusted.strip_prefix(TRUSTED).ok_or(NotASignature::Lines)?;
        if !untrusted.starts_with(UNTRUSTED) || lines.next().is_some() {
            return Err(NotASignature::Lines);
        }
        let packet: [u8; 74] = decode(signature)?;
        let global_signature = decode(global)?;
        match &packet[..2] {
            b"Ed" => {}
            b"ED" => return Err(NotASignature::Prehashed),
            _ => return Err(NotASignature::Algorithm),
        }
        Ok(Self {
            key_id: std::array::from_fn(|at| packet[2 + at]),
            signature: std::array::from_fn(|at| packet[10 + at]),
            trusted_comment: trusted_comment.to_owned(),
            global_signature,
        })
    }

    /// What the global signature is over.
    #[must_use]
    pub fn globally_signed(signature: &[u8; 64], trusted_comment: &str) -> Vec<u8> {
        [signature.as_slice(), trusted_comment.as_bytes()].concat()
    }
}

impl std::fmt::Display for DetachedSignature {
    /// Writes the file that [`DetachedSignature::parse`] reads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let packet = [b"Ed", self.key_id.as_slice(), &self.signature].concat();
        writeln!(f, "{UNTRUSTED}signature of a Keywright release")?;
        writeln!(f, "{}", BASE64.encode(&packet))?;
        writeln!(f, "{TRUSTED}{}", self.trusted_comment)?;
        writeln!(f, "{}", BASE64.encode(&self.global_signature))
    }
}

fn decode<const N: usize>(line: &str) -> Result<[u8; N], NotASignature> {
    let bytes = BASE64.decode(line.as_bytes());
    let bytes = bytes.map_err(|_| NotASignature::Base64)?;
    bytes.try_into().map_err(|_| NotASignature::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> DetachedSignature {
        DetachedSignature {
            key_id: [7; 8],
            signature: [1; 64],
            trusted_comment: "timestamp:1\tfile:a".to_owned(),
            global_signature: [2; 64],
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let text = example().to_string();
        assert_eq!(DetachedSignature::parse(&text), Ok(example()));
        assert_eq!(DetachedSignature::parse(text.trim_end()), Ok(example()));
        let windows = text.replace('\n', "\r\n");
        assert_eq!(DetachedSignature::parse(&windows), Ok(example()));
    }

    #[test]
    fn says_what_is_wrong() {
        let text = example().to_string();
        let lines: Vec<&str> = text.lines().collect();
        let with = |at: usize, line: &str| {
            let mut lines = lines.clone();
            lines[at] = line;
            DetachedSignature::parse(&lines.join("\n"))
        };
        let packet = |algorithm: &[u8]| BASE64.encode(&[algorithm, &[0; 72]].concat());
        assert_eq!(with(0, "comment"), Err(NotASignature::Lines));
        assert_eq!(with(2, "comment"), Err(NotASignature::Lines));
        assert_eq!(with(1, "????"), Err(NotASignature::Base64));
        assert_eq!(
            with(1, &BASE64.encode(&[0; 73])),
            Err(NotASignature::Base64)
        );
        assert_eq!(with(1, &packet(b"ED")), Err(NotASignature::Prehashed));
        assert_eq!(with(1, &packet(b"XX")), Err(NotASignature::Algorithm));
        assert_eq!(with(3, ""), Err(NotASignature::Base64));
        assert_eq!(DetachedSignature::parse(""), Err(NotASignature::Lines));
        let longer = format!("{text}more\n");
        assert_eq!(DetachedSignature::parse(&longer), Err(NotASignature::Lines));
        let huge = text.replace("file:a", &"a".repeat(MAX_SIGNATURE_BYTES));
        assert_eq!(DetachedSignature::parse(&huge), Err(NotASignature::Lines));
    }
}
