//! `docs/compatibility.md` is made from the tests: each test that runs a program of other
//! people says so in a line `// compatibility: group | program | version | run by | what`,
//! and the version is the one that set-up installs.

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::{Path, PathBuf};

    const INTRODUCTION: &str = "\
# Compatibility

Programs of other people that the tests run against Keywright, unchanged. Each of these
tests must pass before a change is accepted. A version is the one that was tested; where
none is named, the tests run what the machine has (Debian 12 or later).

This page is generated from the tests: `KEYWRIGHT_WRITE_COMPATIBILITY=1 cargo test -p
keywright-tests --test compatibility`.
";

    const LIMITS: &str = "
## Known limits

- Clients that drop `Authorization` when they follow a redirect (PowerShell, .NET, Ansible)
  need `?direct=1` on `latest`: see [releases.md](releases.md).
- A Mac's own `openssl` is LibreSSL, which cannot verify Ed25519 signatures of files. The
  install script uses minisign or Homebrew's OpenSSL, or says what to install.
- Go has no type for a choice between objects, so the OpenAPI document describes none.
- openapi-generator's typescript-fetch writes an `EventsApi.ts` for the webhooks section
  that it neither exports nor imports types into. If you compile every file of the client,
  name it in `.openapi-generator-ignore`.
";

    /// The groups, in the order of the page.
    const GROUPS: [&str; 7] = [
        "SDKs and examples",
        "Updaters",
        "Downloads and installers",
        "Clients made from the OpenAPI document",
        "Readers of the OpenAPI document",
        "Hosts and front servers",
        "Browsers, chains and wallets",
    ];

    struct Row {
        group: String,
        program: String,
        version: String,
        run_by: String,
        what: String,
        file: String,
    }

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn read(path: &str) -> String {
        std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn sources(folder: &str, found: &mut Vec<String>) {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder of tests");
        for entry in entries.flatten() {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                sources(&name, found);
            } else if Path::new(&name)
                .extension()
                .is_some_and(|kind| kind == "rs")
            {
                found.push(name);
            }
        }
    }

    fn rows() -> Vec<Row> {
        let mut files = Vec::new();
        for folder in ["tests/tests", "tests/src", "cli/tests"] {
            sources(folder, &mut files);
        }
        files.sort();
        let mut rows = Vec::new();
        for file in files {
            let text = read(&file);
            let lines = text
                .lines()
                .filter_map(|line| line.strip_prefix("// compatibility: "));
            for line in lines {
                let fields: Vec<&str> = line.split('|').map(str::trim).collect();
                let [group, program, version, run_by, what] = fields[..] else {
                    panic!("{file}: {line}: five fields are needed");
                };
                assert!(GROUPS.contains(&group), "{file}: {group} is no group");
                rows.push(Row {
                    group: group.to_owned(),
                    program: program.to_owned(),
                    version: version_of(version),
                    run_by: run_by.to_owned(),
                    what: what.to_owned(),
                    file: file.clone(),
                });
            }
        }
        rows
    }

    /// `npm:NAME`, `pip:NAME`, `cargo:NAME` or `tauri:NAME` (its own lock file): the version
    /// that is locked. `-`: the machine's own.
    fn version_of(source: &str) -> String {
        let Some((registry, name)) = source.split_once(':') else {
            return String::new();
        };
        let (file, before) = match registry {
            "npm" => ("package.json", format!("\"{name}\": \"")),
            "pip" => ("dev/requirements.txt", format!("\n{name}==")),
            "cargo" => ("Cargo.lock", format!("name = \"{name}\"\nversion = \"")),
            "tauri" => (
                "tests/tauri/Cargo.lock",
                format!("name = \"{name}\"\nversion = \""),
            ),
            _ => panic!("{source}: no such registry"),
        };
        let text = read(file);
        let found = text.split_once(&before).map(|(_, rest)| rest);
        let version = found.and_then(|rest| rest.split(['"', '\n', ' ']).next());
        version
            .unwrap_or_else(|| panic!("{file} does not have {name}"))
            .to_owned()
    }

    fn page() -> String {
        let rows = rows();
        let mut page = INTRODUCTION.to_owned();
        for group in GROUPS {
            let heading =
                "\n| program | version | what is run | result | test |\n|---|---|---|---|---|\n";
            let _ = write!(page, "\n## {group}\n{heading}");
            let of_group: Vec<&Row> = rows.iter().filter(|row| row.group == group).collect();
            assert!(!of_group.is_empty(), "{group} is empty");
            for Row {
                program,
                version,
                what,
                run_by,
                file,
                ..
            } in of_group
            {
                let name = file.trim_start_matches("tests/tests/");
                let _ = writeln!(
                    page,
                    "| {program} | {version} | {what} | passes in {run_by} | [{name}](../{file}) |"
                );
            }
        }
        page + LIMITS
    }

    #[test]
    fn the_page_is_the_one_that_the_tests_make() {
        let path = root().join("docs/compatibility.md");
        let page = page();
        if std::env::var_os("KEYWRIGHT_WRITE_COMPATIBILITY").is_some() {
            std::fs::write(&path, &page).expect("the page");
        }
        assert!(
            read("docs/compatibility.md") == page,
            "docs/compatibility.md is not what the tests make; run this test with KEYWRIGHT_WRITE_COMPATIBILITY=1"
        );
    }
}
