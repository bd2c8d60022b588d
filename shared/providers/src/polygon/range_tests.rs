use super::*;
use proptest::prelude::*;

fn span(from: u64, to: u64) -> BlockSpan {
    BlockSpan { from, to }
}

#[test]
fn a_span_never_passes_the_last_block() {
    let start = Adaptive::default();
    assert_eq!(start.next(1, 0), None);
    assert_eq!(start.next(5, 5), Some(span(5, 5)));
    assert_eq!(start.next(5, 14), Some(span(5, 14)));
    assert_eq!(start.next(5, 100), Some(span(5, 14)));
    assert_eq!(
        start.next(u64::MAX, u64::MAX),
        Some(span(u64::MAX, u64::MAX))
    );
}

#[test]
fn refusals_halve_and_hints_and_limits_are_followed() {
    let rule = Adaptive::stored([1_000, 10_000, 0]);
    let asked = span(100, 1_099);
    for (hint, max, size) in [
        (None, None, Some(500)),
        (Some(span(100, 109)), None, Some(10)),
        (None, Some(128), Some(128)),
        (Some(span(100, 109)), Some(5), Some(5)),
        // A hint about other blocks, one that is no shorter, a limit that was kept.
        (Some(span(0, 9)), None, Some(500)),
        (Some(span(100, 1_099)), None, Some(500)),
        (Some(span(100, 5_000)), None, Some(500)),
        (None, Some(1_000), Some(500)),
        (None, Some(0), Some(500)),
    ] {
        let after = rule.refused(asked, hint, max).map(Adaptive::size);
        assert_eq!(after, size, "{hint:?} {max:?}");
    }
    let mut rule = Adaptive::default();
    let mut sizes = Vec::new();
    while let Some(next) = rule.refused(span(1, rule.size()), None, None) {
        rule = next;
        sizes.push(rule.size());
    }
    assert_eq!(sizes, [5, 2, 1]);
}

#[test]
fn growth_is_slow_and_only_after_full_spans() {
    let start = Adaptive::default();
    assert_eq!(start.succeeded(span(1, 9)), start);
    let mut rule = start;
    let mut sizes = Vec::new();
    for _ in 0..6 {
        rule = rule.succeeded(span(1, rule.size()));
        sizes.push(rule.size());
    }
    assert_eq!(sizes, [12, 15, 18, 22, 27, 33]);
}

/// How many calls and refusals an endpoint with this limit costs for so many
/// blocks.
fn read_all(limit: u64, says_so: bool, blocks: u64) -> (u64, u64) {
    let mut rule = Adaptive::default();
    let (mut from, mut calls, mut refusals) = (0, 0, 0);
    while let Some(asked) = rule.next(from, blocks - 1) {
        calls += 1;
        if asked.len() > limit {
            refusals += 1;
            let max = says_so.then_some(limit);
            rule = rule.refused(asked, None, max).expect("a smaller span");
        } else {
            from = asked.to + 1;
            rule = rule.succeeded(asked);
        }
    }
    (calls, refusals)
}

#[test]
fn a_day_costs_little_more_than_the_limit_demands() {
    const DAY: u64 = 43_200;
    for limit in [1, 5, 10, 100, 1_000, 3_500, 10_000] {
        for says_so in [true, false] {
            let (calls, refusals) = read_all(limit, says_so, DAY);
            let least = DAY.div_ceil(limit);
            // The most: to grow from ten to the limit, and the probes.
            let most = least + least / 10 + 60;
            assert!(
                calls <= most,
                "limit {limit}: {calls} calls, {least} at least"
            );
            assert!(
                refusals <= 20 + least / 100,
                "limit {limit}: {refusals} refusals"
            );
        }
    }
}

#[test]
fn nonsense_in_the_database_is_put_into_limits() {
    for stored in [
        [0, 0, 0],
        [-5, -5, -5],
        [i64::MAX, i64::MAX, i64::MAX],
        [100, 10, 3],
    ] {
        let rule = Adaptive::stored(stored);
        assert!(rule.size() >= 1 && rule.size() <= MOST, "{stored:?}");
        assert_eq!(Adaptive::stored(rule.to_store()), rule, "{stored:?}");
    }
}

proptest! {
    #[test]
    fn the_size_stays_within_its_limits(
        stored: [i64; 3],
        steps in proptest::collection::vec((any::<bool>(), any::<Option<u64>>(), any::<Option<(u64, u64)>>()), 0..60),
    ) {
        let mut rule = Adaptive::stored(stored);
        for (refused, max, hint) in steps {
            let asked = rule.next(7, 7 + rule.size() - 1).expect("a span");
            prop_assert_eq!(asked.len(), rule.size());
            let hint = hint.map(|(from, to)| span(from.min(to), from.max(to)));
            let before = rule.size();
            if refused {
                let next = rule.refused(asked, hint, max);
                prop_assert_eq!(next.is_none(), before == 1);
                if let Some(next) = next {
                    prop_assert!(next.size() < before);
                    rule = next;
                }
            } else {
                rule = rule.succeeded(asked);
                prop_assert!(rule.size() >= before);
            }
            prop_assert!((1..=MOST).contains(&rule.size()));
            prop_assert_eq!(Adaptive::stored(rule.to_store()), rule);
        }
    }
}

/// Strangers decide how many results a block holds, so nothing of it is remembered
/// for other blocks.
#[test]
fn too_many_results_lower_no_limit() {
    let wide = Adaptive::stored([1_000, 5_000, 3]);
    let asked = BlockSpan {
        from: 11,
        to: 1_010,
    };
    let half = wide.too_many(asked, None).expect("half");
    assert_eq!(half.to_store(), [500, 5_000, 3]);
    let hint = BlockSpan { from: 11, to: 20 };
    let hinted = wide.too_many(asked, Some(hint)).expect("the hint");
    assert_eq!(hinted.to_store(), [10, 5_000, 3]);
    let one = BlockSpan { from: 11, to: 11 };
    assert_eq!(wide.too_many(one, None), None);
    // From one block on, few calls lead back to many.
    let mut range = Adaptive::stored([1, 5_000, 3]);
    let (mut calls, mut from) = (0, 1);
    while range.size() < 100 {
        let asked = range.next(from, u64::MAX).expect("blocks");
        range = range.succeeded(asked);
        from = asked.to + 1;
        calls += 1;
    }
    assert!(calls <= 24, "{calls}");
}

#[test]
fn few_ticks_without_an_answer_lead_to_a_single_block() {
    for (is_silence, ceiling) in [(true, 9), (false, 10_000)] {
        let mut range = Adaptive::stored([10_000, 10_000, 0]);
        let mut ticks = 0;
        let asked = |range: Adaptive| range.next(1, u64::MAX).expect("blocks");
        while let Some(narrower) = range.unanswered(asked(range), is_silence) {
            range = narrower;
            ticks += 1;
        }
        assert_eq!((range.to_store(), ticks), ([1, ceiling, 0], 4));
    }
}
