//! Whoever knows which operator a recipient has, as acceptance asks and receipts tell.

use std::pin::Pin;

use domain::message::OperatorSource;
use domain::number::Country;
use domain::{Class, Recipient, Timestamp};
use routing::operator::{Operator, origin};

/// What is known of a recipient's operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub operator: Operator,
    pub source: OperatorSource,
    /// When it was found out; None where nobody says.
    pub at: Option<Timestamp>,
}

/// Better knowledge that may come. It ends, with or without it, within the time that the class may wait.
pub type Asked = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Called on the way of every message: nothing here blocks.
pub trait Operators: Send + Sync {
    /// The best that is known without asking anybody.
    fn of(&self, to: &Recipient, now: Timestamp) -> Option<Known>;

    /// Has better knowledge sought where that is wanted. None when there is nothing to wait for.
    fn ask(&self, to: &Recipient, country: Option<Country>, class: Class, now: Timestamp) -> Option<Asked>;

    /// A vendor's receipt names the operator, in the vendor's writing.
    fn learn(&self, to: &Recipient, operator: &str, at: Timestamp);
}

/// Knows the numbering plan and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberingPlan;

impl Operators for NumberingPlan {
    fn of(&self, to: &Recipient, _: Timestamp) -> Option<Known> {
        let operator = origin::of(to)?.operator?;
        Some(Known { operator, source: OperatorSource::Prefix, at: None })
    }

    fn ask(&self, _: &Recipient, _: Option<Country>, _: Class, _: Timestamp) -> Option<Asked> {
        None
    }

    fn learn(&self, _: &Recipient, _: &str, _: Timestamp) {}
}
