//! Settings of outgoing webhooks, as texts of the configuration.

use crate::web_url;
use crate::webhook::target::WebhookTarget;

/// How many requests a tick may send where nobody configured it: with the calls to the
/// database below the 50 that an invocation of the free plan of Workers has.
const DEFAULT_PER_TICK: usize = 30;
/// The most that can be configured.
const MOST_PER_TICK: usize = 1_000;

/// A setting that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Not a number of requests.
    #[error("WEBHOOKS_PER_TICK must be a whole number from 1 to {MOST_PER_TICK}")]
    PerTick,
    /// Not an origin.
    #[error("WEBHOOK_HOSTS must be origins such as https://hooks.example.com, separated by commas")]
    Hosts,
    /// Not a number of days.
    #[error("WEBHOOK_HOLD_DAYS must be a whole number from 1 to 3650")]
    HoldDays,
}

/// How many requests a tick may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerTick(pub usize);

impl Default for PerTick {
    fn default() -> Self {
        Self(DEFAULT_PER_TICK)
    }
}

impl PerTick {
    /// Reads the setting.
    ///
    /// # Errors
    /// [`SettingError::PerTick`].
    pub fn read(text: Option<&str>) -> Result<Self, SettingError> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let number = text.parse().ok();
        let number = number.filter(|number| (1..=MOST_PER_TICK).contains(number));
        number.map(Self).ok_or(SettingError::PerTick)
    }
}

/// For how many days events are held for an endpoint that is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldDays(i64);

impl HoldDays {
    /// Reads the setting; 30 days where nobody configured it.
    ///
    /// # Errors
    /// [`SettingError::HoldDays`].
    pub fn read(text: Option<&str>) -> Result<Self, SettingError> {
        let days = text.map_or(Some(30), |text| text.parse().ok());
        let days = days.filter(|days| (1..=3_650).contains(days));
        days.map(Self).ok_or(SettingError::HoldDays)
    }

    /// The same in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0 * 24 * 60 * 60
    }
}

/// The only origins that webhooks may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookHosts(Vec<String>);

impl WebhookHosts {
    /// Reads origins that are separated by commas; `None` where none are configured: any
    /// public host. The manifest's own defaults, which end in `.invalid`, are left out.
    ///
    /// # Errors
    /// [`SettingError::Hosts`].
    pub fn configured(text: Option<&str>) -> Result<Option<Self>, SettingError> {
        let Some(text) = text else {
            return Ok(None);
        };
        let parts = text
            .split(',')
            .map(|part| part.trim().trim_end_matches('/').to_ascii_lowercase());
        let origins: Vec<String> = parts
            .filter(|part| !part.is_empty() && !part.ends_with(".invalid"))
            .collect();
        let is_origin = |text: &String| web_url::check_origin(text).is_ok();
        if origins.iter().all(is_origin) {
            Ok(Some(Self(origins)))
        } else {
            Err(SettingError::Hosts)
        }
    }

    /// No host at all.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// True when the target's origin is among them.
    #[must_use]
    pub fn allow(&self, target: &WebhookTarget) -> bool {
        let origin = target.origin();
        self.0.iter().any(|allowed| {
            let usual = if allowed.starts_with("https:") {
                ":443"
            } else {
                ":80"
            };
            allowed.strip_suffix(usual).unwrap_or(allowed) == origin
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::target::TargetRules;

    #[test]
    fn settings_are_numbers_within_bounds() {
        assert_eq!(PerTick::read(None), Ok(PerTick(30)));
        assert_eq!(PerTick::read(Some("1000")), Ok(PerTick(1_000)));
        for bad in ["0", "1001", "-1", "many", "1.5"] {
            assert_eq!(
                PerTick::read(Some(bad)),
                Err(SettingError::PerTick),
                "{bad}"
            );
        }
        assert_eq!(HoldDays::read(None).map(HoldDays::seconds), Ok(2_592_000));
        assert_eq!(HoldDays::read(Some("1")).map(HoldDays::seconds), Ok(86_400));
        for bad in ["0", "3651", "x"] {
            assert_eq!(
                HoldDays::read(Some(bad)),
                Err(SettingError::HoldDays),
                "{bad}"
            );
        }
    }

    #[test]
    fn listed_origins_are_compared_whole() {
        let read = |text| WebhookHosts::configured(Some(text)).map(Option::unwrap);
        let hosts = read(
            "https://hooks.example.com/, HTTPS://Other.example.com:443,https://a.example:8443,\
             https://webhook3.invalid",
        )
        .unwrap();
        let is_allowed =
            |url: &str| hosts.allow(&WebhookTarget::parse(url, TargetRules::default()).unwrap());
        assert!(is_allowed("https://hooks.example.com/in?x=1"));
        assert!(is_allowed("https://other.example.com/"));
        assert!(is_allowed("https://a.example:8443/"));
        for other in [
            "https://a.example/",
            "https://hooks.example.com:8443/",
            "https://hooks.example.com.evil.example/",
            "https://webhook3.example/",
        ] {
            assert!(!is_allowed(other), "{other}");
        }
        assert_eq!(
            read("https://webhook.invalid,https://webhook2.invalid"),
            Ok(WebhookHosts(Vec::new()))
        );
        assert_eq!(WebhookHosts::configured(None), Ok(None));
        for bad in ["hooks.example.com", "https://hooks.example.com/in", "*"] {
            assert_eq!(read(bad), Err(SettingError::Hosts), "{bad}");
        }
    }
}
