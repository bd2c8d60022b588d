//! What is sold, by whom and for how much.

pub mod creation;
pub mod discount_code_change;
pub mod discount_codes;
pub mod merchant_profile_change;
pub mod merchant_profiles;
pub mod policies;
pub mod policy_change;
pub mod product_change;
pub mod products;
pub mod rail_preferences;
pub mod sellers;
