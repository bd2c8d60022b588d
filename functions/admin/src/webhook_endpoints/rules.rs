//! What an operator may enter for a webhook endpoint.

use crate::text;
use keywright_domain::webhook::body::WebhookFormat;
use keywright_domain::webhook::filter;
use keywright_domain::webhook::settings::WebhookHosts;
use keywright_domain::webhook::target::{TargetRules, WebhookTarget};
use keywright_ports::settings::flag;
use keywright_ports::vault::NoVault;
use keywright_ports::{Config, name};
use keywright_services::webhook_secrets::WebhookVault;
use keywright_store::events::webhook_endpoints::EndpointUrl;
use keywright_web::ApiError;
use std::sync::Arc;

/// Longest description, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 200;

/// The rules of this instance, and what keeps the secrets.
#[derive(Clone)]
pub(crate) struct WebhookRules(Arc<Inner>);

struct Inner {
    vault: Result<WebhookVault, NoVault>,
    hosts: Option<WebhookHosts>,
    allows_private: bool,
    public_url: Option<String>,
}

impl WebhookRules {
    pub(crate) fn configured(config: &Config) -> Self {
        Self(Arc::new(Inner {
            vault: WebhookVault::configured(config),
            // No host at all where the setting cannot be read.
            hosts: WebhookHosts::configured(config.get(name::WEBHOOK_HOSTS))
                .unwrap_or_else(|_| Some(WebhookHosts::none())),
            allows_private: flag(config, name::WEBHOOK_PRIVATE) == Ok(true),
            public_url: config.get(name::PUBLIC_URL).map(str::to_owned),
        }))
    }

    /// What seals secrets; 503 without it.
    pub(super) fn vault(&self) -> Result<&WebhookVault, ApiError> {
        self.0.vault.as_ref().map_err(|missing| {
            ApiError::unavailable(
                "service_unavailable",
                "webhooks are not set up: WEBHOOK_KEY is not configured, or is invalid",
                missing.to_string(),
            )
        })
    }

    /// Judges a URL, by whatever way it is entered.
    pub(super) fn url(&self, url: &str) -> Result<EndpointUrl, ApiError> {
        let rules = TargetRules {
            allows_private: self.0.allows_private,
            public_url: self.0.public_url.as_deref(),
        };
        let target = WebhookTarget::parse(url.trim(), rules)
            .map_err(|error| ApiError::unprocessable(error.to_string()))?;
        if let Some(hosts) = &self.0.hosts
            && !hosts.allow(&target)
        {
            return Err(ApiError::unprocessable(format!(
                "url must be at a host that this instance may call; set the variable \
                 webhook_host1 (up to webhook_host5) to {} and restart",
                target.origin()
            )));
        }
        Ok(EndpointUrl {
            url: target.url().to_owned(),
            label: target.label(),
        })
    }
}

/// Checks a description.
pub(super) fn description(text: &str) -> Result<(), ApiError> {
    text::check("description", text, MAX_DESCRIPTION_BYTES)
}

/// Checks a filter, and leaves out what is there twice.
pub(super) fn event_types(entries: Vec<String>) -> Result<Vec<String>, ApiError> {
    filter::check(&entries).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let mut kept: Vec<String> = Vec::with_capacity(entries.len());
    for entry in entries {
        if !kept.contains(&entry) {
            kept.push(entry);
        }
    }
    Ok(kept)
}

/// The format of this word.
pub(super) fn format(word: &str) -> Result<WebhookFormat, ApiError> {
    WebhookFormat::parse(word)
        .ok_or_else(|| ApiError::bad_request("format must be \"standard\" or \"keysat\""))
}
