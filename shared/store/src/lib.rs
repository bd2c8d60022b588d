//! Keywright's SQL, a folder per aggregate. Portable `SQLite`, for D1 and for
//! Spin's database alike.
//!
//! A mutation is one atomic batch, and a limit holds because the SQL says so:
//! nothing here reads first and writes later. The batch that changes something
//! also writes its entry in the audit table and its outgoing event; where a
//! repeated or raced batch changes nothing, it writes neither, because both
//! hang on the row that only the first one made.
//!
//! - [`catalog`]: what is sold, by whom and for how much
//! - [`sales`]: orders, payments, receipts, and the stores that orders are paid at
//! - [`licenses`]: licenses: looking them up, changing them, and what opens their downloads
//! - [`subscriptions`]: what is paid by the period: cycles, payments, and what is due
//! - [`seats`]: machines and seats, and the log of validations
//! - [`releases`]: published versions and their files, gates, keys and feeds
//! - [`chain`]: USDC: reading the chain, judging transfers, orders and claims
//! - [`events`]: the event log, webhook endpoints and deliveries
//! - [`mail`]: mail to buyers and to the operator
//! - [`operator`]: API keys, the audit table, activity, attention items, retention

pub mod catalog;
pub mod chain;
mod columns;
mod difference;
pub mod events;
pub mod licenses;
pub mod mail;
pub mod operator;
mod paging;
pub mod releases;
pub mod sales;
pub mod seats;
pub mod subscriptions;
pub mod tier_changes;

pub use difference::ChangeOutcome;

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
    Migration {
        level: 7,
        sql: include_str!("../../../migrations/0007_transaction_jobs.sql"),
    },
    Migration {
        level: 8,
        sql: include_str!("../../../migrations/0008_email_search.sql"),
    },
    Migration {
        level: 9,
        sql: include_str!("../../../migrations/0009_transfer_sources.sql"),
    },
    Migration {
        level: 10,
        sql: include_str!("../../../migrations/0010_webhooks.sql"),
    },
    Migration {
        level: 11,
        sql: include_str!("../../../migrations/0011_announcements.sql"),
    },
    Migration {
        level: 12,
        sql: include_str!("../../../migrations/0012_audit_seal.sql"),
    },
    Migration {
        level: 13,
        sql: include_str!("../../../migrations/0013_mail.sql"),
    },
    Migration {
        level: 14,
        sql: include_str!("../../../migrations/0014_subscriptions.sql"),
    },
    Migration {
        level: 15,
        sql: include_str!("../../../migrations/0015_due_rows.sql"),
    },
    Migration {
        level: 16,
        sql: include_str!("../../../migrations/0016_license_keys.sql"),
    },
    Migration {
        level: 17,
        sql: include_str!("../../../migrations/0017_instance_license.sql"),
    },
    Migration {
        level: 18,
        sql: include_str!("../../../migrations/0018_upgrades.sql"),
    },
];
