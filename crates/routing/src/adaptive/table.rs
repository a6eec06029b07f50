//! The published table: with which probability each vendor is chosen. Immutable, so that it is shared without a lock.

use std::sync::Arc;

use super::settings::{ClassIndex, Millis, OperatorIndex, VendorIndex, Vendors};

/// What is alike of messages for the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub operator: OperatorIndex,
    pub class: ClassIndex,
    /// Whether the application says when its user acts.
    pub reports_conversion: bool,
}

/// One message, as far as the choice depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub cell: Cell,
    /// The hard mask: whoever may carry the message at all.
    pub allowed: Vendors,
    /// Those tried already.
    pub excluded: Vendors,
    /// Nothing is to be learned with this message.
    pub no_probe: bool,
}

/// A choice, with all that is needed to weigh it afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    pub vendor: VendorIndex,
    /// With which probability it was chosen; one for a message that was tried before.
    pub propensity: f32,
    pub flags: Flags,
    pub version: u64,
}

/// Why this vendor, when it is not simply the one that the table prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Chosen to learn.
    pub probe: bool,
    /// Another vendor was tried before.
    pub fallback: bool,
    /// The preferred vendor takes no more messages just now.
    pub throttled: bool,
    /// Every vendor's circuit is open: this is the least bad.
    pub last_resort: bool,
    /// The table does not know this cell yet.
    pub unplanned: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Probabilities {
    pub version: u64,
    pub made_at: Millis,
    pub(super) operators: Vec<Arc<Plans>>,
    /// By vendor: the part of those who want it that fits.
    pub(super) keep: Vec<f32>,
}

/// Those to one operator. There may be dozens, so each is looked for by a number, and all their rows stand together.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans {
    /// So small that few lines of memory hold all, and with the place of the rows, so that these are asked for while the
    /// kind is.
    entries: Vec<Entry>,
    kinds: Vec<Kind>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u32,
    /// Where its rows begin, which end where those of the next begin.
    from: u32,
}

#[derive(Clone, Copy, Debug)]
struct Kind {
    allowed: Vendors,
    class: ClassIndex,
    reports_conversion: bool,
}

/// The rows of one cell and one mask, the best first.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'t> {
    pub cell: Cell,
    pub allowed: Vendors,
    pub rows: &'t [Row],
}

#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub vendor: u16,
    /// Chosen because it is best, and chosen to learn. The sum of both over the rows is one.
    pub share: f32,
    pub probe: f32,
    /// Value times quality less the price, in the unit of prices.
    pub utility: f32,
    /// Its circuit is open.
    pub is_shut: bool,
}

