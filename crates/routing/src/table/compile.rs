//! From settings to a table, or to everything that is wrong with them.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{AppId, ConnectionId, Country, RouteId};

use crate::country;
use crate::price::{Card, PriceLine, Written};
use crate::problem::{Path, Problem, Problems, unknown};
use crate::settings::{PriceEntry, RateCard, Settings};
use crate::table::index::Index;
use crate::table::overlay::Overlay;
use crate::table::{Route, Table};

mod rules;
mod senders;

/// What the settings refer to and do not hold.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub connections: &'a [ConnectionId],
    pub apps: &'a [AppId],
    /// What the files of the rate cards hold, by the id of the card. A card whose file could not be read may be
    /// missing: that is the reader's problem to tell.
    pub price_files: &'a HashMap<String, Vec<PriceLine>>,
}

impl Table {
    /// # Errors
    /// With every problem there is.
    pub fn compile(settings: &Settings, known: &Known<'_>, version: u64) -> Result<Self, Vec<Problem>> {
        let mut compiler = Compiler {
            settings,
            known,
            cards: HashMap::new(),
            routes: HashMap::new(),
            problems: Problems::default(),
        };
        let cards = compiler.cards();
        let routes = compiler.routes(&cards);
        let rules = compiler.rules();
        let by_id = routes.iter().enumerate().map(|(at, route)| (route.id.clone(), at)).collect();
        let index = Index::new(&rules);
        let default_class = settings.policy.default_class;
        let (vendors, overlay) = (HashMap::default(), Overlay::default());
        compiler.problems.into_result(Self {
            version,
            default_class,
            routes,
            by_id,
            rules,
            index,
            vendors,
            overlay,
        })
    }
}

/// Things are looked up in the settings by their names, so that one that cannot be compiled is still not unknown to
/// those that refer to it.
struct Compiler<'a> {
    settings: &'a Settings,
    known: &'a Known<'a>,
    /// Their places in the settings.
    cards: HashMap<&'a str, usize>,
    routes: HashMap<&'a str, usize>,
    problems: Problems,
}

impl<'a> Compiler<'a> {
    fn cards(&mut self) -> HashMap<&'a str, Arc<Card>> {
        let list = Path::default().key("rate_cards");
        self.cards = self.places(&list, self.settings.rate_cards.iter().map(|card| card.id.as_str()));
        let mut compiled = HashMap::new();
        for (at, card) in self.settings.rate_cards.iter().enumerate() {
            if let Some(one) = self.card(&list.index(at), card) {
                compiled.insert(card.id.as_str(), Arc::new(one));
            }
        }
        compiled
    }

    fn card(&mut self, path: &Path, card: &RateCard) -> Option<Card> {
        self.problems.read::<domain::RateCardId>(path.key("id"), &card.id);
        let currency = self.problems.read(path.key("currency"), &card.currency);
        match (&card.file, card.prices.is_empty()) {
            (Some(_), false) => {
                self.problems.add(path.key("prices"), "a card has a file or prices, not both");
            }
            (None, true) => self.problems.add(path.clone(), "the card has neither a file nor prices"),
            (Some(_), true) | (None, false) => {}
        }
        let lines = if card.file.is_some() {
            self.known.price_files.get(&card.id).cloned().unwrap_or_default()
        } else {
            self.prices(&path.key("prices"), &card.prices)
        };
        currency.map(|currency| Card::new(currency, lines))
    }

    fn prices(&mut self, list: &Path, entries: &[PriceEntry]) -> Vec<PriceLine> {
        let mut lines = Vec::new();
        let mut seen = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let path = list.index(at);
            match written(entry).read() {
                Err(fields) => {
                    for (key, message) in fields {
                        self.problems.add(path.key(key), message);
                    }
                }
                Ok(line) => match seen.insert((line.place, line.effective_from), at) {
                    Some(earlier) => {
                        let earlier = list.index(earlier);
                        self.problems
                            .add(path, format_args!("{earlier} has a price for the same place and time"));
                    }
                    None => lines.push(line),
                },
            }
        }
        lines
    }

    fn routes(&mut self, cards: &HashMap<&str, Arc<Card>>) -> Vec<Route> {
        let list = Path::default().key("routes");
        self.routes = self.places(&list, self.settings.routes.iter().map(|route| route.id.as_str()));
        let mut compiled = Vec::new();
        for (at, route) in self.settings.routes.iter().enumerate() {
            let path = list.index(at);
            let id = self.problems.read::<RouteId>(path.key("id"), &route.id);
            let connection = self.connection(path.key("connection"), &route.connection);
            let countries =
                route.countries.as_ref().map(|names| self.countries(&path.key("countries"), names));
            if let Some(name) = route.rate_card.as_deref().filter(|name| !self.cards.contains_key(name)) {
                let message = unknown("rate card", name, self.cards.keys().copied());
                self.problems.add(path.key("rate_card"), message);
            }
            let senders = self.senders(&path, route);
            let card = route.rate_card.as_deref().and_then(|name| cards.get(name).cloned());
            if let (Some(id), Some(connection)) = (id, connection) {
                let countries = countries.map(|mut countries| {
                    countries.sort();
                    countries.into()
                });
                let (channel, pass) = (route.channel, route.pass.clone().into());
                compiled.push(Route { id, connection, channel, countries, senders, pass, card });
            }
        }
        compiled
    }

    fn connection(&mut self, path: Path, name: &str) -> Option<ConnectionId> {
        let found = self.known.connections.iter().find(|connection| connection.as_str() == name);
        if found.is_none() {
            let known = self.known.connections.iter().map(ConnectionId::as_str);
            self.problems.add(path, unknown("connection", name, known));
        }
        found.cloned()
    }

    fn countries(&mut self, list: &Path, names: &[String]) -> Vec<Country> {
        self.refuse_empty(list, names);
        let read = names.iter().enumerate();
        read.filter_map(|(at, name)| self.problems.keep(list.index(at), country::read(name))).collect()
    }

    fn refuse_empty<T>(&mut self, list: &Path, values: &[T]) {
        if values.is_empty() {
            self.problems.add(list.clone(), "an empty list admits nothing: leave it out to admit everything");
        }
    }

    /// Where each name stands in its list; a name that comes twice is a problem.
    fn places<'n>(&mut self, list: &Path, names: impl Iterator<Item = &'n str>) -> HashMap<&'n str, usize> {
        let mut places = HashMap::new();
        for (at, name) in names.enumerate() {
            let first = *places.entry(name).or_insert(at);
            if first != at {
                let (here, first) = (list.index(at).key("id"), list.index(first));
                self.problems.add(here, format_args!("`{name}` is the id of {first} already"));
            }
        }
        places
    }
}

fn written(entry: &PriceEntry) -> Written<'_> {
    Written {
        country: entry.country.as_deref().unwrap_or_default(),
        mcc: entry.mcc.as_deref().unwrap_or_default(),
        mnc: entry.mnc.as_deref().unwrap_or_default(),
        price: &entry.price,
        effective_from: entry.effective_from.as_deref().unwrap_or_default(),
    }
}
