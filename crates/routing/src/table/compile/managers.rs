//! Checks the names of those who manage things.

use crate::desired;
use crate::problem::Path;
use crate::table::compile::Compiler;

impl Compiler<'_> {
    pub(super) fn check_managers(&mut self) {
        let settings = self.settings;
        let policy = &settings.policy;
        let top = Path::default();
        let of_policy = top.key("policy");
        self.managers(&top.key("routes"), settings.routes.iter().map(|one| &one.managed_by));
        self.managers(&top.key("rate_cards"), settings.rate_cards.iter().map(|one| &one.managed_by));
        self.managers(&top.key("exchange_rates"), settings.exchange_rates.iter().map(|one| &one.managed_by));
        self.managers(&top.key("caps"), settings.caps.iter().map(|one| &one.managed_by));
        self.managers(&of_policy.key("pins"), policy.pins.iter().map(|one| &one.managed_by));
        self.managers(&of_policy.key("rules"), policy.rules.iter().map(|one| &one.managed_by));
        self.managers(&of_policy.key("tests"), policy.tests.iter().map(|one| &one.managed_by));
    }

    fn managers<'m>(&mut self, list: &Path, managers: impl Iterator<Item = &'m Option<String>>) {
        for (at, manager) in managers.enumerate() {
            let Some(name) = manager else { continue };
            self.problems.keep(list.index(at).key("managed_by"), desired::manager(name));
        }
    }
}
