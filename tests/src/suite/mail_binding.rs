//! Mail through Cloudflare's e-mail binding. Wrangler's local handling of it writes the parts
//! of a mail to files, says in the log where, and shows the rest in its explorer.

use super::cases;
use super::floor::{eventually, text};
use super::mail::{link, press, tick};
use crate::hosts::Instance;
use http::Method;
use serde_json::{Value, json};

cases![a_purchase_is_mailed_through_the_binding];

/// The mails that the local handling took, with their parts.
async fn taken(instance: &Instance) -> Vec<Value> {
    let explorer = "/cdn-cgi/local/explorer/api/local/email/sending";
    // Wrangler answers, and not the instance.
    let request = instance.direct.request(Method::GET, explorer);
    let listed = request.send().await.expect("an answer");
    let listed: Value = listed.json().await.expect("JSON");
    let mut mails = listed["result"].as_array().expect("mails").clone();
    for mail in &mut mails {
        let id = text(mail, "messageId");
        for (part, label, ending) in [("text", "Text: ", "txt"), ("html", "HTML: ", "html")] {
            let file = format!("{}.{ending}", id.trim_matches(['<', '>']));
            // It is written after the mail was taken.
            let logged = async || {
                let log = instance.log();
                let mut paths = log.lines().filter_map(|line| line.strip_prefix(label));
                paths.find(|path| path.ends_with(&file)).map(str::to_owned)
            };
            let path = eventually(logged, Option::is_some, "a part is written").await;
            let written = std::fs::read_to_string(path.expect("a path")).expect("a part");
            mail[part] = Value::from(written);
        }
    }
    mails
}

async fn a_purchase_is_mailed_through_the_binding(instance: &Instance) {
    // What was before mail was on is not mailed.
    tick(instance).await;
    let none = json!({});
    let admin = async |method, path: &str, body| instance.api.admin(method, path, body).await.ok();
    let profiles = admin(Method::GET, "merchant-profiles", &none).await;
    let profile = text(&profiles["merchant_profiles"][0], "id");
    let support = json!({ "name": "Ana \"A\" <Söhne>", "support_email": "help@x.example" });
    let path = format!("merchant-profiles/{profile}");
    admin(Method::PATCH, &path, &support).await;
    let name = "Q&A \"Pro\" <Ana's> für 😀";
    let product = json!({ "slug": "qa", "name": name, "price_sats": 0 });
    admin(Method::POST, "products", &product).await;
    let order = json!({ "product": "qa", "buyer_email": "ana@münchen.example" });
    let bought = instance.api.post("/v1/purchase", &order).await.ok();
    tick(instance).await;
    tick(instance).await;

    let mails = taken(instance).await;
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}");
    };
    assert_eq!(mail["to"], json!(["ana@xn--mnchen-3ya.example"]));
    assert_eq!(mail["from"], "\"Ana \\\"A\\\" <Söhne>\" <shop@x.example>");
    assert_eq!(mail["subject"], format!("Your license for {name}"));
    assert_eq!(
        mail["headers"],
        json!({ "Auto-Submitted": "auto-generated" })
    );
    assert!(text(mail, "text").contains(name), "{mail}");
    let escaped = "Q&amp;A &quot;Pro&quot; &lt;Ana&#39;s&gt; für 😀";
    assert!(text(mail, "html").contains(escaped), "{mail}");
    let link = link(mail);
    assert!(text(mail, "html").contains(&link), "{mail}");
    let opened = press(instance, &link).await;
    assert!(opened.text().contains(&text(&bought, "license_key")));
    let sent = admin(Method::GET, "mails?state=sent", &none).await;
    assert_eq!(sent["mails"][0]["message_id"], mail["messageId"], "{sent}");
}
