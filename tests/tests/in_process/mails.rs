//! Mail: what is mailed to whom, what it says, and that nothing is mailed because a
//! database came back.

use crate::bench::{account_of, played_store};
use crate::mail_api::{Mailing, Reply, WITH_KEYS, WITHOUT_KEYS};
use crate::payments::deliver;
use keywright_btcpay_double::MarkAs;
use keywright_ports::name;
use serde_json::{Value, json};

#[tokio::test]
async fn a_purchase_is_one_mail_with_a_link_and_no_key() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bought = mailing.buy("Ana@X.example").await;
    let mails = mailing.tick().await;
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}");
    };
    assert_eq!(mail.to(), "Ana@X.example");
    assert_eq!(mail.text("subject"), "Your license for demo");
    assert_eq!(mail.headers["authorization"], "Bearer re_secret");
    let line = format!("https://shop.example{}", mail.link());
    for part in [mail.text("text"), mail.text("html")] {
        assert!(part.contains(&line), "{part}");
        assert!(part.contains(&bought.text("order_id")), "{part}");
        assert!(!part.contains("LIC1-") && !part.contains("os_"), "{part}");
    }
    assert_eq!(mailing.tick_for(90).await.len(), 0);
    let listed = mailing.mails("sent").await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        mail.headers["idempotency-key"],
        listed[0]["id"].as_str().unwrap()
    );
    assert_eq!(listed[0]["message_id"], "m-1");
    assert_eq!(listed[0]["digest"].as_str().map(str::len), Some(64));
    // Nowhere in the database: neither the secret of the link nor what was sent.
    let secret = mail.link().replace("/recover/mail/", "");
    let dump = format!("{:?}", mailing.bench.dump().await);
    assert!(!dump.contains(&secret) && !dump.contains("Thank you"));
}

#[tokio::test]
async fn what_was_before_mail_was_on_and_what_the_operator_issued_is_not_mailed() {
    let off = Mailing::with(&[&[]]).await;
    off.buy("ana@x.example").await;
    assert_eq!(off.tick().await.len(), 0);
    assert_eq!(off.shown("/v1/admin/mail").await["is_on"], false);
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    mailing
        .bench
        .issue("demo", json!({ "buyer_email": "ana@x.example" }))
        .await;
    assert_eq!(mailing.tick().await.len(), 0);
    let status = mailing.shown("/v1/admin/mail").await;
    assert_eq!(
        (&status["is_on"], &status["per_day"]),
        (&json!(true), &json!(500))
    );
}

#[tokio::test]
async fn a_wrong_template_is_said_and_nothing_is_sent() {
    let wrong = r#"{"to":"{{to}}","subject":"{{subject}}","html":"{{html}}"}"#;
    let mailing = Mailing::with(&[
        &[(name::MAIL_TEMPLATE, wrong)],
        &WITHOUT_KEYS[..3],
        &WITHOUT_KEYS[4..],
    ])
    .await;
    let status = mailing.shown("/v1/admin/mail").await;
    assert_eq!(status["is_on"], false);
    assert_eq!(status["faults"][0]["name"], "MAIL_TEMPLATE");
    assert_eq!(
        status["faults"][0]["message"],
        "MAIL_TEMPLATE must contain {{text}}"
    );
    assert!(
        mailing
            .bench
            .log()
            .contains("MAIL_TEMPLATE must contain {{text}}")
    );
}

/// Yesterday's database, with 30 mails on their way.
#[tokio::test]
async fn nothing_is_sent_because_a_database_came_back() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let busy = Reply::Refuses(503, "", "");
    mailing.api.reply(vec![busy; 60]);
    for n in 0..30 {
        mailing.buy(&format!("buyer{n}@x.example")).await;
        mailing.bench.clock.advance(1);
    }
    mailing.tick().await;
    assert_eq!(mailing.mails("waiting").await.len(), 30);
    mailing.api.recover();
    mailing.bench.clock.advance(86_400);
    // What happens after the database is back is new.
    mailing.buy("new@x.example").await;
    let mut sent = mailing.tick().await;
    sent.extend(mailing.tick_for(120).await);
    assert_eq!((sent.len(), sent[0].to()), (1, "new@x.example"));
    assert_eq!(mailing.mails("held").await.len(), 30);
    let items = mailing.attention("mail_held").await;
    assert_eq!((items.len(), &items[0]["details"]["held"]), (1, &json!(30)));
    // Half are dropped, the rest is released.
    let held = mailing.mails("held").await;
    let mut facts: Vec<&str> = held
        .iter()
        .map(|mail| mail["fact_at"].as_str().unwrap())
        .collect();
    facts.sort_unstable();
    let fact_at = facts[15];
    let dropped = mailing
        .bench
        .operate(
            "POST",
            "/v1/admin/mails/drop",
            &json!({ "before": fact_at }),
        )
        .await;
    assert_eq!(dropped.json()["changed"], 15, "{dropped:?}");
    let released = mailing
        .bench
        .operate("POST", "/v1/admin/mails/release", &json!({}))
        .await;
    assert_eq!(
        released.json(),
        json!({ "ok": true, "changed": 15, "more": false })
    );
    assert_eq!(mailing.attention("mail_held").await.len(), 0);
    assert_eq!(mailing.tick_for(10).await.len(), 15);
    assert_eq!(mailing.mails("dropped").await.len(), 15);
}

