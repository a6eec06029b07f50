//! `strowger routing harness`: the adaptive engine on stdin and stdout, one JSON object a line, in simulated time.
//!
//! For benchmarks that drive the engine of the gateway without a gateway. Times are seconds from zero, prices whatever
//! unit the values are in.

use std::io::{BufRead as _, Write};

use routing::adaptive::{
    Answer, Cell, Class, Engine, Millis, Request, Settings, Stage, Tuning, Vendor, Vendors, Verdict,
};
use serde::{Deserialize, Serialize};

use super::{Exit, Failure};

#[derive(Debug, Deserialize)]
#[serde(tag = "ev", rename_all = "lowercase")]
enum Line {
    Init(Box<Init>),
    Choose {
        t: f64,
        op: usize,
        cls: usize,
        reports_conversion: bool,
        exclude: Vec<usize>,
    },
    Submit {
        t: f64,
        v: usize,
        op: usize,
        cls: usize,
        reports_conversion: bool,
        ok: bool,
        code: Option<String>,
    },
    Receipt {
        t: f64,
        v: usize,
        op: usize,
        t_sent: f64,
        delivered: bool,
    },
    Conversion {
        t: f64,
        v: usize,
        op: usize,
        t_sent: f64,
    },
    Price {
        t: f64,
        price: Vec<Vec<f64>>,
    },
    Tick {
        t: f64,
    },
    End,
}

#[derive(Debug, Deserialize)]
struct Init {
    /// By vendor and operator.
    price: Vec<Vec<f64>>,
    /// By vendor, operator and class.
    allow: Vec<Vec<Vec<bool>>>,
    value: Vec<f64>,
    deadline_s: Vec<f64>,
    cap_tps: Vec<f64>,
    min_success: Vec<f64>,
    #[serde(default)]
    commit_share: std::collections::BTreeMap<String, f64>,
    #[serde(default)]
    seed: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Alarm<'a> {
    Alarm { v: i64, op: i64, kind: &'a str },
}

/// As many as the engine tells apart.
const MOST_VENDORS: usize = 128;

/// The engine, and who may carry what.
struct Harness {
    engine: Engine,
    allow: Vec<Vec<Vec<bool>>>,
}

/// Reads lines until `end` or the end of the input.
pub(super) fn run() -> Result<(), Failure> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut harness = None;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |what: String| {
            Failure::new(Exit::Invalid, format!("line {}: {what}", number + 1))
                .hint("each line is one JSON object with `ev`: init first, then choose, submit, receipt, conversion, price, tick, end")
        };
        let read: Line = serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
        match (read, harness.as_mut()) {
            (Line::Init(init), _) => harness = Some(Harness::new(*init).map_err(wrong)?),
            (Line::End, _) => {
                writeln!(output, "{{\"end\":true}}")?;
                output.flush()?;
                return Ok(());
            }
            (_, None) => return Err(wrong("the first line must be `init`".to_owned())),
            (read, Some(harness)) => {
                harness.knows(&read).map_err(wrong)?;
                harness.play(read, &mut output)?;
            }
        }
    }
    output.flush()?;
    Ok(())
}

impl Harness {
    fn new(init: Init) -> Result<Self, String> {
        let vendors = init.cap_tps.len();
        if !(1..=MOST_VENDORS).contains(&vendors) {
            return Err(format!("cap_tps: between 1 and {MOST_VENDORS} vendors, not {vendors}"));
        }
        if init.price.len() != vendors || init.allow.len() != vendors {
            let (price, allow) = (init.price.len(), init.allow.len());
            return Err(format!("cap_tps names {vendors} vendors, price {price} and allow {allow}"));
        }
        if init.deadline_s.len() != init.value.len() || init.min_success.len() != init.value.len() {
            return Err("value, deadline_s and min_success must have one entry for each class".to_owned());
        }
        let commitment =
            |vendor: usize| init.commit_share.get(&vendor.to_string()).copied().unwrap_or_default();
        let vendor = |(vendor, cap): (usize, &f64)| Vendor {
            per_second: *cap,
            commitment: commitment(vendor),
            ..Vendor::default()
        };
        let class = |((value, deadline), least): ((&f64, &f64), &f64)| Class {
            value: *value,
            deadline: *deadline,
            min_success: *least,
        };
        let settings = Settings {
            vendors: init.cap_tps.iter().enumerate().map(vendor).collect(),
            classes: init.value.iter().zip(&init.deadline_s).zip(&init.min_success).map(class).collect(),
            prices: by_operator(&init.price),
            tuning: Tuning::default(),
        };
        Ok(Self { engine: Engine::new(settings, init.seed), allow: init.allow })
    }

