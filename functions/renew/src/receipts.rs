//! Warns in the log about receipts that must be sealed.

use crate::Ports;
use keywright_ports::Level;

/// Writes it.
pub(crate) fn warn(ports: &Ports, request_id: &str) {
    let line = "receipts from before this release have no seal, and their licenses are not \
                signed until they have one; run: keywright receipts seal";
    ports.log.write(Level::Error, request_id, line);
}
