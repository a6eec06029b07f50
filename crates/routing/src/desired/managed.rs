//! What may be somebody's: the things of the routing document of which there may be several.

use crate::difference::Thing;
use crate::settings::{Cap, ExchangeRate, Pin, PolicyTest, RateCard, Route, Rule};

/// Told from the others of its list by its id.
pub(super) trait Managed: Clone + PartialEq {
    const THING: Thing;

    fn id(&self) -> String;

    fn manager(&self) -> Option<&str>;

    fn manage(&mut self, manager: Option<&str>);
}

/// As `managed_by` and `--managed-by` write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a manager: 1 to {LONGEST} letters, digits and any of . _ - / : @")]
pub struct BadManager(String);

const LONGEST: usize = 60;

/// # Errors
/// When it is no name.
pub fn manager(name: &str) -> Result<&str, BadManager> {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(is_sign) {
        return Err(BadManager(name.chars().take(LONGEST).collect()));
    }
    Ok(name)
}

macro_rules! managed {
    ($type:ty, $thing:ident, $id:expr) => {
        impl Managed for $type {
            const THING: Thing = Thing::$thing;

            fn id(&self) -> String {
                let id: fn(&Self) -> String = $id;
                id(self)
            }

            fn manager(&self) -> Option<&str> {
                self.managed_by.as_deref()
            }

            fn manage(&mut self, manager: Option<&str>) {
                self.managed_by = manager.map(str::to_owned);
            }
        }
    };
}

managed!(Route, Route, |route| route.id.clone());
managed!(RateCard, RateCard, |card| card.id.clone());
managed!(ExchangeRate, ExchangeRate, |rate| {
    let from = rate.effective_from.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
    format!("{} to {}{from}", rate.from, rate.to)
});
managed!(Cap, Cap, |cap| cap.id.clone());
managed!(Pin, Pin, |pin| pin.id.clone());
managed!(Rule, Rule, |rule| rule.id.clone());
managed!(PolicyTest, Test, |test| test.name.clone());
