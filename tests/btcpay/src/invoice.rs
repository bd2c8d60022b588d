//! An invoice and the money that came in for it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::money::{digits, round_up};

/// `status` of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Waiting for payment.
    New,
    /// Paid, not confirmed enough.
    Processing,
    /// The deadline passed without full payment.
    Expired,
    /// Did not confirm in time, or marked so.
    Invalid,
    /// Paid and confirmed, or marked so.
    Settled,
}

/// `additionalStatus` of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Additional {
    /// Nothing unusual.
    None,
    /// Fully paid only after it expired.
    PaidLate,
    /// Something was paid, not enough.
    PaidPartial,
    /// The status was set by hand.
    Marked,
    /// More was paid than asked.
    PaidOver,
}

/// How many confirmations a payment needs (`speedPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpeedPolicy {
    /// None; an on-chain payment settles as soon as it is seen.
    HighSpeed,
    /// One confirmation; the default of a store.
    MediumSpeed,
    /// Two confirmations.
    LowMediumSpeed,
    /// Six confirmations.
    LowSpeed,
}

/// A way to pay that a store has set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `BTC-CHAIN`
    Chain,
    /// `BTC-LN`
    Lightning,
}

impl Method {
    /// The id of version 2 of the API.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Chain => "BTC-CHAIN",
            Self::Lightning => "BTC-LN",
        }
    }

    /// Digits after the point of a payment's value, in BTC: satoshi on chain,
    /// millisatoshi over Lightning.
    #[must_use]
    pub fn divisibility(self) -> u32 {
        match self {
            Self::Chain => 8,
            Self::Lightning => 11,
        }
    }
}

/// State of one payment, in the words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PaymentStatus {
    /// Replaced or double spent: not counted.
    Invalid,
    /// Seen, not confirmed enough.
    Processing,
    /// Confirmed.
    Settled,
}

/// A payment that came in.
#[derive(Debug, Clone)]
pub struct PaymentRecord {
    /// `txid-output` on chain, payment hash over Lightning.
    pub id: String,
    /// How it was paid.
    pub method: Method,
    /// Value in BTC.
    pub value: Decimal,
    /// State.
    pub status: PaymentStatus,
    /// Unix seconds.
    pub received: i64,
    /// Address or BOLT11 invoice paid to.
    pub destination: String,
}

/// What a payer is offered for one payment method.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// The method.
    pub method: Method,
    /// Address or BOLT11 invoice.
    pub destination: String,
    /// False until the payer picks the method, with `lazyPaymentMethods`.
    pub activated: bool,
}

/// The `checkout` object of an invoice.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// Confirmations needed.
    pub speed_policy: SpeedPolicy,
    /// Method shown first.
    pub default_payment_method: Option<String>,
    /// Underpayment accepted, in percent.
    pub tolerance: Decimal,
    /// Where the payer goes afterwards, placeholders not replaced.
    pub redirect_url: Option<String>,
    /// Whether the payer is sent there without asking.
    pub redirect_automatically: bool,
    /// Locale of the page.
    pub default_language: Option<String>,
}

/// An invoice of the double, as it really is (the API may be told to show
/// something else).
#[derive(Debug, Clone)]
pub struct Invoice {
    /// Identifier.
    pub id: String,
    /// Store it belongs to.
    pub store_id: String,
    /// Price in `currency`; zero for a top-up that nobody paid yet.
    pub amount: Decimal,
    /// Upper case.
    pub currency: String,
    /// Whether any amount settles it.
    pub top_up: bool,
    /// Status.
    pub status: Status,
    /// Additional status.
    pub additional: Additional,
    /// Free object given at creation.
    pub metadata: Map<String, Value>,
    /// Checkout settings.
    pub checkout: Checkout,
    /// `enabled`, `showQR`, `showPayments`.
    pub receipt: [bool; 3],
    /// Unix seconds.
    pub created_time: i64,
    /// Unix seconds.
    pub expiration_time: i64,
    /// Unix seconds.
    pub monitoring_expiration: i64,
    /// Hidden from lists.
    pub archived: bool,
    /// Everything that came in, also what vanished again.
    pub payments: Vec<PaymentRecord>,
    /// What the payer is offered.
    pub prompts: Vec<Prompt>,
    /// Price of one BTC in `currency`, fixed at creation.
    pub rate: Decimal,
    /// What `textSearch` finds it by, besides the usual.
    pub(crate) search_terms: Vec<String>,
}

