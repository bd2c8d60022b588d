//! Use cases that more than one function runs, over ports: one per file. A service
//! knows no HTTP framework and no host; a function calls it and answers.
//!
//! - [`activity`]: writes down what is counted by the hour
//! - [`card_charges`]: saves and charges cards at Zaprite
//! - [`configuration`]: checks of the settings that more than one function reads
//! - [`contract`]: recorded things as the Keysat contract shows them
//! - [`download_link`]: mints an address that opens one version
//! - [`holder`]: which license a key, a token or a download id belongs to
//! - [`instance_license`]: the license of the instance itself, and its caps
//! - [`journal`]: notes written after the answer, many at once
//! - [`mail_links`]: the secrets of links in mails
//! - [`payment_observation`]: records what a payment provider reports about an order
//! - [`payment_providers`]: opens the store that an order is paid at
//! - [`tier_change`]: prices a change of policy and plans what it does
//! - [`webhook_secrets`]: the secrets of webhook endpoints, and signatures by them

pub mod activity;
pub mod card_charges;
pub mod configuration;
pub mod contract;
pub mod download_link;
pub mod free_cycle;
pub mod holder;
pub mod instance_license;
pub mod journal;
pub mod mail_links;
pub mod payment_observation;
pub mod payment_providers;
pub mod tier_change;
pub mod webhook_secrets;
