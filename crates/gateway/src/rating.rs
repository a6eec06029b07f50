//! What traffic costs by rate cards: the cards of a document, what was carried on their routes, and what another card
//! makes of that.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::attempt::{PartAnswer, Rerated as Corrected};
use domain::money::Decimal;
use domain::{Attempt, Country, Currency, Price, RateCardId, Record, RouteId, Tariff, Timestamp};
use rates::compare::Volume;
use routing::Settings;
use routing::operator::Operator;
use routing::price::{Card, Rated};
use store::{LogQuery, Query, Reader};

use crate::tables::{Problem, Sources, Surroundings};

/// The cards of a document, whatever its routes and rules need.
///
/// # Errors
/// With every problem of them.
pub(crate) fn cards(sources: &Sources) -> Result<Vec<Arc<Card>>, Vec<Problem>> {
    let Settings { rate_cards, exchange_rates, .. } = &sources.document;
    let document = Settings {
        rate_cards: rate_cards.clone(),
        exchange_rates: exchange_rates.clone(),
        ..Settings::default()
    };
    let table = Sources::new(document, sources.price_files.clone()).compile(&Surroundings::default())?;
    Ok(table.cards().cloned().collect())
}

/// The routes whose messages a card prices.
pub(crate) fn routes_of(document: &Settings, card: &RateCardId) -> HashSet<RouteId> {
    let routes = document.routes.iter().filter(|route| route.rate_card.as_deref() == Some(card.as_str()));
    routes.filter_map(|route| route.id.parse().ok()).collect()
}

/// Where something was carried.
pub(crate) type Place = (Option<Operator>, Option<Country>);

fn place(record: &Record) -> Place {
    let operator = record.message.operator.as_deref().and_then(|code| code.parse().ok());
    (operator, record.message.country)
}

/// What vendors took on some routes in some time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Traffic {
    /// From when on messages were looked at: later than asked for where there are none before, or too many.
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    /// Whether all of the time that was asked for was looked at.
    pub(crate) is_whole: bool,
    pub(crate) messages: u64,
    pub(crate) volumes: Vec<Volume>,
}

impl Traffic {
    pub(crate) fn period(&self) -> Duration {
        self.until.since(self.since)
    }
}

/// So many messages are looked at for a projection, the newest of them.
const MOST_PROJECTED: u64 = 300_000;
/// So many for a rerating, which is of all or of none.
pub(crate) const MOST_RERATED: u64 = 2_000_000;
const PAGE: usize = 1000;
/// Less than this says little of a month.
const SHORTEST_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// Messages that were accepted in the period, the newest first. Where the store begins later than that, so does the period.
pub(crate) fn traffic(
    reader: &dyn Reader,
    routes: &HashSet<RouteId>,
    asked: Timestamp,
    until: Timestamp,
    is_stopped: &AtomicBool,
) -> Result<Traffic, store::Error> {
    let mut volumes: BTreeMap<Place, Volume> = BTreeMap::new();
    let (mut messages, mut oldest) = (0, until);
    if routes.is_empty() {
        return Ok(Traffic { since: asked, until, is_whole: true, messages, volumes: Vec::new() });
    }
    let is_whole = each(reader, (asked, until), MOST_PROJECTED, is_stopped, &mut |record| {
        oldest = oldest.min(record.message.created_at);
        let (operator, country) = place(record);
        for attempt in record.attempts.iter().filter(|attempt| routes.contains(&attempt.route)) {
            let segments = taken(attempt);
            if segments == 0 {
                continue;
            }
            messages += 1;
            let empty = Volume { operator, country, segments: 0, messages: 0 };
            let volume = volumes.entry((operator, country)).or_insert(empty);
            volume.segments += u64::from(segments);
            volume.messages += 1;
        }
    })?;
    let older = reader.search(&Query { until: Some(asked), limit: 1, ..Query::default() })?;
    // A short page with a cursor may have something behind it.
    let begins_later = is_whole && older.records.is_empty() && older.next.is_none();
    let since = match (is_whole, begins_later) {
        (false, _) => oldest,
        (true, true) => {
            let shortest = Timestamp::from_millis(until.as_millis().saturating_sub(millis(SHORTEST_PERIOD)));
            oldest.min(shortest).max(asked)
        }
        (true, false) => asked,
    };
    Ok(Traffic { since, until, is_whole, messages, volumes: volumes.into_values().collect() })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Segments that the vendor took, and takes money for.
fn taken(attempt: &Attempt) -> u16 {
    let taken = attempt.parts.iter().filter(|part| part.answer == Some(PartAnswer::Accepted)).count();
    u16::try_from(taken).unwrap_or(u16::MAX)
}

/// An error once nobody waits for what is read.
fn go_on(is_stopped: &AtomicBool) -> Result<(), store::Error> {
    if is_stopped.load(Ordering::Relaxed) {
        return Err(store::Error::Unavailable { reason: "nobody waits for it any more".to_owned() });
    }
    Ok(())
}

/// Whether that was all of them.
fn each(
    reader: &dyn Reader,
    (since, until): (Timestamp, Timestamp),
    most: u64,
    is_stopped: &AtomicBool,
    look: &mut dyn FnMut(&Record),
) -> Result<bool, store::Error> {
    let (mut before, mut seen) = (None, 0);
    loop {
        let query = Query { since: Some(since), until: Some(until), before, limit: PAGE, ..Query::default() };
        go_on(is_stopped)?;
        let page = reader.search(&query)?;
        for record in &page.records {
            if seen == most {
                return Ok(false);
            }
            seen += 1;
            look(record);
        }
        match page.next {
            None => return Ok(true),
            next @ Some(_) => before = next,
        }
    }
}

/// What attempts cost as they were rated, and by another card.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rerated {
    /// By route, and where it was.
    pub(crate) groups: BTreeMap<(RouteId, Place), Group>,
    /// False: there are more messages than are looked at, and this says nothing.
    pub(crate) is_whole: bool,
    /// Messages that did not read back.
    pub(crate) damaged: u64,
    /// Days whose files cannot be used.
    pub(crate) days_left_out: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) attempts: u64,
    pub(crate) segments: u64,
    /// Of those that both sides price in the card's currency.
    pub(crate) before: Decimal,
    pub(crate) after: Decimal,
    /// Attempts whose cost is another one.
    pub(crate) changed: u64,
    /// Attempts that had no price; `after` is without them, too, and what they would cost is beside it.
    pub(crate) unrated: u64,
    pub(crate) unrated_after: Decimal,
    /// Attempts that were rated in another currency: left out of both sums.
    pub(crate) other_currency: u64,
    /// Attempts that the card has no price for: left out of both sums.
    pub(crate) unpriced: u64,
}

