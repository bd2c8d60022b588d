//! Whether an endpoint's logs bear a recorded transfer out. Endpoints have served
//! wrong numbers of logs, so the number counts last: it only tells equal transfers of
//! one transaction apart.

/// Whether a transfer is among the logs of its transaction. `recorded` is the number
/// of its log as it was recorded, `twins` the numbers of all recorded transfers of the
/// same transaction, token, payer, recipient and amount, its own included, and `told`
/// those that the endpoint has now. Each of these bears one transfer out: the one that
/// has its number, or else those without a match, lowest first.
#[must_use]
pub fn is_borne_out(recorded: i64, twins: &[i64], told: &[i64]) -> bool {
    if told.contains(&recorded) {
        return true;
    }
    let spare = told.iter().filter(|number| !twins.contains(number)).count();
    let before = twins
        .iter()
        .filter(|twin| !told.contains(twin) && **twin < recorded)
        .count();
    before < spare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_bears_out_one_transfer_whatever_its_number() {
        for (recorded, twins, told, expected) in [
            (7, &[7][..], &[7][..], true),
            // A wrong number, as was served on Polygon.
            (7, &[7], &[3], true),
            (7, &[7], &[], false),
            // The same payment, recorded a second time under another number.
            (7, &[3, 7], &[3], false),
            (3, &[3, 7], &[3], true),
            (3, &[3, 7], &[7], false),
            (7, &[3, 7], &[9], false),
            (3, &[3, 7], &[9], true),
            // Two equal payments.
            (7, &[3, 7], &[3, 7], true),
            (7, &[3, 7], &[9, 8], true),
            (3, &[3, 7], &[9, 8], true),
            (9, &[3, 7, 9], &[3, 4], false),
            (7, &[3, 7, 9], &[3, 4], true),
        ] {
            let told_so = is_borne_out(recorded, twins, told);
            assert_eq!(told_so, expected, "{recorded} of {twins:?} by {told:?}");
        }
    }

    /// However the numbers are, no more transfers are borne out than there are logs.
    #[test]
    fn never_more_transfers_than_logs() {
        let subsets = |mask: u32| (0..5).filter(move |bit| mask & (1 << bit) != 0);
        for twins in 0..32_u32 {
            for told in 0..32_u32 {
                let twins: Vec<i64> = subsets(twins).map(i64::from).collect();
                let told: Vec<i64> = subsets(told).map(i64::from).collect();
                let good = twins
                    .iter()
                    .filter(|twin| is_borne_out(**twin, &twins, &told))
                    .count();
                assert_eq!(good, twins.len().min(told.len()), "{twins:?} {told:?}");
            }
        }
    }
}
