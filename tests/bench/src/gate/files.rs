//! The release files of a run, and the requests that open them.

use super::Options;
use crate::Error;
use data_encoding::BASE64URL_NOPAD;
use keywright_license::{Date, SigningKey, TokenClaims};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The product: licensed, since it has no manifest.
const PRODUCT: &str = "bench";
/// A test's seed, and no secret.
const SIGNING_SEED: [u8; 32] = [0x5a; 32];
/// The secret of nginx's links, and when they end: 2100.
pub(super) const LINK_SECRET: &str = "bench";
const LINK_EXPIRES: &str = "4102444800";

/// A file of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// 1 MiB.
    Small,
    /// 200 MiB.
    Large,
    /// 2 GiB, sparse: for memory only.
    Huge,
}

/// How a server checks who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// nginx: an MD5 of path, time and secret in the query.
    SecureLink,
    /// Keywright: an Ed25519 signature in the header.
    Token,
}

impl Size {
    /// For the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "1 MiB",
            Self::Large => "200 MiB",
            Self::Huge => "2 GiB",
        }
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Small => 1 << 20,
            Self::Large => 200 << 20,
            Self::Huge => 2 << 30,
        }
    }

    fn path(self) -> String {
        let platform = match self {
            Self::Small => "small",
            Self::Large => "large",
            Self::Huge => "huge",
        };
        format!("{PRODUCT}/1.0.0/{platform}")
    }
}

/// The files, on disk.
#[derive(Debug)]
pub struct Files {
    /// The folder they are in; the release files are in `releases` in it.
    pub home: PathBuf,
    /// The public key for `VERIFY_KEYS`.
    pub verify_keys: String,
    token: String,
}

impl Files {
    /// Writes what the run needs.
    ///
    /// # Errors
    /// [`Error`] when the disk is full.
    pub fn write(home: &Path, options: &Options) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::new("writing the release files", error);
        let mut sizes: Vec<Size> = options.cells.iter().map(|(size, _)| *size).collect();
        if options.memory {
            sizes.extend([Size::Large, Size::Huge]);
        }
        sizes.sort_unstable();
        sizes.dedup();
        for size in sizes {
            let path = home.join("releases").join(size.path());
            std::fs::create_dir_all(path.parent().unwrap_or(home)).map_err(failed)?;
            let mut file = File::create(path).map_err(failed)?;
            if size == Size::Huge {
                file.set_len(size.bytes()).map_err(failed)?;
            } else {
                for number in 0..size.bytes() / 64 {
                    let piece = Sha256::digest(number.to_le_bytes());
                    file.write_all(&[&piece[..], &piece[..]].concat())
                        .map_err(failed)?;
                }
            }
        }
        let refused = |error: &dyn std::fmt::Display| Error::new("the token", error);
        let key = SigningKey::from_bytes(&SIGNING_SEED).map_err(|error| refused(&error))?;
        let claims = TokenClaims {
            product: PRODUCT.to_owned(),
            channel_expiry: Date::MAX,
            entitlements: Vec::new(),
            version_floor: None,
            license: None,
            maintenance_until: None,
            issued_at: None,
        };
        Ok(Self {
            home: home.to_owned(),
            verify_keys: key.public_key().to_hex(),
            token: key.sign_token(&claims).map_err(|error| refused(&error))?,
        })
    }

    /// The folder of releases.
    #[must_use]
    pub fn releases(&self) -> PathBuf {
        self.home.join("releases")
    }

    /// A request for a file that the server's check lets through.
    #[must_use]
    pub fn request(&self, size: Size, check: Check) -> Vec<u8> {
        let path = format!("/releases/{}", size.path());
        let (query, header) = match check {
            Check::SecureLink => {
                let text = format!("{LINK_EXPIRES}{path} {LINK_SECRET}");
                let digest = BASE64URL_NOPAD.encode(&Md5::digest(text));
                (
                    format!("?md5={digest}&expires={LINK_EXPIRES}"),
                    String::new(),
                )
            }
            Check::Token => {
                let header = format!("Authorization: Bearer {}\r\n", self.token);
                (String::new(), header)
            }
        };
        format!("GET {path}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n").into_bytes()
    }

    /// SHA-256 of a file.
    ///
    /// # Errors
    /// [`Error`] when it cannot be read.
    pub fn digest(&self, size: Size) -> Result<[u8; 32], Error> {
        let bytes = std::fs::read(self.releases().join(size.path()));
        let bytes = bytes.map_err(|error| Error::new("reading a release file", error))?;
        Ok(Sha256::digest(bytes).into())
    }
}