/// Of the messages that were accepted in the period: each attempt by the price of the instant in which it left.
pub(crate) fn rerate(
    reader: &dyn Reader,
    card: &Card,
    routes: &HashSet<RouteId>,
    since: Timestamp,
    until: Timestamp,
    is_stopped: &AtomicBool,
) -> Result<Rerated, store::Error> {
    let (mut rerated, mut seen, mut after) = (Rerated::default(), 0, None);
    loop {
        go_on(is_stopped)?;
        let page = reader.log(&LogQuery { since, until, after, limit: PAGE })?;
        rerated.damaged += page.damaged;
        // A day is told again with each page.
        for day in page.days_left_out {
            if !rerated.days_left_out.contains(&day) {
                rerated.days_left_out.push(day);
            }
        }
        for record in &page.records {
            seen += 1;
            if seen > MOST_RERATED {
                return Ok(rerated);
            }
            rerated.add(record, card, routes);
        }
        match page.next {
            None => return Ok(Rerated { is_whole: true, ..rerated }),
            next @ Some(_) => after = next,
        }
    }
}

impl Rerated {
    fn add(&mut self, record: &Record, card: &Card, routes: &HashSet<RouteId>) {
        let place = place(record);
        for attempt in record.attempts.iter().filter(|attempt| routes.contains(&attempt.route)) {
            let segments = taken(attempt);
            if segments > 0 {
                let group = self.groups.entry((attempt.route.clone(), place)).or_default();
                group.add(attempt.cost(), cost(card, place, attempt, segments), segments, card.currency);
            }
        }
    }
}

fn cost(card: &Card, place: Place, attempt: &Attempt, segments: u16) -> Option<Price> {
    tariff(card, place, attempt).map(|tariff| tariff.times(segments))
}

fn tariff(card: &Card, (operator, country): Place, attempt: &Attempt) -> Option<Tariff> {
    let at = attempt.dispatched_at.unwrap_or(attempt.queued_at);
    match card.rate(operator, country, at) {
        Rated::Priced(tariff) => Some(tariff),
        Rated::Unknown | Rated::Closed => None,
    }
}

/// What of a message a card makes another cost of, by the numbers of its attempts: those that a rerating counts as
/// `changed` or `unrated`, and no others.
pub(crate) fn corrections(
    record: &Record,
    card: &Card,
    routes: &HashSet<RouteId>,
    version: u64,
    at: Timestamp,
) -> Vec<(u16, Corrected)> {
    let place = place(record);
    let of_card = record.attempts.iter().filter(|attempt| routes.contains(&attempt.route));
    let corrected = of_card.filter_map(|attempt| {
        let segments = taken(attempt);
        let price = tariff(card, place, attempt).filter(|_| segments > 0)?;
        let is_other = attempt.cost().is_none_or(|before| {
            before.currency == card.currency && before.amount != price.times(segments).amount
        });
        let corrected = Corrected { price, rate_card: card.id.clone(), version, at };
        is_other.then_some((attempt.number, corrected))
    });
    corrected.collect()
}

impl Group {
    fn add(&mut self, before: Option<Price>, after: Option<Price>, segments: u16, currency: Currency) {
        self.attempts += 1;
        self.segments += u64::from(segments);
        match (before, after) {
            (Some(before), _) if before.currency != currency => self.other_currency += 1,
            (_, None) => self.unpriced += 1,
            (None, Some(after)) => {
                self.unrated += 1;
                self.unrated_after = self.unrated_after.saturating_add(after.amount);
            }
            (Some(before), Some(after)) => {
                self.changed += u64::from(before.amount != after.amount);
                self.before = self.before.saturating_add(before.amount);
                self.after = self.after.saturating_add(after.amount);
            }
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            attempts: self.attempts + other.attempts,
            segments: self.segments + other.segments,
            before: self.before.saturating_add(other.before),
            after: self.after.saturating_add(other.after),
            changed: self.changed + other.changed,
            unrated: self.unrated + other.unrated,
            unrated_after: self.unrated_after.saturating_add(other.unrated_after),
            other_currency: self.other_currency + other.other_currency,
            unpriced: self.unpriced + other.unpriced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_nobody_waits_for_ends_before_the_next_page() {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, reader) =
            store::sqlite::open(folder.path(), &store::sqlite::Options::default()).unwrap();
        let (since, until) = (Timestamp::from_millis(0), Timestamp::from_millis(1000));
        let routes = HashSet::from(["acme-de".parse().unwrap()]);
        assert!(traffic(&reader, &routes, since, until, &AtomicBool::new(false)).is_ok());
        assert!(traffic(&reader, &routes, since, until, &AtomicBool::new(true)).is_err());
    }
}
