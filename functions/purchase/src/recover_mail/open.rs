//! `POST /recover/mail/{secret}`: the licenses that a mail is about, with their keys.

use super::html;
use crate::Ports;
use crate::license_key::replace::replace;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use keywright_domain::caller_limits::RECOVERIES;
use keywright_domain::html::escape;
use keywright_domain::mail::encode::utc_minute;
use keywright_domain::mail::link::MailLink;
use keywright_domain::standing::LicenseStatus;
use keywright_ports::SignedLicense;
use keywright_store::licenses::key_replacement::{Replacement, ReplacementRight};
use keywright_store::mail::mail_links::{self, LinkedLicense, PAGE};
use keywright_store::operator::activity::ActivityKind;
use keywright_web::caller_limit::try_take_for;
use keywright_web::{ApiError, Visit, read_body};
use std::fmt::Write as _;
use utoipa::ToSchema;

/// What the page's own form sends.
#[derive(ToSchema)]
#[schema(as = MailLinkForm)]
#[expect(dead_code, reason = "a description; other members are ignored")]
pub(crate) struct LinkForm {
    /// UUID of the last license that was shown; nothing for the first page.
    before: Option<String>,
    /// UUID of a license whose key to replace; only for a link that was mailed on request.
    replace: Option<String>,
}

/// Shows the licenses that the link of a mail opens
///
/// For a browser: each answer is a page. The link can be opened again until it ends. With
/// `replace` it replaces the key of one license, and then ends.
#[utoipa::path(
    post,
    path = "/recover/mail/{secret}",
    operation_id = "openMailLink",
    tag = "buying",
    params(("secret" = String, Path, description = "The secret of the link.")),
    request_body(content = LinkForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The licenses.", content_type = "text/html", body = String),
        (status = 400, description = "The request ended early.", content_type = "text/html", body = String),
        (status = 403, description = "The key was not replaced.", content_type = "text/html", body = String),
        (status = 404, description = "The link is unknown or over.", content_type = "text/html", body = String),
        (status = 413, description = "The body is larger than 2 MiB.", content_type = "text/html", body = String),
        (status = 429, description = "Too many attempts.", content_type = "text/html", body = String),
        (status = 500, description = "Something went wrong on our side.", content_type = "text/html", body = String),
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    Path(secret): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let body = match read_body(body).await {
        Ok(body) => String::from_utf8_lossy(&body).into_owned(),
        Err(error) => {
            let text = "<h1>This request cannot be read</h1>\n\
                        <p>Open the link of the mail again.</p>";
            return Ok(html::page(error.status(), text));
        }
    };
    let now = ports.stamps.now_millis();
    let taken = try_take_for(&ports.database, &[&RECOVERIES], &visit.client, now).await?;
    if let Err(allowance) = taken {
        let seconds = allowance.retry_after();
        let text = format!("<h1>Too many attempts</h1>\n<p>Try again in {seconds} seconds.</p>");
        let headers = [(header::RETRY_AFTER, seconds.to_string())];
        return Ok((headers, html::page(StatusCode::TOO_MANY_REQUESTS, &text)).into_response());
    }
    let before = form_member(&body, "before");
    let found = match MailLink::parse(&secret) {
        Some(link) => {
            let (digest, now) = (link.digest(), ports.stamps.now());
            let found = mail_links::open(&ports.database, &digest, now, before).await?;
            found.map(|page| (page, digest))
        }
        None => None,
    };
    let Some((page, digest)) = found else {
        let text =
            "<h1>This link has expired</h1>\n<p><a href=\"/recover\">Ask for a new one</a>.</p>";
        return Ok(html::page(StatusCode::NOT_FOUND, text));
    };
    if let Some(license_id) = form_member(&body, "replace") {
        return replaced(&ports, &visit, license_id, &digest).await;
    }
    let mut licenses = page.licenses;
    let has_more = licenses.len() > PAGE;
    licenses.truncate(PAGE);
    let mut content = String::from("<h1>Your licenses</h1>\n");
    if licenses.is_empty() {
        content.push_str("<p>There are no licenses for this address any more.</p>\n");
    }
    for license in &licenses {
        let signed = match license.status {
            LicenseStatus::Active => ports.signed(&license.id, &visit.request_id).await,
            LicenseStatus::Suspended | LicenseStatus::Revoked | LicenseStatus::Unknown => None,
        };
        if signed.is_some() {
            let kind = ActivityKind::KeyRecovered;
            let note = ports
                .activity
                .note(&visit.later, visit.caller(), kind, &license.id);
            note.await;
        }
        content.push_str(&shown(license, signed.as_ref()));
        if page.may_replace && signed.is_some() {
            content.push_str(&replace_form(&license.id));
        }
    }
    if let Some(last) = licenses.last().filter(|_| has_more) {
        let _ = write!(
            content,
            "<form method=\"post\">\n<input type=\"hidden\" name=\"before\" value=\"{}\" />\n\
             <button type=\"submit\">Show more</button>\n</form>\n",
            escape(&last.id)
        );
    }
    Ok(html::page(StatusCode::OK, &content))
}

