//! Machines and seats, and the log of validations.

pub mod activations;
pub mod machine_list;
pub mod machines;
pub mod validation_log;
