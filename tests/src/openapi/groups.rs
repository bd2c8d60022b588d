//! The groups of endpoints.

use super::operations;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The group of the `webhooks` section. A group of its own: openapi-generator writes a file
/// for each, and would replace the one of the endpoints.
pub(super) const EVENTS: &str = "events";

const DELIVERIES: &str = "\
What is sent to the webhook endpoints that are subscribed to it, signed, and again until it is \
answered with a status from 200 to 299. The body of an event never changes. Headers and bodies are \
those of an endpoint in the `standard` format (Standard Webhooks); in the `keysat` format `type` is \
called `event_type`, and the headers are `X-Keysat-Event`, `X-Keysat-Delivery` and \
`X-Keysat-Signature`.";

/// What each group of endpoints is for.
const TAGS: [(&str, &str); 19] = [
    ("instance", "The instance itself."),
    (
        "keys",
        "Public keys, for checking licenses without the instance.",
    ),
    ("catalogue", "What is sold."),
    ("buying", "Orders, payments, and license keys for buyers."),
    (
        "licenses",
        "Licenses, as the vendor's application and the operator use them.",
    ),
    ("machines", "Machines and the seats that they take."),
    (
        "releases",
        "Published versions: who may download them, and how they get there.",
    ),
    ("updates", "Feeds for updaters, and download links."),
    ("products", "Products, for the operator."),
    (
        "policies",
        "Policies of products: what is sold, and under which terms.",
    ),
    ("discount codes", "Discount codes, for the operator."),
    ("merchant profiles", "The businesses that sell."),
    (
        "payment providers",
        "The stores and organizations that orders are paid at.",
    ),
    ("api keys", "Scoped keys of the operator."),
    (
        "records",
        "What happened: audit, attention, payments, validations.",
    ),
    (
        "webhooks",
        "What the shop tells its operator: endpoints, deliveries and events.",
    ),
    (EVENTS, DELIVERIES),
    (
        "mail",
        "Mail to buyers and to the operator: what was sent, and what is held.",
    ),
    ("operation", "What payment providers and schedulers call."),
];

pub(super) fn tags() -> Value {
    let tags = TAGS.iter();
    let tags = tags.map(|(name, text)| json!({ "name": name, "description": text }));
    tags.collect()
}

/// # Panics
/// When an operation names a group that is not described, or a group has none.
pub(super) fn check_tags(paths: &mut Map<String, Value>) {
    let used = operations(paths).into_iter().map(|one| {
        let tag = one.operation["tags"][0].as_str();
        tag.unwrap_or_default().to_owned()
    });
    let used: BTreeSet<String> = used.chain([EVENTS.to_owned()]).collect();
    let described = TAGS.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(used, described.collect(), "TAGS describes the tags in use");
}
