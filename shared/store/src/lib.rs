//! Keywright's SQL, one file per aggregate. Portable `SQLite`, for D1 and for
//! Spin's database alike.
//!
//! A mutation is one atomic batch, and a limit holds because the SQL says so:
//! nothing here reads first and writes later. The batch that changes something
//! also writes its entry in the audit table and its outgoing event; where a
//! repeated or raced batch changes nothing, it writes neither, because both
//! hang on the row that only the first one made.
//!
//! - [`products`], [`policies`]: the catalogue
//! - [`discount_codes`], [`discount_code_change`], [`redemptions`]: codes, and their uses
//! - [`product_change`], [`policy_change`]: what an operator changes of it
//! - [`merchant_profiles`], [`merchant_profile_change`], [`rail_preferences`]: businesses
//! - [`payment_providers`], [`provider_connects`], [`provider_change`]: their stores
//! - [`sellers`]: who sells a product
//! - [`store_turns`]: which store the reconciler asks next
//! - [`invoices`], [`due_orders`]: purchases and their reconciliation
//! - [`recent_orders`]: orders that cost nothing yet, by where they came from
//! - [`purchases`]: what a buyer sees of them
//! - [`usdc_orders`], [`transfers`]: orders in USDC, and what was paid
//! - [`transfer_queue`], [`transfer_judging`]: those that wait to be judged, and the judgement
//! - [`transfer_list`], [`transfer_resolve`]: the same for the operator
//! - [`chain_cursors`], [`chain_attention`], [`rpc_endpoints`]: reading the chain
//! - [`plain_wallets`]: wallets that are no contracts
//! - [`settle`]: receipt and license of a purchase or a grant
//! - [`receipts`]: receipts and their seals
//! - [`licenses`]: what was sold
//! - [`api_keys`]: who may call the operator's routes
//! - [`seats`], [`machines`]: who may use a license, and who does
//! - [`validation_log`]: who asked about which key
//! - [`holders`], [`download_log`]: who may download, and who did
//! - [`abandoned`]: orders that ended unpaid, and how they are purged
//! - [`retention`]: for how long logs, orders and events are kept
//! - [`license_list`], [`license_detail`]: as the operator looks it up
//! - [`license_change`], [`license_status`]: what an operator changes of it
//! - [`download_ids`], [`download_links`]: what opens its downloads
//! - [`release_feed`]: releases as feeds offer them
//! - [`machine_list`]: machines as the operator looks them up and frees them
//! - [`releases`], [`release_change`]: published versions
//! - [`release_index`], [`release_keys`]: what a product offers, and whose signatures count
//! - [`release_gates`], [`release_installers`]: who may download a product, and its script
//! - [`uploads`]: files on their way into the release storage
//! - [`audit`]: who did what
//! - [`contract`]: recorded things as the Keysat contract shows them

pub mod abandoned;
pub mod activity;
pub mod api_keys;
pub mod attention;
pub mod audit;
pub mod chain_attention;
pub mod chain_cursors;
pub mod chain_groups;
pub mod chain_jobs;
pub mod claims;
mod columns;
pub mod contract;
mod difference;
pub mod discount_code_change;
pub mod discount_codes;
pub mod download_ids;
pub mod download_links;
pub mod download_log;
pub mod due_orders;
pub mod holders;
pub mod invoices;
pub mod license_change;
pub mod license_detail;
pub mod license_list;
pub mod license_status;
pub mod licenses;
pub mod machine_list;
pub mod machines;
pub mod merchant_profile_change;
pub mod merchant_profiles;
mod paging;
pub mod payment_providers;
pub mod plain_wallets;
pub mod policies;
pub mod policy_change;
pub mod product_change;
pub mod products;
pub mod provider_change;
pub mod provider_connects;
pub mod purchases;
pub mod rail_preferences;
pub mod receipts;
pub mod recent_orders;
pub mod redemptions;
pub mod release_change;
pub mod release_feed;
pub mod release_gates;
pub mod release_index;
pub mod release_installers;
pub mod release_keys;
pub mod releases;
pub mod retention;
pub mod rpc_endpoints;
pub mod seats;
pub mod sellers;
pub mod settle;
pub mod sightings;
pub mod store_turns;
pub mod transfer_judging;
pub mod transfer_list;
pub mod transfer_queue;
pub mod transfer_resolve;
pub mod transfers;
pub mod uploads;
pub mod usdc_orders;
pub mod validation_log;

use keywright_ports::Migration;

/// Every migration, oldest first; the same files that `wrangler d1 migrations
/// apply` reads.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        level: 1,
        sql: include_str!("../../../migrations/0001_first_sale.sql"),
    },
    Migration {
        level: 2,
        sql: include_str!("../../../migrations/0002_license_api.sql"),
    },
    Migration {
        level: 3,
        sql: include_str!("../../../migrations/0003_releases.sql"),
    },
    Migration {
        level: 4,
        sql: include_str!("../../../migrations/0004_payments.sql"),
    },
    Migration {
        level: 5,
        sql: include_str!("../../../migrations/0005_polygon.sql"),
    },
    Migration {
        level: 6,
        sql: include_str!("../../../migrations/0006_strangers.sql"),
    },
];
