//! Compiles rate cards and exchange rates.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use domain::money::{Decimal, parse_amount};

use crate::price::{Card, Charge, Exchange, Place, PriceLine, Prices, Written, instant};
use crate::problem::Path;
use crate::settings::{self, Per, PriceEntry, RateCard};
use crate::table::compile::Compiler;

impl<'a> Compiler<'a> {
    pub(super) fn exchange_rates(&mut self) -> Exchange {
        let list = Path::default().key("exchange_rates");
        let mut exchange = Exchange::default();
        let mut seen = HashMap::new();
        for (at, entry) in self.settings.exchange_rates.iter().enumerate() {
            let path = list.index(at);
            let from = self.problems.read(path.key("from"), &entry.from);
            let to = self.problems.read(path.key("to"), &entry.to);
            let rate = self.problems.keep(path.key("rate"), parse_amount(&entry.rate));
            if rate.is_some_and(|rate: Decimal| rate.is_zero()) {
                self.problems.add(path.key("rate"), "a currency that is worth nothing cannot be exchanged");
            }
            let written = entry.effective_from.as_deref();
            let effective_from = written.and_then(instant);
            if written.is_some() && effective_from.is_none() {
                self.problems.add(path.key("effective_from"), "expected 2026-03-01 or 2026-03-01T08:00:00Z");
            }
            let (Some(from), Some(to), Some(rate)) = (from, to, rate) else { continue };
            if from == to {
                self.problems.add(path.key("to"), "a currency is not exchanged for itself");
            }
            match seen.entry((from, to, effective_from)) {
                Entry::Occupied(earlier) => {
                    let earlier = list.index(*earlier.get());
                    self.problems.add(path, format_args!("{earlier} is for the same currencies and time"));
                }
                Entry::Vacant(place) => {
                    place.insert(at);
                    exchange.add(from, to, effective_from, rate);
                }
            }
        }
        exchange
    }

    pub(super) fn cards(&mut self) -> HashMap<&'a str, Arc<Card>> {
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
        let id = self.problems.read(path.key("id"), &card.id);
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
        let surcharges = self.surcharges(&path.key("surcharges"), &card.surcharges);
        let (prices, exchange) = (Prices::new(lines), Arc::clone(&self.exchange));
        Some(Card { id: id?, currency: currency?, per: card.per, prices, surcharges, exchange })
    }

    fn prices(&mut self, list: &Path, entries: &[PriceEntry]) -> Vec<PriceLine> {
        let mut lines = Vec::new();
        let mut seen = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let path = list.index(at);
            match written(entry).read() {
                Err(fields) => self.fields(&path, fields),
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

    fn fields(&mut self, path: &Path, fields: Vec<(&'static str, String)>) {
        for (key, message) in fields {
            self.problems.add(path.key(key), message);
        }
    }

    fn surcharges(&mut self, list: &Path, entries: &[settings::Surcharge]) -> Vec<crate::price::Surcharge> {
        let mut by_name: Vec<(&str, Per, Vec<PriceLine>)> = Vec::new();
        let mut seen = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let path = list.index(at);
            if entry.name.trim().is_empty() {
                self.problems.add(path.key("name"), "expected a name, such as carrier_fee");
            }
            let Some(line) = self.surcharge(&path, entry) else { continue };
            if let Some(earlier) = seen.insert((&entry.name, line.place, line.effective_from), at) {
                let earlier = list.index(earlier);
                self.problems.add(path, format_args!("{earlier} is for the same place and time"));
                continue;
            }
            match by_name.iter_mut().find(|(name, ..)| *name == entry.name) {
                None => by_name.push((&entry.name, entry.per, vec![line])),
                Some((_, per, lines)) if *per == entry.per => lines.push(line),
                Some((name, ..)) => {
                    let message = format_args!(
                        "`{name}` is per segment and per message: give one of them another name"
                    );
                    self.problems.add(path.key("per"), message);
                }
            }
        }
        let compiled = |(_, per, lines)| crate::price::Surcharge { per, prices: Prices::new(lines) };
        by_name.into_iter().map(compiled).collect()
    }

    fn surcharge(&mut self, path: &Path, entry: &settings::Surcharge) -> Option<PriceLine> {
        let is_anywhere = entry.country.is_none() && entry.mcc.is_none() && entry.mnc.is_none();
        let written = Written {
            // Of one that is for anywhere, the rest is read as if it were for somewhere.
            country: if is_anywhere { "XX" } else { entry.country.as_deref().unwrap_or_default() },
            mcc: entry.mcc.as_deref().unwrap_or_default(),
            mnc: entry.mnc.as_deref().unwrap_or_default(),
            price: &entry.price,
            effective_from: entry.effective_from.as_deref().unwrap_or_default(),
        };
        match written.read() {
            Err(fields) => {
                self.fields(path, fields);
                None
            }
            Ok(line) if line.charge == Charge::Closed => {
                self.problems
                    .add(path.key("price"), "a surcharge is an amount: close the destination by its price");
                None
            }
            Ok(line) => {
                Some(PriceLine { place: if is_anywhere { Place::Anywhere } else { line.place }, ..line })
            }
        }
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
