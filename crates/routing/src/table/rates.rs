//! What each card takes on each operator, side by side: a decision asks for one operator on several cards, and finds
//! them by one lookup instead of one for each card, none of which would be in the processor's cache.
//!
//! Only where the price is the operator's own and nothing comes on top of it; whatever else there is, the card knows.

use domain::Timestamp;
use rustc_hash::FxHashMap;

use crate::operator::Operator;
use crate::price::{Card, Charge, Rated};

#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    rows: FxHashMap<Operator, usize>,
    columns: usize,
    cells: Vec<Cell>,
}

/// From some time on. Before it, and where there is no charge, the card has to be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    from: Timestamp,
    charge: Option<Charge>,
}

/// 32 MB: more than that is not worth a microsecond, and cards are asked one by one.
const MOST_CELLS: usize = 1_000_000;

impl Rates {
    /// Each card has its place as a column; None: it has problems.
    pub(crate) fn new<'c>(cards: impl ExactSizeIterator<Item = Option<&'c Card>>) -> Self {
        let mut rates = Self { columns: cards.len(), ..Self::default() };
        let nothing = Cell { from: Timestamp::from_millis(i64::MIN), charge: None };
        for (column, card) in cards.enumerate() {
            for (operator, from, charge) in card.into_iter().flat_map(Card::of_operators) {
                let next = rates.rows.len();
                let row = *rates.rows.entry(operator).or_insert(next);
                if row == next {
                    if rates.cells.len() + rates.columns > MOST_CELLS {
                        return Self::default();
                    }
                    rates.cells.resize(rates.cells.len() + rates.columns, nothing);
                }
                if let Some(cell) = rates.cells.get_mut(row * rates.columns + column) {
                    *cell = Cell { from, charge: Some(charge) };
                }
            }
        }
        rates
    }

    /// For each card; empty when none has a price of the operator's own.
    pub(crate) fn row(&self, operator: Option<Operator>) -> &[Cell] {
        let row = operator.and_then(|operator| self.rows.get(&operator));
        let cells = row.and_then(|row| self.cells.get(row * self.columns..(row + 1) * self.columns));
        let cells = cells.unwrap_or_default();
        // All of it is asked for at once: else each route of a rule would wait for its own part of it to come.
        std::hint::black_box(cells.iter().filter(|cell| cell.charge.is_some()).count());
        cells
    }
}

impl Cell {
    /// None where the card has to be asked.
    #[inline]
    pub(crate) fn rated(&self, card: &Card, now: Timestamp) -> Option<Rated> {
        let charge = self.charge.filter(|_| self.from <= now)?;
        Some(match charge {
            Charge::Closed => Rated::Closed,
            Charge::Price(amount) => Rated::Priced(card.tariff(amount)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::money::Decimal;
    use proptest::prelude::*;

    use super::*;
    use crate::price::{Place, PriceLine, Prices, Surcharge};
    use crate::settings::Per;

    fn lines() -> impl Strategy<Value = Vec<PriceLine>> {
        let charge = prop_oneof![
            4 => (0..500i64).prop_map(|amount| Charge::Price(Decimal::new(amount, 4))),
            1 => Just(Charge::Closed)
        ];
        let line = (0..4usize, prop::option::of(0..3i64), charge);
        prop::collection::vec(line, 0..6).prop_map(|all| {
            let places = ["26201", "26202", "31026"].map(|text| Place::Operator(text.parse().unwrap()));
            let mut lines: Vec<PriceLine> = Vec::new();
            for (place, from, charge) in all {
                let place =
                    places.get(place).copied().unwrap_or_else(|| Place::Country("DE".parse().unwrap()));
                let effective_from = from.map(Timestamp::from_millis);
                if lines.iter().all(|line| (line.place, line.effective_from) != (place, effective_from)) {
                    lines.push(PriceLine { place, charge, effective_from });
                }
            }
            lines
        })
    }

    proptest! {
        #[test]
        fn what_stands_in_the_row_is_what_the_card_says(
            cards in prop::collection::vec((lines(), lines(), any::<bool>()), 1..4),
        ) {
            let cards: Vec<Card> = cards.into_iter().map(|(prices, on_top, is_whole)| Card {
                id: "c".parse().unwrap(),
                currency: "EUR".parse().unwrap(),
                per: if is_whole { Per::Message } else { Per::Segment },
                prices: Prices::new(prices),
                surcharges: if is_whole { Vec::new() } else { vec![Surcharge { per: Per::Segment, prices: Prices::new(on_top) }] },
                exchange: Arc::default(),
            }).collect();
            let rates = Rates::new(cards.iter().map(Some));
            let country = Some("DE".parse().unwrap());
            for operator in [None, Some("26201"), Some("26202"), Some("31026"), Some("20801")] {
                let operator = operator.map(|text| text.parse().unwrap());
                let is_own = |card: &Card| {
                    let place = |operator| card.prices.places().any(|place| place == Place::Operator(operator));
                    card.surcharges.is_empty() && operator.is_some_and(place)
                };
                prop_assert_eq!(rates.row(operator).is_empty(), !cards.iter().any(is_own));
                for now in -1..4 {
                    let now = Timestamp::from_millis(now);
                    for (cell, card) in rates.row(operator).iter().zip(&cards) {
                        let rated = cell.rated(card, now);
                        let last = operator.and_then(|it| card.prices.dates(Place::Operator(it))?.last());
                        let holds = last.is_some_and(|from| from.is_none_or(|from| from <= now));
                        prop_assert_eq!(rated.is_some(), holds && card.surcharges.is_empty());
                        if let Some(rated) = rated {
                            prop_assert_eq!(rated, card.rate(operator, country, now));
                        }
                    }
                }
            }
        }
    }
}
