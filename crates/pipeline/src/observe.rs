//! What the pipeline tells whoever keeps metrics.

use std::time::Duration;

use domain::attempt::Outcome;
use domain::verdict::Kind;
use domain::{Channel, Class, ConnectionId, ErrorClass, MessageId, RouteId, Stage, Status, Timestamp};
use routing::learning;

/// Called on hot paths: must be cheap, and must neither block nor fail.
pub trait Observer: Send + Sync {
    fn status_changed(&self, channel: Channel, class: Class, status: Status);
    fn attempt_answered(&self, route: &RouteId, outcome: Outcome);
    fn receipt(&self, route: &RouteId, status: &'static str, delay: Duration);
    fn submit_took(&self, connection: &ConnectionId, took: Duration);
    fn decision_took(&self, took: Duration);
    fn committed(&self, operations: usize, took: Duration);
    fn connection_up(&self, connection: &ConnectionId, up: bool);
    /// A receipt found no attempt.
    fn receipt_held(&self, connection: &ConnectionId);
    fn notice_told(&self, told: bool);
    /// A vendor told of an error. The class is None where the error map does not know the code; the message, where its
    /// receipt found none.
    fn vendor_error(&self, error: VendorError<'_>);
    /// What is new of a verdict of the adaptive engine.
    fn verdict(&self, kind: Kind, stage: learning::Stage);
}

#[derive(Clone, Copy, Debug)]
pub struct VendorError<'a> {
    pub connection: &'a ConnectionId,
    pub stage: Stage,
    /// The vendor's own words.
    pub code: &'a str,
    pub class: Option<ErrorClass>,
    pub message: Option<MessageId>,
    pub at: Timestamp,
}

/// For tests: hears nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn status_changed(&self, _: Channel, _: Class, _: Status) {}
    fn attempt_answered(&self, _: &RouteId, _: Outcome) {}
    fn receipt(&self, _: &RouteId, _: &'static str, _: Duration) {}
    fn submit_took(&self, _: &ConnectionId, _: Duration) {}
    fn decision_took(&self, _: Duration) {}
    fn committed(&self, _: usize, _: Duration) {}
    fn connection_up(&self, _: &ConnectionId, _: bool) {}
    fn receipt_held(&self, _: &ConnectionId) {}
    fn notice_told(&self, _: bool) {}
    fn vendor_error(&self, _: VendorError<'_>) {}
    fn verdict(&self, _: Kind, _: learning::Stage) {}
}
