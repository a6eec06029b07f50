//! Logged decisions, replayed under another table: by the same `choose`, the same record and the same failover, without
//! any side effect.
//!
//! Of each message the log has the facts it was decided by, and what the routes did that it took. What another route
//! would have done with it says the caller; else it is assumed to deliver, and counted as assumed. Nothing is replayed
//! of what connections could not take at that time: load is compared with throughput beside it.

use domain::{Message, RouteId};
use routing::Table;
use rustc_hash::FxHashMap;

mod caps;
mod decision;
mod fate;
mod load;
mod memory;
mod report;
mod run;

pub use caps::{CapLoad, Counted};
pub use decision::{Believed, Decision, Done, LeftAside, Leg, Refusal};
pub use fate::{Answered, Fate};
pub use load::{Load, Peak};
pub use report::{Cost, Group, GroupKey, Move, Refused, Report, Ways};

use caps::{CapLoads, Side};
use load::Loads;
use memory::Memory;
use run::{is_without_text, run};

/// What a route would have done with a message that it never had; None when nobody knows.
pub type Outcomes<'a> = dyn FnMut(&Message, &RouteId) -> Option<Fate> + 'a;

/// A replay under way. Decisions go in one by one, in the order in which their messages were accepted; what is kept of
/// them does not grow with their number.
pub struct Replay<'a> {
    table: &'a Table,
    outcomes: Box<Outcomes<'a>>,
    memory: Memory,
    loads: Loads,
    caps: CapLoads<'a>,
    report: Report,
}

impl<'a> Replay<'a> {
    /// `throughput`: what each connection may send in a second, in segments.
    #[must_use]
    pub fn new(
        table: &'a Table,
        throughput: FxHashMap<domain::ConnectionId, u32>,
        outcomes: Box<Outcomes<'a>>,
    ) -> Self {
        let (memory, report) = (Memory::default(), Report::default());
        Self { table, outcomes, memory, loads: Loads::new(throughput), caps: CapLoads::new(table), report }
    }

    /// Something of the log that no table decided.
    pub fn leave_aside(&mut self, why: LeftAside) {
        self.report.leave_aside(why);
    }

    /// What the candidate does with one message.
    pub fn decide(&mut self, decision: &Decision) -> Done {
        let accepted_at = decision.message.created_at;
        self.memory.pass(accepted_at);
        self.loads.pass(accepted_at);
        self.caps.pass(accepted_at);
        let mut assumed = 0;
        let done = run(decision, self.table, &mut self.memory, &mut self.outcomes, &mut assumed);
        if let Done::Sent(legs) = &decision.done {
            for leg in legs {
                self.loads.before(leg);
                self.caps.add(&decision.message, leg, Side::Before);
            }
        }
        if let Done::Sent(legs) = &done {
            for leg in legs {
                self.loads.after(leg);
                self.caps.add(&decision.message, leg, Side::After);
            }
        }
        self.report.add(decision, &done, assumed);
        if self.table.minds_texts() && is_without_text(&decision.message) {
            self.report.without_text += 1;
        }
        done
    }

    #[must_use]
    pub fn finish(mut self) -> Report {
        (self.report.loads, self.report.other_loads) = self.loads.finish();
        self.report.caps = self.caps.finish();
        self.report
    }
}
