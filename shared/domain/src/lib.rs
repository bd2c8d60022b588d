//! Keywright's rules, pure: time and randomness are parameters, nothing is
//! read or written. A host, a database or an HTTP type may not enter here.
//!
//! - [`slug`]: names that are safe in a URL path and in a file name
//! - [`money`]: amounts in whole minor units
//! - [`discount`]: what a code takes off a price, and which orders it applies to
//! - [`catalog`]: what entitlements mean to people
//! - [`showcase`]: how a policy is shown, and its rank
//! - [`subscription`]: licenses that are paid by the period
//! - [`terms`]: what a policy promises and a license keeps
//! - [`standing`]: whether a recorded license is good at a given second
//! - [`seats`]: which machines may use a license
//! - [`entitlement`]: which recorded license may be signed
//! - [`invoice`]: the states of an order and its invoice
//! - [`mail`]: mail to buyers and to the operator
//! - [`merchant`]: what a business says of itself
//! - [`offer`]: the policy of an order that names none
//! - [`proration`]: what a change of policy costs, and when it takes effect
//! - [`order`]: an order's public id and the secret that opens it
//! - [`web_url`]: addresses of web pages, one rule for all
//! - [`rail`]: ways of paying, and which provider takes an order
//! - [`recent_orders`]: how many orders that cost nothing a caller may have
//! - [`usdc`]: orders in USDC, and which of them a transfer pays
//! - [`rate_limit`]: token buckets
//! - [`release`]: versions, channels, platforms, manifests and what is signed
//! - [`audit_log`]: the audit log as a Merkle tree: leaves, heads, and the verdict on it
//! - [`instance_tier`]: how much a shop may put into use where its host sets caps
//! - [`access`]: scopes, roles and what they open
//! - [`html`]: text in HTML
//! - [`ids`], [`dates`]: `UUIDv7` and RFC 3339, from parameters

pub mod access;
pub mod audit_log;
pub mod caller_limits;
pub mod catalog;
pub mod dates;
pub mod discount;
pub mod email;
pub mod entitlement;
pub mod html;
pub mod ids;
pub mod instance_tier;
pub mod invoice;
pub mod mail;
pub mod merchant;
pub mod money;
pub mod offer;
pub mod order;
pub mod page;
pub mod pasted;
pub mod proration;
pub mod rail;
pub mod rate_limit;
pub mod recent_orders;
pub mod release;
pub mod response_headers;
pub mod seats;
pub mod secrets;
pub mod showcase;
pub mod slug;
pub mod standing;
pub mod subscription;
pub mod terms;
pub mod usdc;
pub mod web_url;
pub mod webhook;
