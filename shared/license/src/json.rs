//! Reading one JSON object into a type.

use serde::de::{DeserializeOwned, Error as _};

/// Parses `bytes` as a JSON object.
///
/// `serde_json` alone would also fill a struct from a JSON array, by position;
/// the formats of this crate are objects only.
pub(crate) fn from_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    // The four white-space characters of RFC 8259 section 2.
    let first = bytes.iter().find(|byte| !b" \t\n\r".contains(byte));
    if first == Some(&b'{') {
        serde_json::from_slice(bytes)
    } else {
        Err(serde_json::Error::custom("not a JSON object"))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[derive(Debug, serde::Deserialize)]
    struct Pair {
        left: u8,
        right: u8,
    }

    #[test]
    fn reads_an_object_and_nothing_else() {
        let pair: Pair = super::from_object(b" \r\n\t{\"left\":1,\"right\":2}\n").unwrap();
        assert_eq!((pair.left, pair.right), (1, 2));
        for other in [
            "[1,2]",
            "1",
            "\"left\"",
            "null",
            "",
            "  ",
            "\u{a0}{\"left\":1,\"right\":2}",
        ] {
            assert!(
                super::from_object::<Pair>(other.as_bytes()).is_err(),
                "{other:?}"
            );
        }
    }
}
