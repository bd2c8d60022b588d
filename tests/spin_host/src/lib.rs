//! Runs a Spin application from its own `spin.toml`, for tests, where no
//! `spin` is installed.
//!
//! The components run in `wasmtime` with WASI 0.3, as they do in Spin 4.1,
//! and get the two interfaces of Spin that this project uses: `SQLite` and
//! variables. Routes, private routes, static responses, variables, allowed
//! hosts, databases and mounted folders are taken from the manifest, and a
//! component gets nothing its own tables do not give it. What the manifest
//! asks for and this host cannot do is an error, never a silent difference.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let app = keywright_spin_host::SpinApp::from_manifest("spin.toml")?
//!     .variable("admin_key", "0123456789abcdef0123456789abcdef")
//!     .state_dir("/tmp/state")
//!     .start()
//!     .await?;
//! println!("{}", app.base_url());
//! app.stop().await;
//! # Ok(())
//! # }
//! ```

mod app;
mod bindings;
mod database;
mod error;
mod guest;
mod hosts;
mod identifier;
mod logs;
mod manifest;
mod module;
mod outbound;
mod routes;
mod server;
mod spin_app;
mod sqlite;
mod variables;
mod worker;

pub use error::Error;
pub use spin_app::{Grants, RunningApp, SpinApp};
