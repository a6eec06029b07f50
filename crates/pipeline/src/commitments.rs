//! What vendors carry, by day, and how the promises to their vendors stand.
//!
//! A segment counts when the vendor accepted it, and the message with the first of them, as they are paid for. Sums are
//! written once a second, beside what else is, as counts of caps are: a process that is killed forgets what was accepted
//! since. How promises stand is worked out as often, and read by decisions without a lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::attempt::{Attempt, PartAnswer};
use domain::commitment::{Pace, Unit};
use domain::money::Decimal;
use domain::{ConnectionId, Currency, Timestamp, VendorId};
use parking_lot::Mutex;
use routing::commitment::{Commitment, Days, Period};
use rustc_hash::FxHashMap;
use store::{Carried, Reader, Write, Written};

use crate::core::Core;
use crate::writer::{NotWritten, Urgency};

/// What a process that is killed forgets, and how old a decision's view of a promise may be.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Without anything written nothing was carried; but time goes on.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Longer than any period.
const KNOWN_DAYS: i32 = 370;
const DAY_MILLIS: i64 = 86_400_000;

/// What is agreed with vendors, as far as messages are steered by it.
#[derive(Clone, Debug, Default)]
pub struct Agreements {
    /// What connections take, in segments a second; one that is missing takes whatever comes.
    pub throughput: FxHashMap<ConnectionId, u32>,
    pub vendors: Vec<Agreed>,
}

/// What one vendor was promised.
#[derive(Clone, Debug)]
pub struct Agreed {
    pub vendor: VendorId,
    pub connections: Vec<ConnectionId>,
    pub commitments: Vec<Commitment>,
}

/// How one promise stands in the period that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Promised {
    pub vendor: VendorId,
    pub period: Period,
    pub days: Days,
    pub pace: Pace,
}

/// By connection, the promise to its vendor that is most urgent; none that is on pace.
pub(crate) type Paces = FxHashMap<ConnectionId, Pace>;

pub(crate) struct Commitments {
    agreements: ArcSwap<Agreements>,
    /// Locked for moments: by the writer's thread for each segment that was accepted, and once a second.
    sums: Mutex<Sums>,
    paces: ArcSwap<Paces>,
}

#[derive(Default)]
struct Sums {
    by_vendor: FxHashMap<VendorId, BTreeMap<(i32, Option<Currency>), Sum>>,
    /// Which of them have changed since they were written.
    unsaved: Vec<(VendorId, i32, Option<Currency>)>,
    /// Whose each connection is, or was: answers may come after it has left the configuration.
    owners: FxHashMap<ConnectionId, VendorId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    messages: u64,
    segments: u64,
    spend: Decimal,
    is_unsaved: bool,
}

impl Commitments {
    /// With what earlier processes carried.
    pub(crate) fn load(reader: &dyn Reader, now: Timestamp) -> Result<Self, store::Error> {
        let mut sums = Sums::default();
        for Carried { vendor, day, currency, messages, segments, spend } in
            reader.carried(day(now).saturating_sub(KNOWN_DAYS))?
        {
            let sum = Sum { messages, segments, spend, is_unsaved: false };
            sums.by_vendor.entry(vendor).or_default().insert((day, currency), sum);
        }
        Ok(Self { agreements: ArcSwap::default(), sums: Mutex::new(sums), paces: ArcSwap::default() })
    }

    pub(crate) fn agree(&self, agreements: Agreements, now: Timestamp) {
        let mut sums = self.sums.lock();
        for Agreed { vendor, connections, .. } in &agreements.vendors {
            sums.owners.extend(connections.iter().map(|connection| (connection.clone(), vendor.clone())));
        }
        drop(sums);
        self.agreements.store(Arc::new(agreements));
        self.look(now);
    }

    pub(crate) fn agreements(&self) -> Arc<Agreements> {
        self.agreements.load_full()
    }

    /// As they stood when they were looked at last.
    pub(crate) fn paces(&self) -> arc_swap::Guard<Arc<Paces>> {
        self.paces.load()
    }

    /// A vendor accepted one more segment of the attempt.
    pub(crate) fn count(&self, attempt: &Attempt, now: Timestamp) {
        let taken = attempt.parts.iter().filter(|part| part.answer == Some(PartAnswer::Accepted)).count();
        let is_first = taken == 1;
        let price = attempt.price;
        let cost = price.map(|price| if is_first { price.times(1) } else { price.for_segment() });
        let added = Sum {
            messages: u64::from(is_first),
            segments: 1,
            spend: cost.map(|cost| cost.amount).unwrap_or_default(),
            is_unsaved: true,
        };
        let mut sums = self.sums.lock();
        let Some(vendor) = sums.owners.get(&attempt.connection).cloned() else { return };
        sums.add(&vendor, (day(now), price.map(|price| price.currency)), added);
    }

