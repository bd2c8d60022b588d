//! Webhook endpoints, one route per file: where the shop tells what happens in it.

pub(crate) mod active;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod replay;
pub(crate) mod rotate_secret;
mod rules;
pub(crate) mod show;
pub(crate) mod test;

pub(crate) use rules::WebhookRules;

use keywright_domain::access::{Caller, Gate, Scope};
use keywright_domain::dates::rfc3339;
use keywright_store::events::webhook_endpoints::WebhookEndpoint;
use serde::Serialize;
use utoipa::ToSchema;

/// An endpoint, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub(crate) struct EndpointView {
    /// UUID.
    id: String,
    /// Where deliveries go. A URL may hold a secret of its receiver, so a key without the
    /// scope `webhooks:write` sees its host, and a few digits that change with the rest.
    url: String,
    /// What you call it; may be empty.
    description: String,
    /// Which events it is sent: types such as `license.issued`, areas such as `license.*`,
    /// or `*`.
    event_types: Vec<String>,
    /// Only events about this product; null for all.
    #[schema(required)]
    product_id: Option<String>,
    /// `standard` (Standard Webhooks) or `keysat`.
    #[schema(pattern = "^(standard|keysat)$")]
    format: String,
    /// True while deliveries are sent.
    active: bool,
    /// `active`; `paused` by you; `failing`: paused after three days without a success;
    /// or `gone`: paused because it answered 410.
    #[schema(pattern = "^(active|paused|failing|gone)$")]
    state: String,
    /// The first failure after the last success, RFC 3339; null after a success.
    #[schema(required)]
    failing_since: Option<String>,
    /// How many deliveries are pending.
    pending: i64,
    /// How many recorded events no delivery was made of yet, before `event_types` is
    /// applied: what is held while it is paused.
    behind: i64,
    /// Until when the secret before the current one signs too, RFC 3339; null if it does
    /// not.
    #[schema(required)]
    old_secret_until: Option<String>,
    /// `whpk_…`, where deliveries carry an Ed25519 signature (`v1a`) too; null otherwise.
    #[schema(required)]
    public_key: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

impl EndpointView {
    /// What this caller is shown at `now`, in unix seconds.
    fn of(endpoint: WebhookEndpoint, caller: &Caller, now: i64) -> Self {
        let sees_url = Gate::Scope(Scope::WebhooksWrite).opens_to(caller);
        Self {
            id: endpoint.id,
            url: if sees_url {
                endpoint.url
            } else {
                endpoint.url_label
            },
            description: endpoint.description,
            event_types: endpoint.event_types,
            product_id: endpoint.product_id,
            format: endpoint.format,
            active: endpoint.state == "active",
            state: endpoint.state,
            failing_since: endpoint.failing_since.map(rfc3339),
            pending: endpoint.pending,
            behind: endpoint.behind,
            old_secret_until: endpoint
                .old_secret_until
                .filter(|until| now < *until)
                .map(rfc3339),
            public_key: endpoint.signing_key,
            created_at: rfc3339(endpoint.created_at),
            updated_at: rfc3339(endpoint.updated_at),
        }
    }
}
