//! Invoices as the API shows them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use crate::event::payment_json;
use crate::invoice::{Invoice, Method, PaymentStatus, Prompt};

/// `InvoiceData`. Links start with `root`. Without payment methods their array
/// is empty, as 2.4 has it.
pub(crate) fn invoice_json(invoice: &Invoice, root: &str, with_methods: bool) -> Value {
    let methods = if with_methods {
        payment_methods_json(invoice, true)
    } else {
        json!([])
    };
    let mut markable = Vec::new();
    if invoice.can_mark_settled() {
        markable.push("Settled");
    }
    if invoice.can_mark_invalid() {
        markable.push("Invalid");
    }
    let [enabled, show_qr, show_payments] = invoice.receipt;
    json!({
        "id": invoice.id,
        "storeId": invoice.store_id,
        "amount": invoice.amount.to_string(),
        "paidAmount": invoice.paid_amount().to_string(),
        "currency": invoice.currency,
        "type": if invoice.top_up { "TopUp" } else { "Standard" },
        "checkoutLink": format!("{root}/i/{}", invoice.id),
        "createdTime": invoice.created_time,
        "expirationTime": invoice.expiration_time,
        "monitoringExpiration": invoice.monitoring_expiration,
        "status": invoice.status,
        "additionalStatus": invoice.additional,
        "availableStatusesForManualMarking": markable,
        "archived": invoice.archived,
        "metadata": invoice.metadata,
        "checkout": checkout_json(invoice),
        "receipt": {
            "enabled": enabled,
            "showQR": show_qr,
            "showPayments": show_payments,
        },
        "paymentMethods": methods,
    })
}

fn checkout_json(invoice: &Invoice) -> Value {
    let checkout = &invoice.checkout;
    let offered: Vec<&str> = invoice
        .prompts
        .iter()
        .map(|prompt| prompt.method.id())
        .collect();
    json!({
        "speedPolicy": checkout.speed_policy,
        "paymentMethods": offered,
        "defaultPaymentMethod": checkout.default_payment_method,
        "expirationMinutes": (invoice.expiration_time - invoice.created_time) / 60,
        "monitoringMinutes": (invoice.monitoring_expiration - invoice.expiration_time) / 60,
        // A percentage is a JSON number in this API, not an amount of money.
        "paymentTolerance": checkout.tolerance.to_f64(),
        "redirectURL": checkout.redirect_url,
        "redirectAutomatically": checkout.redirect_automatically,
        "defaultLanguage": checkout.default_language,
        // Accepted in a request, not reported back by 2.4.
        "lazyPaymentMethods": null,
    })
}

/// The array of `GET …/payment-methods`; with `only_accounted`, payments that
/// vanished are left out.
pub(super) fn payment_methods_json(invoice: &Invoice, only_accounted: bool) -> Value {
    invoice
        .prompts
        .iter()
        .map(|prompt| method_json(invoice, prompt, only_accounted))
        .collect()
}

fn method_json(invoice: &Invoice, prompt: &Prompt, only_accounted: bool) -> Value {
    let method = prompt.method;
    let own = || {
        invoice
            .payments
            .iter()
            .filter(|payment| payment.method == method)
    };
    let counted = |status| !only_accounted || status != PaymentStatus::Invalid;
    let payments: Vec<Value> = own()
        .filter(|payment| counted(payment.status))
        .map(payment_json)
        .collect();
    let accounted = |status| status != PaymentStatus::Invalid;
    let own_paid: Decimal = own()
        .filter(|payment| accounted(payment.status))
        .map(|payment| payment.value)
        .sum();
    let total_paid: Decimal = invoice.accounted().map(|payment| payment.value).sum();
    let due = invoice.due(method);
    json!({
        "activated": prompt.activated,
        "destination": prompt.activated.then_some(&prompt.destination),
        "paymentLink": if prompt.activated { link(prompt, due) } else { String::new() },
        "rate": invoice.rate.to_string(),
        "paymentMethodPaid": own_paid.to_string(),
        "totalPaid": total_paid.to_string(),
        "due": due.to_string(),
        "amount": invoice.total(method).to_string(),
        "paymentMethodFee": "0",
        "payments": payments,
        "paymentMethodId": method.id(),
        "additionalData": {},
        "currency": "BTC",
    })
}

fn link(prompt: &Prompt, due: Decimal) -> String {
    match prompt.method {
        Method::Chain if due > Decimal::ZERO => {
            format!("bitcoin:{}?amount={due}", prompt.destination)
        }
        Method::Chain => format!("bitcoin:{}", prompt.destination),
        Method::Lightning => format!("lightning:{}", prompt.destination),
    }
}
