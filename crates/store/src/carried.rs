//! What vendors carried, by day: so that what vendors were promised can be held against it however long the period.

use domain::money::Decimal;
use domain::{Currency, VendorId};

/// What one vendor carried on one day at prices in one currency, by whatever connections it then had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    pub vendor: VendorId,
    /// Days since 1970-01-01, in UTC.
    pub day: i32,
    /// None: at a price that is not known.
    pub currency: Option<Currency>,
    pub messages: u64,
    pub segments: u64,
    /// What they cost, as they were rated when they left. Zero without a currency.
    pub spend: Decimal,
}
