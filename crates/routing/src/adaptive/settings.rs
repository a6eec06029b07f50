//! What the engine is told: vendors, classes, prices, and the numbers that balance speed against false alarms.

/// Milliseconds since an instant that the caller chooses once; it may be the Unix epoch.
pub type Millis = u64;
/// Vendors (or connections, if those are judged one by one), operators and classes are numbers that the caller gives
/// out from zero and never uses again for another.
pub type VendorIndex = usize;
pub type OperatorIndex = usize;
pub type ClassIndex = usize;

/// A set of vendors, of which the engine knows up to 128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vendors(pub u128);

#[derive(Clone, Debug)]
pub struct Settings {
    pub vendors: Vec<Vendor>,
    pub classes: Vec<Class>,
    /// By operator and vendor, in the unit of `Class::value`; what is missing costs nothing.
    pub prices: Vec<Vec<f64>>,
    pub tuning: Tuning,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Vendor {
    /// What it was agreed to take, in messages a second; infinite when nothing was.
    pub per_second: f64,
    /// The share of all accepted messages that it was promised; zero when none was.
    pub commitment: f64,
    /// For whoever keeps account of promises himself: by how much it counts as cheaper.
    pub favour: Favour,
}

/// A part of a vendor's price that does not count while nothing is wrong with an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Favour {
    /// From zero to one.
    pub part: f64,
    /// The classes that it holds for, each a bit.
    pub classes: u64,
}

impl Favour {
    pub(super) fn of(self, class: ClassIndex) -> f64 {
        if class < 64 && self.classes >> class & 1 == 1 { self.part } else { 0.0 }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// What a message is worth that arrives before its deadline.
    pub value: f64,
    /// Seconds after which it is worth nothing.
    pub deadline: f64,
    /// Vendors that deliver a smaller share are taken only when there is no other.
    pub min_success: f64,
}

/// Whose defaults hold for every deployment: nothing here depends on how many vendors, operators or messages there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// False alarms that all arms together may raise in an hour by chance alone, for each kind of feedback.
    pub false_alarms_an_hour: f64,
    /// The highest rate of receipts that a change is looked for from, which allows for bursts and shocks.
    pub highest_receipts: f64,
    /// What a rate falls to, of what it was, in the change that is looked for.
    pub fall: f64,
    pub conversions_fall: f64,
    /// After how many seconds evidence counts half.
    pub receipts_half_life: f64,
    pub conversions_half_life: f64,
    /// Messages that the prior rate of an arm counts for, healthy and in trouble.
    pub prior: f64,
    pub prior_in_trouble: f64,
    /// How far honest receipts may be off what arrives, as a share, and how likely an unknown arm's are not honest.
    pub receipts_off: f64,
    pub receipts_lie: f64,
    /// Recovery is believed at this log-likelihood ratio.
    pub recovery: f64,
    pub conversions_recovery: f64,
    /// A suspicion by receipts is settled by conversions at this log-likelihood ratio.
    pub test: f64,
    /// Traffic that an idle arm gets to stay known, in messages a second, and the largest share of it.
    pub idle_probes: f64,
    pub idle_share: f64,
    /// The same for an arm in trouble, judged by receipts and by conversions.
    pub trouble_probes: f64,
    pub conversion_probes: f64,
    /// For an arm whose receipts are not confirmed by conversions yet and that carries traffic.
    pub verify_probes: f64,
    /// Evidence by conversions after which an arm is confirmed.
    pub verified: f64,
    /// How much of an estimate's uncertainty is explored, and how sharply the better is preferred.
    pub spread: f64,
    pub sharpness: f64,
}

impl Vendors {
    pub const ALL: Self = Self(u128::MAX);

    pub fn with(self, vendor: VendorIndex) -> Self {
        u32::try_from(vendor)
            .ok()
            .and_then(|bit| 1_u128.checked_shl(bit))
            .map_or(self, |bit| Self(self.0 | bit))
    }

    pub fn contains(self, vendor: VendorIndex) -> bool {
        u32::try_from(vendor).ok().and_then(|bit| self.0.checked_shr(bit)).is_some_and(|bits| bits & 1 == 1)
    }

    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

impl FromIterator<VendorIndex> for Vendors {
    fn from_iter<I: IntoIterator<Item = VendorIndex>>(vendors: I) -> Self {
        vendors.into_iter().fold(Self::default(), Self::with)
    }
}

impl Default for Vendor {
    fn default() -> Self {
        Self { per_second: f64::INFINITY, commitment: 0.0, favour: Favour::default() }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            false_alarms_an_hour: 0.5,
            highest_receipts: 0.88,
            fall: 0.5,
            conversions_fall: 0.45,
            receipts_half_life: 600.0,
            conversions_half_life: 900.0,
            prior: 3.0,
            prior_in_trouble: 6.0,
            receipts_off: 0.02,
            receipts_lie: 0.05,
            recovery: 6.0,
            conversions_recovery: 5.0,
            test: 3.5,
            idle_probes: 0.02,
            idle_share: 0.003,
            trouble_probes: 0.15,
            conversion_probes: 0.15,
            verify_probes: 0.15,
            verified: 200.0,
            spread: 0.3,
            sharpness: 1.5,
        }
    }
}

impl Settings {
    pub(super) fn price(&self, vendor: VendorIndex, operator: OperatorIndex) -> f64 {
        let price = self.prices.get(operator).and_then(|prices| prices.get(vendor)).copied();
        price.filter(|price| price.is_finite()).unwrap_or(0.0)
    }
}
