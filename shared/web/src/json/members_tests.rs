use super::*;
use serde_json::Value;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Percent,
    FixedSats,
    SetPrice,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    file_name: String,
    size_bytes: u64,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Product {
    slug: String,
    price_value: Option<i64>,
    #[serde(alias = "override")]
    price_sats: Option<i64>,
    percent: Option<u8>,
    active: Option<bool>,
    kind: Option<Kind>,
    metadata: Option<Value>,
    entitlements: Vec<String>,
    files: Vec<File>,
}

fn read(body: &str) -> Result<Product, String> {
    let node = Node::parse(body.as_bytes()).map_err(|error| error.message().to_owned())?;
    Product::deserialize(node).map_err(|error| error.to_string())
}

#[test]
fn a_member_that_does_not_fit_is_named_with_what_it_must_be() {
    for (body, message) in [
        (
            r#"{"price_value":4.99}"#,
            "price_value must be a whole number of cents, or of sats",
        ),
        (
            r#"{"price_value":"499"}"#,
            "price_value must be a whole number of cents, or of sats",
        ),
        (
            r#"{"price_sats":1e3}"#,
            "price_sats must be a whole number of sats",
        ),
        (
            r#"{"price_sats":18446744073709551615}"#,
            "price_sats must not be so large a number",
        ),
        (r#"{"percent":300}"#, "percent must be from 0 to 255"),
        (r#"{"slug":null}"#, "slug must be text"),
        (r#"{"slug":7}"#, "slug must be text"),
        (r#"{"slug":"\u0000"}"#, "slug must not contain U+0000"),
        (
            r#"{"entitlements":["a","\u0000"]}"#,
            "entitlements[1] must not contain U+0000",
        ),
        (
            r#"{"metadata":{"a":[{"\u0000":1}]}}"#,
            "metadata.a[0].\"\\0\" must not contain U+0000",
        ),
        (
            r#"{"metadata":["\u0000"]}"#,
            "metadata[0] must not contain U+0000",
        ),
        (r#"{"active":"yes"}"#, "active must be true or false"),
        (
            r#"{"kind":"free"}"#,
            "kind must be percent, fixed_sats or set_price",
        ),
        (
            r#"{"kind":{"percent":1}}"#,
            "kind must be percent, fixed_sats or set_price",
        ),
        (r#"{"entitlements":"pro"}"#, "entitlements must be a list"),
        (
            r#"{"entitlements":["a",["b"]]}"#,
            "entitlements[1] must be text",
        ),
        (r#"{"files":[[]]}"#, "files[0] must be a JSON object"),
        (
            r#"{"files":[{"size_bytes":1}]}"#,
            "files[0].file_name is missing",
        ),
        (
            r#"{"files":[{"file_name":"a","size_bytes":-1}]}"#,
            "files[0].size_bytes must not be negative",
        ),
        ("[]", "the body must be a JSON object"),
        (r#""x""#, "the body must be a JSON object"),
        (
            r#"{"price_sats":1,"override":2}"#,
            "price_sats must be sent once at most",
        ),
    ] {
        assert_eq!(read(body), Err(message.to_owned()), "{body}");
    }
}

#[test]
fn a_member_that_is_not_known_is_named_with_the_nearest_one() {
    for (body, message) in [
        (
            r#"{"slgu":"x"}"#,
            "unknown member \"slgu\"; did you mean slug?",
        ),
        (
            r#"{"files":[{"file_name":"a","size":1}]}"#,
            "unknown member \"files[0].size\"; did you mean size_bytes?",
        ),
        (
            r#"{"files":[{"q":1}]}"#,
            "unknown member \"files[0].q\"; known are file_name and size_bytes",
        ),
        (r#"{"a b":1}"#, "unknown member \"a b\"; known are "),
    ] {
        let refused = read(body).expect_err(body);
        assert!(refused.starts_with(message), "{refused}");
    }
}

#[test]
fn what_fits_is_read_as_it_is() {
    let body = r#"{"metadata":{"any":{"thing":[1,1.5,null,"x"]}},"price_sats":-1,
                       "kind":"set_price","percent":null,"files":[]}"#;
    let product = Product {
        price_sats: Some(-1),
        kind: Some(Kind::SetPrice),
        metadata: Some(serde_json::json!({ "any": { "thing": [1, 1.5, null, "x"] } })),
        ..Product::default()
    };
    assert_eq!(read(body), Ok(product));
}

#[test]
fn text_with_a_parser_of_its_own_may_have_any_character() {
    let read = |body: &str| {
        let node = Node::parse(body.as_bytes()).expect("JSON");
        AnyText::deserialize(node).map_err(|error| error.to_string())
    };
    assert_eq!(read(r#""a\u0000""#), Ok(AnyText("a\0".to_owned())));
    assert_eq!(read("7"), Err("the body must be text".to_owned()));
}
