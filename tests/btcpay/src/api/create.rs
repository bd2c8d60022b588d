//! `POST /api/v1/stores/{storeId}/invoices`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::call::Call;
use super::errors::ApiError;
use super::fields::Fields;
use super::{cut, invoice_json};
use crate::invoice::{Additional, Checkout, Invoice, Method, Prompt, SpeedPolicy, Status};
use crate::json::Json;
use crate::machine;
use crate::money::{MAX_AMOUNT, digits, round_to_significant};
use crate::permission::CREATE_INVOICE;
use crate::state::{Double, State as DoubleState};
use crate::store::{Network, StoreConfig};

/// Settings of a store that an invoice may override, in minutes.
const DEFAULT_EXPIRATION: i64 = 15;
const DEFAULT_MONITORING: i64 = 1440;

/// What a client asks for; absent means the store's default.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) amount: Option<Decimal>,
    pub(crate) currency: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) checkout: DraftCheckout,
    pub(crate) receipt: [Option<bool>; 3],
    pub(crate) search_terms: Vec<String>,
}

/// The `checkout` object asked for.
#[derive(Debug, Default)]
pub(crate) struct DraftCheckout {
    speed_policy: Option<SpeedPolicy>,
    methods: Option<Vec<Method>>,
    default_method: Option<String>,
    lazy: bool,
    expiration: Option<i64>,
    monitoring: Option<i64>,
    tolerance: Option<Decimal>,
    redirect_url: Option<String>,
    redirect_automatically: bool,
    language: Option<String>,
}

/// Why `BTCPay` makes no invoice of a valid request (400).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoInvoice {
    #[error("the store has no wallet for any of the payment methods wanted")]
    NoMethod,
    #[error("no rate is known for {0}")]
    NoRate(String),
}

pub(super) async fn create(State(double): State<Double>, call: Call) -> Result<Response, ApiError> {
    let store = call.allow(&double, CREATE_INVOICE)?;
    let draft = call.read(&double, read)?;
    let store = double
        .store(&store)
        .ok_or(ApiError::MissingPermission(CREATE_INVOICE))?;
    let id = make_invoice(&double, store, draft).map_err(|error| {
        ApiError::Coded(StatusCode::BAD_REQUEST, "generic-error", error.to_string())
    })?;
    double.bump();
    let mut state = double.lock();
    if state.api_faults.take_lost_create() {
        return Ok(cut());
    }
    let made = state
        .shown(&id)
        .map(|invoice| invoice_json(invoice, &call.root(&double), false));
    Ok(Json(made.unwrap_or_default()).into_response())
}

fn read(fields: &mut Fields<'_>) -> Draft {
    fields.only(&[
        "amount",
        "currency",
        "metadata",
        "checkout",
        "receipt",
        "additionalSearchTerms",
    ]);
    let amount = fields.amount("amount");
    if amount.is_some_and(|amount| amount < Decimal::ZERO) {
        fields.error("Amount", "an amount cannot be negative");
    }
    if amount.is_some_and(|amount| amount > Decimal::from(MAX_AMOUNT)) {
        fields.error("Amount", "the amount is too large");
    }
    Draft {
        amount,
        currency: fields.text("currency"),
        metadata: fields.object("metadata").unwrap_or_default(),
        checkout: fields.within("checkout", read_checkout).unwrap_or_default(),
        receipt: fields.within("receipt", read_receipt).unwrap_or_default(),
        search_terms: fields.texts("additionalSearchTerms").unwrap_or_default(),
    }
}

fn read_receipt(fields: &mut Fields<'_>) -> [Option<bool>; 3] {
    let known = ["enabled", "showQR", "showPayments"];
    fields.only(&known);
    known.map(|name| fields.flag(name))
}

fn read_checkout(fields: &mut Fields<'_>) -> DraftCheckout {
    fields.only(&[
        "speedPolicy",
        "paymentMethods",
        "defaultPaymentMethod",
        "lazyPaymentMethods",
        "expirationMinutes",
        "monitoringMinutes",
        "paymentTolerance",
        "redirectURL",
        "redirectAutomatically",
        "defaultLanguage",
    ]);
    let expiration = fields.minutes("expirationMinutes");
    // Thirty seconds at least; in whole minutes that is one.
    if expiration.is_some_and(|minutes| minutes < 1) {
        fields.error(
            "Checkout.Expiration",
            "an invoice must live for 30 seconds at least",
        );
    }
    let tolerance = fields.percentage("paymentTolerance");
    if tolerance.is_some_and(|some| some < Decimal::ZERO || some > Decimal::ONE_HUNDRED) {
        fields.error(
            "Checkout.PaymentTolerance",
            "a tolerance is from 0 to 100 percent",
        );
    }
    let language = fields.text("defaultLanguage");
    if language.as_deref().is_some_and(|code| !is_language(code)) {
        fields.error("Checkout.DefaultLanguage", "this language is not known");
    }
    DraftCheckout {
        speed_policy: read_speed_policy(fields),
        methods: read_methods(fields),
        default_method: fields.text("defaultPaymentMethod"),
        lazy: fields.flag("lazyPaymentMethods").unwrap_or_default(),
        expiration,
        monitoring: fields.minutes("monitoringMinutes"),
        tolerance,
        redirect_url: fields.text("redirectURL").map(|url| url.trim().to_owned()),
        redirect_automatically: fields.flag("redirectAutomatically").unwrap_or_default(),
        language,
    }
}

