//! Where webhooks may go, and how many a tick sends.

use keywright_domain::webhook::settings::{HoldDays, PerTick, WebhookHosts};
use keywright_ports::settings::flag;
use keywright_ports::{Config, name};

/// The limits, read once. What cannot be read was logged at the start.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Where buyers reach the shop.
    pub(crate) public_url: Option<String>,
    /// The only origins that may be called; `None` for any public one.
    pub(crate) hosts: Option<WebhookHosts>,
    /// Whether private hosts, and `http`, may be called.
    pub(crate) allows_private: bool,
    /// How many requests a tick may send.
    pub(crate) per_tick: usize,
    /// For how long events are held for a paused endpoint, in seconds; `None` if the
    /// setting cannot be read: then nothing expires.
    pub(crate) hold: Option<i64>,
}

impl Limits {
    pub(crate) fn read(config: &Config) -> Self {
        let per_tick = PerTick::read(config.get(name::WEBHOOKS_PER_TICK));
        let hold = HoldDays::read(config.get(name::WEBHOOK_HOLD_DAYS));
        let hosts = WebhookHosts::configured(config.get(name::WEBHOOK_HOSTS));
        Self {
            public_url: config.get(name::PUBLIC_URL).map(str::to_owned),
            // No host at all where the setting cannot be read.
            hosts: hosts.unwrap_or_else(|_| Some(WebhookHosts::none())),
            allows_private: flag(config, name::WEBHOOK_PRIVATE) == Ok(true),
            per_tick: per_tick.unwrap_or_default().0,
            hold: hold.ok().map(HoldDays::seconds),
        }
    }
}
