//! What one mail says. It is rendered when it is sent, the same at every attempt, because a
//! mail API compares what it is given under one id.

use super::send::Handover;
use crate::Ports;
use keywright_domain::email::EmailAddress;
use keywright_domain::mail::MailKind;
use keywright_domain::mail::link::MailLink;
use keywright_domain::mail::message::{MailContent, Message, Vendor, render};
use keywright_domain::mail::settings::MailSettings;
use keywright_domain::mail::state::MailOutcome;
use keywright_domain::web_url;
use keywright_services::mail_links::link_of;
use keywright_store::mail::mail_claims::ClaimedMail;

/// A mail that can be handed over.
pub(super) struct Prepared {
    /// The only recipient, for a mail program.
    pub(super) to: String,
    /// The sender's name.
    pub(super) from_name: String,
    /// Where answers go.
    pub(super) reply_to: Option<String>,
    /// What it says.
    pub(super) message: Message,
    /// The secret in it.
    pub(super) link: Option<MailLink>,
    /// When that ends, in unix seconds.
    pub(super) link_expires_at: Option<i64>,
}

/// Renders a mail, or says why it is not sent.
pub(super) fn prepare(
    ports: &Ports,
    settings: &MailSettings,
    mail: &ClaimedMail,
    now: i64,
) -> Result<Prepared, Handover> {
    let outdated = |reason: &str| Handover::without_answer(MailOutcome::Outdated, reason);
    let kind = MailKind::parse(&mail.template).ok_or_else(|| {
        let reason = "this version does not know the template";
        Handover::without_answer(MailOutcome::NotTaken, reason)
    })?;
    let recipient = EmailAddress::parse(&mail.recipient).map_err(|error| {
        let reason = format!("the recipient {error}");
        Handover::without_answer(MailOutcome::Refused, &reason)
    })?;
    let link_expires_at = mail
        .link_expires_at
        .or_else(|| kind.link_seconds().map(|seconds| now + seconds));
    let until = link_expires_at.unwrap_or_default();
    let link = match kind.link_seconds() {
        Some(_) => link_of(&settings.link_key, &mail.id),
        None => None,
    };
    let url = link.as_ref().map(|link| link.url(&settings.public_url));
    let recover_url = format!("{}/recover", settings.public_url);
    let list_url = format!("{}/v1/admin/attention", settings.public_url);
    let content = match (kind, &url) {
        (MailKind::LicenseKey, Some(url)) => {
            let product = mail.product.as_deref();
            let product = product.filter(|_| mail.license_status.as_deref() == Some("active"));
            MailContent::LicenseKey {
                product: product.ok_or_else(|| outdated("the license is not active"))?,
                order_id: mail.order_id.as_deref(),
                link: url,
                until,
                recover_url: &recover_url,
            }
        }
        (MailKind::KeyChanged, Some(url)) => {
            let product = mail.product.as_deref();
            let product = product.filter(|_| mail.license_status.as_deref() == Some("active"));
            MailContent::KeyChanged {
                product: product.ok_or_else(|| outdated("the license is not active"))?,
                link: url,
                until,
                recover_url: &recover_url,
            }
        }
        (MailKind::Recovery, Some(url)) => MailContent::Recovery {
            link: url,
            until,
            recover_url: &recover_url,
        },
        (MailKind::Attention, None) => {
            let resolved = || outdated("the item was resolved");
            MailContent::Attention {
                kind: mail.item_kind.as_deref().ok_or_else(resolved)?,
                object_kind: mail.item_object_kind.as_deref().ok_or_else(resolved)?,
                object_id: mail.item_object_id.as_deref().ok_or_else(resolved)?,
                at: mail.fact_at,
                buyer_email: mail.item_buyer_email.as_deref(),
                list_url: &list_url,
            }
        }
        _ => {
            let reason = "its link cannot be made; check MAIL_KEY";
            return Err(Handover::without_answer(MailOutcome::NotTaken, reason));
        }
    };
    let host = web_url::authority(&settings.public_url).unwrap_or_default();
    let name = [
        mail.vendor.as_str(),
        ports.operator.as_deref().unwrap_or_default(),
        host,
    ];
    let name = name.into_iter().find(|name| !name.trim().is_empty());
    let vendor = Vendor {
        name: name.unwrap_or_default(),
        support_url: mail.support_url.as_deref(),
        support_email: mail.support_email.as_deref(),
    };
    let support = mail.support_email.as_deref().map(EmailAddress::parse);
    Ok(Prepared {
        to: recipient.for_mail(),
        from_name: vendor.name.to_owned(),
        reply_to: support
            .and_then(Result::ok)
            .map(|address| address.for_mail()),
        message: render(settings.language, vendor, &content),
        link,
        link_expires_at,
    })
}
