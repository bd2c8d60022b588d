//! Update feeds and download links, on every host: what each updater is told,
//! what it is refused, and that a license's links open what they say.

use super::cases;
use super::floor::{NOBODY, issue, product, text};
use crate::hosts::{Answer, Instance};
use crate::vendor::{GATE, Release};
use http::Method;
use keywright_domain::release::Channel;
use keywright_license::{DownloadLink, VerifyKeys};
use serde_json::{Value, json};

cases![
    joomla alone,
    tauri alone,
    sparkle alone,
    electron alone,
    browser_links alone,
    what_is_not_there,
    download_ids,
];

const LINUX: &str = "x86_64-unknown-linux-gnu";

/// A licensed product with a stable and a beta version for each updater.
async fn published(instance: &Instance, slug: &str) {
    product(instance, slug, 0).await;
    for (channel, version) in [(Channel::Stable, "1.2.0"), (Channel::Beta, "1.3.0-beta.1")] {
        let release = Release::on(channel, slug, version)
            .with("notes", json!("Fast & <good>."))
            .file(LINUX, &format!("{slug}-{version}.AppImage"))
            .file("universal-apple-darwin", &format!("{slug}-{version}.zip"))
            .file("any", &format!("pkg_{slug}-{version}.zip"));
        for (sql, params) in release.statements() {
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            instance.database.change(sql, &params).await;
        }
    }
}

async fn asked(instance: &Instance, path: &str, bearer: &str) -> Answer {
    let request = instance.api.request(Method::GET, path).bearer_auth(bearer);
    instance.api.send(request).await
}

/// Checks the link in a text, which opens a version for a license now.
fn opens(instance: &Instance, said: &str, slug: &str, version: &str, dlid: &str) {
    let said = said.replace("&amp;", "&");
    let value = |name: &str| {
        let after = said.split(&format!("{name}=")).nth(1);
        let after = after.unwrap_or_else(|| panic!("no {name} in {said}"));
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        after[..end.unwrap_or(after.len())].to_owned()
    };
    assert_eq!(value("dlid"), dlid, "{said}");
    let expires: i64 = value("expires").parse().expect("a time");
    let link = DownloadLink::new(slug, version, dlid, expires).expect("a link");
    let keys = VerifyKeys::new([instance.signing_key.public_key()]).expect("keys");
    link.verify(&value("token"), &keys, super::floor::now())
        .unwrap_or_else(|error| panic!("{error}: {said}"));
}

async fn joomla(instance: &Instance) {
    published(instance, "feed-joomla").await;
    let path = "/api/v1/licensing/updates/feed-joomla.xml";
    let answer = instance.api.get(path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers["content-type"],
        "application/xml; charset=utf-8"
    );
    let xml = answer.text();
    let base = instance.api.base_url();
    for part in [
        "<version>1.2.0</version>".to_owned(),
        "<tags><tag>stable</tag></tags>".to_owned(),
        "<tags><tag>beta</tag></tags>".to_owned(),
        "<element>pkg_feed-joomla</element>".to_owned(),
        "<client>site</client>".to_owned(),
        format!(">{base}/api/v1/licensing/download/feed-joomla/1.2.0.zip<"),
    ] {
        assert!(xml.contains(&part), "{part} is not in {xml}");
    }
    for same in [
        format!("{path}/extension.xml"),
        format!("{path}?dlid=0/extension.xml"),
        format!("{path}?dlid=nonsense"),
    ] {
        assert_eq!(instance.api.get(&same).await.text(), xml, "{same}");
    }
    let empty = "/api/v1/licensing/updates/feed-nobody.xml";
    let empty = instance.api.get(empty).await;
    assert_eq!(empty.status, 200);
    assert!(
        empty.text().ends_with("<updates></updates>"),
        "{}",
        empty.text()
    );
    let license = issue(instance, "feed-joomla", json!({})).await;
    let dlid = text(&license, "download_id");
    let linked = instance
        .api
        .get(&format!("{path}?dlid={dlid}"))
        .await
        .text();
    opens(instance, &linked, "feed-joomla", "1.2.0", &dlid);
    let key = text(&license, "license_key");
    let linked = instance
        .api
        .get(&format!("{path}?a=1&amp;dlid={key}"))
        .await
        .text();
    opens(instance, &linked, "feed-joomla", "1.2.0", &dlid);
}

