//! JSON-RPC of an Ethereum node over HTTP: the calls that watching and
//! claiming need, as requests, and their answers as typed results. Whatever a
//! node says is checked for its form; whether it is true is for the caller.

mod answer;
mod call;
mod endpoint;
mod error;
mod limits;
mod record;

pub use answer::MAX_MESSAGE_CHARS;
pub use call::{
    BlockTag, Call, LogFilter, MAX_TOPIC_VALUES, block, block_transactions, chain_id, code,
    contract_call, logs, receipt, transaction,
};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{BlockSpan, RpcError};
pub use record::{Block, Log, Receipt, Transaction};
