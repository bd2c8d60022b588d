use super::{Manifest, Target};
use std::path::Path;

/// A manifest that is right, with `extra` at its end.
fn manifest(extra: &str) -> String {
    format!(
        r#"
spin_manifest_version = 2

[application]
name = "shop"
version = "1.0.0"
authors = ["a@example.com"]

[variables]
token = {{ required = true, secret = true }}
url = {{ default = "" }}

[[trigger.http]]
route = "/v1/..."
component = "validate"

[[trigger.http]]
route = {{ private = true }}
component = "sign"

[[trigger.http]]
route = "/robots.txt"
static_response = {{ status_code = 200, headers = {{ content-type = "text/plain" }}, body = "x" }}

[component.validate]
source = "target/validate.wasm"
allowed_outbound_hosts = ["http://sign.spin.internal", "{{{{ url }}}}"]
sqlite_databases = ["default"]
files = [{{ source = "releases", destination = "/releases" }}]
[component.validate.variables]
token = "{{{{ token }}}}"
[component.validate.build]
command = "make"
watch = ["src/**/*.rs"]

[component.sign]
source = "target/sign.wasm"
{extra}
"#
    )
}

fn parse(text: &str) -> Result<Manifest, String> {
    Manifest::parse(Path::new("app/spin.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn a_manifest_is_read() {
    let manifest = parse(&manifest("")).unwrap();
    assert_eq!(manifest.folder(), Path::new("app"));
    assert_eq!(
        manifest.components.keys().collect::<Vec<_>>(),
        ["sign", "validate"]
    );
    let routes: Vec<_> = manifest
        .triggers
        .iter()
        .map(|trigger| trigger.route.as_deref())
        .collect();
    assert_eq!(routes, [Some("/v1/..."), None, Some("/robots.txt")]);
    assert!(matches!(&manifest.triggers[2].target, Target::Static(fixed) if fixed.body == "x"));
    assert!(manifest.is_triggered("sign"));
    assert!(manifest.variables["token"].required);
    let validate = &manifest.components["validate"];
    assert_eq!(validate.variables["token"], "{{ token }}");
    assert_eq!(validate.sqlite_databases, ["default"]);
    assert_eq!(validate.files[0].destination, "/releases");
}

#[test]
fn mistakes_are_refused() {
    for (extra, message) in [
        (
            "alowed_outbound_hosts = []",
            "unknown field `alowed_outbound_hosts`",
        ),
        (
            "key_value_stores = [\"default\"]",
            "unknown field `key_value_stores`",
        ),
        ("sqlite_databases = [\"analytics\"]", "database `analytics`"),
        (
            "files = [{ source = \"a\", destination = \"b\" }]",
            "must be an absolute path",
        ),
        ("files = [\"assets/*\"]", "invalid type"),
        ("exclude_files = [\"a\"]", "unknown field `exclude_files`"),
        (
            "[component.sign.variables]\nTOKEN = \"x\"",
            "variable `TOKEN`",
        ),
        ("[component.sign.variables]\nport = 1", "invalid type"),
        ("[component.a_b]\nsource = \"x\"", "component `a_b`"),
        ("[component.other]", "missing field `source`"),
        (
            "[components.other]\nsource = \"x\"",
            "unknown field `components`",
        ),
        (
            "[[trigger.cron]]\ncomponent = \"sign\"",
            "trigger type `cron` comes from a plugin",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"",
            "needs either `component` or `static_response`",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"sign\"\nstatic_response = {}",
            "needs either `component` or `static_response`",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"sing\"",
            "`sing`, which is missing",
        ),
        (
            "[[trigger.http]]\nroute = \"x\"\ncomponent = \"sign\"",
            "must start with `/`",
        ),
        (
            "[[trigger.http]]\nroute = \"/v1/...\"\ncomponent = \"sign\"",
            "used twice",
        ),
        (
            "[[trigger.http]]\nroute = \"/.well-known/spin/x\"\ncomponent = \"sign\"",
            "Spin answers",
        ),
        (
            "[[trigger.http]]\nroute = { private = false }\ncomponent = \"sign\"",
            "private = true",
        ),
        (
            "[[trigger.http]]\nroute = { private = true }\nstatic_response = {}",
            "needs a component",
        ),
        (
            "[application.trigger.http]\nbase = \"/\"",
            "`base` for http is deprecated",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\nstatic_response = { staus_code = 200 }",
            "unknown field `staus_code`",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\nstatic_response = { status_code = 1000 }",
            "1000 is not a status",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\nstatic_response = { headers = { \"a b\" = \"\" } }",
            "`a b` is not a header",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"sign\"\nmethod = \"GET\"",
            "unknown field",
        ),
    ] {
        let error = parse(&manifest(extra)).unwrap_err();
        assert!(error.contains(message), "{extra}: {error}");
        assert!(error.starts_with("app/spin.toml: "), "{error}");
    }
}

#[test]
fn variables_have_a_default_or_are_required() {
    for (declaration, right) in [
        ("{ required = true }", true),
        ("{ default = \"x\" }", true),
        (
            "{ default = \"x\", secret = true, description = \"d\" }",
            true,
        ),
        ("{ required = true, default = \"x\" }", false),
        ("{ secret = true }", false),
        ("{ default = 1 }", false),
        ("{ default = \"x\", sercet = true }", false),
        ("\"x\"", false),
    ] {
        let text =
            manifest("").replace("url = { default = \"\" }", &format!("url = {declaration}"));
        assert_eq!(parse(&text).is_ok(), right, "{declaration}");
    }
}

#[test]
fn other_versions_are_refused() {
    let text = manifest("").replace("spin_manifest_version = 2", "spin_manifest_version = 3");
    assert!(parse(&text).unwrap_err().contains("must be 2"));
    assert!(parse("").is_err());
    assert!(Manifest::read(Path::new("/nonexistent/spin.toml")).is_err());
}
