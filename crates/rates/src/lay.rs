//! A list laid over a card: what the card says from then on.

use std::collections::BTreeMap;

use domain::Timestamp;
use routing::price::{Charge, Place, PriceLine, Prices};

/// What a list means by what it does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is all there is: what it does not name is closed from then on, or costs what a wider place costs.
    Full,
    /// Nothing: what it does not name stays as it is.
    Delta,
}

impl Mode {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Delta => "delta",
        }
    }
}

/// The card as it is with the list, and what that did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Laid {
    /// In order of place and time.
    pub lines: Vec<PriceLine>,
    /// Prices for a place and time that had none.
    pub added: u64,
    /// Prices in the place of another one of the same place and time.
    pub replaced: u64,
    /// Of the list: what the card says already.
    pub repeated: u64,
    /// Places that the list does not name and that are closed from then on.
    pub closed: u64,
    /// Places that the list does not name by themselves: they cost what the wider place costs that it does name.
    pub widened: u64,
    /// Of the card: prices of later than then that the list does not name any more.
    pub dropped: u64,
}

/// In order of time.
type Dated = BTreeMap<Option<Timestamp>, (Charge, Origin)>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Card,
    List,
}

/// `from`: when a full list begins to be all there is; None: it always was.
#[must_use]
pub fn lay(card: &[PriceLine], list: &[PriceLine], mode: Mode, from: Option<Timestamp>) -> Laid {
    let mut laid = Laid::default();
    let mut by_place: BTreeMap<Place, Dated> = BTreeMap::new();
    let mut named: BTreeMap<Place, ()> = BTreeMap::new();
    for line in list {
        named.insert(line.place, ());
    }
    for line in card {
        let is_over = mode == Mode::Full && line.effective_from >= from;
        if is_over {
            let is_named = list.binary_search_by_key(&(line.place, line.effective_from), |own| {
                (own.place, own.effective_from)
            });
            laid.dropped += u64::from(is_named.is_err());
        } else {
            by_place.entry(line.place).or_default().insert(line.effective_from, (line.charge, Origin::Card));
        }
    }
    let was = |line: &PriceLine| {
        let found = card
            .binary_search_by_key(&(line.place, line.effective_from), |own| (own.place, own.effective_from));
        found.ok().and_then(|at| card.get(at)).map(|own| own.charge)
    };
    for line in list {
        match was(line) {
            None => laid.added += 1,
            Some(charge) if charge == line.charge => laid.repeated += 1,
            Some(_) => laid.replaced += 1,
        }
        by_place.entry(line.place).or_default().insert(line.effective_from, (line.charge, Origin::List));
    }
    if mode == Mode::Full {
        end_unnamed(&mut by_place, &named, from, &mut laid);
    }
    for (place, dated) in by_place {
        let mut before: Option<Charge> = None;
        for (effective_from, (charge, origin)) in dated {
            // What holds already is not said again, or a card would grow with every list.
            if origin == Origin::List
                && before == Some(charge)
                && was(&PriceLine { place, charge, effective_from }).is_none()
            {
                laid.added -= 1;
                laid.repeated += 1;
                continue;
            }
            before = Some(charge);
            laid.lines.push(PriceLine { place, charge, effective_from });
        }
    }
    laid
}

fn end_unnamed(
    by_place: &mut BTreeMap<Place, Dated>,
    named: &BTreeMap<Place, ()>,
    from: Option<Timestamp>,
    laid: &mut Laid,
) {
    let lines = by_place.iter().filter(|(place, _)| named.contains_key(place));
    let lines = lines.flat_map(|(place, dated)| {
        dated.iter().map(|(&effective_from, &(charge, _))| PriceLine {
            place: *place,
            charge,
            effective_from,
        })
    });
    let prices = Prices::new(lines);
    for (&place, dated) in by_place.iter_mut().filter(|(place, _)| !named.contains_key(place)) {
        let wider = wider(place);
        let dates = wider.iter().filter_map(|wider| prices.dates(*wider)).flatten();
        let mut dates: Vec<Option<Timestamp>> = dates.filter(|date| *date > from).collect();
        dates.push(from);
        dates.sort_unstable();
        dates.dedup();
        let mut before = dated.values().next_back().map(|(charge, _)| *charge);
        let (mut is_widened, mut is_changed) = (false, false);
        for date in dates {
            let at = date.unwrap_or(Timestamp::from_millis(i64::MIN));
            let charge = wider.iter().find_map(|wider| prices.charge_of(*wider, at));
            is_widened = is_widened || charge.is_some();
            let charge = charge.unwrap_or(Charge::Closed);
            if before != Some(charge) {
                is_changed = true;
                dated.insert(date, (charge, Origin::Card));
            }
            before = Some(charge);
        }
        let count = if is_widened { &mut laid.widened } else { &mut laid.closed };
        *count += u64::from(is_changed);
    }
}

/// The places that hold where this one says nothing, the narrowest first.
fn wider(place: Place) -> Vec<Place> {
    match place {
        Place::Operator(operator) => {
            let mcc = operator.mcc();
            let mut places = vec![Place::of_mcc(mcc)];
            places.extend(mcc.countries().next().map(Place::Country));
            places.dedup();
            places
        }
        Place::Mcc(mcc) => mcc.countries().next().map(Place::Country).into_iter().collect(),
        // Its own codes, where they have prices.
        Place::Country(_) => vec![place],
        Place::Anywhere => Vec::new(),
    }
}

