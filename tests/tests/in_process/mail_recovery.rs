//! Recovery by mail: asking tells nobody anything, and only pressing the button acts.

use crate::bench::{Answer, Bench, json_request};
use crate::mail_api::{Mail, Mailing, Reply, WITH_KEYS};
use axum::body::Body;
use http::{Method, Request};
use keywright_ports::name;
use serde_json::json;
use std::collections::BTreeSet;

async fn ask(bench: &Bench, email: &str) -> Answer {
    bench
        .post("/v1/recover/mail", &json!({ "email": email }))
        .await
}

async fn page(bench: &Bench, method: Method, link: &str, form: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(link)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()));
    bench.send(request.expect("a request")).await
}

fn html(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).expect("text")
}

#[tokio::test]
async fn a_link_shows_a_button_and_only_pressing_it_opens_the_licenses() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bench = &mailing.bench;
    let first = mailing.buy("Ana@x.example").await;
    let second = mailing.buy("ana@x.example").await;
    mailing.buy("other@x.example").await;
    mailing.tick().await;
    let mut request = json_request(
        Method::POST,
        "/v1/recover/mail",
        &json!({ "email": "ANA@X.example" }),
    );
    for header in ["host", "x-forwarded-host", "origin"] {
        let evil = "https://evil.example".parse().expect("a header");
        request.headers_mut().insert(header, evil);
    }
    assert_eq!(bench.send(request).await.status, 200);
    let mails = mailing.tick_for(1).await;
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}");
    };
    assert!(!format!("{:?}", mail.body).contains("evil"), "{mail:?}");
    assert!(
        mail.text("text")
            .contains("https://shop.example/recover/mail/ml_")
    );
    let link = mail.link();
    let before = bench.dump().await;
    for method in [Method::HEAD, Method::GET, Method::GET] {
        let shown = page(bench, method.clone(), &link, "").await;
        assert_eq!(shown.status, 200, "{method}");
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert_eq!(shown.headers["referrer-policy"], "no-referrer");
        assert!(!html(&shown).contains("LIC1-") && !html(&shown).contains("<script"));
        assert_eq!(
            html(&shown).contains("<form method=\"post\">"),
            method == Method::GET
        );
    }
    assert_eq!(bench.dump().await, before, "looking changes nothing");
    // The scanner was first, and the buyer comes an hour and 58 minutes after the request.
    bench.clock.advance(7_000);
    for _ in 0..2 {
        let opened = page(bench, Method::POST, &link, "").await;
        assert_eq!(opened.status, 200, "{opened:?}");
        assert_eq!(opened.headers["cache-control"], "no-store");
        for bought in [&first, &second] {
            let key = bought.text("license_key");
            assert!(html(&opened).contains(&key), "{}", html(&opened));
        }
        assert_eq!(
            html(&opened).matches("LIC1-").count(),
            2,
            "no other address"
        );
    }
    bench.clock.advance(200);
    let over = page(bench, Method::POST, &link, "").await;
    assert_eq!(over.status, 404);
    assert!(html(&over).contains("This link has expired"));
    for unknown in ["/recover/mail/ml_x", "/recover/mail/%00"] {
        let answer = page(bench, Method::POST, unknown, "").await;
        assert_eq!(answer.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn the_link_of_a_purchase_opens_that_license_for_a_month() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bench = &mailing.bench;
    let bought = mailing.buy("ana@x.example").await;
    let link = mailing.tick().await[0].link();
    let other = mailing.buy("ana@x.example").await;
    bench.clock.advance(29 * 86_400);
    let opened = page(bench, Method::POST, &link, "").await;
    assert!(html(&opened).contains(&bought.text("license_key")));
    assert!(!html(&opened).contains(&other.text("license_key")));
    // What was suspended shows no key, and what belongs to somebody else nothing.
    let license = format!("/v1/admin/licenses/{}", bought.text("license_id"));
    bench
        .operate(
            "POST",
            &format!("{license}/suspend"),
            &json!({ "reason": "x" }),
        )
        .await;
    let suspended = page(bench, Method::POST, &link, "").await;
    assert!(html(&suspended).contains("suspended") && !html(&suspended).contains("LIC1-"));
    let sold = json!({ "buyer_email": "new@x.example" });
    bench.operate("PATCH", &license, &sold).await;
    let gone = page(bench, Method::POST, &link, "").await;
    assert!(!html(&gone).contains("suspended"), "{}", html(&gone));
    bench.clock.advance(2 * 86_400);
    assert_eq!(page(bench, Method::POST, &link, "").await.status, 404);
}

#[tokio::test]
async fn many_licenses_come_in_pages() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bench = &mailing.bench;
    for _ in 0..45 {
        bench
            .issue("demo", json!({ "buyer_email": "ana@x.example" }))
            .await;
    }
    ask(bench, "ana@x.example").await;
    let link = mailing.tick().await[0].link();
    let (mut form, mut keys, mut pages) = (String::new(), BTreeSet::new(), 0);
    loop {
        let opened = page(bench, Method::POST, &link, &form).await;
        let text = html(&opened).to_owned();
        keys.extend(
            text.split("<code>LIC1-")
                .skip(1)
                .map(|rest| rest[..60].to_owned()),
        );
        pages += 1;
        let Some((_, rest)) = text.split_once("name=\"before\" value=\"") else {
            break;
        };
        form = format!("before={}", &rest[..36]);
    }
    assert_eq!((keys.len(), pages), (45, 3));
}

