//! What the rules are to do, written beside them.

use domain::{Channel, Class, Sender};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_default, schema};

/// A message, and what it is to get. All tests of a policy are tried whenever it is checked, with every connection up,
/// and one that fails keeps the policy from being put in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyTest {
    /// Each once.
    pub name: String,
    pub given: Given,
    pub expect: Expect,
    /// Who keeps it, such as `terraform`: the others do not change it in passing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The recipient, in international form.
    pub to: String,
    #[schemars(with = "domain::AppId")]
    pub app: String,
    #[serde(default = "sms", skip_serializing_if = "is_sms")]
    pub channel: Channel,
    /// Absent: the policy's default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub class: Option<Class>,
    /// The sender that the application asks for.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(with = "Option<Sender>")]
    pub from: Option<String>,
    /// Absent: one segment.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: Option<String>,
    /// MCC and MNC of the recipient's network; absent: what the numbering plan says.
    #[serde(default, skip_serializing_if = "is_default")]
    pub operator: Option<String>,
    /// The day (from midnight UTC) or the instant at which the message comes; absent: when the test is tried.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::effective_from")]
    pub at: Option<String>,
}

/// At least one of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// The rule that decides.
    #[serde(skip_serializing_if = "is_default")]
    pub rule: Option<String>,
    /// The first route of the plan.
    #[serde(skip_serializing_if = "is_default")]
    pub first: Option<String>,
    /// All routes of the plan, in its order.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Option<Vec<String>>,
    /// Routes that are left out, among others.
    #[serde(skip_serializing_if = "is_default")]
    pub excluded: Option<Vec<String>>,
    /// The text that the first route of the plan sends.
    #[serde(skip_serializing_if = "is_default")]
    pub text: Option<String>,
    /// Whether nothing carries the message: no rule matches it, or the one that does leaves out all its routes.
    #[serde(skip_serializing_if = "is_default")]
    pub no_route: Option<bool>,
}

fn sms() -> Channel {
    Channel::Sms
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_sms(channel: &Channel) -> bool {
    *channel == Channel::Sms
}