    /// Whether the vendor, the operator and the class of a line are those of `init`.
    fn knows(&self, line: &Line) -> Result<(), String> {
        let (vendor, operator, class) = match line {
            Line::Choose { op, cls, .. } => (None, Some(*op), Some(*cls)),
            Line::Submit { v, op, cls, .. } => (Some(*v), Some(*op), Some(*cls)),
            Line::Receipt { v, op, .. } | Line::Conversion { v, op, .. } => (Some(*v), Some(*op), None),
            Line::Init(_) | Line::Price { .. } | Line::Tick { .. } | Line::End => (None, None, None),
        };
        let operators = self.allow.iter().map(Vec::len).max().unwrap_or(0);
        let limits = [
            ("v", vendor, self.allow.len()),
            ("op", operator, operators),
            ("cls", class, self.engine.settings().classes.len()),
        ];
        for (key, number, limit) in limits {
            if let Some(number) = number.filter(|number| *number >= limit) {
                return Err(format!("{key} {number} is not one of the {limit} that init names"));
            }
        }
        Ok(())
    }

    fn play(&mut self, line: Line, output: &mut impl Write) -> Result<(), Failure> {
        match line {
            Line::Choose { t, op, cls, reports_conversion, exclude } => {
                let may = |vendor: &usize| {
                    let classes = self.allow.get(*vendor).and_then(|operators| operators.get(op));
                    classes.and_then(|classes| classes.get(cls)).copied().unwrap_or(false)
                };
                let request = Request {
                    cell: Cell { operator: op, class: cls, reports_conversion },
                    allowed: (0..self.allow.len()).filter(may).collect(),
                    excluded: exclude.into_iter().collect::<Vendors>(),
                    no_probe: false,
                };
                let pick = self.engine.choose(milliseconds(t), &request);
                self.alarms(output)?;
                let vendor = pick.map_or_else(|| "null".to_owned(), |pick| pick.vendor.to_string());
                writeln!(output, "{{\"v\":{vendor}}}")?;
                output.flush()?;
            }
            Line::Submit { t, v, op, cls, reports_conversion, ok, code } => {
                let answer = match (ok, code.as_deref()) {
                    (true, _) => Answer::Accepted,
                    (false, Some("throttled")) => Answer::Throttled,
                    (false, Some("rejected")) => Answer::Rejected,
                    (false, _) => Answer::Failed,
                };
                let cell = Cell { operator: op, class: cls, reports_conversion };
                self.engine.submitted(milliseconds(t), v, cell, answer);
            }
            Line::Receipt { t, v, op, t_sent, delivered } => {
                self.engine.receipt(milliseconds(t), v, op, milliseconds(t_sent), delivered);
            }
            Line::Conversion { t, v, op, t_sent } => {
                self.engine.conversion(milliseconds(t), v, op, milliseconds(t_sent));
            }
            Line::Price { t, price } => {
                let settings = Settings { prices: by_operator(&price), ..self.engine.settings().clone() };
                self.engine.configure(milliseconds(t), settings);
            }
            Line::Tick { t } => self.engine.tick(milliseconds(t)),
            Line::Init(_) | Line::End => {}
        }
        self.alarms(output)
    }

    fn alarms(&mut self, output: &mut impl Write) -> Result<(), Failure> {
        for verdict in self.engine.verdicts() {
            let Verdict { kind, scope, stage: Stage::Raised, .. } = verdict else { continue };
            let number = |of: Option<usize>| of.and_then(|of| i64::try_from(of).ok()).unwrap_or(-1);
            let alarm =
                Alarm::Alarm { v: number(scope.vendor), op: number(scope.operator), kind: kind.as_str() };
            let line = serde_json::to_string(&alarm).map_err(anyhow::Error::from)?;
            writeln!(output, "{line}")?;
        }
        Ok(())
    }
}

/// The protocol lists prices by vendor, the engine by operator.
fn by_operator(price: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let operators = price.iter().map(Vec::len).max().unwrap_or(0);
    let of =
        |operator: usize| price.iter().map(|prices| prices.get(operator).copied().unwrap_or(0.0)).collect();
    (0..operators).map(of).collect()
}

fn milliseconds(seconds: f64) -> Millis {
    (seconds.max(0.0) * 1000.0) as Millis
}
