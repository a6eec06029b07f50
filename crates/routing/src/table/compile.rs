//! From settings to a table, or to everything that is wrong with them.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{AppId, ConnectionId, Country, RouteId};
use rustc_hash::FxHashMap;

use crate::country;
use crate::price::{Card, Exchange, PriceLine};
use crate::problem::{Path, Problem, Problems, unknown};
use crate::settings::Settings;
use crate::table::hours::Zone;
use crate::table::index::Index;
use crate::table::overlay::Overlay;
use crate::table::rates::Rates;
use crate::table::{Route, Table};

mod adaptive;
mod caps;
mod cards;
mod commitments;
mod content;
mod hours;
mod managers;
mod pins;
mod rules;
mod senders;

/// What the settings refer to and do not hold.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub connections: &'a [ConnectionId],
    pub apps: &'a [AppId],
    /// Of connections that fail together with others, what they have in common: any text that is the same for all of
    /// them. A connection that is missing fails alone.
    pub failure_domains: &'a HashMap<ConnectionId, String>,
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
            zones: HashMap::new(),
            exchange: Arc::default(),
            problems: Problems::default(),
        };
        compiler.exchange = Arc::new(compiler.exchange_rates());
        let cards = compiler.cards();
        let routes = compiler.routes(&cards);
        let caps = compiler.caps();
        let pins = compiler.pins();
        let pin_index = Index::new(&pins);
        let rules = compiler.rules();
        let worths = compiler.worths();
        let commitments = compiler.commitments();
        let test_numbers = Arc::new(compiler.test_numbers());
        compiler.check_managers();
        let by_id = routes.iter().enumerate().map(|(at, route)| (route.id.clone(), at)).collect();
        let index = Index::new(&rules);
        let default_class = settings.policy.default_class;
        let exchange = Arc::clone(&compiler.exchange);
        let columns = settings.rate_cards.iter().map(|card| cards.get(card.id.as_str()).map(|card| &**card));
        let rates = Arc::new(Rates::new(columns));
        let cards: FxHashMap<_, _> = cards.into_values().map(|card| (card.id.clone(), card)).collect();
        let table = Self {
            version,
            default_class,
            routes,
            by_id,
            rules,
            index,
            vendors: FxHashMap::default(),
            overlay: Overlay::default(),
            cards,
            rates,
            caps,
            pins,
            pin_index,
            exchange,
            worths,
            commitments,
            test_numbers,
        };
        compiler.problems.into_result(table)
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
    /// Those that a rule has named so far: worked out once.
    zones: HashMap<String, Arc<Zone>>,
    exchange: Arc<Exchange>,
    problems: Problems,
}

impl<'a> Compiler<'a> {
    fn routes(&mut self, cards: &HashMap<&str, Arc<Card>>) -> Vec<Route> {
        let list = Path::default().key("routes");
        self.routes = self.places(&list, self.settings.routes.iter().map(|route| route.id.as_str()));
        let mut compiled = Vec::new();
        let mut domains: HashMap<String, u32> = HashMap::new();
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
            let content = self.content(&path, route);
            let column = route.rate_card.as_deref().and_then(|name| self.cards.get(name)).copied();
            let column = column.unwrap_or_default();
            let card = route.rate_card.as_deref().and_then(|name| cards.get(name).cloned());
            if let (Some(id), Some(connection)) = (id, connection) {
                let countries = countries.map(|mut countries| {
                    countries.sort();
                    countries.into()
                });
                let domain = self.known.failure_domains.get(&connection).map(String::as_str);
                let domain = domain.unwrap_or(connection.as_str()).to_owned();
                let next = u32::try_from(domains.len()).unwrap_or(u32::MAX);
                let failure_domain = *domains.entry(domain).or_insert(next);
                let (channel, pass) = (route.channel, route.pass.clone().into());
                compiled.push(Route {
                    id,
                    connection,
                    failure_domain,
                    channel,
                    countries,
                    senders,
                    content,
                    pass,
                    card,
                    column,
                    caps: self.caps_of(route),
                });
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