    /// How every promise stands whose period runs, in the order of the configuration.
    pub(crate) fn standing(&self, now: Timestamp) -> Vec<Promised> {
        let agreements = self.agreements.load();
        let sums = self.sums.lock();
        let mut standing = Vec::new();
        for Agreed { vendor, commitments, .. } in &agreements.vendors {
            for commitment in commitments {
                let Some(days) = commitment.days(now) else { continue };
                let pace = commitment.pace(days, sums.of(vendor, days, commitment.unit), now);
                standing.push(Promised { vendor: vendor.clone(), period: commitment.period, days, pace });
            }
        }
        standing
    }

    /// Works out what decisions are made by.
    fn look(&self, now: Timestamp) {
        let agreements = self.agreements.load();
        let mut urgent: FxHashMap<VendorId, Pace> = FxHashMap::default();
        for Promised { vendor, pace, .. } in self.standing(now) {
            let most = urgent.get(&vendor).map_or(0, |other| other.urgency);
            if pace.urgency > most {
                urgent.insert(vendor, pace);
            }
        }
        let mut paces = Paces::default();
        for agreed in &agreements.vendors {
            let Some(pace) = urgent.get(&agreed.vendor) else { continue };
            paces.extend(agreed.connections.iter().map(|connection| (connection.clone(), *pace)));
        }
        self.paces.store(Arc::new(paces));
    }

    fn unsaved(&self) -> Vec<Carried> {
        let mut sums = self.sums.lock();
        let keys = std::mem::take(&mut sums.unsaved);
        let carried = keys.into_iter().filter_map(|(vendor, day, currency)| {
            let sum = sums.by_vendor.get_mut(&vendor)?.get_mut(&(day, currency))?;
            sum.is_unsaved = false;
            let Sum { messages, segments, spend, is_unsaved: _ } = *sum;
            Some(Carried { vendor, day, currency, messages, segments, spend })
        });
        carried.collect()
    }

    /// They were not written.
    fn keep_unsaved(&self, carried: Vec<Carried>) {
        let mut sums = self.sums.lock();
        let Sums { by_vendor, unsaved, owners: _ } = &mut *sums;
        for Carried { vendor, day, currency, .. } in carried {
            let sum = by_vendor.get_mut(&vendor).and_then(|all| all.get_mut(&(day, currency)));
            if sum.is_some_and(|sum| !std::mem::replace(&mut sum.is_unsaved, true)) {
                unsaved.push((vendor, day, currency));
            }
        }
    }
}

impl Sums {
    fn add(&mut self, vendor: &VendorId, at: (i32, Option<Currency>), added: Sum) {
        if !self.by_vendor.contains_key(vendor) {
            self.by_vendor.insert(vendor.clone(), BTreeMap::new());
        }
        let Some(of_vendor) = self.by_vendor.get_mut(vendor) else { return };
        let sum = of_vendor.entry(at).or_default();
        sum.messages += added.messages;
        sum.segments += added.segments;
        sum.spend = sum.spend.saturating_add(added.spend);
        if !std::mem::replace(&mut sum.is_unsaved, true) {
            self.unsaved.push((vendor.clone(), at.0, at.1));
        }
    }

    fn of(&self, vendor: &VendorId, days: Days, unit: Unit) -> Decimal {
        let (from, until) = (day(days.begin()), day(days.end()));
        let Some(all) = self.by_vendor.get(vendor) else { return Decimal::ZERO };
        let within = all.range((from, None)..(until, None));
        let amount = |((_, currency), sum): (&(i32, Option<Currency>), &Sum)| match unit {
            Unit::Messages => Decimal::from(sum.messages),
            Unit::Segments => Decimal::from(sum.segments),
            Unit::Spend(wanted) if *currency == Some(wanted) => sum.spend,
            Unit::Spend(_) => Decimal::ZERO,
        };
        within.map(amount).fold(Decimal::ZERO, Decimal::saturating_add)
    }
}

/// Counted from 1970-01-01, in UTC.
fn day(at: Timestamp) -> i32 {
    i32::try_from(at.as_millis().div_euclid(DAY_MILLIS)).unwrap_or(i32::MAX)
}

/// Writes what was carried and looks at promises, again and again, until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(SAVE_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let commits = core.writer.commits();
        save(&core);
        core.commitments.look(core.clock.now());
        core.writer.written_after(commits, LOOK_EVERY).await;
    }
}

/// Queues what was carried and not written.
pub(crate) fn save(core: &Arc<Core>) {
    if !core.writer.is_writing() {
        return;
    }
    let carried = core.commitments.unsaved();
    if carried.is_empty() {
        return;
    }
    let (after, written) = (Arc::clone(core), carried.clone());
    let then = move |result: Result<Written, NotWritten>| {
        if result.is_err() {
            after.commitments.keep_unsaved(written);
        }
    };
    core.writer.write(Urgency::Offer, Write::Carried(carried), Box::new(then));
}

#[cfg(test)]
mod tests;
