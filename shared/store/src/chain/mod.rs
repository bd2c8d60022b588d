//! USDC: reading the chain, judging transfers, orders and claims.

pub mod address_release;
pub mod chain_attention;
pub mod chain_cursors;
pub mod chain_groups;
pub mod chain_job_requests;
pub mod chain_jobs;
pub mod claims;
pub mod judgment;
pub mod plain_wallets;
pub mod rpc_endpoints;
pub mod transfer_crediting;
pub mod transfer_judging;
pub mod transfer_list;
pub mod transfer_queue;
pub mod transfer_resolve;
pub mod transfer_unmatched;
pub mod transfers;
pub mod usdc_order_ending;
pub mod usdc_order_placing;
pub mod usdc_orders;
