//! What was told of arms and is not noted in them yet.
//!
//! With thousands of arms hardly any is in the processor's cache when something is told of it, and to wait for it takes
//! longer than to note it. So what is told is gathered, and all the arms it is about are looked at before anything is
//! noted: then the processor waits for many of them at once. Between two ticks nobody reads what is noted, so nothing
//! depends on when that is.

use minicbor::{Decode, Encode};

use super::arm::{Arm, Arrival};
use super::delay::Grid;
use super::engine::Engine;
use super::settings::{Millis, OperatorIndex, VendorIndex};

/// As much as is gathered.
const BATCH: usize = 32;

#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) struct Told {
    /// The number of its arm.
    #[n(0)]
    arm: u32,
    #[n(1)]
    pub(super) sent_at: Millis,
    #[n(2)]
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) enum What {
    #[n(0)]
    Sent(#[n(0)] bool),
    /// When it came, when its feed last spoke without it, and whether it says that the message is delivered.
    #[n(1)]
    Receipt(#[n(0)] Millis, #[n(1)] Millis, #[n(2)] bool),
    /// When it came.
    #[n(2)]
    Conversion(#[n(0)] Millis),
}

impl Engine {
    pub(super) fn tell_arm(
        &mut self,
        vendor: VendorIndex,
        operator: OperatorIndex,
        sent_at: Millis,
        what: What,
    ) {
        let Some(arm) = self.state.arm_index(vendor, operator).and_then(|arm| u32::try_from(arm).ok()) else {
            return;
        };
        self.state.told.push(Told { arm, sent_at, what });
        if self.state.told.len() >= BATCH {
            self.note();
        }
    }

    /// Notes what was told. Before a tick, and before anything else that reads or changes what is kept by the second.
    pub(super) fn note(&mut self) {
        let mut told = std::mem::take(&mut self.state.told);
        let grid = &self.tables.grid;
        let arms = told.iter().filter_map(|told| Some((told, self.state.arms.get(told.arm as usize)?)));
        // Nobody needs the sum: to make it, the arms have to be there.
        std::hint::black_box(arms.map(|(told, arm)| arm.touch(told, grid)).fold(0, u32::wrapping_add));
        for told in told.drain(..) {
            self.note_one(told);
        }
        // Empty, with the room that it had.
        self.state.told = told;
    }

    fn note_one(&mut self, told: Told) {
        let Some(arm) = self.state.arms.get_mut(told.arm as usize) else { return };
        let (grid, tuning) = (&self.tables.grid, &self.settings.tuning);
        match told.what {
            What::Sent(reports_conversion) => arm.sent(told.sent_at, reports_conversion),
            What::Receipt(now, not_before, delivered) => {
                arm.receipt(&Arrival { now, not_before, grid, tuning }, told.sent_at, delivered);
            }
            What::Conversion(now) => {
                if !arm.converted(told.sent_at, tuning) {
                    return;
                }
                let place = grid.place(now.saturating_sub(told.sent_at));
                if let Some(operator) = self.state.operators.get_mut(arm.operator) {
                    operator.conversion_delay.arrived(place, place);
                }
            }
        }
    }
}

impl Arm {
    /// Reads of each part that is going to be changed by what was told.
    fn touch(&self, told: &Told, grid: &Grid) -> u32 {
        let also = match told.what {
            What::Sent(_) => 0,
            What::Receipt(now, ..) => {
                let mass = self.delay.mass_at(grid.place(now.saturating_sub(told.sent_at)));
                self.receipts.zero_at.wrapping_add(mass.to_bits())
            }
            What::Conversion(_) => self.conversions.zero_at,
        };
        self.evidence.newest().wrapping_add(self.fresh.0).wrapping_add(also)
    }
}
