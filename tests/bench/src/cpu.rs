//! The processor time that a server has used, with all the processes it started.

use crate::Error;
use std::collections::HashMap;
use std::time::Duration;

/// What `/proc/<pid>/stat` says of one process (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time in clock ticks, ended threads included.
    ticks: u64,
}

/// The time that the process and all below it have used so far.
///
/// # Errors
/// [`Error`] when the process is gone.
pub fn time_of(root: u32) -> Result<Duration, Error> {
    let ticks: u64 = family(root)?.iter().map(|(_, stat)| stat.ticks).sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_nanos(ticks * (1_000_000_000 / per_second)))
}

/// The memory, in bytes, that the process and all below it have now, without
/// what is only a file's content (proc(5), `RssAnon`).
///
/// # Errors
/// [`Error`] when the process is gone.
pub fn memory_of(root: u32) -> Result<u64, Error> {
    let family = family(root)?;
    let of = |pid: u32| {
        // One that ended in between has none.
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        anonymous(&text).unwrap_or(0)
    };
    Ok(family.iter().map(|(pid, _)| of(*pid)).sum())
}

fn anonymous(status: &str) -> Option<u64> {
    const KIBI: u64 = 1024;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let number = line.trim().strip_suffix("kB")?.trim().parse::<u64>();
    Some(number.ok()? * KIBI)
}

/// The process and all below it.
fn family(root: u32) -> Result<Vec<(u32, Stat)>, Error> {
    let failed = |error| Error::new("reading /proc", error);
    let mut all = HashMap::new();
    for entry in std::fs::read_dir("/proc").map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // One that ended in between has nothing to say.
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some(stat) = parse(&text) {
            all.insert(pid, stat);
        }
    }
    if !all.contains_key(&root) {
        return Err(Error::say(format!("process {root} has ended")));
    }
    let below: Vec<u32> = all
        .keys()
        .copied()
        .filter(|pid| is_below(&all, *pid, root))
        .collect();
    Ok(below
        .into_iter()
        .filter_map(|pid| Some((pid, all.remove(&pid)?)))
        .collect())
}

fn is_below(all: &HashMap<u32, Stat>, mut pid: u32, root: u32) -> bool {
    // As many steps as there are processes: a chain cannot be longer.
    for _ in 0..all.len() {
        if pid == root {
            return true;
        }
        match all.get(&pid) {
            Some(stat) => pid = stat.parent,
            None => return false,
        }
    }
    false
}

/// The name in parentheses may hold anything, also spaces and parentheses.
fn parse(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // State is field 3 of the line, so that field n is fields[n - 3].
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(4)?).ok()?,
        ticks: number(14)? + number(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_an_odd_name_is_read() {
        let line = "42 (a) b (c) S 7 1 1 0 -1 4194304 9 0 0 0 30 12 5 5 20 0 1 0 100 0 0";
        let stat = Stat {
            parent: 7,
            ticks: 42,
        };
        assert_eq!(parse(line), Some(stat));
        assert_eq!(parse("42 (cut off"), None);
    }

    #[test]
    fn children_count_and_strangers_do_not() {
        let stat = |parent| Stat { parent, ticks: 1 };
        let all = HashMap::from([(1, stat(0)), (5, stat(1)), (6, stat(5)), (7, stat(1))]);
        assert!(is_below(&all, 6, 5) && is_below(&all, 5, 5));
        assert!(!is_below(&all, 7, 5) && !is_below(&all, 1, 5));
    }

    #[test]
    fn memory_that_is_used_counts() {
        assert_eq!(
            anonymous("VmRSS:\t9 kB\nRssAnon:\t  12 kB\n"),
            Some(12 * 1024)
        );
        let before = memory_of(std::process::id()).unwrap();
        let used = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = memory_of(std::process::id()).unwrap();
        assert!(
            after > before + (32 << 20),
            "{before} {after} {}",
            used.len()
        );
    }

    #[test]
    fn work_takes_time() {
        let own = std::process::id();
        let before = time_of(own).unwrap();
        let mut sum = 0_u64;
        while time_of(own).unwrap() < before + Duration::from_millis(30) {
            sum = (0..100_000_u64).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert_ne!(sum, 1);
        time_of(u32::MAX).unwrap_err();
    }
}
