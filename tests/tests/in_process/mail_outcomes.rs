//! What becomes of a mail that the mail API does not simply take, and of one whose tick
//! breaks: it goes out once, or at most once.

use crate::bench::{account_of, played_store};
use crate::breaking::break_every_call;
use crate::mail_api::{BOUND, Mail, Mailing, Reply, WITH_KEYS, WITHOUT_KEYS};
use crate::payments::{body_of, deliver, delivery_of};
use keywright_btcpay_double::MarkAs;
use keywright_native_host::Fault;
use keywright_ports::{FetchError, TIME_LIMIT};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn a_lost_answer_is_repeated_under_the_same_id_and_counts_once() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    mailing
        .api
        .reply([Reply::TakesSilently, Reply::Refuses(500, "", "")]);
    mailing.buy("ana@x.example").await;
    assert_eq!(mailing.tick().await.len(), 1);
    assert_eq!(mailing.tick_for(20).await.len(), 0, "the same mail");
    let calls = mailing.api.calls();
    assert_eq!(calls.len(), 3);
    let first = (&calls[0].headers["idempotency-key"], &calls[0].body);
    for call in &calls {
        assert_eq!((&call.headers["idempotency-key"], &call.body), first);
    }
    assert_eq!(mailing.mails("sent").await.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_without_an_id_is_unknown_and_never_repeated() {
    for reply in [
        Reply::TakesSilently,
        Reply::Fails(FetchError::TimedOut(Duration::from_secs(10))),
        Reply::Refuses(502, "<html>", ""),
        Reply::Refuses(200, "{}", ""),
    ] {
        let mailing = Mailing::with(&[WITHOUT_KEYS]).await;
        mailing.api.reply([reply.clone()]);
        mailing.buy("ana@x.example").await;
        mailing.tick().await;
        mailing.tick_for(90).await;
        assert_eq!(mailing.api.calls().len(), 1, "{reply:?}");
        let unknown = mailing.mails("unknown").await;
        let items = mailing.attention("mail_unknown").await;
        assert_eq!((unknown.len(), items.len()), (1, 1), "{reply:?}");
        assert_eq!(items[0]["details"]["mail_id"], unknown[0]["id"]);
        // The operator decides.
        let path = format!(
            "/v1/admin/mails/{}/resend",
            unknown[0]["id"].as_str().unwrap()
        );
        let again = mailing.bench.operate("POST", &path, &json!({})).await;
        assert_eq!(again.json()["state"], "waiting", "{again:?}");
        assert_ne!(again.json()["id"], unknown[0]["id"]);
        assert_eq!(mailing.tick_for(1).await.len(), 1);
    }
}

#[tokio::test]
async fn what_was_certainly_not_taken_is_tried_again() {
    let mailing = Mailing::with(&[WITHOUT_KEYS]).await;
    let host = || "mail.example.com".to_owned();
    mailing.api.reply([
        Reply::Refuses(429, "", "600"),
        Reply::Refuses(401, r#"{"message":"wrong key"}"#, ""),
        Reply::Fails(FetchError::NameUnknown(host())),
        Reply::Fails(FetchError::NotSecure(host())),
    ]);
    mailing.buy("ana@x.example").await;
    mailing.tick().await;
    assert_eq!(mailing.tick_for(9).await.len(), 0, "Retry-After: 600");
    assert_eq!(mailing.api.calls().len(), 1);
    assert_eq!(mailing.tick_for(6 * 60).await.len(), 1);
    assert_eq!(mailing.attention("mail_failing").await.len(), 1);
    assert_eq!(mailing.mails("sent").await[0]["attempts"], 5);
}

#[tokio::test]
async fn a_payment_that_is_reported_three_times_is_one_mail_to_each() {
    let pay = played_store();
    let account = account_of(&pay);
    let mailing = Mailing::with(&[WITH_KEYS, &account]).await;
    mailing.bench.product("paid", 50_000).await;
    let body = json!({ "product": "paid", "buyer_email": "ana@x.example" });
    let order = mailing.bench.post("/v1/purchase", &body).await;
    let invoice = order.text("btcpay_invoice_id");
    pay.mark(&invoice, MarkAs::Settled).expect("a mark");
    for _ in 0..2 {
        let delivery = delivery_of(body_of(&pay, "InvoiceSettled", &invoice));
        assert_eq!(mailing.bench.send(delivery).await.status, 200);
    }
    mailing.bench.clock.advance(121);
    mailing.bench.tick().await;
    let mut sent = mailing.tick().await;
    // Taken back, and back again.
    for mark in [MarkAs::Invalid, MarkAs::Settled, MarkAs::Invalid] {
        pay.mark(&invoice, mark).expect("a mark");
        let event = if mark == MarkAs::Settled {
            "InvoiceSettled"
        } else {
            "InvoiceInvalid"
        };
        deliver(&mailing.bench, &pay, event, &invoice).await;
        sent.extend(mailing.tick_for(1).await);
    }
    sent.extend(mailing.tick_for(60).await);
    let to: Vec<&str> = sent.iter().map(Mail::to).collect();
    assert_eq!(to, ["ana@x.example", "operator@x.example"]);
    assert_eq!(
        sent[1].text("subject"),
        "Your shop needs a decision: withdrawn"
    );
    assert!(
        sent[1].text("text").contains("ana[at]x[.]example"),
        "{sent:?}"
    );
    assert!(!sent[1].text("html").contains("ana@x.example"));
}

#[tokio::test]
async fn a_refused_recipient_ends_that_mail_only() {
    let mailing = Mailing::with(&[WITHOUT_KEYS]).await;
    mailing.api.suppress("buyer3@x.example");
    for n in 0..20 {
        mailing.buy(&format!("buyer{n}@x.example")).await;
    }
    let mut sent = mailing.tick().await;
    sent.extend(mailing.tick_for(5).await);
    assert_eq!(sent.len(), 19);
    let rejected = mailing.mails("rejected").await;
    assert_eq!(rejected.len(), 1);
    assert_eq!(
        (&rejected[0]["attempts"], &rejected[0]["recipient"]),
        (&json!(1), &json!("buyer3@x.example"))
    );
    assert!(
        rejected[0]["reason"]
            .as_str()
            .unwrap()
            .ends_with("400: E_RECIPIENT_SUPPRESSED")
    );
    let items = mailing.attention("mail_rejected").await;
    assert_eq!(items[0]["details"]["recipient"], "buyer3@x.example");
    // 200 with a member that says no.
    mailing.api.reply([Reply::Refuses(
        200,
        r#"{"success":false,"message":"no"}"#,
        "",
    )]);
    mailing.buy("dan@x.example").await;
    assert_eq!(mailing.tick().await.len(), 0);
    assert_eq!(mailing.mails("rejected").await.len(), 2);
}

#[tokio::test]
async fn a_slow_answer_is_counted_or_in_doubt_and_never_both() {
    let mailing = Mailing::with(&[WITHOUT_KEYS]).await;
    mailing.api.reply([Reply::TakesAfter(40)]);
    mailing.buy("ana@x.example").await;
    assert_eq!(mailing.tick().await.len(), 1);
    // Its claim was over: the late result wrote nothing, and nobody sends it again.
    assert_eq!(mailing.tick_for(60).await.len(), 0);
    assert_eq!(mailing.mails("unknown").await.len(), 1);
    assert_eq!(mailing.attention("mail_unknown").await.len(), 1);
}

#[tokio::test]
async fn two_ticks_at_once_send_once() {
    let mailing = Mailing::with(&[WITHOUT_KEYS]).await;
    for n in 0..8 {
        mailing.buy(&format!("buyer{n}@x.example")).await;
    }
    let ticks = tokio::join!(mailing.try_tick(), mailing.try_tick(), mailing.try_tick());
    for tick in [ticks.0, ticks.1, ticks.2] {
        assert_eq!(tick.status, 200, "{tick:?}");
    }
    let mut mails = mailing.api.taken();
    // Five calls are open at once; what found no room is due in a minute.
    mails.extend(mailing.tick_for(2).await);
    let to: BTreeSet<&str> = mails.iter().map(Mail::to).collect();
    assert_eq!((mails.len(), to.len()), (8, 8));
}

/// Whatever call to the database breaks, with an id each mail goes out once; without one
/// it goes out at most once, and what is in doubt is listed.
#[tokio::test]
async fn whatever_database_call_breaks_no_mail_is_doubled() {
    for config in [WITH_KEYS, WITHOUT_KEYS] {
        let is_idempotent = config == WITH_KEYS;
        break_every_call(5, async |call, fault: Fault| {
            let mailing = Mailing::with(&[config]).await;
            for n in 0..3 {
                mailing.buy(&format!("buyer{n}@x.example")).await;
            }
            mailing.bench.shop.database.break_call(call, fault);
            mailing.try_tick().await;
            if mailing.bench.shop.database.mend() <= call {
                return false;
            }
            let mut mails = mailing.api.taken();
            mails.extend(mailing.tick_for(20).await);
            let case = format!("call {call}, {fault:?}, ids: {is_idempotent}");
            let to: BTreeSet<&str> = mails.iter().map(Mail::to).collect();
            assert_eq!(mails.len(), to.len(), "{case}: twice");
            let sent = mailing.mails("sent").await.len();
            let unknown = mailing.mails("unknown").await.len();
            assert_eq!(sent + unknown, 3, "{case}");
            if is_idempotent {
                assert_eq!((to.len(), sent), (3, 3), "{case}");
            } else {
                let items = mailing.attention("mail_unknown").await.len();
                assert_eq!(items, usize::from(unknown > 0), "{case}");
            }
            true
        })
        .await;
    }
}

/// Ways in which a call breaks, before the mail is taken or after, and whether nobody can
/// know that it was not.
fn broken_calls() -> Vec<(Reply, bool)> {
    let host = || "mail.example.com".to_owned();
    let certain = [
        Reply::Fails(FetchError::NameUnknown(host())),
        Reply::Fails(FetchError::NotSecure(host())),
        Reply::Refuses(503, "", ""),
    ];
    let doubtful = [
        Reply::Fails(FetchError::Unreachable(host())),
        Reply::Fails(FetchError::TimedOut(TIME_LIMIT)),
        Reply::Refuses(500, "", ""),
    ];
    let taken = doubtful
        .clone()
        .map(|reply| Reply::TakesBut(Box::new(reply)));
    let doubtful = doubtful.into_iter().chain(taken).map(|reply| (reply, true));
    let certain = certain.into_iter().map(|reply| (reply, false));
    certain.chain(doubtful).collect()
}

/// Whatever call of the mail API breaks, before it takes the mail or after: the other mails
/// of the tick go out. This one goes out once where the API takes an id; where it does not,
/// it goes out at most once, and is listed when nobody knows.
#[tokio::test]
async fn whatever_network_call_breaks_no_mail_is_doubled() {
    for config in [WITH_KEYS, WITHOUT_KEYS, BOUND] {
        for (fault, is_doubtful) in broken_calls() {
            let is_taken = matches!(fault, Reply::TakesBut(_));
            // A binding says no more than a code, or nothing.
            let is_unknown = config != WITH_KEYS && (is_doubtful || config == BOUND);
            for call in 0..6 {
                let case = format!("call {call}, {fault:?}, {}", config[0].1);
                let mailing = Mailing::with(&[config]).await;
                for n in 0..6 {
                    mailing.buy(&format!("buyer{n}@x.example")).await;
                }
                mailing.api.reply(vec![Reply::Takes; call]);
                mailing.api.reply([fault.clone()]);
                let mut mails = mailing.tick().await;
                assert_eq!(mailing.api.calls().len(), 6, "{case}");
                assert_eq!(mails.len(), 5 + usize::from(is_taken), "{case}");
                for seconds in [60, 300, 900, 900] {
                    mailing.bench.clock.advance(seconds);
                    mails.extend(mailing.tick().await);
                }
                let to: BTreeSet<&str> = mails.iter().map(Mail::to).collect();
                let lost = usize::from(is_unknown && !is_taken);
                assert_eq!((mails.len(), to.len()), (6 - lost, 6 - lost), "{case}");
                let unknown = mailing.mails("unknown").await.len();
                let items = mailing.attention("mail_unknown").await.len();
                let expected = usize::from(is_unknown);
                assert_eq!((unknown, items), (expected, expected), "{case}");
                assert_eq!(mailing.mails("sent").await.len(), 6 - expected, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_binding_of_the_platform_is_told_apart_by_its_codes() {
    let mailing = Mailing::with(&[BOUND]).await;
    for reply in [
        Reply::Takes,
        Reply::Refuses(400, r#"{"code":"E_RECIPIENT_SUPPRESSED"}"#, ""),
        Reply::Refuses(400, r#"{"code":"E_RATE_LIMIT_EXCEEDED"}"#, ""),
        Reply::Refuses(400, r#"{"code":"E_INTERNAL_SERVER_ERROR"}"#, ""),
        Reply::TakesSilently,
    ] {
        mailing.api.reply([reply]);
        mailing.buy("ana@x.example").await;
        mailing.bench.clock.advance(3_600);
        mailing.tick().await;
    }
    let calls = mailing.api.calls();
    assert_eq!(calls[0].to(), "ana@x.example");
    assert_eq!(calls[0].text("from_name"), "Test Operator");
    mailing.tick_for(120).await;
    for (state, count) in [("sent", 2), ("rejected", 1), ("unknown", 2)] {
        assert_eq!(mailing.mails(state).await.len(), count, "{state}");
    }
    assert_eq!(mailing.mails("sent").await[1]["message_id"], "m-1");
}