/// Replaces the key of a license that the link opens. All links of its address end with it,
/// so the new key is shown here.
async fn replaced(
    ports: &Ports,
    visit: &Visit,
    license_id: &str,
    digest: &str,
) -> Result<Response, ApiError> {
    let right = ReplacementRight::Link(digest);
    let outcome = replace(ports, visit, license_id, right).await?;
    if !matches!(outcome, Some(Replacement::Done { .. })) {
        let text = "<h1>The key was not replaced</h1>\n<p>A key can be replaced three times a \
                    day, while its license is active. <a href=\"/recover\">Ask for a new link</a>, \
                    or contact the vendor.</p>";
        return Ok(html::page(StatusCode::FORBIDDEN, text));
    }
    let mut content = String::from(
        "<h1>The key was replaced</h1>\n<p>The old key no longer works, and neither do this link \
         and older ones. Enter the new key in the app.</p>\n",
    );
    match ports.signed(license_id, &visit.request_id).await {
        Some(signed) => content.push_str(&secrets(&signed)),
        None => content.push_str(
            "<p>The new key cannot be shown right now. <a href=\"/recover\">Ask for a new \
             link</a> in a moment.</p>\n",
        ),
    }
    Ok(html::page(StatusCode::OK, &content))
}

/// What replaces the key of a license.
fn replace_form(license_id: &str) -> String {
    format!(
        "<details>\n<summary>Does somebody else have this key?</summary>\n<p>Replace it. The old \
         key stops working at once, in your own apps too, until you enter the new one.</p>\n\
         <form method=\"post\">\n<input type=\"hidden\" name=\"replace\" value=\"{}\" />\n\
         <button type=\"submit\">Replace this key</button>\n</form>\n</details>\n",
        escape(license_id)
    )
}

/// The secrets of a license, each on a line of its own, from left to right.
fn secrets(signed: &SignedLicense) -> String {
    let secret = |label: &str, secret: &str| {
        let secret = escape(secret);
        format!("<p>{label}</p>\n<p dir=\"ltr\"><bdi dir=\"ltr\"><code>{secret}</code></bdi></p>\n")
    };
    let mut text = secret("License key", &signed.license_key);
    let download_id = signed.download_id.as_deref();
    text.extend(download_id.map(|id| secret("Download id, for updates and downloads", id)));
    text
}

/// A license with its key.
fn shown(license: &LinkedLicense, signed: Option<&SignedLicense>) -> String {
    let name = escape(&license.product);
    let policy = license.policy.as_deref().map(escape);
    let policy = policy.map(|policy| format!(" · {policy}"));
    let until = match license.expires_at {
        Some(at) => format!("Valid until {}.", utc_minute(at)),
        None => "Never expires.".to_owned(),
    };
    let mut text = format!(
        "<section class=\"key\">\n<h2>{name}{}</h2>\n<p>Bought {}. {until}</p>\n",
        policy.unwrap_or_default(),
        utc_minute(license.issued_at)
    );
    match (license.status, signed) {
        (_, Some(signed)) => text.push_str(&secrets(signed)),
        (LicenseStatus::Active, None) => {
            text.push_str("<p>The key cannot be shown right now. Try again in a moment.</p>\n");
        }
        (LicenseStatus::Suspended | LicenseStatus::Unknown, None) => {
            text.push_str("<p>This license is suspended. Contact the vendor.</p>\n");
        }
        (LicenseStatus::Revoked, None) => text.push_str("<p>This license was revoked.</p>\n"),
    }
    text.push_str("</section>\n");
    text
}

/// A member of a form, if it is of the characters of an id.
fn form_member<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let mut members = body.split('&').filter_map(|member| member.split_once('='));
    let (_, value) = members.find(|(found, _)| *found == name)?;
    let is_id = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (!value.is_empty() && value.bytes().all(is_id)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_an_id_or_nothing() {
        assert_eq!(form_member("before=0199-a", "before"), Some("0199-a"));
        assert_eq!(form_member("a=b&before=1", "before"), Some("1"));
        for none in ["", "before", "before=", "before=%27", "after=1"] {
            assert_eq!(form_member(none, "before"), None, "{none}");
        }
    }
}
