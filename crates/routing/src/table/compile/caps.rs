//! Compiles caps, and finds those that say less than another.

use domain::address::SenderKind;

use crate::problem::{Path, unknown};
use crate::settings;
use crate::table::cap::Cap;
use crate::table::compile::Compiler;
use crate::table::conditions::OneOf;

impl Compiler<'_> {
    /// The places of caps in the settings and in the table are the same once there is no problem.
    pub(super) fn caps(&mut self) -> Vec<Cap> {
        let settings = self.settings;
        let list = Path::default().key("caps");
        self.places(&list, settings.caps.iter().map(|cap| cap.id.as_str()));
        let caps = settings.caps.iter().enumerate();
        caps.filter_map(|(at, cap)| self.cap(&list.index(at), cap)).collect()
    }

    fn cap(&mut self, path: &Path, cap: &settings::Cap) -> Option<Cap> {
        let id = self.problems.read(path.key("id"), &cap.id);
        match (&cap.connection, &cap.route) {
            (Some(name), None) => drop(self.connection(path.key("connection"), name)),
            (None, Some(name)) if !self.routes.contains_key(name.as_str()) => {
                let message = unknown("route", name, self.routes.keys().copied());
                self.problems.add(path.key("route"), message);
            }
            (None, Some(_)) => {}
            (None, None) | (Some(_), Some(_)) => {
                self.problems.add(path.clone(), "a cap is of a connection or of a route: give one of both");
            }
        }
        if cap.limit == 0 {
            self.problems.add(path.key("limit"), "a limit of 0 lets nothing pass: suspend the route instead");
        }
        if let Some(kinds) = &cap.sender_kind {
            self.refuse_empty(&path.key("sender_kind"), kinds);
        }
        if let Some(classes) = &cap.class {
            self.refuse_empty(&path.key("class"), classes);
        }
        let kinds = cap.sender_kind.as_ref().map(|kinds| Box::<[SenderKind]>::from(kinds.as_slice()));
        let classes = OneOf::new(cap.class.clone());
        Some(Cap { id: id?, limit: cap.limit, per: cap.per, kinds, classes })
    }

    /// The places of the caps that count what a route carries.
    pub(super) fn caps_of(&self, route: &settings::Route) -> Box<[usize]> {
        let caps = self.settings.caps.iter().enumerate();
        let counts = |cap: &settings::Cap| {
            cap.route.as_ref() == Some(&route.id) || cap.connection.as_ref() == Some(&route.connection)
        };
        caps.filter(|(_, cap)| counts(cap)).map(|(at, _)| at).collect()
    }
}