impl Probabilities {
    pub fn plan(&self, cell: Cell, allowed: Vendors) -> Option<Plan<'_>> {
        self.operators.get(cell.operator)?.find(cell, allowed)
    }

    pub(super) fn plans_to(&self, operator: OperatorIndex) -> impl Iterator<Item = Plan<'_>> {
        self.operators.get(operator).into_iter().flat_map(move |plans| plans.all(operator))
    }

    /// As `plan`; without one for exactly this mask, that of a wider one, and without one for this kind of message, that
    /// of another to the same operator.
    pub fn plan_like(&self, cell: Cell, allowed: Vendors) -> Option<Plan<'_>> {
        if let Some(plan) = self.plan(cell, allowed) {
            return Some(plan);
        }
        let covers = |plan: &Plan<'_>| allowed.without(plan.allowed) == Vendors::default();
        let likeness = |plan: &Plan<'_>| {
            (plan.cell.class == cell.class, plan.cell.reports_conversion == cell.reports_conversion)
        };
        self.plans_to(cell.operator).filter(covers).max_by_key(likeness)
    }

    /// The part of those who want the vendor that it takes just now.
    pub fn keep(&self, vendor: VendorIndex) -> f32 {
        self.keep.get(vendor).copied().unwrap_or(1.0)
    }

    /// A table of one plan, to the first operator: for a decision that is made again from its record.
    pub fn of(version: u64, plan: Plan<'_>) -> Self {
        let mut plans = Plans::default();
        plans.add(plan);
        Self { version, operators: vec![Arc::new(plans)], ..Self::default() }
    }

    /// `chance` is two uniform numbers from zero to one. None when no vendor is left.
    pub fn pick(&self, request: &Request, chance: [f32; 2]) -> Option<Pick> {
        let Some(plan) = self.plan(request.cell, request.allowed) else {
            return self.unplanned(request, chance[0]);
        };
        if request.excluded != Vendors::default() {
            let flags = Flags { fallback: true, ..Flags::default() };
            return self.best(&plan, request.excluded, flags);
        }
        let all: f32 = plan.rows.iter().map(|row| row.weight(request.no_probe)).sum();
        if all <= 0.0 {
            return self.best(&plan, Vendors::default(), Flags::default());
        }
        let mut left = chance[0] * all;
        let mut chosen = None;
        for row in plan.rows.iter().filter(|row| row.weight(request.no_probe) > 0.0) {
            let weight = row.weight(request.no_probe);
            chosen = Some((row, weight));
            if left < weight {
                break;
            }
            left -= weight;
        }
        let (row, weight) = chosen?;
        let vendor = VendorIndex::from(row.vendor);
        if chance[1] > self.keep.get(vendor).copied().unwrap_or(1.0) {
            let flags = Flags { throttled: true, ..Flags::default() };
            if let Some(next) = self.best(&plan, Vendors::default().with(vendor), flags)
                && !next.flags.last_resort
            {
                return Some(next);
            }
        }
        let probe = left >= row.share;
        Some(Pick {
            vendor,
            propensity: weight / all,
            flags: Flags { probe, last_resort: row.is_shut && !probe, ..Flags::default() },
            version: self.version,
        })
    }

    /// The best that is neither excluded nor shut; without any, the best that is not excluded.
    fn best(&self, plan: &Plan<'_>, excluded: Vendors, flags: Flags) -> Option<Pick> {
        let open = |row: &&Row| !excluded.contains(VendorIndex::from(row.vendor));
        let has_room =
            |row: &&Row| !row.is_shut && self.keep.get(usize::from(row.vendor)).copied().unwrap_or(1.0) > 0.5;
        let rows = || plan.rows.iter().filter(open);
        let found = rows().find(has_room).or_else(|| rows().find(|row| !row.is_shut));
        let row = found.or_else(|| rows().next())?;
        Some(Pick {
            vendor: VendorIndex::from(row.vendor),
            propensity: 1.0,
            flags: Flags { last_resort: row.is_shut, ..flags },
            version: self.version,
        })
    }

    fn unplanned(&self, request: &Request, chance: f32) -> Option<Pick> {
        let left = request.allowed.without(request.excluded);
        let known = (0..self.keep.len()).filter(|vendor| left.contains(*vendor));
        let count = known.clone().count();
        let nth = ((chance * count as f32) as usize).min(count.saturating_sub(1));
        let vendor = known.clone().nth(nth)?;
        let flags =
            Flags { unplanned: true, fallback: request.excluded != Vendors::default(), ..Flags::default() };
        Some(Pick { vendor, propensity: 1.0 / count as f32, flags, version: self.version })
    }
}

impl Plans {
    /// With room for so many plans that have so many rows together.
    pub(super) fn with_capacity(plans: usize, rows: usize) -> Self {
        let (entries, kinds) = (Vec::with_capacity(plans), Vec::with_capacity(plans));
        Self { entries, kinds, rows: Vec::with_capacity(rows) }
    }

    pub(super) fn add(&mut self, plan: Plan<'_>) {
        let Ok(from) = u32::try_from(self.rows.len()) else { return };
        let Plan { cell: Cell { operator: _, class, reports_conversion }, allowed, rows } = plan;
        self.entries.push(Entry { key: key(plan.cell, allowed), from });
        self.kinds.push(Kind { allowed, class, reports_conversion });
        self.rows.extend_from_slice(rows);
    }

    fn find(&self, cell: Cell, allowed: Vendors) -> Option<Plan<'_>> {
        let key = key(cell, allowed);
        let alike = self.entries.iter().enumerate().filter(|(_, entry)| entry.key == key);
        let mut found = alike.filter_map(|(at, _)| self.plan(cell.operator, at));
        found.find(|plan| plan.cell == cell && plan.allowed == allowed)
    }

    fn all(&self, operator: OperatorIndex) -> impl Iterator<Item = Plan<'_>> {
        (0..self.entries.len()).filter_map(move |at| self.plan(operator, at))
    }

    fn plan(&self, operator: OperatorIndex, at: usize) -> Option<Plan<'_>> {
        let from = self.entries.get(at)?.from as usize;
        let end = self.entries.get(at + 1).map_or(self.rows.len(), |next| next.from as usize);
        let Kind { allowed, class, reports_conversion } = *self.kinds.get(at)?;
        let cell = Cell { operator, class, reports_conversion };
        Some(Plan { cell, allowed, rows: self.rows.get(from..end)? })
    }
}

/// Hardly ever the same for two plans to one operator.
fn key(cell: Cell, allowed: Vendors) -> u32 {
    let kind = (cell.class as u64) << 1 | u64::from(cell.reports_conversion);
    let bits = (allowed.0 as u64) ^ ((allowed.0 >> 64) as u64).rotate_left(32);
    ((bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

impl Row {
    fn weight(&self, no_probe: bool) -> f32 {
        if no_probe { self.share } else { self.share + self.probe }
    }
}
