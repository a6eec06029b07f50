//! Routes, rate cards and policy: compiled by `routing`, which tells what is wrong with them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use domain::{AppId, ConnectionId, VendorId};
use pipeline::Clock as _;

use super::super::files::text_of;
use super::super::raw::{Raw, Vendor};
use super::super::report::Problem;
use super::super::tree::Step;
use super::{Builder, Steps, below, item, path};
use crate::clock::SystemClock;
use crate::tables::{Place, Routing, Sources, Surroundings};

impl Builder<'_> {
    pub(super) fn routing(&mut self, raw: Raw) -> Option<Routing> {
        // All that are named, also those that something else is wrong with: a reference to them is right.
        let raw_connections = raw.vendors.iter().flat_map(|vendor| &vendor.connections);
        let connections: Vec<ConnectionId> =
            raw_connections.filter_map(|connection| connection.text("id").parse().ok()).collect();
        let apps: Vec<AppId> = raw.apps.iter().filter_map(|app| app.id.parse().ok()).collect();
        let vendors = raw.vendors.iter().flat_map(connections_of).collect();
        let failure_domains = failure_domains(&raw);
        let document = routing::Settings {
            routes: raw.routes,
            rate_cards: raw.rate_cards,
            exchange_rates: raw.exchange_rates,
            policy: raw.policy,
        };
        let (price_files, files) = self.price_files(&document);
        let sources = Sources::new(document, price_files);
        let surroundings = Surroundings { connections, apps, vendors, failure_domains };
        match sources.compile(&surroundings) {
            Ok(table) => {
                let failures = sources.test(&table, SystemClock::default().now());
                for failure in failures {
                    self.routing_problem(&files, &failure.place, failure.message);
                }
                self.warn_of_unused(&sources.document);
                for problem in table.warnings() {
                    let at: Steps = problem.path.steps().iter().map(step).collect();
                    self.warn(&at, problem.message);
                }
                Some(Routing { sources, surroundings, table: Arc::new(table) })
            }
            Err(problems) => {
                for problem in problems {
                    self.routing_problem(&files, &problem.place, problem.message);
                }
                None
            }
        }
    }

    fn routing_problem(&mut self, files: &HashMap<String, PathBuf>, place: &Place, message: String) {
        match place {
            Place::Document(path) => {
                let at: Steps = path.steps().iter().map(step).collect();
                self.problem(&at, message);
            }
            Place::PriceFile { card, line } => self.report.problems.push(Problem {
                file: files.get(card).cloned().unwrap_or_default(),
                line: usize::try_from(*line).unwrap_or(1),
                key: String::new(),
                message,
            }),
        }
    }

    /// The texts, and where each is from, by the ids of the cards.
    fn price_files(
        &mut self,
        settings: &routing::Settings,
    ) -> (BTreeMap<String, Arc<str>>, HashMap<String, PathBuf>) {
        let (mut texts, mut files) = (BTreeMap::new(), HashMap::new());
        for (index, card) in settings.rate_cards.iter().enumerate() {
            let Some(file) = &card.file else { continue };
            let at = below(&item(&path(&["rate_cards"]), index), "file");
            let file = self.beside(&at, file);
            let Some(text) = self.keep(text_of(&file), &at) else { continue };
            texts.insert(card.id.clone(), text.into());
            files.insert(card.id.clone(), file);
        }
        (texts, files)
    }

    fn warn_of_unused(&mut self, settings: &routing::Settings) {
        let rules = &settings.policy.rules;
        if rules.is_empty() {
            self.warn(&path(&["policy", "rules"]), "there is no rule, so every message is refused");
        }
        let ruled: HashSet<&str> =
            rules.iter().flat_map(|rule| &rule.routes).map(|route| route.id.as_str()).collect();
        let priced: HashSet<&str> =
            settings.routes.iter().filter_map(|route| route.rate_card.as_deref()).collect();
        for (index, route) in settings.routes.iter().enumerate() {
            if !ruled.contains(route.id.as_str()) {
                let at = item(&path(&["routes"]), index);
                self.warn(&at, format!("no rule uses the route `{}`", route.id));
            }
        }
        for (index, card) in settings.rate_cards.iter().enumerate() {
            if !priced.contains(card.id.as_str()) {
                let at = item(&path(&["rate_cards"]), index);
                self.warn(&at, format!("no route uses the rate card `{}`", card.id));
            }
        }
    }
}

fn connections_of(vendor: &Vendor) -> impl Iterator<Item = (ConnectionId, VendorId)> {
    let id = vendor.id.parse::<VendorId>().ok();
    let connections = vendor.connections.iter().filter_map(|connection| connection.text("id").parse().ok());
    connections.filter_map(move |connection| Some((connection, id.clone()?)))
}

/// A vendor that names no domain is one by itself, under a name that the file cannot give to another by chance.
fn failure_domains(raw: &Raw) -> HashMap<ConnectionId, String> {
    let mut domains = HashMap::new();
    for vendor in &raw.vendors {
        let domain = vendor.failure_domain.as_ref().map(|domain| format!("domain {domain}"));
        let domain = domain.unwrap_or_else(|| format!("vendor {}", vendor.id));
        let connections =
            vendor.connections.iter().filter_map(|connection| connection.text("id").parse().ok());
        domains.extend(connections.map(|connection: ConnectionId| (connection, domain.clone())));
    }
    domains
}

fn step(step: &routing::problem::Step) -> Step {
    match step {
        routing::problem::Step::Key(key) => Step::Key((*key).to_owned()),
        routing::problem::Step::Index(index) => Step::Index(*index),
    }
}
