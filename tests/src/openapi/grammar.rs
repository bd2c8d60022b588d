//! Grammars of texts that mean the same wherever a request has them, by the name of the
//! member or parameter. An endpoint that describes its own keeps it.

use keywright_domain::access::Scope;
use serde_json::{Map, Value, json};

const SLUG: &str = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$";
const SLUG_OR_NOTHING: &str = "^([a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?)?$";
/// A version or platform in the path of a release.
const NAME: &str = "^[A-Za-z0-9](\\.?[A-Za-z0-9_+-]){0,40}$";
const VERSION: &str = "^(0|[1-9][0-9]{0,8})(\\.(0|[1-9][0-9]{0,8})){0,3}\
                       (-[A-Za-z][0-9A-Za-z]{0,9}(\\.(0|[1-9][0-9]{0,8}|[A-Za-z][0-9A-Za-z]{0,9})){0,2})?\
                       (\\+[0-9A-Za-z]{1,9}(\\.[0-9A-Za-z]{1,9}){0,2})?$";
const CHANNEL: &str = "^(stable|rc|beta|alpha|dev)$";
const ENTITLEMENT: &str = "^[!-~]{1,255}$";
const TIME: &str = "^[2-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
                    T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?\
                    (Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";
/// A time of something that has happened: before 2100.
const PAST: &str = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
                    T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?\
                    (Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";
const DAY: &str = "^[2-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";
const RELEASE_KEY: &str = "^RW[A-Za-z0-9+/]{54}$";
const TRANSACTION: &str = "^0x[0-9a-fA-F]{64}$";
const WALLET: &str = "^0x[0-9a-fA-F]{40}$";
/// Any text with something to read in it.
const SOME_TEXT: &str = "[A-Za-z0-9]";

/// Parameters by place and name.
const PARAMETERS: [(&str, &str, &str); 18] = [
    ("path", "product", SLUG),
    ("path", "slug", SLUG),
    ("path", "version", NAME),
    ("path", "platform", NAME),
    ("path", "rail", "^(lightning|onchain|card)$"),
    ("path", "tx_hash", TRANSACTION),
    ("path", "target", "^(linux|windows|darwin)$"),
    ("path", "arch", "^(x86_64|aarch64|i686|armv7|riscv64)$"),
    ("query", "arch", "^(x86_64|aarch64|arm64)$"),
    ("query", "channel", CHANNEL),
    ("query", "policy_slug", SLUG),
    ("query", "from", TIME),
    ("query", "to", TIME),
    ("query", "tx_hash", TRANSACTION),
    ("query", "wallet", WALLET),
    ("query", "version", VERSION),
    ("query", "direct", "^(0|1)$"),
    ("query", "whole", "^(0|1)$"),
];

/// Members of bodies.
const MEMBERS: [(&str, &str); 18] = [
    ("product", SLUG),
    ("policy_slug", SLUG_OR_NOTHING),
    ("channel", CHANNEL),
    ("buyer_email", "^([^@]+@[^@]+)?$"),
    ("requires_entitlement", ENTITLEMENT),
    ("expires_at", TIME),
    ("built_at", PAST),
    ("license_from", TIME),
    ("maintenance_until", DAY),
    ("release_key", RELEASE_KEY),
    ("wallet", WALLET),
    ("wallet_address", WALLET),
    ("binary_sha256", "^[0-9a-fA-F]{64}$"),
    ("pay_token", "^[A-Za-z0-9_-]{21}[AQgw]$"),
    ("nonce", SOME_TEXT),
    ("script", "^#!"),
    ("support_url", "^(https?://.+)?$"),
    ("redirect_url", "^(https?://.+)?$"),
];

/// Adds the grammar of a parameter.
pub(super) fn of_parameter(parameter: &mut Value) {
    let is = |of: &str, what: &str| parameter[of] == what;
    let mut rules = PARAMETERS.iter();
    if let Some((_, _, pattern)) =
        rules.find(|(place, name, _)| is("in", place) && is("name", name))
    {
        set(&mut parameter["schema"], pattern);
        if *pattern == VERSION {
            parameter["schema"]["maxLength"] = json!(64);
        }
    }
}

/// Adds the grammars of an object's members, and of the elements of its lists.
pub(super) fn of_members(schema: &mut Value) {
    let Some(members) = schema["properties"].as_object_mut() else {
        return;
    };
    for (name, member) in members {
        if let Some((_, pattern)) = MEMBERS.iter().find(|(known, _)| known == name) {
            set(member, pattern);
        }
        match name.as_str() {
            "entitlements" => set(&mut member["items"], ENTITLEMENT),
            "policy_slugs" => set(&mut member["items"], SLUG),
            "public_keys" => set(&mut member["items"], RELEASE_KEY),
            "scopes" => member["items"]["enum"] = extra_scopes(),
            "block" | "first_block" | "last_block" => member["maximum"] = json!(1_i64 << 40),
            _ => {}
        }
    }
}

/// Scopes that a key may have beside its role.
fn extra_scopes() -> Value {
    let extra = Scope::ALL.iter().filter(|scope| scope.is_a_la_carte());
    extra.map(|scope| scope.as_str()).collect()
}

fn set(schema: &mut Value, pattern: &str) {
    if let Value::Object(members) = schema {
        let is_text = members
            .get("type")
            .is_some_and(|of| *of == "string" || of[0] == "string");
        if is_text && !has_grammar(members) {
            members.insert("pattern".to_owned(), pattern.into());
        }
    }
}

fn has_grammar(members: &Map<String, Value>) -> bool {
    members.contains_key("pattern") || members.contains_key("enum")
}
