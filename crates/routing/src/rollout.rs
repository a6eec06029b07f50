//! What decides: one table, or two while a version of the policy is rolled out to a share of the recipients.

use std::fmt;
use std::sync::Arc;

use domain::Recipient;
use domain::money::Decimal;

use crate::choose::rendezvous::{hash, mix};
use crate::table::Table;

/// How many in ten thousand recipients: more than none and not all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

const WHOLE: u16 = 10_000;

/// Not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a percentage between 0 and 100, with two decimals at most, such as 5 or 0.25")]
pub struct BadShare;

impl Share {
    /// # Errors
    /// When it is none or all.
    pub fn of_ten_thousand(count: u16) -> Result<Self, BadShare> {
        if (1..WHOLE).contains(&count) { Ok(Self(count)) } else { Err(BadShare) }
    }

    /// # Errors
    /// When it is none, all, or finer than a hundredth of a percent.
    pub fn parse_percent(text: &str) -> Result<Self, BadShare> {
        let percent: Decimal = text.parse().map_err(|_| BadShare)?;
        let hundredths = percent.checked_mul(Decimal::ONE_HUNDRED).ok_or(BadShare)?;
        let count = hundredths.normalize().to_string().parse().map_err(|_| BadShare)?;
        Self::of_ten_thousand(count)
    }

    #[must_use]
    pub fn in_ten_thousand(self) -> u16 {
        self.0
    }

    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

/// A version that decides for a share of the recipients.
#[derive(Clone, Debug)]
pub struct Rollout {
    pub table: Arc<Table>,
    pub share: Share,
    /// The number of the version: it decides who is first, so that it is not the same ones each time.
    pub version: u64,
}

impl Rollout {
    /// The same for the same recipient and version, on any machine and after any restart. Whoever is in stays in when
    /// the share grows.
    #[must_use]
    pub fn is_for(&self, to: &Recipient) -> bool {
        let drawn = mix(mix(hash(to.as_str().as_bytes())) ^ mix(self.version));
        let drawn = (u128::from(drawn) * u128::from(WHOLE)) >> 64;
        drawn < u128::from(self.share.0)
    }
}

/// The tables in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// That of the version which is active.
    pub base: Arc<Table>,
    pub rollout: Option<Rollout>,
}

impl InForce {
    /// The one that decides for this recipient.
    #[must_use]
    pub fn of(&self, to: &Recipient) -> &Arc<Table> {
        match &self.rollout {
            Some(rollout) if rollout.is_for(to) => &rollout.table,
            Some(_) | None => &self.base,
        }
    }

    /// All of them, each changed in the same way.
    #[must_use]
    pub fn map(&self, change: impl Fn(&Arc<Table>) -> Arc<Table>) -> Self {
        let rollout = self.rollout.as_ref();
        Self {
            base: change(&self.base),
            rollout: rollout.map(|rollout| Rollout { table: change(&rollout.table), ..rollout.clone() }),
        }
    }

    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        std::iter::once(&self.base).chain(self.rollout.as_ref().map(|rollout| &rollout.table))
    }
}

impl From<Arc<Table>> for InForce {
    fn from(base: Arc<Table>) -> Self {
        Self { base, rollout: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn rollout(version: u64, share: u16) -> Rollout {
        Rollout {
            table: Arc::new(sample::compile(sample::ROUTES).unwrap()),
            share: Share::of_ten_thousand(share).unwrap(),
            version,
        }
    }

    fn recipients() -> impl Iterator<Item = Recipient> {
        (0..20_000).map(|number| Recipient::from_e164(&format!("+49151{number:08}")).unwrap())
    }

    #[test]
    fn a_share_is_that_share_and_only_ever_grows() {
        let (small, large) = (rollout(7, 500), rollout(7, 2500));
        let counted = |rollout: &Rollout| recipients().filter(|to| rollout.is_for(to)).count();
        assert!((900..1100).contains(&counted(&small)), "{}", counted(&small));
        assert!((4800..5200).contains(&counted(&large)), "{}", counted(&large));
        assert!(recipients().all(|to| !small.is_for(&to) || large.is_for(&to)));
        // Another version begins with others: a twentieth of a twentieth is in both.
        let other = rollout(8, 500);
        let both = recipients().filter(|to| small.is_for(to) && other.is_for(to)).count();
        assert!((20..90).contains(&both), "{both}");
    }

    /// A change of this would move recipients between versions at an upgrade.
    #[test]
    fn who_is_in_never_changes() {
        let first: Vec<String> =
            recipients().filter(|to| rollout(7, 100).is_for(to)).take(3).map(|to| to.to_string()).collect();
        assert_eq!(first, ["+4915100000208", "+4915100000239", "+4915100000267"]);
    }

    #[test]
    fn percentages_are_read_exactly() {
        let read = |text: &str| Share::parse_percent(text).map(Share::in_ten_thousand);
        assert_eq!((read("5"), read("0.25"), read("99.99")), (Ok(500), Ok(25), Ok(9999)));
        for wrong in ["0", "100", "-1", "0.001", "101", "x", "", "79228162514264337593543950335"] {
            assert_eq!(read(wrong), Err(BadShare), "{wrong}");
        }
        assert_eq!(Share::parse_percent("2.5").unwrap().to_string(), "2.5 %");
    }
}
