//! Routes, rate cards and policy as the configuration writes them.
//!
//! Ids, countries, amounts and the like stay texts here: `Table::compile` reads them, because it can tell all that is
//! wrong at once, where a deserializer stops at the first. Whatever can be read can be written: a key that is absent
//! and one that holds its default are the same, and `canonical` leaves both out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod adaptive;
pub mod canonical;
mod caps;
mod cards;
mod commitments;
mod content;
mod hours;
mod pin;
mod policy;
mod policy_test;
mod route;
mod rule_route;
mod schema;
mod senders;

pub use adaptive::{Adaptive, Worth};
pub use caps::{Cap, Period};
pub use cards::{ExchangeRate, Per, PriceEntry, RateCard, Surcharge};
pub use commitments::Commitments;
pub use content::{Alphabet, Content, ContentBy, RewriteText};
pub use hours::{Hours, HoursWindow};
pub use pin::Pin;
pub use policy::{Failover, Match, Policy, Rule, Strategy};
pub use policy_test::{Expect, Given, PolicyTest};
pub use route::{Pass, Route};
pub use rule_route::RuleRoute;
pub use senders::{PoolMember, Rewrite, Senders, SendersBy};

/// All that routing needs to know of the configuration, under the same keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Vec<Route>,
    #[serde(skip_serializing_if = "is_default")]
    pub rate_cards: Vec<RateCard>,
    #[serde(skip_serializing_if = "is_default")]
    pub exchange_rates: Vec<ExchangeRate>,
    #[serde(skip_serializing_if = "is_default")]
    pub caps: Vec<Cap>,
    #[serde(skip_serializing_if = "is_default")]
    pub policy: Policy,
}

/// Whether it says nothing that its absence would not say.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
