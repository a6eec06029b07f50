//! What messages are worth, by class.

use std::time::Duration;

use domain::money::Decimal;
use domain::{Class, Currency};

/// Of a message of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// What it is worth that it arrives in time, in the currency of all.
    pub value: Decimal,
    /// After which it is worth nothing.
    pub within: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worths {
    pub currency: Currency,
    pub(crate) otp: Worth,
    pub(crate) transactional: Worth,
    pub(crate) marketing: Worth,
}

impl Worths {
    /// The usual ones. Without any prices the currency means nothing.
    pub(crate) fn new(currency: Option<Currency>) -> Self {
        let worth =
            |cents, seconds| Worth { value: Decimal::new(cents, 2), within: Duration::from_secs(seconds) };
        Self {
            currency: currency.unwrap_or(Currency::EUR),
            otp: worth(50, 30),
            transactional: worth(25, 300),
            marketing: worth(10, 3600),
        }
    }

    #[must_use]
    pub fn of(&self, class: Class) -> Worth {
        match class {
            Class::Otp => self.otp,
            Class::Transactional => self.transactional,
            Class::Marketing => self.marketing,
        }
    }
}
