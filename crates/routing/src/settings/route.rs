//! Routes: where a message may leave.

use domain::{Channel, ConnectionId, RateCardId, RouteId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Content, ContentBy, Senders, SendersBy, is_default, schema};

/// A way out: one channel over one connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    #[schemars(with = "RouteId")]
    pub id: String,
    #[schemars(with = "ConnectionId")]
    pub connection: String,
    #[serde(default = "sms", skip_serializing_if = "is_sms")]
    pub channel: Channel,
    /// Where it goes; absent: anywhere.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::countries")]
    pub countries: Option<Vec<String>>,
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(with = "Option<RateCardId>")]
    pub rate_card: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub senders: Senders,
    /// Other senders for some of its messages: the first entry that fits a message decides.
    #[serde(default, skip_serializing_if = "is_default")]
    pub senders_by: Vec<SendersBy>,
    /// What it makes of texts, and which it does not carry.
    #[serde(default, skip_serializing_if = "is_default")]
    pub content: Content,
    /// Other content for some of its messages: the first entry that fits a message decides.
    #[serde(default, skip_serializing_if = "is_default")]
    pub content_by: Vec<ContentBy>,
    /// What of a message that came by SMPP goes on to an SMPP vendor as the application wrote it; absent: nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pass: Vec<Pass>,
    /// Who keeps it, such as `terraform`: the others do not change it in passing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed_by: Option<String>,
}

/// What an application may write of a message beside its text and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

fn sms() -> Channel {
    Channel::Sms
}

fn is_sms(channel: &Channel) -> bool {
    *channel == Channel::Sms
}
