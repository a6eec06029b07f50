//! Routes, rate cards and policy as the configuration writes them.
//!
//! Ids, countries, amounts and the like stay texts here: `Table::compile` reads them, because it can tell all that is
//! wrong at once, where a deserializer stops at the first.

use domain::address::SenderKind;
use domain::plan::{FailoverOn, OnUnknown};
use domain::setting::Span;
use domain::{Channel, Class, ConnectionId, RateCardId, RouteId, RuleId, Sender};
use schemars::JsonSchema;
use serde::Deserialize;

mod cards;
mod rule_route;
mod schema;

pub use cards::{ExchangeRate, Per, PriceEntry, RateCard, Surcharge};
pub use rule_route::RuleRoute;

/// All that routing needs to know of the configuration, under the same keys.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub routes: Vec<Route>,
    pub rate_cards: Vec<RateCard>,
    pub exchange_rates: Vec<ExchangeRate>,
    pub policy: Policy,
}

/// A way out: one channel over one connection.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    #[schemars(with = "RouteId")]
    pub id: String,
    #[schemars(with = "ConnectionId")]
    pub connection: String,
    #[serde(default = "sms")]
    pub channel: Channel,
    /// Where it goes; absent: anywhere.
    #[serde(default)]
    #[schemars(schema_with = "schema::countries")]
    pub countries: Option<Vec<String>>,
    #[schemars(with = "Option<RateCardId>")]
    pub rate_card: Option<String>,
    #[serde(default)]
    pub senders: Senders,
    /// What of a message that came by SMPP goes on to an SMPP vendor as the application wrote it; absent: nothing.
    #[serde(default)]
    pub pass: Vec<Pass>,
}

/// What an application may write of a message beside its text and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// priority_flag.
    Priority,
    /// service_type, in the place of the connection's.
    ServiceType,
    /// The types of number and numbering plans, where the digits go out as they were written.
    Addresses,
    /// Optional parameters of vendors' own, 0x1400 to 0x3FFF.
    Tlvs,
}

/// Whom a route's messages may appear to come from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Senders {
    /// Takes the place of a sender that is missing or that `allow` does not list. Without it, a message whose sender
    /// is not allowed does not take the route.
    #[schemars(with = "Option<Sender>")]
    pub default: Option<String>,
    /// The kinds that the route carries as they are; absent: all. An empty list puts the default in every place.
    pub allow: Option<Vec<SenderKind>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The class of a message that names none.
    pub default_class: Class,
    /// The first one that matches decides.
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[schemars(with = "RuleId")]
    pub id: String,
    /// Absent: every message.
    #[serde(rename = "match", default)]
    pub matches: Match,
    #[serde(default)]
    pub strategy: Strategy,
    pub routes: Vec<RuleRoute>,
    #[serde(default)]
    pub on_unknown: OnUnknown,
    #[serde(default)]
    pub failover: Failover,
    /// For one segment, in the currency of each route's rate card.
    #[serde(default)]
    #[schemars(schema_with = "schema::optional_amount")]
    pub max_price: Option<String>,
    /// How long a message that says nothing of it may be tried: 7 days at most.
    #[serde(default = "a_day")]
    pub validity: Span,
}

/// What a message must be like. An absent key asks for nothing; a list is satisfied by any one of its values.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    pub channel: Option<Channel>,
    pub class: Option<Vec<Class>>,
    #[serde(default)]
    #[schemars(schema_with = "schema::countries")]
    pub country: Option<Vec<String>>,
    /// MCC and MNC of the recipient's network, such as 262-01 or 26201.
    #[serde(default)]
    #[schemars(schema_with = "schema::operators")]
    pub operator: Option<Vec<String>>,
    #[schemars(with = "Option<Vec<domain::AppId>>")]
    pub app: Option<Vec<String>>,
    /// The sender that the application asked for, or its default.
    #[schemars(with = "Option<Vec<Sender>>")]
    pub sender: Option<Vec<String>>,
    /// The first digits of the recipient in international form, with or without the +.
    #[serde(default)]
    #[schemars(schema_with = "schema::prefixes")]
    pub recipient_prefix: Option<Vec<String>>,
    /// Not served yet, whatever it holds.
    pub time: Option<Unserved>,
}

/// How a rule orders its routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// As listed.
    #[default]
    Priority,
    /// Drawn by the hash of the recipient, so that a recipient keeps its route; a one-time password that is asked for
    /// again within five minutes avoids the last route.
    Weighted,
    /// The cheapest first; a route without a price never before one that has a price.
    LeastCost,
    /// Not served yet.
    QualityFloor,
    /// Not served yet.
    Adaptive,
}

/// When a message goes on to the next route.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Failover {
    pub on: Vec<FailoverOn>,
    /// The wait for a slot or a bind before the next route is tried.
    pub wait_at_most: Span,
    /// From dispatch, answered or not; 45 s when `on` lists no_receipt and this is absent.
    pub no_receipt_after: Option<Span>,
    /// Attempts that a vendor may have taken or refused.
    pub max_attempts: u8,
}

/// A key that is part of the configuration's language and that nothing obeys yet: any value is read, so that the
/// problem can be told beside all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unserved;

impl<'de> Deserialize<'de> for Unserved {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Unserved {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Unserved".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "not served yet" })
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { default_class: Class::Transactional, rules: Vec::new() }
    }
}

impl Default for Failover {
    fn default() -> Self {
        Self {
            on: vec![FailoverOn::Rejected, FailoverOn::Busy, FailoverOn::Unavailable],
            wait_at_most: Span(std::time::Duration::from_secs(3)),
            no_receipt_after: None,
            max_attempts: 3,
        }
    }
}

fn sms() -> Channel {
    Channel::Sms
}

fn a_day() -> Span {
    Span(std::time::Duration::from_secs(24 * 3600))
}
