//! The huge file: downloads that take a while.

use super::cases;
use crate::hosts::Instance;
use crate::hosts::releases::{HUGE, HUGE_BYTES, MANY, MANY_VERSIONS, PLATFORM, huge_digest};
use sha2::{Digest, Sha256};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

// Memory is that of this process, where nothing else may run meanwhile.
cases![
    curl_goes_on,
    many_versions,
    slow_downloads_take_little_memory alone,
];

/// They measure the server, which therefore has to run here.
pub(super) const IN_THIS_PROCESS: &[&str] = &["slow_downloads_take_little_memory"];

const STEP: Duration = Duration::from_millis(20);
const STEPS: usize = 3_000;

/// Ended when the case fails.
struct Curl(Child);

impl Drop for Curl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn curl(arguments: &[&str], file: &Path, url: &str) -> Curl {
    let curl = Command::new("curl")
        .args(["--fail", "--silent", "--show-error", "--noproxy", "*"])
        .args(arguments)
        .arg("--output")
        .arg(file)
        .arg(url)
        .stdin(Stdio::null())
        .spawn();
    Curl(curl.expect("curl, which dev/setup.sh --for-tests installs"))
}

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// Cut off twice, somewhere, and resumed with what is there.
async fn curl_goes_on(instance: &Instance) {
    let url = format!("{}/releases/{HUGE}", instance.api.base_url());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("huge");
    for least in [30_000_000, 90_000_000] {
        // Slow enough to be caught in the middle of it.
        let running = curl(&["--continue-at", "-", "--limit-rate", "100M"], &file, &url);
        for _ in 0..STEPS {
            if size(&file) > least {
                break;
            }
            tokio::time::sleep(STEP).await;
        }
        drop(running);
        let reached = size(&file);
        assert!(reached > least && reached < HUGE_BYTES as u64, "{reached}");
    }
    let mut last = curl(&["--continue-at", "-"], &file, &url);
    let ended = last.0.wait().expect("curl ends");
    assert!(ended.success(), "{ended}");
    assert_eq!(size(&file), HUGE_BYTES as u64);
    assert_eq!(digest_of(&file), huge_digest());
}

/// R2 lists 1,000 names at a time.
async fn many_versions(instance: &Instance) {
    let listed = instance.api.get(&format!("/releases/{MANY}/")).await.ok();
    let versions = listed["versions"].as_array().expect("versions");
    assert_eq!(versions.len(), MANY_VERSIONS, "{listed}");
    let newest = format!("{MANY_VERSIONS}.0.0");
    let latest = format!("/releases/{MANY}/latest/{PLATFORM}");
    let latest = instance.api.get(&latest).await;
    assert_eq!(latest.status, 307, "{}", latest.text());
    let location = latest.header("location");
    assert!(location.contains(&newest), "{location}");
}

fn digest_of(file: &Path) -> [u8; 32] {
    let mut file = std::fs::File::open(file).expect("the file");
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece).expect("its bytes");
        if read == 0 {
            return digest.finalize().into();
        }
        digest.update(&piece[..read]);
    }
}

/// Sixteen at once, half of them cut short of the file's end, each read in
/// fits and starts: together far below the size of one file.
async fn slow_downloads_take_little_memory(instance: &Instance) {
    const DOWNLOADS: usize = 16;
    let url = format!("{}/releases/{HUGE}", instance.api.base_url());
    let client = reqwest::Client::new();
    // What the first request brings with it does not count.
    let warm = client.get(&url).header("range", "bytes=1-100000");
    warm.send()
        .await
        .expect("an answer")
        .bytes()
        .await
        .expect("bytes");
    let before = resident();
    let mut answers = Vec::new();
    for n in 0..DOWNLOADS {
        let last = HUGE_BYTES - 1 - n % 2;
        let request = client.get(&url).header("range", format!("bytes=0-{last}"));
        answers.push((request.send().await.expect("an answer"), last + 1, 0));
    }
    let mut most = before;
    for step in [1, 500_000, 20_000_000, 30_000_000] {
        for (answer, _, received) in &mut answers {
            let wanted = *received + step;
            while *received < wanted {
                let chunk = answer.chunk().await.expect("bytes").expect("more of them");
                *received += chunk.len();
            }
        }
        // Whoever wants to read ahead may do so now.
        tokio::time::sleep(Duration::from_millis(700)).await;
        most = most.max(resident());
    }
    // Two go on to their ends, one of each kind; the others are given up.
    answers.truncate(2);
    for (answer, length, received) in &mut answers {
        while let Some(chunk) = answer.chunk().await.expect("it is not cut short") {
            *received += chunk.len();
        }
        assert_eq!(received, length);
    }
    most = most.max(resident());
    // Client and server together, with what the allocator keeps for later.
    let each = (most - before) / DOWNLOADS as u64;
    assert!(each < 16 * 1024 * 1024, "{each} bytes for each download");
}

/// Bytes of memory this process has (proc(5)).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    number.expect("VmRSS") * 1024
}