fn read_speed_policy(fields: &mut Fields<'_>) -> Option<SpeedPolicy> {
    let name = fields.text("speedPolicy")?;
    let policy = serde_json::from_value(Value::String(name)).ok();
    if policy.is_none() {
        fields.error("checkout.speedPolicy", "this speed policy is not known");
    }
    policy
}

/// Methods wanted that the double's stores can have. `None` when all will do.
fn read_methods(fields: &mut Fields<'_>) -> Option<Vec<Method>> {
    let names = fields
        .texts("paymentMethods")
        .filter(|names| !names.is_empty())?;
    let mut methods = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match name.to_uppercase().as_str() {
            // The second spelling of each is version 1 of the API.
            "BTC-CHAIN" | "BTC" => methods.push(Method::Chain),
            "BTC-LN" | "BTC-LIGHTNINGNETWORK" => methods.push(Method::Lightning),
            // Known to BTCPay, not set up in the double's stores.
            "BTC-LNURL" | "BTC-LNURLPAY" => {}
            _ => fields.error(
                format!("Checkout.PaymentMethods[{index}]"),
                "this payment method is not known",
            ),
        }
    }
    Some(methods)
}

/// Whether it looks like the code of a language: `en`, `fr-FR`, `sr-Latn`.
fn is_language(code: &str) -> bool {
    let parts: Vec<&str> = code.split('-').collect();
    parts.len() <= 2
        && parts.iter().all(|part| {
            (2..=4).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphabetic())
        })
}

/// Makes an invoice and announces it. Two equal drafts make two invoices: `BTCPay`
/// knows no idempotency key.
pub(crate) fn make_invoice(
    double: &Double,
    store: &StoreConfig,
    draft: Draft,
) -> Result<String, NoInvoice> {
    let currency = draft
        .currency
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let currency = currency.unwrap_or(&store.default_currency).to_uppercase();
    let price = draft.amount.unwrap_or_default();
    let amount = round_to_significant(price, digits(&currency));
    let rate = double.lock().rates.get(&currency).copied();
    let is_free = draft.amount.is_some() && amount.is_zero();
    let wanted = |method: &&Method| {
        !is_free
            && draft
                .checkout
                .methods
                .as_ref()
                .is_none_or(|some| some.contains(method))
    };
    let methods: Vec<Method> = store.methods.iter().filter(wanted).copied().collect();
    if !is_free && methods.is_empty() {
        return Err(NoInvoice::NoMethod);
    }
    let rate = match rate {
        Some(rate) => rate,
        // A free invoice is never converted.
        None if is_free => Decimal::ONE,
        None => return Err(NoInvoice::NoRate(currency)),
    };

    let mut state = double.lock();
    let now = state.clock.now();
    let minutes = |wanted: Option<i64>, default: i64| wanted.unwrap_or(default).saturating_mul(60);
    let expiration_time =
        now.saturating_add(minutes(draft.checkout.expiration, DEFAULT_EXPIRATION));
    let monitoring = minutes(draft.checkout.monitoring, DEFAULT_MONITORING);
    let prompts = methods
        .into_iter()
        .map(|method| {
            prompt(
                &mut state,
                double.setup.network,
                method,
                draft.checkout.lazy,
            )
        })
        .collect();
    let invoice = Invoice {
        id: state.ids.short(),
        store_id: store.id.clone(),
        amount,
        currency,
        top_up: draft.amount.is_none(),
        status: Status::New,
        additional: Additional::None,
        metadata: draft.metadata,
        checkout: Checkout {
            speed_policy: draft.checkout.speed_policy.unwrap_or(store.speed_policy),
            default_payment_method: draft.checkout.default_method,
            tolerance: draft.checkout.tolerance.unwrap_or_default(),
            redirect_url: draft.checkout.redirect_url,
            redirect_automatically: draft.checkout.redirect_automatically,
            default_language: draft.checkout.language,
        },
        receipt: draft.receipt.map(|choice| choice.unwrap_or(true)),
        created_time: now,
        expiration_time,
        monitoring_expiration: expiration_time.saturating_add(monitoring),
        archived: false,
        payments: Vec::new(),
        prompts,
        rate,
        search_terms: draft.search_terms,
    };
    let id = invoice.id.clone();
    state.invoices.push(invoice);
    state.change(&id, |invoice, now| ((), machine::created(invoice, now)));
    Ok(id)
}

fn prompt(state: &mut DoubleState, network: Network, method: Method, lazy: bool) -> Prompt {
    let bytes = state.ids.bytes();
    let destination = match method {
        Method::Chain => {
            let mut key_hash = [0; 20];
            key_hash.copy_from_slice(&bytes[..20]);
            network.address(&key_hash)
        }
        Method::Lightning => network.bolt11(&bytes),
    };
    Prompt {
        method,
        destination,
        activated: !lazy,
    }
}

#[cfg(test)]
mod tests {
    use super::is_language;

    #[test]
    fn languages_look_like_languages() {
        assert!(is_language("en"));
        assert!(is_language("fr-FR"));
        assert!(!is_language("english"));
        assert!(!is_language("e1"));
        assert!(!is_language(""));
    }
}
