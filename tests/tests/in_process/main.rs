//! Every function in this process, over a real `SQLite`, a clock that stands
//! until it is moved, and a played `BTCPay`: what breaks, what races, what is
//! refused, and what is left behind afterwards.

// Declared as test modules so that the lints know their helpers for test code.
#[cfg(test)]
mod access;
#[cfg(test)]
mod activity;
#[cfg(test)]
mod announcements;
#[cfg(test)]
mod bad_bodies;
#[cfg(test)]
mod bad_downloads;
#[cfg(test)]
mod bad_keys;
#[cfg(test)]
mod bad_members;
#[cfg(test)]
mod bad_webhooks;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod breaking;
#[cfg(test)]
mod broken_changes;
#[cfg(test)]
mod businesses;
#[cfg(test)]
mod callers;
#[cfg(test)]
mod card_charges;
#[cfg(test)]
mod card_faults;
#[cfg(test)]
mod card_shop;
#[cfg(test)]
mod cards;
#[cfg(test)]
mod cards_forged;
#[cfg(test)]
mod claiming;
#[cfg(test)]
mod claiming_files;
#[cfg(test)]
mod code_faults;
#[cfg(test)]
mod code_races;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod connect_faults;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod currencies;
#[cfg(test)]
mod download_ids;
#[cfg(test)]
mod download_links;
#[cfg(test)]
mod download_ways;
#[cfg(test)]
mod earlier_database;
#[cfg(test)]
mod emails;
#[cfg(test)]
mod erasing;
#[cfg(test)]
mod event_types;
#[cfg(test)]
mod fault_matrix;
#[cfg(test)]
mod feed_callers;
#[cfg(test)]
mod feeds;
#[cfg(test)]
mod fiat;
#[cfg(test)]
mod forgery;
#[cfg(test)]
mod gate_database;
#[cfg(test)]
mod gate_rules;
#[cfg(test)]
mod gatehouse;
#[cfg(test)]
mod growing;
#[cfg(test)]
mod holder;
#[cfg(test)]
mod hygiene;
#[cfg(test)]
mod instance_tiers;
#[cfg(test)]
mod joomla_feed;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod junk_orders;
#[cfg(test)]
mod key_replacement;
#[cfg(test)]
mod late_money;
#[cfg(test)]
mod latest;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod license_changes;
#[cfg(test)]
mod license_races;
#[cfg(test)]
mod license_states;
#[cfg(test)]
mod links;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod looking_up;
#[cfg(test)]
mod machine_faults;
#[cfg(test)]
mod mail_api;
#[cfg(test)]
mod mail_outcomes;
#[cfg(test)]
mod mail_recovery;
#[cfg(test)]
mod mails;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod old_flaws;
#[cfg(test)]
mod old_licenses;
#[cfg(test)]
mod old_tokens;
#[cfg(test)]
mod open_codes;
#[cfg(test)]
mod operating;
#[cfg(test)]
mod order_secrets;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod pasted;
#[cfg(test)]
mod payment_observations;
#[cfg(test)]
mod payments;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod publish_advice;
#[cfg(test)]
mod publish_faults;
#[cfg(test)]
mod publish_races;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod purging;
#[cfg(test)]
mod races;
#[cfg(test)]
mod rate_limits;
#[cfg(test)]
mod readiness;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod recent_orders;
#[cfg(test)]
mod reconciling;
#[cfg(test)]
mod redeeming;
#[cfg(test)]
mod release_index;
#[cfg(test)]
mod release_keys;
#[cfg(test)]
mod repeating;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod round_trips_cards;
#[cfg(test)]
mod round_trips_mail;
#[cfg(test)]
mod round_trips_subscriptions;
#[cfg(test)]
mod round_trips_usdc;
#[cfg(test)]
mod round_trips_webhooks;
#[cfg(test)]
mod scoped_keys;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod sealing_independent;
#[cfg(test)]
mod sealing_verdicts;
#[cfg(test)]
mod seats;
#[cfg(test)]
mod selling;
#[cfg(test)]
mod settle_faults;
#[cfg(test)]
mod several_stores;
#[cfg(test)]
mod shortened;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod sites;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod stranger;
#[cfg(test)]
mod strictness;
#[cfg(test)]
mod subscription_faults;
#[cfg(test)]
mod subscriptions;
#[cfg(test)]
mod taking_back;
#[cfg(test)]
mod upgrades;
#[cfg(test)]
mod uploading;
#[cfg(test)]
mod usdc_crowd;
#[cfg(test)]
mod usdc_day;
#[cfg(test)]
mod usdc_endpoints;
#[cfg(test)]
mod usdc_faults;
#[cfg(test)]
mod usdc_judging;
#[cfg(test)]
mod usdc_node;
#[cfg(test)]
mod usdc_shop;
#[cfg(test)]
mod usdc_spam;
#[cfg(test)]
mod usdc_watching;
#[cfg(test)]
mod validating;
#[cfg(test)]
mod validating_often;
#[cfg(test)]
mod validation_log;
#[cfg(test)]
mod webhook_crowd;
#[cfg(test)]
mod webhook_endpoints;
#[cfg(test)]
mod webhook_receiver;
#[cfg(test)]
mod webhook_trigger;
#[cfg(test)]
mod webhooks;
