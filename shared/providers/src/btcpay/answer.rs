//! Members of `BTCPay`'s answers that may have more than one form.

use serde::Deserialize;

/// A decimal string; a number is read by its text form, never as a float.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Amount {
    Text(String),
    Number(serde_json::Number),
}

impl Amount {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// What the maker of an invoice said about it. Other programs use the same store, and say
/// what they like: only a text is an order id of ours, and anything else is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "serde_json::Value")]
pub(super) struct Metadata {
    pub(super) order_id: Option<String>,
}

impl From<serde_json::Value> for Metadata {
    fn from(said: serde_json::Value) -> Self {
        let order_id = said.get("orderId").and_then(serde_json::Value::as_str);
        Self {
            order_id: order_id.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_text_or_a_number() {
        for (json, text) in [(r#""0.0005""#, "0.0005"), ("25.5", "25.5"), ("25", "25")] {
            let amount: Amount = serde_json::from_str(json).expect("an amount");
            assert_eq!(amount.into_text(), text);
        }
        assert!(serde_json::from_str::<Amount>("true").is_err());
    }
}
