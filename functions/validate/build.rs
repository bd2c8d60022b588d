//! Takes the white space out of the OpenAPI document, which is checked in as
//! people read it and served as programs do. No text of a JSON document holds a
//! line break, so every line's indentation can go.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let document = "../../docs/openapi.json";
    println!("cargo::rerun-if-changed={document}");
    let text = fs::read_to_string(document)?;
    let small: String = text.lines().map(str::trim_start).collect();
    let folder = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    fs::write(Path::new(&folder).join("openapi.json"), small)
}
