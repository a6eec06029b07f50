//! The engine of the gateway, driven in process.

use routing::adaptive::{
    Answer as Told, Cell, Class, Engine, Millis, Request, Settings, Stage, Tuning, Vendor, Vendors,
};

use crate::causes::Reason;
use crate::play::Player;
use crate::policy::{Alarm, Answer, Ask, Known, Policy};

pub(crate) const NAME: &str = "adaptive";

pub(crate) struct Adaptive {
    known: Known,
    engine: Engine,
    reason: Reason,
}

impl Adaptive {
    pub(crate) fn new(known: Known) -> Self {
        let promised = |vendor: usize| {
            known.commitments.iter().find(|(of, _)| *of == vendor).map_or(0.0, |(_, share)| *share)
        };
        let vendor = |(vendor, cap): (usize, &f64)| Vendor {
            per_second: *cap,
            commitment: promised(vendor),
            ..Vendor::default()
        };
        let class = |class: usize| Class {
            value: known.value[class],
            deadline: known.deadline[class],
            min_success: known.min_success[class],
        };
        let settings = Settings {
            vendors: known.cap.iter().enumerate().map(vendor).collect(),
            classes: (0..known.value.len()).map(class).collect(),
            prices: by_operator(&known.price),
            tuning: Tuning::default(),
        };
        let engine = Engine::new(settings, known.seed);
        Self { known, engine, reason: Reason::default() }
    }
}

impl Player for Adaptive {
    fn reason(&self) -> Reason {
        self.reason
    }
}

impl Policy for Adaptive {
    fn tick(&mut self, now: f64) {
        self.engine.tick(milliseconds(now));
    }

    fn choose(&mut self, now: f64, ask: Ask, excluded: u64) -> Option<usize> {
        let request = Request {
            cell: cell(ask),
            allowed: self.known.feasible(ask, 0).collect(),
            excluded: Vendors(u128::from(excluded)),
            no_probe: false,
        };
        let pick = self.engine.choose(milliseconds(now), &request)?;
        let table = self.engine.table();
        let first = table.plan(request.cell, request.allowed).and_then(|plan| plan.rows.first());
        self.reason = if pick.flags.unplanned {
            Reason::Unplanned
        } else if pick.flags.probe {
            Reason::Probe
        } else if first.is_some_and(|row| usize::from(row.vendor) == pick.vendor) {
            Reason::Best
        } else {
            Reason::Drawn
        };
        Some(pick.vendor)
    }

    fn submitted(&mut self, now: f64, ask: Ask, vendor: usize, answer: Answer) {
        let told = match answer {
            Answer::Accepted => Told::Accepted,
            Answer::Timeout => Told::Failed,
            Answer::Throttled => Told::Throttled,
        };
        self.engine.submitted(milliseconds(now), vendor, cell(ask), told);
    }

    fn receipt(&mut self, now: f64, ask: Ask, vendor: usize, sent_at: f64, delivered: bool) {
        self.engine.receipt(milliseconds(now), vendor, ask.operator, milliseconds(sent_at), delivered);
    }

    fn converted(&mut self, now: f64, ask: Ask, vendor: usize, sent_at: f64) {
        self.engine.conversion(milliseconds(now), vendor, ask.operator, milliseconds(sent_at));
    }

    fn priced(&mut self, now: f64, price: &[Vec<f64>]) {
        let settings = Settings { prices: by_operator(price), ..self.engine.settings().clone() };
        self.engine.configure(milliseconds(now), settings);
    }

    fn alarms(&mut self) -> Option<Vec<Alarm>> {
        let raised = self.engine.verdicts().into_iter().filter(|verdict| verdict.stage == Stage::Raised);
        let alarm = |verdict: routing::adaptive::Verdict| Alarm {
            at: verdict.at as f64 / 1000.0,
            vendor: verdict.scope.vendor,
            operator: verdict.scope.operator,
            kind: verdict.kind.to_string(),
        };
        Some(raised.map(alarm).collect())
    }
}

fn cell(ask: Ask) -> Cell {
    Cell { operator: ask.operator, class: ask.class, reports_conversion: ask.reports_conversion }
}

/// The world lists prices by vendor, the engine by operator.
fn by_operator(price: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let operators = price.first().map_or(0, Vec::len);
    (0..operators).map(|operator| price.iter().map(|prices| prices[operator]).collect()).collect()
}

fn milliseconds(seconds: f64) -> Millis {
    (seconds * 1000.0) as Millis
}