#[tokio::test]
async fn what_happened_while_nothing_ticked_is_held_and_a_short_pause_is_none() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    mailing.buy("ana@x.example").await;
    mailing.bench.clock.advance(59 * 60);
    assert_eq!(mailing.tick().await.len(), 1);
    mailing.buy("bob@x.example").await;
    mailing.bench.clock.advance(3 * 3_600);
    mailing.buy("eve@x.example").await;
    let sent = mailing.tick().await;
    assert_eq!((sent.len(), sent[0].to()), (1, "eve@x.example"));
    assert_eq!(mailing.mails("held").await[0]["recipient"], "bob@x.example");
}

#[tokio::test]
async fn names_arrive_as_they_are_and_begin_no_header() {
    let mailing = Mailing::with(&[WITHOUT_KEYS]).await;
    let product = "Q&A \"Pro\" <Ana's>\\ {{html}} {{nothing}}";
    let named = json!({ "slug": "qa", "name": product, "price_sats": 0 });
    mailing
        .bench
        .operate("POST", "/v1/admin/products", &named)
        .await;
    let profiles = mailing.shown("/v1/admin/merchant-profiles").await;
    let profile = format!(
        "/v1/admin/merchant-profiles/{}",
        profiles["merchant_profiles"][0]["id"].as_str().unwrap()
    );
    let injected = json!({ "name": "Ana\r\nBcc: x@evil.example" });
    let refused = mailing.bench.operate("PATCH", &profile, &injected).await;
    assert!((400..=422).contains(&refused.status), "{refused:?}");
    // What an older release recorded.
    let row =
        "UPDATE merchant_profiles SET name = 'A, \"B\"' || char(13, 10) || 'Bcc: x@evil.example',
                                            support_email = 'help@x.example'";
    mailing.bench.sql(row).await;
    let two = json!({ "product": "qa", "buyer_email": "a@x.example,b@evil.example" });
    assert_eq!(mailing.bench.post("/v1/purchase", &two).await.status, 422);
    let body = json!({ "product": "qa", "buyer_email": "ana@münchen.example" });
    mailing.bench.post("/v1/purchase", &body).await;
    let sent = mailing.tick().await;
    assert_eq!(sent[0].to(), "ana@xn--mnchen-3ya.example");
    assert_eq!(
        sent[0].text("subject"),
        format!("Your license for {product}")
    );
    assert!(sent[0].text("text").contains(product), "{sent:?}");
    let escaped = "Q&amp;A &quot;Pro&quot; &lt;Ana&#39;s&gt;\\ {{html}} {{nothing}}";
    assert!(sent[0].text("html").contains(escaped), "{sent:?}");
    assert_eq!(
        sent[0].text("from"),
        "\"A, \\\"B\\\" Bcc: x@evil.example\" <shop@x.example>"
    );
    // A row that holds two addresses goes to none of them.
    mailing.buy("eve@x.example").await;
    mailing.bench.sql("UPDATE licenses SET buyer_email = 'a@x.example,b@evil.example' WHERE buyer_email LIKE 'eve%'").await;
    assert_eq!(mailing.tick().await.len(), 0);
    assert_eq!(mailing.mails("rejected").await.len(), 1);
}

#[tokio::test]
async fn a_language_from_right_to_left_is_marked() {
    let mailing = Mailing::with(&[&[(name::MAIL_LANGUAGE, "ar")], WITH_KEYS]).await;
    mailing.buy("ana@x.example").await;
    let sent = mailing.tick().await;
    assert!(
        sent[0]
            .text("html")
            .contains("<html lang=\"ar\" dir=\"rtl\">")
    );
    assert!(sent[0].text("text").contains(" UTC") && sent[0].text("html").contains(" UTC"));
}