impl Invoice {
    /// `metadata.orderId`.
    #[must_use]
    pub fn order_id(&self) -> Option<&str> {
        self.metadata.get("orderId").and_then(Value::as_str)
    }

    /// Payments that count.
    pub(crate) fn accounted(&self) -> impl Iterator<Item = &PaymentRecord> {
        self.payments
            .iter()
            .filter(|payment| payment.status != PaymentStatus::Invalid)
    }

    fn sum(&self, payments: impl Fn(&PaymentRecord) -> bool) -> Decimal {
        let value: Decimal = self
            .accounted()
            .filter(|payment| payments(payment))
            .map(|paid| paid.value)
            .sum();
        value.checked_mul(self.rate).unwrap_or(Decimal::MAX)
    }

    /// Everything that counts, in the invoice's currency.
    pub(crate) fn paid(&self) -> Decimal {
        self.sum(|_| true)
    }

    /// `paidAmount`: the same at the currency's digits.
    #[must_use]
    pub fn paid_amount(&self) -> Decimal {
        // Half to even, as the original's arithmetic does by default.
        self.paid().round_dp(digits(&self.currency))
    }

    /// Least amount that counts as full payment, after the tolerance.
    fn minimum(&self) -> Decimal {
        self.amount * (Decimal::ONE - self.checkout.tolerance / Decimal::ONE_HUNDRED)
    }

    pub(crate) fn is_underpaid(&self) -> bool {
        self.minimum() > self.paid()
    }

    /// Whether what has confirmed would not be enough.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.minimum() > self.sum(|payment| payment.status == PaymentStatus::Settled)
    }

    pub(crate) fn is_overpaid(&self) -> bool {
        // An excess smaller than the smallest unit of a method comes from
        // rounding the price up to it, and is not an overpayment.
        self.paid() > self.amount
            && !self
                .prompts
                .iter()
                .any(|prompt| self.is_dust(prompt.method))
    }

    fn is_dust(&self, method: Method) -> bool {
        round_up(
            (self.amount - self.paid()) / self.rate,
            method.divisibility(),
        )
        .is_zero()
    }

    pub(crate) fn is_unset_top_up(&self) -> bool {
        self.top_up && self.amount.is_zero()
    }

    /// Price in BTC for this method.
    pub(crate) fn total(&self, method: Method) -> Decimal {
        round_up(self.amount / self.rate, method.divisibility())
    }

    /// What is missing in BTC for this method; negative when overpaid.
    pub(crate) fn due(&self, method: Method) -> Decimal {
        round_up(
            (self.amount - self.paid()) / self.rate,
            method.divisibility(),
        )
    }

    pub(crate) fn prompt(&self, method: Method) -> Option<&Prompt> {
        self.prompts.iter().find(|prompt| prompt.method == method)
    }

    /// Whether a merchant may mark it settled by hand.
    #[must_use]
    pub fn can_mark_settled(&self) -> bool {
        self.status != Status::Settled
    }

    /// Whether a merchant may mark it invalid by hand: only before it ended,
    /// or when its end was itself a mark.
    #[must_use]
    pub fn can_mark_invalid(&self) -> bool {
        match self.status {
            Status::New | Status::Processing | Status::Expired => true,
            Status::Settled => self.additional == Additional::Marked,
            Status::Invalid => false,
        }
    }
}
