//! Compiles pins.

use crate::problem::{Path, unknown};
use crate::settings::{self, Match};
use crate::table::compile::Compiler;
use crate::table::pin::Pin;

impl Compiler<'_> {
    pub(super) fn pins(&mut self) -> Vec<Pin> {
        let settings = self.settings;
        let list = Path::default().key("policy").key("pins");
        self.places(&list, settings.policy.pins.iter().map(|pin| pin.id.as_str()));
        let pins = settings.policy.pins.iter().enumerate();
        pins.filter_map(|(at, pin)| self.pin(&list.index(at), pin)).collect()
    }

    fn pin(&mut self, path: &Path, pin: &settings::Pin) -> Option<Pin> {
        let id = self.problems.read(path.key("id"), &pin.id);
        let settings::Pin { recipient_prefix, operator, app, .. } = pin;
        if recipient_prefix.is_none() && operator.is_none() && app.is_none() {
            let message = "a pin of every message would leave the rules nothing: give recipient_prefix, operator or app";
            self.problems.add(path.clone(), message);
        }
        let matches = Match {
            recipient_prefix: recipient_prefix.clone(),
            operator: operator.clone(),
            app: app.clone(),
            ..Match::default()
        };
        let conditions = self.conditions(path, &matches);
        let route = self.routes.get(pin.route.as_str()).copied();
        if route.is_none() {
            let message = unknown("route", &pin.route, self.routes.keys().copied());
            self.problems.add(path.key("route"), message);
        }
        Some(Pin { id: id?, conditions, route: route?, only: pin.only })
    }
}
