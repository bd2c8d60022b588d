//! A transfer of tokens, read from the log that it leaves (ERC-20).

use super::rpc::Log;
use super::{Address, Hash, Units, UnitsError};

/// The first topic of `Transfer(address,address,uint256)`:
/// `0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef`.
pub const TRANSFER: [u8; 32] = [
    0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa,
    0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef,
];

/// Tokens that went from one address to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The token's contract. Anybody can deploy one: compare it.
    pub token: Address,
    /// Who paid.
    pub payer: Address,
    /// Who got it.
    pub recipient: Address,
    /// How much. Of another token than USDC the places may differ.
    pub amount: Units,
    /// The transaction.
    pub transaction: Hash,
    /// The log's number in its block; with the transaction it names a transfer.
    pub log_index: u64,
    /// The block.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: Hash,
}

/// Why a log is no transfer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATransfer {
    /// Its block was taken back.
    #[error("the block of the log was taken back")]
    Removed,
    /// It tells of another event.
    #[error("the log tells of another event")]
    Event,
    /// A transfer of ERC-20 has three topics; of ERC-721 four.
    #[error("the log has {0} topics instead of three")]
    Topics(usize),
    /// Something stands before an address.
    #[error("a topic is no address")]
    Padding,
    /// The data is not one word.
    #[error("the log has {0} bytes of data instead of 32")]
    Data(usize),
    /// The amount is beyond what is handled.
    #[error("the amount is too large: {0}")]
    Amount(#[from] UnitsError),
}

/// Reads a log strictly.
///
/// # Errors
/// [`NotATransfer`].
pub fn decode(log: &Log) -> Result<Transfer, NotATransfer> {
    if log.removed {
        return Err(NotATransfer::Removed);
    }
    if log.topics.first() != Some(&TRANSFER) {
        return Err(NotATransfer::Event);
    }
    let [_, payer, recipient] = log.topics.as_slice() else {
        return Err(NotATransfer::Topics(log.topics.len()));
    };
    let address = |word| Address::from_word(word).ok_or(NotATransfer::Padding);
    let (payer, recipient) = (address(payer)?, address(recipient)?);
    let word: &[u8; 32] = log
        .data
        .as_slice()
        .try_into()
        .map_err(|_| NotATransfer::Data(log.data.len()))?;
    Ok(Transfer {
        token: log.address,
        payer,
        recipient,
        amount: Units::from_word(word)?,
        transaction: log.transaction,
        log_index: log.index,
        block_number: log.block_number,
        block_hash: log.block_hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygon::keccak256;
    use crate::polygon::token::USDC_POLYGON;

    fn log() -> Log {
        let payer: Address = "0x00000000000000000000000000000000000aabbc"
            .parse()
            .expect("an address");
        let mut data = vec![0; 32];
        data[28..].copy_from_slice(&19_000_001_u32.to_be_bytes());
        Log {
            address: USDC_POLYGON,
            topics: vec![
                TRANSFER,
                payer.to_word(),
                Address::from_bytes([0x11; 20]).to_word(),
            ],
            data,
            block_number: 5,
            block_hash: Hash::from_bytes([5; 32]),
            transaction: Hash::from_bytes([6; 32]),
            index: 7,
            removed: false,
        }
    }

    #[test]
    fn a_transfer_is_read_and_the_payer_keeps_its_zeros() {
        assert_eq!(TRANSFER, keccak256(b"Transfer(address,address,uint256)"));
        let transfer = decode(&log()).expect("a transfer");
        assert_eq!(transfer.token, USDC_POLYGON);
        assert_eq!(
            transfer.payer.lower(),
            "0x00000000000000000000000000000000000aabbc"
        );
        assert_eq!(transfer.recipient, Address::from_bytes([0x11; 20]));
        assert_eq!(transfer.amount.display(), "19.000001");
        assert_eq!((transfer.log_index, transfer.block_number), (7, 5));
    }

    #[test]
    fn whatever_is_not_one_is_refused_with_the_reason() {
        let change = |change: fn(&mut Log)| {
            let mut log = log();
            change(&mut log);
            decode(&log)
        };
        assert_eq!(change(|log| log.removed = true), Err(NotATransfer::Removed));
        assert_eq!(change(|log| log.topics.clear()), Err(NotATransfer::Event));
        assert_eq!(change(|log| log.topics[0][0] = 0), Err(NotATransfer::Event));
        assert_eq!(
            change(|log| log.topics.push([0; 32])),
            Err(NotATransfer::Topics(4))
        );
        assert_eq!(
            change(|log| log.topics.truncate(2)),
            Err(NotATransfer::Topics(2))
        );
        assert_eq!(
            change(|log| log.topics[1][0] = 1),
            Err(NotATransfer::Padding)
        );
        assert_eq!(
            change(|log| log.topics[2][11] = 1),
            Err(NotATransfer::Padding)
        );
        assert_eq!(change(|log| log.data.push(0)), Err(NotATransfer::Data(33)));
        assert_eq!(change(|log| log.data.clear()), Err(NotATransfer::Data(0)));
        assert_eq!(
            change(|log| log.data[0] = 1),
            Err(NotATransfer::Amount(UnitsError))
        );
    }
}
