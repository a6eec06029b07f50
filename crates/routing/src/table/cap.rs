//! A cap, compiled: what it counts. How much was counted is for the caller to know (`HealthView::capped`).

use domain::address::SenderKind;
use domain::{CapId, Class, RouteId, Sender};

use crate::settings::Period;
use crate::table::Table;
use crate::table::conditions::OneOf;

#[derive(Clone, Debug)]
pub struct Cap {
    pub id: CapId,
    /// Segments.
    pub limit: u32,
    pub per: Period,
    /// None: all, and what goes out without a sender.
    pub(super) kinds: Option<Box<[SenderKind]>>,
    pub(super) classes: OneOf<Class>,
}

impl Cap {
    /// Whether a message of this class counts that goes out under this sender.
    #[must_use]
    pub fn counts(&self, class: Class, sender: Option<&Sender>) -> bool {
        self.classes.holds(Some(&class))
            && self
                .kinds
                .as_ref()
                .is_none_or(|kinds| sender.is_some_and(|sender| kinds.contains(&sender.kind())))
    }

    /// Whether of two messages of one class one may count and the other not.
    #[must_use]
    pub fn tells_senders_apart(&self) -> bool {
        self.kinds.is_some()
    }
}

impl Table {
    /// In the order of the configuration.
    #[must_use]
    pub fn caps(&self) -> &[Cap] {
        &self.caps
    }

    /// Those that count a message of this class which the route carries under this sender.
    pub fn caps_of<'t>(
        &'t self,
        route: &RouteId,
        class: Class,
        sender: Option<&'t Sender>,
    ) -> impl Iterator<Item = &'t Cap> {
        let places = if self.caps.is_empty() { None } else { self.route(route) };
        let places = places.map(|route| &*route.caps).unwrap_or_default();
        places.iter().filter_map(|&at| self.caps.get(at)).filter(move |cap| cap.counts(class, sender))
    }
}