/// The text of a card's price file.
#[must_use]
pub fn text(lines: &[PriceLine]) -> String {
    let mut text = "country,mcc,mnc,price,effective_from\n".to_owned();
    for line in lines {
        let (country, mcc, mnc) = match line.place {
            Place::Anywhere => continue,
            Place::Country(country) => (country.to_string(), String::new(), String::new()),
            Place::Mcc(mcc) => (String::new(), mcc.to_string(), String::new()),
            Place::Operator(operator) => (String::new(), operator.mcc().to_string(), operator.mnc()),
        };
        let charge = match line.charge {
            Charge::Price(amount) => amount.to_string(),
            Charge::Closed => "closed".to_owned(),
        };
        let from = line.effective_from.map(written).unwrap_or_default();
        text.push_str(&format!("{country},{mcc},{mnc},{charge},{from}\n"));
    }
    text
}

/// A day, when it begins at that instant.
fn written(instant: Timestamp) -> String {
    let text = instant.to_string();
    text.strip_suffix("T00:00:00.000Z").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use routing::price::parse_csv;

    use super::*;

    fn lines(csv: &str) -> Vec<PriceLine> {
        let mut lines = parse_csv(&format!("country,mcc,mnc,price,effective_from\n{csv}")).unwrap();
        lines.sort_by_key(|line| (line.place, line.effective_from));
        lines
    }

    fn told(laid: &Laid) -> Vec<String> {
        text(&laid.lines).lines().skip(1).map(str::to_owned).collect()
    }

    fn day(text: &str) -> Option<Timestamp> {
        Some(format!("{text}T00:00:00Z").parse().unwrap())
    }

    #[test]
    fn a_delta_changes_what_it_names_and_nothing_else() {
        let card = lines("DE,,,0.05,\n,262,01,0.04,2026-01-01\nFR,,,0.06,2026-01-01\n");
        let list =
            lines("DE,,,0.055,2026-07-01\n,262,01,0.041,2026-01-01\nFR,,,0.060,2026-07-01\nAT,,,closed,\n");
        let laid = lay(&card, &list, Mode::Delta, day("2026-07-01"));
        assert_eq!(
            told(&laid),
            [
                "AT,,,closed,",
                "DE,,,0.05,",
                "DE,,,0.055,2026-07-01",
                "FR,,,0.06,2026-01-01",
                ",262,01,0.041,2026-01-01"
            ]
        );
        assert_eq!((laid.added, laid.replaced, laid.repeated), (2, 1, 1));
        assert_eq!((laid.closed, laid.widened, laid.dropped), (0, 0, 0));
    }

    #[test]
    fn a_full_list_is_all_there_is_from_its_day_on() {
        let card = lines(
            "DE,,,0.05,\n,262,01,0.04,\n,262,02,0.03,\nFR,,,0.06,\nFR,,,0.07,2026-09-01\nCU,,,closed,\nAT,,,0.02,\n",
        );
        let list = lines(
            "DE,,,0.045,2026-07-01\nDE,,,0.046,2026-08-01\n,262,02,0.03,2026-07-01\nAT,,,0.02,2026-07-01\n",
        );
        let laid = lay(&card, &list, Mode::Full, day("2026-07-01"));
        assert_eq!(
            told(&laid),
            [
                "AT,,,0.02,",
                "CU,,,closed,",
                "DE,,,0.05,",
                "DE,,,0.045,2026-07-01",
                "DE,,,0.046,2026-08-01",
                "FR,,,0.06,",
                "FR,,,closed,2026-07-01",
                ",262,01,0.04,",
                ",262,01,0.045,2026-07-01",
                ",262,01,0.046,2026-08-01",
                ",262,02,0.03,",
            ]
        );
        assert_eq!((laid.added, laid.repeated, laid.closed, laid.widened, laid.dropped), (2, 2, 1, 1, 1));
        let again = lay(&laid.lines, &list, Mode::Full, day("2026-07-01"));
        assert_eq!(again.lines, laid.lines);
        let first = lay(&[], &list, Mode::Full, None);
        assert_eq!((first.lines.as_slice(), first.added), (list.as_slice(), 4));
    }

    #[test]
    fn a_place_that_a_full_list_prices_later_keeps_its_price_until_then() {
        let card = lines("DE,,,0.05,\n,262,01,0.04,\n");
        let laid = lay(&card, &lines("DE,,,0.06,2026-07-08\n"), Mode::Full, day("2026-07-01"));
        assert_eq!(
            told(&laid),
            [
                "DE,,,0.05,",
                "DE,,,0.06,2026-07-08",
                ",262,01,0.04,",
                ",262,01,0.05,2026-07-01",
                ",262,01,0.06,2026-07-08"
            ]
        );
    }

    #[test]
    fn the_text_of_a_card_reads_back() {
        let card =
            lines("US,,,0.01,\n,310,,0.02,2026-07-01T08:30:00Z\n,310,004,closed,2026-07-01\n,901,01,0.5,\n");
        let mut back = parse_csv(&text(&card)).unwrap();
        back.sort_by_key(|line| (line.place, line.effective_from));
        assert_eq!(back, card);
    }
}
