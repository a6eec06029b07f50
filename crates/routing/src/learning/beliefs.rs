//! What is believed just now: the table of probabilities, how each arm delivers, and the verdicts that hold.

use std::sync::Arc;

use domain::money::Decimal;
use domain::plan::{DrawFlags, Drawn, Shortfall};
use domain::{AppId, Class, ConnectionId, Currency, Price, Verdict};

use super::names::{Destination, Names, number};
use crate::adaptive::{Cell, OperatorIndex, Plan, Probabilities, Quality, Row, VendorIndex, Vendors};

/// From so many messages on it is known how an arm delivers.
const ENOUGH: f64 = 50.0;
/// An arm in which a change was found is known from so many on.
const ENOUGH_IN_TROUBLE: f64 = 15.0;

/// More digits of what a message is worth are not known.
const WORTH_DIGITS: u32 = 4;

/// Never changes: what is learned makes another.
#[derive(Clone, Debug, Default)]
pub struct Beliefs {
    pub(super) probabilities: Arc<Probabilities>,
    pub(super) names: Arc<Names>,
    /// By destination, of the arms that have had traffic.
    pub(super) qualities: Arc<Vec<Vec<Quality>>>,
    pub(super) verdicts: Arc<[Verdict]>,
    /// Of a record: whoever was drawn in the place of one that took no more. The record tells the sum of what is its own
    /// and what it took over, and this of which the draw was.
    pub(super) took_over: Vendors,
    /// By connection: the part of what the table has it carry that was agreed with its vendor.
    pub(super) rooms: Arc<[f32]>,
}

/// What is believed of a connection for one kind of message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learned {
    /// The part of what goes there that arrives. None: too few messages tell.
    pub arrives: Option<Arrives>,
    /// What such a message is worth there, less its price. None where the engine has no say.
    pub worth: Option<Price>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrives {
    /// From zero to one.
    pub part: f64,
    /// How many messages tell; the older they are, the less they count.
    pub messages: f64,
    by_conversions: bool,
}

impl Arrives {
    pub(super) fn of(known: &Quality) -> Self {
        let part = known.delivered.clamp(0.0, 1.0);
        Self { part, messages: known.messages, by_conversions: known.by_conversions }
    }

    /// What tells it.
    #[must_use]
    pub fn by(&self) -> &'static str {
        if self.by_conversions { "conversions" } else { "receipts" }
    }
}

/// What the record of a decision says of one connection.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub connection: ConnectionId,
    pub drawn: Option<Drawn>,
    pub shortfall: Option<Shortfall>,
}

impl Beliefs {
    /// The version of the table of probabilities; zero before anything is known.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.probabilities.version
    }

    /// The verdicts that hold now, the oldest first.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// What was believed when a message was decided on, as far as its record tells: so the same message makes the same
    /// draw again.
    #[must_use]
    pub fn recorded(app: &AppId, class: Class, to: Destination, recorded: &[Recorded]) -> Self {
        let mut names = Names::default();
        names.destinations.insert(to, 0);
        let cell = Cell { operator: 0, class: number(class), reports_conversion: names.reports(app, class) };
        let (mut rows, mut qualities, mut version) = (Vec::new(), Vec::new(), 0);
        let mut took_over = Vendors::default();
        for (vendor, one) in recorded.iter().enumerate().take(super::names::CONNECTIONS) {
            names.connections.insert(one.connection.clone(), vendor);
            if let Some(drawn) = one.drawn {
                version = drawn.table;
                if drawn.flags.contains(DrawFlags::THROTTLED) {
                    took_over = took_over.with(vendor);
                }
                rows.push((drawn.place, row(vendor, drawn)));
            }
            if let Some(shortfall) = one.shortfall {
                let delivered = f64::from(shortfall.quality) / 10_000.0;
                let messages = f64::from(shortfall.messages);
                let is_in_trouble = messages < ENOUGH;
                let by_conversions = false;
                qualities.push(Quality {
                    vendor,
                    operator: 0,
                    delivered,
                    messages,
                    by_conversions,
                    is_in_trouble,
                });
            }
        }
        rows.sort_by_key(|(place, _)| *place);
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        let plan = Plan { cell, allowed: Vendors::ALL, rows: &rows };
        Self {
            probabilities: Arc::new(Probabilities::of(version, plan)),
            names: Arc::new(names),
            qualities: Arc::new(vec![qualities]),
            verdicts: Arc::default(),
            took_over,
            rooms: Arc::default(),
        }
    }

    pub(crate) fn vendor(&self, connection: &ConnectionId) -> Option<VendorIndex> {
        self.names.connections.get(connection).copied()
    }

    /// None for a destination that nothing was sent to yet.
    pub(crate) fn destination(&self, to: Destination) -> Option<OperatorIndex> {
        self.names.destinations.get(&to).copied()
    }

    /// The plan of a kind of message. None when nothing is known of any that is like it.
    pub(crate) fn plan(
        &self,
        app: &AppId,
        class: Class,
        operator: OperatorIndex,
        allowed: Vendors,
    ) -> Option<Plan<'_>> {
        let reports_conversion = self.names.reports(app, class);
        let cell = Cell { operator, class: number(class), reports_conversion };
        self.probabilities.plan_like(cell, allowed).filter(|plan| !plan.rows.is_empty())
    }

    pub(crate) fn keep(&self, vendor: VendorIndex) -> f32 {
        let room = self.rooms.get(vendor).copied().unwrap_or(1.0);
        self.probabilities.keep(vendor).min(room)
    }

    /// Whether the record says that it was drawn in the place of another.
    pub(crate) fn took_over(&self, vendor: VendorIndex) -> bool {
        self.took_over.contains(vendor)
    }

    /// Whether so much is known of an arm that it says how that delivers.
    pub(super) fn tells(quality: &Quality) -> bool {
        quality.messages >= if quality.is_in_trouble { ENOUGH_IN_TROUBLE } else { ENOUGH }
    }

    /// What is believed of a connection for such messages, where these may carry them. None where nothing was sent yet.
    pub(crate) fn learned(
        &self,
        (app, class): (&AppId, Class),
        to: Destination,
        connection: &ConnectionId,
        drawn_from: Vendors,
        currency: Currency,
    ) -> Option<Learned> {
        let (vendor, operator) = (self.vendor(connection)?, self.destination(to)?);
        let arrives = self.quality(vendor, operator).map(|known| Arrives::of(&known));
        let plan = self.plan(app, class, operator, drawn_from).filter(|_| drawn_from.contains(vendor));
        let row = plan.and_then(|plan| plan.rows.iter().find(|row| usize::from(row.vendor) == vendor));
        let amount = row.and_then(|row| Decimal::from_f32_retain(row.utility));
        let worth = amount.map(|amount| Price { amount: amount.round_dp(WORTH_DIGITS), currency });
        Some(Learned { arrives, worth })
    }

    /// How an arm delivers. None when too little is known.
    pub(crate) fn quality(&self, vendor: VendorIndex, operator: OperatorIndex) -> Option<Quality> {
        let arms = self.qualities.get(operator)?;
        arms.iter().find(|quality| quality.vendor == vendor).filter(|found| Self::tells(found)).copied()
    }
}

fn row(vendor: VendorIndex, drawn: Drawn) -> Row {
    let part = |share: u16| f32::from(share) / f32::from(u16::MAX);
    Row {
        vendor: u16::try_from(vendor).unwrap_or(u16::MAX),
        share: part(drawn.share),
        probe: part(drawn.probe),
        utility: 0.0,
        is_shut: drawn.flags.contains(DrawFlags::SHUT),
    }
}
