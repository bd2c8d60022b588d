//! Web sites that use a license: counted with its machines.

use crate::gatehouse::link;
use crate::links::{PACKAGE, refused, sold};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_license_counts_its_sites() {
    let (house, id, [own, _]) = sold().await;
    let ask = |domain: &str| format!("{PACKAGE}?dlid={own}&domain={domain}");
    let signed = link("demo", "1.2.0", &own, 300);
    for (domain, status) in [
        ("one.example", 200),
        ("ONE.example.", 200),
        ("one.example:8443", 200),
        ("www.one.example", 200),
        ("one.example", 200),
        ("three.example", 403),
        ("www.one.example", 200),
    ] {
        let answer = house.get(&ask(domain)).await;
        assert_eq!(answer.status, status, "{domain}: {answer:?}");
        if status == 403 {
            assert_eq!(answer.text("error"), "domain-limit");
        }
        // A link counts alike.
        let path = format!("{PACKAGE}?{signed}&domain={domain}");
        assert_eq!(house.get(&path).await.status, status, "{domain}");
    }
    // Looking takes no seat.
    house
        .bench
        .sql("DELETE FROM machines WHERE hostname = 'one.example'")
        .await;
    assert_eq!(house.head(&ask("four.example")).await.status, 200);
    assert_eq!(house.bench.number("SELECT count(*) FROM machines").await, 1);
    // Without a name no site is counted.
    assert_eq!(
        house.get(&format!("{PACKAGE}?dlid={own}")).await.status,
        200
    );
    let rows = house.bench.sql("SELECT * FROM machines").await;
    assert_eq!(rows[0]["hostname"], "www.one.example");
    assert_eq!(rows[0]["platform"], "site");
    for domain in [
        "",
        "a%20b",
        "https://a.example",
        "a.example/x",
        "a_b.example",
        "%C3%BC.example",
        "..",
        "a%00.example",
    ] {
        refused(&house, &ask(domain), 400, "bad query").await;
    }
    let lines = house.log().await;
    assert!(
        lines.contains(&format!("ok demo 1.2.0 any {id} one.example")),
        "{lines:?}"
    );
    assert!(
        lines.contains(&format!("domain-limit demo 1.2.0 any {id} three.example")),
        "{lines:?}"
    );
}

/// Sites that ask at once.
const SITES: usize = 12;

#[tokio::test]
async fn a_rush_of_sites_takes_no_more_seats_than_there_are() {
    let (house, id, [own, _]) = sold().await;
    house.bench.shop.database.gather(SITES);
    let asked = (0..SITES).map(|site| {
        let path = format!("{PACKAGE}?dlid={own}&domain=site-{site}.example");
        let house = &house;
        async move { house.get(&path).await.status }
    });
    let statuses = futures_util::future::join_all(asked).await;
    let opened = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(opened, 2, "{statuses:?}");
    assert_eq!(statuses.iter().collect::<BTreeSet<_>>().len(), 2);
    let sql = format!("SELECT count(*) FROM machines WHERE license_id = '{id}'");
    assert_eq!(house.bench.number(&sql).await, 2);
}
