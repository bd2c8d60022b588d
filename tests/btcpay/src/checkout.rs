//! The page a payer sees at `/i/{id}`: the least that a browser can pay with.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::control::{Control, ControlError};
use crate::invoice::{Additional, Invoice, Status};

/// The pages, over a control handle.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/i/{invoice}", get(page))
        .route("/i/{invoice}/{action}", post(act))
        .with_state(control)
}

async fn page(State(control): State<Control>, Path(id): Path<String>) -> Response {
    let Some(invoice) = control.invoice(&id) else {
        return missing();
    };
    let store = control
        .double
        .store(&invoice.store_id)
        .map(|store| store.name.as_str());
    Html(render(&invoice, store.unwrap_or_default())).into_response()
}

/// A button was pressed. After a payment that settles, the payer goes to the
/// shop at once if the invoice says so.
async fn act(
    State(control): State<Control>,
    Path((id, action)): Path<(String, String)>,
) -> Response {
    let done = match action.as_str() {
        "pay" => control.pay_in_full(&id).map(drop),
        "pay-half" => control.pay_partially(&id).map(drop),
        "expire" => control.expire(&id),
        "pay-late" => control.pay_late(&id).map(drop),
        _ => return missing(),
    };
    match done {
        // Pressed twice, or too late: the page shows how it stands.
        Ok(()) | Err(ControlError::NotPossible(_)) => {}
        Err(_) => return missing(),
    }
    let Some(invoice) = control.invoice(&id) else {
        return missing();
    };
    match return_link(&invoice) {
        Some(shop)
            if invoice.status == Status::Settled && invoice.checkout.redirect_automatically =>
        {
            Redirect::to(&shop).into_response()
        }
        _ => Redirect::to(&format!("/i/{id}")).into_response(),
    }
}

fn missing() -> Response {
    (
        StatusCode::NOT_FOUND,
        Html("<!doctype html><title>Not found</title><h1>Not found</h1>"),
    )
        .into_response()
}

/// Where "return to the shop" leads: placeholders replaced, web links only.
fn return_link(invoice: &Invoice) -> Option<String> {
    let url = invoice.checkout.redirect_url.as_deref()?;
    let order = form_urlencoded::byte_serialize(invoice.order_id().unwrap_or_default().as_bytes())
        .collect::<String>();
    let url = url
        .replace("{InvoiceId}", &invoice.id)
        .replace("{OrderId}", &order);
    (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
}

fn render(invoice: &Invoice, store: &str) -> String {
    let id = escape(&invoice.id);
    let store = escape(store);
    let price = escape(&format!("{} {}", invoice.amount, invoice.currency));
    let status = match (invoice.status, invoice.additional) {
        (Status::New, Additional::PaidPartial) => "Partly paid",
        (Status::New, _) => "Waiting for payment",
        (Status::Processing, _) => "Payment received, waiting for confirmation",
        (Status::Settled, _) => "Paid",
        (Status::Expired, Additional::PaidLate) => "Paid too late",
        (Status::Expired, _) => "Expired",
        (Status::Invalid, _) => "Invalid",
    };
    let button = |action: &str, label: &str| {
        format!(
            "<form method=\"post\" action=\"/i/{id}/{action}\">\
             <button id=\"{action}\">{label}</button></form>\n"
        )
    };
    let buttons = match invoice.status {
        Status::New => {
            button("pay", "Pay")
                + &button("pay-half", "Pay half of it")
                + &button("expire", "Let it expire")
        }
        Status::Expired => button("pay-late", "Pay nevertheless"),
        _ => String::new(),
    };
    let back = match return_link(invoice) {
        Some(shop) if invoice.status != Status::New => {
            format!(
                "<p><a id=\"return\" href=\"{}\">Return to {store}</a></p>\n",
                escape(&shop)
            )
        }
        _ => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{store}: {price}</title>\n</head>\n<body>\n<main>\n\
         <h1>{store}</h1>\n<p id=\"amount\">{price}</p>\n\
         <p id=\"status\" role=\"status\">{status}</p>\n{buttons}{back}\
         <p>A stand-in for BTCPay Server: no money moves here.</p>\n</main>\n</body>\n</html>\n"
    )
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            escape("<b a=\"1\">&'"),
            "&lt;b a=&quot;1&quot;&gt;&amp;&#39;"
        );
    }
}
