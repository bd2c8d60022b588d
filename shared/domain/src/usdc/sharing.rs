//! Several instances that sell to one wallet: each has amounts, and numbers of
//! addresses, that no other has.

/// Most instances that can share a wallet.
pub const MOST_INSTANCES: i64 = 100;

/// Which of the instances this one is that share a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    number: i64,
    /// How many there are; 1 at least.
    of: i64,
}

impl Share {
    /// An instance that has the wallet to itself.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// Reads the configuration: `1/2` is the first of two instances.
    ///
    /// # Errors
    /// What the value has to be.
    pub fn configured(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else {
            return Ok(Self::WHOLE);
        };
        let read = |text: &str| text.trim().parse::<i64>().ok();
        let parts = text.split_once('/');
        match parts.map(|(number, of)| (read(number), read(of))) {
            Some((Some(number), Some(of)))
                if (1..=MOST_INSTANCES).contains(&of) && (1..=of).contains(&number) =>
            {
                Ok(Self {
                    number: number - 1,
                    of,
                })
            }
            _ => Err(format!(
                "USDC_INSTANCE must be the number of this instance and how many share the wallet, \
                 such as 1/2, at most {MOST_INSTANCES}"
            )),
        }
    }

    /// How many instances there are.
    #[must_use]
    pub const fn of(self) -> i64 {
        self.of
    }

    /// Which remainder the amounts and numbers of this instance leave when they are
    /// divided by how many there are.
    #[must_use]
    pub const fn remainder(self) -> i64 {
        self.number
    }

    /// Whether an amount, or a number of an address, is one of this instance.
    #[must_use]
    pub const fn has(self, number: i64) -> bool {
        number.rem_euclid(self.of) == self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_amount_is_of_one_instance() {
        for of in [1, 2, 3, 7, 100] {
            let shares: Vec<Share> = (1..=of)
                .map(|number| Share::configured(Some(&format!("{number}/{of}"))).expect("one"))
                .collect();
            for amount in 19_000_000..19_000_300 {
                let owners = shares.iter().filter(|share| share.has(amount)).count();
                assert_eq!(owners, 1, "{amount} of {of}");
            }
        }
    }

    #[test]
    fn what_is_configured_is_read_strictly() {
        assert_eq!(Share::configured(None), Ok(Share::WHOLE));
        assert_eq!(Share::configured(Some("1/1")), Ok(Share::WHOLE));
        let second = Share::configured(Some(" 2 / 3 ")).expect("a share");
        assert_eq!((second.remainder(), second.of()), (1, 3));
        for wrong in [
            "", "2", "0/2", "3/2", "-1/2", "1/0", "1/101", "a/b", "1/2/3",
        ] {
            assert!(Share::configured(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
