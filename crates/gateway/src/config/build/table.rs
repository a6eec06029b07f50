//! Routes, rate cards and policy: compiled by `routing`, which tells what is wrong with them.

use std::collections::{HashMap, HashSet};

use domain::{AppId, ConnectionId, VendorId};
use routing::Table;
use routing::price::PriceLine;
use routing::table::Known;

use super::super::files::text_of;
use super::super::raw::{Raw, Vendor};
use super::super::report::Problem;
use super::super::tree::Step;
use super::digest::Version;
use super::{Builder, Steps, below, item, path};

/// The prices that a rate card's file holds, by the id of the card.
type PriceFiles = HashMap<String, Vec<PriceLine>>;

impl Builder<'_> {
    pub(super) fn table(&mut self, raw: Raw) -> Option<Table> {
        // All that are named, also those that something else is wrong with: a reference to them is right.
        let raw_connections = raw.vendors.iter().flat_map(|vendor| &vendor.connections);
        let connections: Vec<ConnectionId> =
            raw_connections.filter_map(|connection| connection.text("id").parse().ok()).collect();
        let apps: Vec<AppId> = raw.apps.iter().filter_map(|app| app.id.parse().ok()).collect();
        let vendors: Vec<(ConnectionId, VendorId)> = raw.vendors.iter().flat_map(connections_of).collect();
        let settings =
            routing::Settings { routes: raw.routes, rate_cards: raw.rate_cards, policy: raw.policy };
        let mut version = Version::default();
        version.add(&self.tree.json().to_string());
        let price_files = self.price_files(&settings, &mut version);
        let known = Known { connections: &connections, apps: &apps, price_files: &price_files };
        match Table::compile(&settings, &known, version.finish()) {
            Ok(table) => {
                self.warn_of_unused(&settings);
                Some(table.of_vendors(vendors))
            }
            Err(problems) => {
                for problem in problems {
                    let at: Steps = problem.path.steps().iter().map(step).collect();
                    self.problem(&at, problem.message);
                }
                None
            }
        }
    }

    fn price_files(&mut self, settings: &routing::Settings, version: &mut Version) -> PriceFiles {
        let mut files = PriceFiles::new();
        for (index, card) in settings.rate_cards.iter().enumerate() {
            let Some(file) = &card.file else { continue };
            let at = below(&item(&path(&["rate_cards"]), index), "file");
            let file = self.beside(&at, file);
            let Some(text) = self.keep(text_of(&file), &at) else { continue };
            version.add(&text);
            match routing::price::parse_csv(&text) {
                Ok(lines) => {
                    files.insert(card.id.clone(), lines);
                }
                Err(problems) => self.report.problems.extend(problems.into_iter().map(|problem| Problem {
                    file: file.clone(),
                    line: usize::try_from(problem.line).unwrap_or(1),
                    key: String::new(),
                    message: problem.message,
                })),
            }
        }
        files
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

fn step(step: &routing::problem::Step) -> Step {
    match step {
        routing::problem::Step::Key(key) => Step::Key((*key).to_owned()),
        routing::problem::Step::Index(index) => Step::Index(*index),
    }
}
