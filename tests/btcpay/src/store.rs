//! Stores, API keys, networks: what exists before the first request.

use serde_json::{Value, json};

use crate::invoice::{Method, SpeedPolicy};

/// A store of the double.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) default_currency: String,
    pub(crate) speed_policy: SpeedPolicy,
    pub(crate) methods: Vec<Method>,
}

impl StoreConfig {
    /// A store with this id, in USD, medium speed, with an on-chain wallet and
    /// a Lightning node.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: format!("Store {id}"),
            default_currency: "USD".to_owned(),
            speed_policy: SpeedPolicy::MediumSpeed,
            methods: vec![Method::Chain, Method::Lightning],
        }
    }

    /// Name shown to payers.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Currency of invoices that name none.
    #[must_use]
    pub fn default_currency(mut self, currency: &str) -> Self {
        self.default_currency = currency.to_uppercase();
        self
    }

    /// Confirmations needed unless the invoice says otherwise.
    #[must_use]
    pub fn speed_policy(mut self, policy: SpeedPolicy) -> Self {
        self.speed_policy = policy;
        self
    }

    /// Payment methods set up; none means that no invoice can be made.
    #[must_use]
    pub fn payment_methods(mut self, methods: &[Method]) -> Self {
        self.methods = methods.to_vec();
        self
    }

    /// As `GET /api/v1/stores` shows it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "website": null,
            "brandColor": null,
            "applyBrandColorToBackend": false,
            "logoUrl": null,
            "cssUrl": null,
            "paymentSoundUrl": null,
            "supportUrl": null,
            "invoiceExpiration": 900,
            "displayExpirationTimer": 300,
            "refundBOLT11Expiration": 30,
            "monitoringExpiration": 86_400,
            "speedPolicy": self.speed_policy,
            "lightningDescriptionTemplate": null,
            "paymentTolerance": 0.0,
            "anyoneCanCreateInvoice": false,
            "defaultCurrency": self.default_currency,
            "additionalTrackedRates": [],
            "lightningAmountInSatoshi": false,
            "lightningPrivateRouteHints": false,
            "onChainWithLnInvoiceFallback": false,
            "lazyPaymentMethods": false,
            "redirectAutomatically": false,
            "archived": false,
            "showRecommendedFee": true,
            "recommendedFeeBlockTarget": 1,
            "defaultPaymentMethod": self.methods.first().map(|method| method.id()),
            "htmlTitle": null,
            "networkFeeMode": "Never",
            "paymentMethodCriteria": [],
            "payJoinEnabled": false,
            "autoDetectLanguage": false,
            "showPayInWalletButton": true,
            "showStoreHeader": true,
            "celebratePayment": true,
            "playSoundOnPayment": false,
            "receipt": {"enabled": true, "showQR": true, "showPayments": true},
        })
    }
}

/// An API key and what it may do.
#[derive(Debug, Clone)]
pub(crate) struct ApiKey {
    pub(crate) key: String,
    pub(crate) label: String,
    /// `name` or `name:storeId`.
    pub(crate) permissions: Vec<String>,
}

impl ApiKey {
    pub(crate) fn json(&self) -> Value {
        json!({"apiKey": self.key, "label": self.label, "permissions": self.permissions})
    }
}

/// The Bitcoin network the double pretends to be on; it shows in the prefixes
/// of addresses and Lightning invoices only, as it does with `BTCPay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// `bc1`, `lnbc`
    Mainnet,
    /// `tb1`, `lntb`
    Testnet,
    /// `bcrt1`, `lnbcrt`
    Regtest,
}

impl Network {
    fn prefix(self) -> &'static str {
        match self {
            Self::Mainnet => "bc",
            Self::Testnet => "tb",
            Self::Regtest => "bcrt",
        }
    }

    /// A native `SegWit` address paying to this key hash, checksum included.
    pub(crate) fn address(self, key_hash: &[u8; 20]) -> String {
        bech32(
            self.prefix(),
            &[&[0], five_bit_groups(key_hash).as_slice()].concat(),
        )
    }

    /// Something that begins like a BOLT11 invoice of this network. It is not
    /// decodable: nobody pays it.
    pub(crate) fn bolt11(self, hash: &[u8; 32]) -> String {
        bech32(&format!("ln{}", self.prefix()), &five_bit_groups(hash))
    }
}

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// BIP-173: prefix, `1`, data, six characters of checksum.
fn bech32(prefix: &str, data: &[u8]) -> String {
    let mut values: Vec<u8> = prefix.bytes().map(|byte| byte >> 5).collect();
    values.push(0);
    values.extend(prefix.bytes().map(|byte| byte & 31));
    values.extend(data);
    values.extend([0; 6]);
    let sum = checksum(&values) ^ 1;
    let tail = (0..6).map(|index| (sum >> (5 * (5 - index))) & 31);
    let all = data.iter().map(|group| u32::from(*group)).chain(tail);
    let text: String = all
        .map(|group| char::from(CHARSET[usize::try_from(group & 31).unwrap_or(0)]))
        .collect();
    format!("{prefix}1{text}")
}

fn checksum(values: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    values.iter().fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(*value);
        GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| (top >> bit) & 1 == 1)
            .fold(next, |next, (_, term)| next ^ term)
    })
}

fn five_bit_groups(bytes: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1))
        .collect();
    bits.chunks(5)
        .map(|group| group.iter().fold(0, |value, bit| (value << 1) | bit) << (5 - group.len()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn addresses_follow_bip_173() {
        // The key hash of the examples of BIP-173.
        let hash = [
            0x75, 0x1e, 0x76, 0xe8, 0x19, 0x91, 0x96, 0xd4, 0x54, 0x94, 0x1c, 0x45, 0xd1, 0xb3,
            0xa3, 0x23, 0xf1, 0x43, 0x3b, 0xd6,
        ];
        assert_eq!(
            Network::Mainnet.address(&hash),
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
        );
        assert_eq!(
            Network::Testnet.address(&hash),
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
        );
        assert!(Network::Regtest.address(&hash).starts_with("bcrt1q"));
        assert!(Network::Regtest.bolt11(&[7; 32]).starts_with("lnbcrt1"));
        assert!(Network::Mainnet.bolt11(&[7; 32]).starts_with("lnbc1"));
    }
}
