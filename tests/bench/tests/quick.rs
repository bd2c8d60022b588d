//! The harness works from end to end: it fills a database, starts the native
//! server, puts load on it and prints figures. And a wrong answer ends a run.

use keywright_bench::load::{Load, Target, measure};
use keywright_bench::requests::{Kind, Workload};
use keywright_bench::seed::Seed;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

#[test]
fn a_quick_run_prints_figures_of_every_kind() {
    let run = Command::new(env!("CARGO_BIN_EXE_keywright-bench"))
        .args(["run", "--quick", "--cold-starts=1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    for kind in Kind::ALL {
        assert!(text.contains(&format!("\n{}\n", kind.name())), "{text}");
    }
    let rates: Vec<f64> = text
        .lines()
        .filter(|line| line.contains("| native") && line.matches('|').count() > 10)
        .map(|line| line.split('|').nth(3).unwrap().trim().parse().unwrap())
        .collect();
    assert_eq!(rates.len(), Kind::ALL.len() * 2, "{text}");
    assert!(rates.iter().all(|rate| *rate > 0.0), "{text}");
    assert!(text.contains("after 2 s of silence"), "{text}");
    assert!(
        said.contains("round 2/2, validate at 4, native: "),
        "{said}"
    );
}

#[test]
fn a_quick_run_of_downloads_compares_with_nginx() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_keywright-bench"));
    bench.args(["gate", "--quick"]);
    if let Some(nginx) = std::env::var_os("KEYWRIGHT_TEST_NGINX") {
        bench.env("KEYWRIGHT_NGINX", nginx);
    }
    let run = bench.output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    for server in ["nginx secure_link", "native", "native behind nginx"] {
        let rates: Vec<f64> = text
            .lines()
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .filter(|cells| cells.get(3) == Some(&server))
            .map(|cells| cells[5].parse().unwrap())
            .collect();
        assert_eq!(rates.len(), 2, "{server}: {text}");
        assert!(rates.iter().all(|rate| *rate > 0.0), "{server}: {text}");
    }
}

#[test]
fn one_wrong_answer_ends_the_run() {
    let seed = Seed::new(1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let run = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            address: listener.local_addr().unwrap(),
            pid: std::process::id(),
        };
        // Ninety-nine good answers, then the one of a server that gave up.
        let good = format!("{{\"ok\":true,\"license_id\":\"{}\"}}", seed.licenses[0].id);
        let mut answers = vec![good; 99];
        answers.push("{\"ok\":false,\"reason\":\"rate_limited\"}".to_owned());
        spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            for body in answers {
                let read = stream.read(&mut request).await.unwrap();
                assert_ne!(read, 0, "it goes on asking");
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let workload = Rc::new(Workload::new(Kind::Validate, &seed));
        let load = Load {
            concurrency: 1,
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(20),
        };
        measure(target, &workload, load).await
    };
    let ended = LocalSet::new().block_on(&runtime, run);
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("rate_limited"), "{error}");
}
