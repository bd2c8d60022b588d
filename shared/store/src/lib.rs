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
//! - [`discount_codes`], [`redemptions`]: codes, and their uses
//! - [`invoices`]: purchases and their reconciliation
//! - [`settle`]: receipt and license of a purchase or a grant
//! - [`licenses`]: what was sold
//! - [`api_keys`]: who may call the operator's routes
//! - [`seats`], [`machines`]: who may use a license, and who does
//! - [`validation_log`]: who asked about which key
//! - [`audit`]: who did what
//! - [`contract`]: recorded things as the Keysat contract shows them

pub mod api_keys;
pub mod audit;
mod columns;
pub mod contract;
pub mod discount_codes;
pub mod invoices;
pub mod licenses;
pub mod machines;
pub mod policies;
pub mod products;
pub mod redemptions;
pub mod seats;
pub mod settle;
pub mod validation_log;

use keywright_edge::ports::Migration;

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
];