#[tokio::test]
async fn asking_tells_nothing_about_an_address() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bench = &mailing.bench;
    mailing.buy("ana@x.example").await;
    mailing.tick().await;
    mailing.api.calls();
    let down = Reply::Refuses(503, "", "");
    mailing.api.reply(vec![down; 50]);
    let mut answers = BTreeSet::new();
    for email in ["ana@x.example", "nobody@x.example", "ana@x.example"] {
        let trips = bench.shop.database.calls();
        let answer = ask(bench, email).await;
        let trips = bench.shop.database.calls() - trips;
        let headers: Vec<_> = answer
            .headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        answers.insert((answer.status, answer.body.clone(), headers, trips));
        assert!(mailing.api.calls().is_empty(), "only the tick sends");
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    mailing.api.recover();
    // 200 requests of 200 callers for each of two addresses: three mails to the known one.
    for _ in 0..200 {
        for email in ["ana@x.example", "nobody@x.example"] {
            assert_eq!(ask(bench, email).await.status, 200);
        }
    }
    let counted = "SELECT count(*) FROM mail_requests GROUP BY email";
    let counted: Vec<_> = bench.sql(counted).await;
    assert_eq!(counted.len(), 2, "both are counted");
    assert_eq!((&counted[0], &counted[1]), (&counted[1], &counted[0]));
    let sent = mailing.tick_for(59).await;
    let to: Vec<&str> = sent.iter().map(Mail::to).collect();
    assert_eq!(to, ["ana@x.example"; 3]);
    // Neither address stays longer than it is counted.
    mailing.tick_for(70).await;
    let kept = bench.number("SELECT count(*) FROM mail_requests").await;
    assert_eq!(kept, 0);
    let other = ask(bench, "ana@x.example").await;
    assert_eq!((other.status, mailing.tick_for(1).await.len()), (200, 1));
}

#[tokio::test]
async fn recoveries_leave_room_for_keys() {
    let mailing = Mailing::with(&[&[(name::MAIL_PER_DAY, "9")], WITH_KEYS]).await;
    for n in 0..8 {
        let members = json!({ "buyer_email": format!("b{n}@x.example") });
        mailing.bench.issue("demo", members).await;
        ask(&mailing.bench, &format!("b{n}@x.example")).await;
    }
    assert_eq!(mailing.tick_for(30).await.len(), 3, "a third of nine");
    for n in 0..4 {
        mailing.buy(&format!("new{n}@x.example")).await;
    }
    assert_eq!(mailing.tick_for(5).await.len(), 4);
    // The other five are over before there is room.
    mailing.tick_for(120).await;
    assert_eq!(mailing.mails("expired").await.len(), 5);
}

#[tokio::test]
async fn a_request_from_before_a_silence_is_not_answered() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    mailing
        .bench
        .issue("demo", json!({ "buyer_email": "ana@x.example" }))
        .await;
    ask(&mailing.bench, "ana@x.example").await;
    mailing.bench.clock.advance(90 * 60);
    assert_eq!(mailing.tick_for(5).await.len(), 0);
}

#[tokio::test]
async fn an_address_is_one_address_and_a_caller_has_its_limit() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bench = &mailing.bench;
    for (email, status) in [
        ("", 400),
        ("ana", 422),
        ("a@x.example,b@evil.example", 422),
        ("a@x.example\r\nbcc: b@evil.example", 422),
    ] {
        assert_eq!(ask(bench, email).await.status, status, "{email:?}");
    }
    let mut statuses = Vec::new();
    for n in 0..6 {
        let body = json!({ "email": format!("a{n}@x.example") });
        let mut request = json_request(Method::POST, "/v1/recover/mail", &body);
        let address = "203.0.113.9".parse().expect("a header");
        let header = keywright_tests::shop::CLIENT_ADDRESS_HEADER;
        request.headers_mut().insert(header, address);
        statuses.push(bench.send(request).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
    let off = Bench::new();
    assert_eq!(ask(&off, "ana@x.example").await.status, 404);
    let storefront =
        async |bench: &Bench| bench.get("/v1/storefront").await.json()["recovers_by_mail"].clone();
    assert_eq!(
        (storefront(&off).await, storefront(bench).await),
        (json!(false), json!(true))
    );
}
