//! The policy: its rules, what they ask of a message, and what they do with it.

use domain::address::SenderKind;
use domain::plan::{FailoverOn, OnUnknown};
use domain::setting::Span;
use domain::{Channel, Class, Encoding, RuleId, Sender};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Adaptive, Commitments, Hours, Pin, PolicyTest, RuleRoute, is_default, schema};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The class of a message that names none.
    #[serde(skip_serializing_if = "is_transactional")]
    pub default_class: Class,
    /// What messages are worth, for rules whose strategy is `adaptive`.
    #[serde(skip_serializing_if = "is_default")]
    pub adaptive: Adaptive,
    /// What it may cost that commitments to vendors are met.
    #[serde(skip_serializing_if = "is_default")]
    pub commitments: Commitments,
    /// Looked at before the rules.
    #[serde(skip_serializing_if = "is_default")]
    pub pins: Vec<Pin>,
    /// The first one that matches decides.
    #[serde(skip_serializing_if = "is_default")]
    pub rules: Vec<Rule>,
    /// What the rules are to do: tried whenever the policy is checked.
    #[serde(skip_serializing_if = "is_default")]
    pub tests: Vec<PolicyTest>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[schemars(with = "RuleId")]
    pub id: String,
    /// Absent: every message.
    #[serde(rename = "match", default, skip_serializing_if = "is_default")]
    pub matches: Match,
    #[serde(default, skip_serializing_if = "is_default")]
    pub strategy: Strategy,
    pub routes: Vec<RuleRoute>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_unknown: OnUnknown,
    #[serde(default, skip_serializing_if = "is_default")]
    pub failover: Failover,
    /// For one segment, in the currency of each route's rate card.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::optional_amount")]
    pub max_price: Option<String>,
    /// The part of its messages that a route has to deliver, from 0 to 1, such as 0.9. A route below it is left out, unless
    /// all are; so is none of which too little is known.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::optional_share")]
    pub quality_floor: Option<String>,
    /// Whether the strategy `adaptive` may send a message where it is not the best off, to learn about that route.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub probes: bool,
    /// How long a message that says nothing of it may be tried: 7 days at most.
    #[serde(default = "a_day", skip_serializing_if = "is_a_day")]
    pub validity: Span,
    /// Who keeps it, such as `terraform`: the others do not change it in passing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed_by: Option<String>,
}

/// What a message must be like. An absent key asks for nothing; a list is satisfied by any one of its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    #[serde(skip_serializing_if = "is_default")]
    pub channel: Option<Channel>,
    #[serde(skip_serializing_if = "is_default")]
    pub class: Option<Vec<Class>>,
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::countries")]
    pub country: Option<Vec<String>>,
    /// MCC and MNC of the recipient's network, such as 262-01 or 26201.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::operators")]
    pub operator: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Vec<domain::AppId>>")]
    pub app: Option<Vec<String>>,
    /// The sender that the application asked for, or its default.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Vec<Sender>>")]
    pub sender: Option<Vec<String>>,
    /// The first digits of the recipient in international form, with or without the +.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::prefixes")]
    pub recipient_prefix: Option<Vec<String>>,
    /// When it is decided on, by the clock of one place.
    #[serde(skip_serializing_if = "is_default")]
    pub time: Option<Hours>,
    /// The kind of the sender that the application asked for, or of its default. A message without a sender has none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sender_kind: Option<Vec<SenderKind>>,
    /// How the characters of the text travel.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encoding: Option<Vec<Encoding>>,
    /// Whether the text has a link: http://, https://, www. or the name of a host with a path, such as bit.ly/3xY.
    #[serde(default, skip_serializing_if = "is_default")]
    pub has_link: Option<bool>,
}

/// How a rule orders its routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The cheapest first, of those that deliver what the rule's `quality_floor` asks for.
    QualityFloor,
    /// Drawn by what receipts and conversions tell of each route, and by what it costs: whichever is worth most now.
    Adaptive,
}

/// When a message goes on to the next route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Failover {
    #[serde(skip_serializing_if = "is_usual")]
    pub on: Vec<FailoverOn>,
    /// The wait for a slot or a bind before the next route is tried.
    #[serde(skip_serializing_if = "is_usual_wait")]
    pub wait_at_most: Span,
    /// From dispatch, answered or not; 45 s when `on` lists no_receipt and this is absent.
    #[serde(skip_serializing_if = "is_default")]
    pub no_receipt_after: Option<Span>,
    /// Attempts that a vendor may have taken or refused.
    #[serde(skip_serializing_if = "is_usual_count")]
    pub max_attempts: u8,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_class: Class::Transactional,
            adaptive: Adaptive::default(),
            commitments: Commitments::default(),
            pins: Vec::new(),
            rules: Vec::new(),
            tests: Vec::new(),
        }
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

fn yes() -> bool {
    true
}

// Serde hands over a reference.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_yes(probes: &bool) -> bool {
    *probes
}

fn a_day() -> Span {
    Span(std::time::Duration::from_secs(24 * 3600))
}

fn is_a_day(span: &Span) -> bool {
    *span == a_day()
}

fn is_transactional(class: &Class) -> bool {
    *class == Policy::default().default_class
}

fn is_usual(on: &[FailoverOn]) -> bool {
    on == Failover::default().on
}

fn is_usual_wait(wait: &Span) -> bool {
    *wait == Failover::default().wait_at_most
}

fn is_usual_count(attempts: &u8) -> bool {
    *attempts == Failover::default().max_attempts
}
