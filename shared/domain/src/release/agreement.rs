//! Whether what the vendor signed about a file is what the file is published
//! as. An old file cannot be passed off as a new version, a beta as a stable
//! release, or one platform's file as another's.

use super::manifest::Artifact;
use super::signature::{DetachedSignature, NotASignature};
use super::statement::{NotAStatement, Statement};
use super::{Channel, Version};
use crate::slug::Slug;

/// How a file's signature does not fit what the file is published as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// It is no signature.
    #[error("{0}")]
    Signature(#[from] NotASignature),
    /// It states nothing that is understood.
    #[error("{0}")]
    Statement(#[from] NotAStatement),
    /// It states something else.
    #[error("the signature is for {item} {signed}, and this is {item} {published}")]
    Differs {
        /// What differs.
        item: &'static str,
        /// What was signed.
        signed: String,
        /// What the file is published as.
        published: String,
    },
}

/// Compares what a file's signature states with what the file is published as.
/// The signature itself is not verified here. Answers the statement.
///
/// # Errors
/// [`Disagreement`] with the first item that differs.
pub fn check(
    product: &Slug,
    version: &Version,
    channel: Channel,
    artifact: &Artifact,
) -> Result<Statement, Disagreement> {
    let signature = DetachedSignature::parse(&artifact.signature)?;
    let stated = Statement::parse(&signature.trusted_comment)?;
    let pairs = [
        ("product", stated.product.to_string(), product.to_string()),
        ("version", stated.version.to_string(), version.to_string()),
        ("channel", stated.channel.to_string(), channel.to_string()),
        (
            "platform",
            stated.platform.to_string(),
            artifact.platform.to_string(),
        ),
        (
            "file name",
            stated.file_name.to_string(),
            artifact.file_name.to_string(),
        ),
        (
            "size",
            stated.size.to_string(),
            artifact.size_bytes.to_string(),
        ),
        (
            "SHA-256",
            stated.sha256.to_string(),
            artifact.sha256.to_string(),
        ),
    ];
    for (item, signed, published) in pairs {
        if signed != published {
            return Err(Disagreement::Differs {
                item,
                signed,
                published,
            });
        }
    }
    Ok(stated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Platform;
    use crate::release::statement::{FileName, Sha256Hex, Sha512Hex};

    fn statement() -> Statement {
        Statement {
            timestamp: 1_700_000_000,
            file_name: FileName::parse("demo-1.2.0").expect("a name"),
            version: Version::parse("1.2.0").expect("a version"),
            product: Slug::parse("demo").expect("a slug"),
            channel: Channel::Stable,
            platform: Platform::parse("any").expect("a platform"),
            size: 42,
            sha256: Sha256Hex::parse(&"0".repeat(64)).expect("a digest"),
        }
    }

    fn artifact(trusted_comment: String) -> Artifact {
        let signature = DetachedSignature {
            key_id: [1; 8],
            signature: [2; 64],
            trusted_comment,
            global_signature: [3; 64],
        };
        let stated = statement();
        Artifact {
            platform: stated.platform,
            file_name: stated.file_name,
            size_bytes: stated.size,
            sha256: stated.sha256,
            sha512: Sha512Hex::parse(&"1".repeat(128)).expect("a digest"),
            signature: signature.to_string(),
        }
    }

    fn checked(stated: &Statement) -> Result<Statement, Disagreement> {
        let is = statement();
        let artifact = artifact(stated.to_string());
        check(&is.product, &is.version, is.channel, &artifact)
    }

    #[test]
    fn each_item_has_to_be_the_same() {
        assert_eq!(checked(&statement()), Ok(statement()));
        let later = Statement {
            timestamp: 1,
            ..statement()
        };
        assert!(checked(&later).is_ok(), "when it was signed is free");
        let wrong = [
            (
                "product",
                Statement {
                    product: Slug::parse("other").expect("a slug"),
                    ..statement()
                },
            ),
            (
                "version",
                Statement {
                    version: Version::parse("1.1.0").expect("a version"),
                    ..statement()
                },
            ),
            (
                "channel",
                Statement {
                    channel: Channel::Beta,
                    ..statement()
                },
            ),
            (
                "platform",
                Statement {
                    platform: Platform::parse("x86_64-unknown-linux-gnu").expect("a platform"),
                    ..statement()
                },
            ),
            (
                "file name",
                Statement {
                    file_name: FileName::parse("demo").expect("a name"),
                    ..statement()
                },
            ),
            (
                "size",
                Statement {
                    size: 41,
                    ..statement()
                },
            ),
            (
                "SHA-256",
                Statement {
                    sha256: Sha256Hex::parse(&"1".repeat(64)).expect("a digest"),
                    ..statement()
                },
            ),
        ];
        for (wrong_item, stated) in wrong {
            match checked(&stated) {
                Err(Disagreement::Differs { item, .. }) => assert_eq!(item, wrong_item),
                other => panic!("{wrong_item}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_statement_agrees_with_nothing() {
        let is = statement();
        let bare = artifact("timestamp:1\tfile:demo".to_owned());
        let bare = check(&is.product, &is.version, is.channel, &bare);
        assert!(matches!(bare, Err(Disagreement::Statement(_))), "{bare:?}");
        let mut none = artifact(is.to_string());
        none.signature.clear();
        let none = check(&is.product, &is.version, is.channel, &none);
        assert!(matches!(none, Err(Disagreement::Signature(_))), "{none:?}");
    }
}
