//! From the facts of one message to its plan.

use domain::address::Sender;
use domain::number::Country;
use domain::plan::Plan;
use domain::record::Target;
use domain::{AppId, Channel, Class, ConnectionId, Price, Recipient, RouteId, Timestamp};

use crate::table::Table;

/// What a decision depends on.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub app: &'a AppId,
    pub channel: Channel,
    pub class: Class,
    pub to: &'a Recipient,
    pub from: Option<&'a Sender>,
    pub country: Option<Country>,
    pub operator: Option<&'a str>,
    pub segments: u8,
    /// The application's own limit for the whole message.
    pub max_price: Option<Price>,
    pub now: Timestamp,
    /// The route that carried this recipient's last one-time password within five minutes.
    pub used_just_now: Option<&'a RouteId>,
}

/// How the connections stand, as far as the table of routes has to know.
pub trait HealthView {
    /// No bind is up, and has not been for a moment.
    fn is_down(&self, connection: &ConnectionId) -> bool;
}

/// A plan, and where each of its routes leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub plan: Plan,
    /// For each route of the plan, in its order.
    pub targets: Vec<Target>,
}

/// No rule of the policy matches the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule of the policy matches")]
pub struct NoRule;
