//! Compiles `match.time`.

use std::sync::Arc;

use jiff::tz::TimeZoneDatabase;

use crate::problem::{Path, unknown};
use crate::settings;
use crate::table::compile::Compiler;
use crate::table::hours::{Hours, Minutes, Zone, window};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Compiler<'_> {
    /// The zones that are built in are the only ones asked, so that a table is the same on every machine.
    pub(super) fn hours(&mut self, path: &Path, hours: &settings::Hours) -> Option<Hours> {
        let zone = self.zone(path.key("zone"), &hours.zone);
        let list = path.key("windows");
        self.refuse_empty(&list, &hours.windows);
        let mut minutes = Minutes::none();
        for (at, one) in hours.windows.iter().enumerate() {
            self.window(&list.index(at), one, &mut minutes);
        }
        Some(Hours { zone: zone?, minutes, text: hours.to_string().into() })
    }

    fn zone(&mut self, path: Path, name: &str) -> Option<Arc<Zone>> {
        if let Some(zone) = self.zones.get(name) {
            return Some(Arc::clone(zone));
        }
        let zones = TimeZoneDatabase::bundled();
        let Ok(found) = zones.get(name) else {
            let known: Vec<_> = zones.available().map(|name| name.to_string()).collect();
            let message = unknown("time zone", name, known.iter().map(String::as_str));
            self.problems.add(path, message);
            return None;
        };
        let zone = Arc::new(Zone::new(&found));
        self.zones.insert(name.to_owned(), Arc::clone(&zone));
        Some(zone)
    }

    fn window(&mut self, path: &Path, one: &settings::HoursWindow, minutes: &mut Minutes) {
        let days = match &one.days {
            None => (0..DAYS.len()).collect(),
            Some(names) => self.days(&path.key("days"), names),
        };
        let from = self.problems.keep(path.key("from"), time_of_day(&one.from));
        let to = self.problems.keep(path.key("to"), time_of_day(&one.to));
        let (Some(from), Some(to)) = (from, to) else { return };
        if from == END_OF_DAY {
            self.problems.add(path.key("from"), "a window begins before the day is over: write 00:00");
            return;
        }
        if from == to {
            let message = "the window is empty: for the whole day, write from = \"00:00\", to = \"24:00\"";
            self.problems.add(path.clone(), message);
            return;
        }
        let all = days.into_iter().flat_map(|day| window(day, from, to));
        let overlaps = all.filter(|minute| !minutes.insert(*minute)).count() > 0;
        if overlaps {
            self.problems
                .add(path.clone(), "the window overlaps another of this rule, or one of its own days");
        }
    }

    fn days(&mut self, list: &Path, names: &[String]) -> Vec<usize> {
        self.refuse_empty(list, names);
        let mut days = Vec::new();
        for (at, name) in names.iter().enumerate() {
            match DAYS.iter().position(|day| day == name) {
                Some(day) => days.push(day),
                None => {
                    let message = format_args!("`{name}` is no day: expected one of {}", DAYS.join(", "));
                    self.problems.add(list.index(at), message);
                }
            }
        }
        days
    }
}

const END_OF_DAY: usize = 24 * 60;

/// In minutes since midnight.
fn time_of_day(text: &str) -> Result<usize, String> {
    let wrong = || format!("`{text}` is no time of day: expected hours and minutes, such as 06:00");
    let two_digits = |part: &str| {
        let is_written_right = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_written_right.then(|| part.parse::<usize>().ok()).flatten()
    };
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let (hours, minutes) = two_digits(hours).zip(two_digits(minutes)).ok_or_else(wrong)?;
    let time = hours * 60 + minutes;
    if minutes < 60 && time <= END_OF_DAY { Ok(time) } else { Err(wrong()) }
}