async fn tauri(instance: &Instance) {
    published(instance, "feed-tauri").await;
    let license = issue(instance, "feed-tauri", json!({})).await;
    let (key, dlid) = (text(&license, "license_key"), text(&license, "download_id"));
    let path = "/updates/tauri/feed-tauri/linux/x86_64";
    let update = instance.api.get(&format!("{path}/1.0.0")).await.ok();
    let base = instance.api.base_url();
    let url = format!("{base}/releases/feed-tauri/1.2.0/{LINUX}");
    assert_eq!(update["version"], "1.2.0");
    assert_eq!(update["url"], url);
    assert_eq!(update["notes"], "Fast & <good>.");
    assert!(!text(&update, "signature").is_empty());
    let current = instance.api.get(&format!("{path}/1.2.0")).await;
    assert_eq!((current.status, current.text().as_str()), (204, ""));
    let beta = instance
        .api
        .get(&format!("{path}/1.2.0?channel=beta"))
        .await
        .ok();
    assert_eq!(beta["version"], "1.3.0-beta.1");
    let linked = asked(instance, &format!("{path}/1.0.0"), &key).await.ok();
    opens(
        instance,
        &text(&linked, "url"),
        "feed-tauri",
        "1.2.0",
        &dlid,
    );
    let fixed = instance
        .api
        .get("/updates/tauri/feed-tauri/latest.json")
        .await
        .ok();
    assert_eq!(fixed["platforms"]["linux-x86_64"]["url"], url);
    for (path, status, code) in [
        (format!("{path}/one"), 400, "bad_request"),
        (format!("{path}/1.0.0?channel=best"), 400, "bad_request"),
        (
            "/updates/tauri/feed-tauri/beos/x86_64/1.0.0".to_owned(),
            400,
            "bad_request",
        ),
    ] {
        instance.api.get(&path).await.is_error(status, code);
    }
    refusals(instance, &format!("{path}/1.0.0")).await;
}

/// Every way in which a key or token is refused at a feed.
async fn refusals(instance: &Instance, path: &str) {
    asked(instance, path, "nonsense!")
        .await
        .is_error(401, "malformed-token");
    asked(instance, path, "LIC1-A-B")
        .await
        .is_error(401, "bad_format");
    let slug = format!(
        "other-{}",
        path.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    );
    let slug = slug[..40].trim_end_matches('-').to_owned();
    product(instance, &slug, 0).await;
    let other = issue(instance, &slug, json!({})).await;
    let (key, token) = (text(&other, "license_key"), text(&other, "token"));
    asked(instance, path, &key)
        .await
        .is_error(403, "wrong-product");
    asked(instance, path, &token)
        .await
        .is_error(403, "wrong-product");
}

async fn sparkle(instance: &Instance) {
    published(instance, "feed-sparkle").await;
    let path = "/updates/sparkle/feed-sparkle/appcast.xml";
    let answer = instance.api.get(path).await;
    assert_eq!(answer.status, 200);
    let xml = answer.text();
    for part in [
        "<sparkle:version>1.2.0</sparkle:version>",
        "sparkle:edSignature=\"",
        "Fast &amp; &lt;good&gt;.",
    ] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    assert_eq!(xml.matches("<item>").count(), 1, "{xml}");
    let beta = instance
        .api
        .get(&format!("{path}?channel=beta"))
        .await
        .text();
    assert!(
        beta.contains("<sparkle:channel>beta</sparkle:channel>"),
        "{beta}"
    );
    let license = issue(instance, "feed-sparkle", json!({})).await;
    let linked = asked(instance, path, &text(&license, "license_key")).await;
    let dlid = text(&license, "download_id");
    opens(instance, &linked.text(), "feed-sparkle", "1.2.0", &dlid);
    let path_of_sparc = format!("{path}?arch=sparc");
    instance
        .api
        .get(&path_of_sparc)
        .await
        .is_error(400, "bad_request");
    refusals(instance, path).await;
}

async fn electron(instance: &Instance) {
    published(instance, "feed-electron").await;
    let path = "/updates/electron/feed-electron";
    let yaml = instance
        .api
        .get(&format!("{path}/latest-linux.yml?noCache=1"))
        .await;
    assert_eq!(yaml.status, 200);
    let yaml = yaml.text();
    assert!(yaml.starts_with("version: \"1.2.0\"\n"), "{yaml}");
    assert!(
        yaml.contains("url: \"feed-electron-1.2.0.AppImage\""),
        "{yaml}"
    );
    let beta = instance
        .api
        .get(&format!("{path}/beta-linux.yml"))
        .await
        .text();
    assert!(beta.starts_with("version: \"1.3.0-beta.1\"\n"), "{beta}");
    let file = format!("{path}/feed-electron-1.2.0.AppImage");
    let led = instance.api.get(&file).await;
    assert_eq!(led.status, 302);
    let base = instance.api.base_url();
    let plain = format!("{base}/releases/feed-electron/1.2.0/{LINUX}");
    assert_eq!(led.headers["location"], plain);
    let license = issue(instance, "feed-electron", json!({})).await;
    let led = asked(instance, &file, &text(&license, "license_key")).await;
    let location = led.headers["location"].to_str().expect("text");
    let dlid = text(&license, "download_id");
    opens(instance, location, "feed-electron", "1.2.0", &dlid);
    // Nothing for Windows, and no such file.
    for missing in [
        "latest.yml",
        "nightly.yml",
        "other.AppImage",
        "9.0.0/a.AppImage",
    ] {
        let answer = instance.api.get(&format!("{path}/{missing}")).await;
        answer.is_error(404, "not_found");
    }
    refusals(instance, &format!("{path}/latest-linux.yml")).await;
}