#[tokio::test]
async fn strangers_cannot_use_up_the_mails_of_a_day() {
    let pay = played_store();
    let account = account_of(&pay);
    let mailing = Mailing::with(&[&[(name::MAIL_PER_DAY, "12")], WITH_KEYS, &account]).await;
    // Free orders in one name.
    for _ in 0..5 {
        mailing.buy("ana@x.example").await;
    }
    assert_eq!(mailing.tick().await.len(), 3);
    assert_eq!(mailing.mails("dropped").await.len(), 2);
    // And in many: half of what a day has.
    for n in 0..12 {
        mailing.buy(&format!("b{n}@x.example")).await;
    }
    assert_eq!(mailing.tick_for(10).await.len(), 3);
    // What was paid finds room, up to the cap.
    mailing.bench.product("paid", 50_000).await;
    for n in 0..8 {
        let email = format!("paid{n}@x.example");
        let body = json!({ "product": "paid", "buyer_email": email });
        let order = mailing.bench.post("/v1/purchase", &body).await;
        let invoice = order.text("btcpay_invoice_id");
        pay.mark(&invoice, MarkAs::Settled).expect("a mark");
        deliver(&mailing.bench, &pay, "InvoiceSettled", &invoice).await;
    }
    let sent = mailing.tick_for(10).await;
    assert_eq!(sent.len(), 6, "twelve a day");
    assert!(sent.iter().all(|mail| mail.to().starts_with("paid")));
    let next = mailing.tick_for(24 * 60).await;
    let first = next[..3]
        .iter()
        .filter(|mail| mail.to().starts_with("paid"));
    assert_eq!(first.count(), 2, "what was paid is first");
    assert_eq!(next.len(), 8, "two that were paid, and half of a day");
}

#[tokio::test]
async fn a_license_that_was_revoked_meanwhile_is_not_mailed() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bought = mailing.buy("ana@x.example").await;
    let path = format!("/v1/admin/licenses/{}/revoke", bought.text("license_id"));
    mailing
        .bench
        .operate("POST", &path, &json!({ "reason": "x" }))
        .await;
    assert_eq!(mailing.tick().await.len(), 0);
    assert_eq!(mailing.mails("dropped").await.len(), 1);
}

#[tokio::test]
async fn a_resend_goes_to_the_address_of_now() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bought = mailing.buy("typo@x.example").await;
    let first = mailing.tick().await.remove(0);
    let license = format!("/v1/admin/licenses/{}", bought.text("license_id"));
    let corrected = json!({ "buyer_email": "ana@x.example" });
    mailing.bench.operate("PATCH", &license, &corrected).await;
    let sent = mailing.mails("sent").await;
    let path = format!("/v1/admin/mails/{}/resend", sent[0]["id"].as_str().unwrap());
    mailing.bench.operate("POST", &path, &json!({})).await;
    let still = mailing.bench.operate("POST", &path, &json!({})).await;
    assert_eq!(still.status, 200, "each is a mail of its own");
    let again = mailing.tick().await;
    assert_eq!((again.len(), again[0].to()), (2, "ana@x.example"));
    assert_ne!(again[0].link(), first.link());
    let listed = mailing.mails("sent").await;
    let resent = listed
        .iter()
        .filter(|mail| mail["resend_of"] == sent[0]["id"]);
    assert_eq!((listed.len(), resent.count()), (3, 2));
}

/// What a read-only key sees.
#[tokio::test]
async fn a_list_is_no_credential() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    mailing.buy("ana@x.example").await;
    let mail = mailing.tick().await.remove(0);
    let secret = mail.link().replace("/recover/mail/", "");
    for path in [
        "/v1/admin/mails",
        "/v1/admin/mail",
        "/v1/admin/audit",
        "/v1/admin/events",
    ] {
        let shown: Value = mailing.shown(path).await;
        let text = shown.to_string();
        assert!(!text.contains(&secret) && !text.contains("LIC1-"), "{path}");
    }
}

#[tokio::test]
async fn an_erased_buyer_is_in_no_mail() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bought = mailing.buy("gone@x.example").await;
    let ask = json!({ "email": "gone@x.example" });
    mailing.bench.post("/v1/recover/mail", &ask).await;
    assert_eq!(mailing.tick().await.len(), 2);
    mailing.bench.post("/v1/recover/mail", &ask).await;
    mailing.api.suppress("gone@x.example");
    mailing.tick_for(1).await;
    assert_eq!(mailing.mails("rejected").await.len(), 1);
    let path = format!(
        "/v1/admin/licenses/{}/erase-buyer",
        bought.text("license_id")
    );
    let erased = mailing.bench.operate("POST", &path, &json!({})).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    let dump = format!("{:?}", mailing.bench.dump().await);
    assert!(!dump.contains("gone@x.example"), "{dump}");
    assert_eq!(mailing.mails("all").await.len(), 0);
}
