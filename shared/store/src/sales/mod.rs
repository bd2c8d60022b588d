//! Orders, payments, receipts, and the stores that orders are paid at.

pub mod abandoned_orders;
pub mod due_orders;
pub mod invoices;
pub mod payable;
pub mod payment_observations;
pub mod payment_providers;
pub mod provider_change;
pub mod provider_connects;
pub mod purchases;
pub mod receipts;
pub mod recent_orders;
pub mod redemptions;
pub mod settle;
pub mod store_turns;
pub mod withdrawn_license;
