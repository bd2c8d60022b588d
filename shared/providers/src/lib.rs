//! Payment providers: build a request, read an answer. Nothing here sends
//! anything; a function does, through its outbound port.

pub mod btcpay;
pub mod polygon;
