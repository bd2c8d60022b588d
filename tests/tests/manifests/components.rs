//! What the compiled Spin components import: the list of all they could ever
//! do.

use super::{functions, root};
use keywright_ports::function::{Access, OutboundAccess};
use keywright_spin_host::SpinApp;

/// Interfaces that give nothing away: types, time, randomness, the log, and
/// the component's own variables.
const HARMLESS: &[&str] = &[
    "spin:variables/variables@3.0.0",
    "wasi:cli/environment@",
    "wasi:cli/exit@",
    "wasi:cli/stderr@",
    "wasi:cli/stdin@",
    "wasi:cli/stdout@",
    "wasi:cli/types@",
    "wasi:clocks/",
    "wasi:http/types@",
    "wasi:io/",
    "wasi:random/random@",
];

#[test]
fn components_import_only_what_their_functions_are_granted() {
    let app = SpinApp::from_manifest(root().join("spin.toml")).expect("the manifest");
    for (name, function) in functions() {
        let grants = function.grants;
        let imports = app.imports(name).unwrap_or_else(|error| panic!("{error}"));
        let has = |interface: &str| imports.iter().any(|import| import.starts_with(interface));
        let database = grants.database != Access::None;
        assert_eq!(has("spin:sqlite/"), database, "{name}: {imports:?}");
        let files = grants.releases == Access::Read || grants.pages;
        assert_eq!(has("wasi:filesystem/"), files, "{name}: {imports:?}");
        let calls = grants.sign || grants.outbound != OutboundAccess::None;
        assert_eq!(has("wasi:http/client@"), calls, "{name}: {imports:?}");
        let known = ["spin:sqlite/", "wasi:filesystem/", "wasi:http/client@"];
        let unknown: Vec<&String> = imports
            .iter()
            .filter(|import| {
                !known
                    .iter()
                    .chain(HARMLESS)
                    .any(|known| import.starts_with(known))
            })
            .collect();
        assert!(unknown.is_empty(), "{name} imports {unknown:?}");
    }
}
