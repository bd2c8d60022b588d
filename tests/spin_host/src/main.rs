//! `spin-test-host`: serves a Spin application until it is killed.

use keywright_spin_host::SpinApp;
use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "\
usage: spin-test-host --manifest FILE [--listen PORT] [--state-dir FOLDER]
                      [--variable NAME=VALUE]... [--reuse TOTAL,CONCURRENT]

Serves the application of a spin.toml on 127.0.0.1 (port 0, the default: any
free one), prints its address on standard output, and its log on standard error.
A variable also takes its value from SPIN_VARIABLE_NAME, as under Spin, where
other users of the machine cannot read it.
";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nothing is left to tell it to if standard error is gone.
            let _ = writeln!(std::io::stderr(), "spin-test-host: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<(), String> {
    let app = describe(arguments)?.show_logs();
    let running = app.start().await.map_err(|error| error.to_string())?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", running.base_url())
        .and_then(|()| stdout.flush())
        .map_err(|error| error.to_string())?;
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| error.to_string())?;
    running.stop().await;
    Ok(())
}

/// Turns the command line into an application.
fn describe(arguments: &[String]) -> Result<SpinApp, String> {
    let usage = |what: String| format!("{what}\n\n{USAGE}");
    let mut manifest = None;
    let mut settings = Vec::new();
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let Some(value) = rest.next() else {
            return Err(usage(format!("`{flag}` needs a value")));
        };
        match flag.as_str() {
            "--manifest" => manifest = Some(value),
            "--listen" | "--state-dir" | "--variable" | "--reuse" => {
                settings.push((flag.as_str(), value.as_str()));
            }
            _ => return Err(usage(format!("there is no `{flag}`"))),
        }
    }
    let manifest = manifest.ok_or_else(|| usage("`--manifest` is missing".to_owned()))?;
    let mut app = SpinApp::from_manifest(manifest).map_err(|error| error.to_string())?;
    let names: Vec<String> = app.variables().map(str::to_owned).collect();
    for name in names {
        if let Ok(value) = std::env::var(format!("SPIN_VARIABLE_{}", name.to_uppercase())) {
            app = app.variable(name, value);
        }
    }
    for (flag, value) in settings {
        let wrong = || usage(format!("`{flag} {value}` is malformed"));
        app = match flag {
            "--listen" => app.listen(value.parse().map_err(|_| wrong())?),
            "--state-dir" => app.state_dir(value),
            "--variable" => {
                let (name, value) = value.split_once('=').ok_or_else(wrong)?;
                app.variable(name, value)
            }
            _ => {
                let (total, concurrent) = value.split_once(',').ok_or_else(wrong)?;
                app.reuse(
                    total.parse().map_err(|_| wrong())?,
                    concurrent.parse().map_err(|_| wrong())?,
                )
            }
        };
    }
    Ok(app)
}

#[cfg(test)]
mod tests {
    use super::describe;

    fn error(arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        describe(&arguments).unwrap_err()
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(error(&[]).contains("`--manifest` is missing"));
        assert!(error(&["--manifest"]).contains("needs a value"));
        assert!(error(&["--port", "1"]).contains("no `--port`"));
        assert!(error(&["--manifest", "/nonexistent"]).contains("cannot be read"));
    }

    #[test]
    fn values_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("spin.toml");
        std::fs::write(
            &manifest,
            "spin_manifest_version = 2\n[application]\nname = \"x\"\n",
        )
        .unwrap();
        let manifest = manifest.to_string_lossy().into_owned();
        for (flag, value) in [("--listen", "x"), ("--variable", "a"), ("--reuse", "1")] {
            assert!(
                error(&["--manifest", &manifest, flag, value]).contains("malformed"),
                "{flag}"
            );
        }
        let right = [
            "--manifest",
            &manifest,
            "--listen",
            "1",
            "--variable",
            "a=b=c",
            "--reuse",
            "1,1",
        ];
        assert!(describe(&right.map(str::to_owned)).is_ok());
    }
}