async fn browser_links(instance: &Instance) {
    published(instance, "feed-browser").await;
    let license = issue(instance, "feed-browser", json!({})).await;
    let (key, dlid) = (text(&license, "license_key"), text(&license, "download_id"));
    let link = async |bearer: &str, body: &Value| {
        let request = instance.api.request(Method::POST, "/v1/downloads/link");
        instance
            .api
            .send(request.bearer_auth(bearer).json(body))
            .await
    };
    let body = json!({ "product": "feed-browser", "version": "latest", "platform": LINUX });
    let made = link(&key, &body).await.ok();
    let base = instance.api.base_url();
    let url = text(&made, "url");
    assert!(
        url.starts_with(&format!(
            "{base}/releases/feed-browser/1.2.0/{LINUX}?token="
        )),
        "{url}"
    );
    opens(instance, &url, "feed-browser", "1.2.0", &dlid);
    let with = |member: &str, value: &str| {
        let mut body = body.clone();
        body[member] = value.into();
        body
    };
    for (body, status, code) in [
        (with("version", "9.0.0"), 404, "not_found"),
        (with("version", "one"), 400, "bad_request"),
        (with("platform", "any.exe"), 404, "not_found"),
        (with("product", "other"), 403, "wrong-product"),
        (json!({}), 422, "unprocessable_entity"),
    ] {
        link(&key, &body).await.is_error(status, code);
    }
    link("nonsense!", &body)
        .await
        .is_error(401, "malformed-token");
    let nobody = instance.api.post("/v1/downloads/link", &body).await;
    nobody.is_error(401, "unauthorized");
    // A product that only its entitled may download.
    let gate = [("feed-browser", "1", "pro")];
    for (slug, licensed, entitlement) in gate {
        instance
            .database
            .change(GATE, &[slug, licensed, entitlement])
            .await;
    }
    let exact = with("version", "1.2.0");
    link(&key, &exact)
        .await
        .is_error(403, "entitlement-missing");
    link(&key, &body).await.is_error(404, "not_found");
    let id = text(&license, "license_id");
    let revoke = format!("licenses/{id}/revoke");
    instance
        .api
        .admin(Method::POST, &revoke, &json!({}))
        .await
        .ok();
    link(&key, &exact).await.is_error(403, "token-revoked");
}

async fn what_is_not_there(instance: &Instance) {
    for path in [
        "/updates/tauri/feed-nobody/linux/x86_64/1.0.0",
        "/updates/tauri/feed-nobody/latest.json",
        "/updates/sparkle/feed-nobody/appcast.xml",
        "/updates/electron/feed-nobody/latest.yml",
        "/updates/electron/feed-nobody/a.exe",
        "/updates/electron/feed-nobody/1.0.0/a.exe",
        "/updates",
        "/updates/velopack/x",
        "/v1/downloads",
    ] {
        instance.api.get(path).await.is_error(404, "not_found");
    }
    let wrong = instance
        .api
        .post("/updates/sparkle/x/appcast.xml", &json!({}))
        .await;
    wrong.is_error(405, "method_not_allowed");
}

async fn download_ids(instance: &Instance) {
    product(instance, "download-ids", 0).await;
    let license = issue(instance, "download-ids", json!({})).await;
    let path = format!("licenses/{}/download-id", text(&license, "license_id"));
    let replaced = instance
        .api
        .admin(Method::POST, &path, &json!({}))
        .await
        .ok();
    let id = text(&replaced, "download_id");
    assert_eq!(id.len(), 32);
    assert_ne!(replaced["download_id"], license["download_id"]);
    let shown = format!("licenses/{}", text(&license, "license_id"));
    let shown = instance
        .api
        .admin(Method::GET, &shown, &json!({}))
        .await
        .ok();
    assert_eq!(shown["download_id"], replaced["download_id"]);
    let unknown = format!("licenses/{NOBODY}/download-id");
    let unknown = instance.api.admin(Method::POST, &unknown, &json!({})).await;
    unknown.is_error(404, "not_found");
}
