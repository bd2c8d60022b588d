//! Payment providers, and the issuer of instance licenses: build a request, read an answer.
//! Nothing here sends anything; a function does, through its outbound port.

pub mod account;
pub mod answer;
pub mod btcpay;
pub mod invoice;
pub mod license_issuer;
pub mod polygon;
mod url;
pub mod zaprite;
