//! Tests of the two formats through the public interface. They run natively and,
//! compiled for `wasm32-unknown-unknown`, under `wasm-bindgen-test`: there the
//! name `test` is that crate's attribute.

// Declared as test modules so that the lints know their helpers for test code.
#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod download_links;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod keysat_sdk;
#[cfg(test)]
mod license_rejects;
#[cfg(test)]
mod license_vectors;
#[cfg(test)]
mod minting;
#[cfg(test)]
mod pasted;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod public_keys;
#[cfg(test)]
mod token_rejects;
#[cfg(test)]
mod token_vectors;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod verify_key_lists;
