//! The machine of a request, as the application describes it.

use data_encoding::HEXLOWER;
use keywright_license::hash_fingerprint;
use keywright_web::ApiError;

/// Longest fingerprint, in bytes. Applications hash what they collect, or join
/// a few serial numbers.
const MAX_FINGERPRINT_BYTES: usize = 1_024;
/// Longest host name or platform, in bytes; a DNS name has no more.
const MAX_NAME_BYTES: usize = 255;
/// Longest reason for freeing a machine, in bytes.
const MAX_REASON_BYTES: usize = 2_000;

/// What an application says of its machine, within the limits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MachineDescription {
    /// As the caller sent it; never stored.
    pub(crate) fingerprint: String,
    /// SHA-256 of it in lower-case hex; what is stored.
    pub(crate) fingerprint_hash: String,
    /// What it calls itself.
    pub(crate) hostname: Option<String>,
    /// What it runs.
    pub(crate) platform: Option<String>,
}

impl MachineDescription {
    /// Reads a machine where a fingerprint is optional: an empty one counts as
    /// none, because the SDKs send it where the application gave none.
    ///
    /// # Errors
    /// 400 for a member that is too long.
    pub(crate) fn optional(
        fingerprint: Option<String>,
        hostname: Option<String>,
        platform: Option<String>,
    ) -> Result<Option<Self>, ApiError> {
        let hostname = name("hostname", hostname)?;
        let platform = name("platform", platform)?;
        let Some(fingerprint) = fingerprint.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        at_most("fingerprint", &fingerprint, MAX_FINGERPRINT_BYTES)?;
        Ok(Some(Self {
            fingerprint_hash: HEXLOWER.encode(&hash_fingerprint(&fingerprint)),
            fingerprint,
            hostname,
            platform,
        }))
    }

    /// Reads a machine where the fingerprint is the point of the request.
    ///
    /// # Errors
    /// 400 for an empty fingerprint and for a member that is too long.
    pub(crate) fn required(
        fingerprint: String,
        hostname: Option<String>,
        platform: Option<String>,
    ) -> Result<Self, ApiError> {
        Self::optional(Some(fingerprint), hostname, platform)?.ok_or_else(|| {
            ApiError::bad_request("fingerprint must not be empty; it identifies the machine")
        })
    }
}

/// Checks the reason for freeing a machine.
///
/// # Errors
/// 400 for one that is too long.
pub(crate) fn check_reason(reason: &str) -> Result<(), ApiError> {
    at_most("reason", reason, MAX_REASON_BYTES)
}

fn name(member: &'static str, text: Option<String>) -> Result<Option<String>, ApiError> {
    let text = text.filter(|text| !text.is_empty());
    if let Some(text) = &text {
        at_most(member, text, MAX_NAME_BYTES)?;
    }
    Ok(text)
}

fn at_most(member: &'static str, text: &str, most: usize) -> Result<(), ApiError> {
    if text.len() > most {
        return Err(ApiError::bad_request(format!(
            "{member} must be at most {most} bytes long"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_hash_tells_a_machine() {
        let device = MachineDescription::required("hello".to_owned(), Some("h".to_owned()), None)
            .expect("a machine");
        assert_eq!(
            device.fingerprint_hash,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        );
        // Nothing is trimmed or folded.
        let other =
            MachineDescription::required("Hello".to_owned(), None, None).expect("a machine");
        assert_ne!(other.fingerprint_hash, device.fingerprint_hash);
        let other =
            MachineDescription::required("hello ".to_owned(), None, None).expect("a machine");
        assert_ne!(other.fingerprint_hash, device.fingerprint_hash);
    }

    #[test]
    fn empty_members_count_as_none() {
        for fingerprint in [None, Some(String::new())] {
            let device = MachineDescription::optional(fingerprint, Some("h".to_owned()), None);
            assert_eq!(device, Ok(None));
        }
        let device = MachineDescription::optional(
            Some("f".to_owned()),
            Some(String::new()),
            Some(String::new()),
        )
        .expect("short ones");
        let device = device.expect("a machine");
        assert_eq!((device.hostname, device.platform), (None, None));
        assert!(MachineDescription::required(String::new(), None, None).is_err());
    }

    #[test]
    fn long_members_are_refused_by_name() {
        let long = |count: usize| "é".repeat(count / 2) + &"x".repeat(count % 2);
        let read = |fingerprint: String, hostname, platform| {
            let device = MachineDescription::optional(Some(fingerprint), hostname, platform);
            device.map(drop).map_err(|error| error.message().to_owned())
        };
        let most = (long(1_024), Some(long(255)), Some(long(255)));
        assert_eq!(read(most.0, most.1, most.2), Ok(()));
        for (fingerprint, hostname, platform, message) in [
            (1_025, 1, 1, "fingerprint must be at most 1024 bytes long"),
            (1, 256, 1, "hostname must be at most 255 bytes long"),
            (0, 1, 256, "platform must be at most 255 bytes long"),
        ] {
            let device = read(
                long(fingerprint),
                Some(long(hostname)),
                Some(long(platform)),
            );
            assert_eq!(device, Err(message.to_owned()));
        }
        assert!(check_reason(&long(2_000)).is_ok());
        assert!(check_reason(&long(2_001)).is_err());
    }
}
