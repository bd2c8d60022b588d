//! Instances: used again, given up, replaced.

use crate::support::{Fixture, eventually, get};
use std::time::Duration;

#[tokio::test]
async fn an_instance_is_used_again_up_to_its_limit() {
    let fixture = Fixture::new();
    for (limit, expected) in [
        (128, vec!["1", "2", "3", "4", "5"]),
        (2, vec!["1", "2", "1", "2", "1"]),
        (1, vec!["1", "1", "1", "1", "1"]),
    ] {
        let app = fixture.app().reuse(limit, limit).start().await.unwrap();
        let mut counts = Vec::new();
        for _ in 0..expected.len() {
            counts.push(get(&app, "/count").await.1);
        }
        assert_eq!(counts, expected, "{limit}");
    }
}

#[tokio::test]
async fn an_idle_instance_is_dropped() {
    let fixture = Fixture::new();
    let app = fixture
        .app()
        .idle_timeout(Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    assert_eq!(get(&app, "/count").await.1, "1");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(get(&app, "/count").await.1, "1");
}

#[tokio::test]
async fn requests_share_an_instance_at_once_up_to_the_limit() {
    let fixture = Fixture::new();
    for (limit, most) in [(16, 2..=8), (1, 1..=1)] {
        let app = fixture.app().reuse(128, limit).start().await.unwrap();
        let requests = (0..8).map(|_| get(&app, "/wait/300"));
        let answers = futures::future::join_all(requests).await;
        let peak = answers
            .iter()
            .map(|(_, text)| text.parse::<u32>().unwrap())
            .max()
            .unwrap();
        assert!(most.contains(&peak), "{limit}: {peak}");
    }
}

#[tokio::test]
async fn a_trap_is_answered_logged_and_forgotten() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    assert_eq!(get(&app, "/count").await.1, "1");
    assert_eq!(get(&app, "/count").await.1, "2");
    assert_eq!(get(&app, "/panic/now").await, (500, String::new()));
    // The next request has a fresh instance.
    assert_eq!(get(&app, "/count").await.1, "1");
    let log = app.logs("open");
    assert!(
        log.iter().any(|line| line.contains("asked to panic: now")),
        "{log:?}"
    );
    eventually("a line in the host's log", || {
        app.host_logs()
            .iter()
            .any(|line| line.contains("component `open`"))
    })
    .await;
}

#[tokio::test]
async fn work_goes_on_after_the_answer() {
    let fixture = Fixture::new();
    let app = fixture
        .app()
        .idle_timeout(Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    assert_eq!(get(&app, "/later/400").await.0, 200);
    assert!(app.logs("open").is_empty());
    eventually("the line of the later task", || {
        app.logs("open") == ["done later"]
    })
    .await;
}

/// Why a component must not panic lightly: its neighbours fail with it.
#[tokio::test]
async fn a_trap_takes_the_other_requests_of_its_instance_along() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let waiting = get(&app, "/wait/2000");
    let trapping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        get(&app, "/panic/now").await
    };
    let (waited, trapped) = tokio::join!(waiting, trapping);
    assert_eq!(trapped, (500, String::new()));
    assert_eq!(waited, (500, String::new()));
}
