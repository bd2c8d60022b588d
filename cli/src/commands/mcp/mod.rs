//! `keywright mcp`: the API as tools of the Model Context Protocol, over standard input and
//! output.
//!
//! - `operations`: which operations are tools, and what each does to the shop
//! - `schema`: schemas that every client takes
//! - `tools`: the tools, made from the OpenAPI document, and the requests that they make
//! - `server`: who may use which, and what is answered
//! - `stdio`: lines in and lines out

mod operations;
mod schema;
mod server;
mod stdio;
mod tools;

use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::ServerArgs;
use clap::Args;
use serde_json::Value;
use server::Server;

/// Serves the API as tools to a language model, over standard input and output (Model
/// Context Protocol). Only reads, unless --allow-writes is given. The tools are those that
/// the key's role may use; give it a scoped key, never `ADMIN_KEY`.
#[derive(Debug, Args)]
pub struct Mcp {
    /// Also offers tools that change the shop.
    #[arg(long)]
    allow_writes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

impl Mcp {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let client = self.server.open("the key for the server")?;
        let tools = tools::all()
            .map_err(|error| CliError::failed(format!("the embedded document: {error}")))?;
        stdio::serve(Server::new(client, tools, self.allow_writes))?;
        Ok(CommandOutput {
            text: String::new(),
            json: Value::Null,
        })
    }
}
