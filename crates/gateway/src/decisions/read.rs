//! Reads a file of decisions line by line. What is kept does not grow with the file: a line at most, and the first of the
//! problems.

use std::fmt;
use std::io::{self, BufRead, Read as _};
use std::time::Duration;

use domain::content::Features;
use domain::id::MessageIds;
use domain::message::{Channel, Message};
use domain::number::{self, Country};
use domain::status::StatusSet;
use domain::{AppId, Class, Encoding, Recipient, Timestamp, segment};
use pipeline::replay::{Decision, Done, LeftAside};
use pipeline::{App, MAX_SCHEDULE, MAX_SEGMENTS, MAX_VALIDITY};
use routing::operator::Operator;
use rustc_hash::FxHashMap;

use super::line::Line;
use super::{End, FORM, Head};

/// Longer than any line that is meant: a text of the most segments takes 3 KiB.
const LONGEST_LINE: u64 = 64 * 1024;
/// Longer than any message is planned ahead and then valid.
const FARTHEST: Duration = MAX_SCHEDULE.saturating_add(MAX_VALIDITY);
/// Problems that are told; the rest is counted.
const TOLD: usize = 100;

/// Whose a number is, as far as it is known.
pub(crate) type OperatorOf = dyn Fn(&Recipient) -> Option<Operator> + Send;

/// What is missing is found out from this, as for a new message.
pub(crate) struct Known {
    pub(crate) apps: FxHashMap<AppId, App>,
    pub(crate) default_class: Class,
    pub(crate) operator: Box<OperatorOf>,
    /// For lines that say no instant.
    pub(crate) now: Timestamp,
}

/// What a line comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Read {
    Decision(Box<Decision>),
    Aside(LeftAside),
}

/// The lines of a file that can be used.
pub(crate) struct Items<'a> {
    input: &'a mut dyn BufRead,
    known: &'a Known,
    buffer: Vec<u8>,
    /// Of the line that was read last, counted from one.
    line: u64,
    /// Lines that say something of a message.
    messages: u64,
    head: Option<Head>,
    end: Option<End>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    ids: MessageIds,
    problems: Problems,
}

/// What is wrong with a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Problems {
    /// By line, the first of them.
    pub(crate) told: Vec<(u64, String)>,
    pub(crate) more: u64,
}

impl Problems {
    fn add(&mut self, line: u64, problem: impl Into<String>) {
        if self.told.len() < TOLD {
            self.told.push((line, problem.into()));
        } else {
            self.more += 1;
        }
    }
}

/// In one line: the first of them, and how many there are.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.told.as_slice(), self.more) {
            ([], _) => f.write_str("no problem"),
            ([(line, problem)], 0) => write!(f, "line {line}: {problem}"),
            (told, 0) => write!(f, "{} problems in the file", told.len()),
            (told, more) => {
                write!(f, "{} problems in the file, and {more} more that are not told", told.len())
            }
        }
    }
}

/// Which time a file is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Period {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    /// Whether the file says so; else it is from its first message to its last.
    pub(crate) is_said: bool,
}

/// What a file was, once every line is read.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) period: Period,
    pub(crate) damaged: u64,
    pub(crate) days_left_out: Vec<String>,
}

impl<'a> Items<'a> {
    pub(crate) fn new(input: &'a mut dyn BufRead, known: &'a Known) -> Self {
        Self {
            input,
            known,
            buffer: Vec::new(),
            line: 0,
            messages: 0,
            head: None,
            end: None,
            first: None,
            last: None,
            ids: MessageIds::new(0),
            problems: Problems::default(),
        }
    }

    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.told.is_empty()
    }

    /// The next line that can be used; None at the end of the file.
    ///
    /// # Errors
    /// When it cannot be read on.
    pub(crate) fn read_item(&mut self) -> io::Result<Option<Read>> {
        loop {
            self.buffer.clear();
            let read = (&mut *self.input).take(LONGEST_LINE + 1).read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.buffer.len() as u64 > LONGEST_LINE && self.buffer.last() != Some(&b'\n') {
                self.problems.add(self.line, format!("is longer than {} KiB", LONGEST_LINE / 1024));
                self.skip_line()?;
                continue;
            }
            let buffer = std::mem::take(&mut self.buffer);
            let item = self.item(&buffer);
            self.buffer = buffer;
            match item {
                Ok(Some(item)) => return Ok(Some(item)),
                Ok(None) => {}
                Err(problems) => {
                    for problem in problems {
                        self.problems.add(self.line, problem);
                    }
                }
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            self.buffer.clear();
            let read = (&mut *self.input).take(LONGEST_LINE).read_until(b'\n', &mut self.buffer)?;
            if read == 0 || self.buffer.last() == Some(&b'\n') {
                return Ok(());
            }
        }
    }

    /// # Errors
    /// With every problem of the file.
    pub(crate) fn finish(mut self) -> Result<Whole, Problems> {
        let end = self.end.take();
        match (&self.head, &end) {
            (Some(_), None) => self.problems.add(
                self.line + 1,
                "the line is missing that ends an export: the file was cut off; take its first line away to use it as it is",
            ),
            (_, Some(end)) if end.lines != self.messages => {
                let problem = format!(
                    "says that there are {} lines before it, and there are {}: the file was cut or edited; take its first and last line away to use it as it is",
                    end.lines, self.messages
                );
                self.problems.add(self.line, problem);
            }
            (Some(_) | None, Some(_)) | (None, None) => {}
        }
        if self.messages == 0 && self.head.is_none() && !self.has_problems() {
            self.problems.add(1, "there is nothing in the file");
        }
        if self.has_problems() {
            return Err(self.problems);
        }
        let found = |at: Option<Timestamp>| at.unwrap_or(self.known.now);
        let period = match self.head {
            Some(Head { since, until, .. }) => Period { since, until, is_said: true },
            None => Period { since: found(self.first), until: found(self.last), is_said: false },
        };
        let End { damaged, days_left_out, .. } = end.unwrap_or_default();
        Ok(Whole { period, damaged, days_left_out })
    }

    /// None for a line that says nothing of a message.
    fn item(&mut self, bytes: &[u8]) -> Result<Option<Read>, Vec<String>> {
        let text = std::str::from_utf8(bytes)
            .map_err(|bad| vec![format!("is not UTF-8 from byte {} on", bad.valid_up_to() + 1)])?;
        let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if self.end.is_some() {
            return Err(vec!["stands behind the line that ends the export".to_owned()]);
        }
        if self.line == 1 && says(text, "decisions") {
            let head: Head = parse(text)?;
            if head.decisions != FORM {
                return Err(vec![format!(
                    "decisions: {} is a form that this version does not know",
                    head.decisions
                )]);
            }
            self.head = Some(head);
            return Ok(None);
        }
        if says(text, "end") {
            self.end = Some(parse(text)?);
            return Ok(None);
        }
        self.messages += 1;
        self.message(parse(text)?).map(Some)
    }

    fn message(&mut self, line: Line) -> Result<Read, Vec<String>> {
        let at = line.at.or(self.last).unwrap_or(self.known.now);
        // In an export messages stand by their ids, which are given a little before some are accepted.
        if self.head.is_none() && self.last.is_some_and(|last| at < last) {
            return Err(vec!["at: is before that of a line above: sort the file by `at`".to_owned()]);
        }
        self.first.get_or_insert(at);
        self.last = self.last.max(Some(at));
        if let Some(why) = line.left_aside {
            return Ok(Read::Aside(why.into()));
        }
        let mut problems = Vec::new();
        let read = self.decision(line, at, &mut problems);
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            Some(_) | None => Err(problems),
        }
    }

    /// None when a part of it cannot be used, which is then a problem.
    fn decision(&mut self, line: Line, at: Timestamp, problems: &mut Vec<String>) -> Option<Read> {
        let done = line.done();
        if line.attempts.is_some() && line.refused.is_some() {
            problems.push("refused: is given together with attempts".to_owned());
        }
        let app = self.app(line.app.as_ref(), problems);
        let defaults = app.as_ref().and_then(|app| self.known.apps.get(app));
        let number = match &line.to {
            Some(to) => {
                recipient(to, &line, defaults).map_err(|bad| problems.push(format!("to: {bad}"))).ok()
            }
            None => {
                problems.push("to: is missing".to_owned());
                None
            }
        };
        let country = match line.country.as_ref().map(Option::as_deref) {
            Some(Some(code)) => code
                .parse()
                .map(Some)
                .map_err(|bad: number::BadCountry| problems.push(format!("country: {bad}")))
                .ok(),
            Some(None) => Some(None),
            None => Some(number.as_ref().and_then(|number| number.country)),
        };
        let operator = match line.operator.as_ref().map(Option::as_deref) {
            Some(Some(code)) => match code.parse::<Operator>() {
                Ok(operator) => Some(operator.code()),
                Err(bad) => {
                    problems.push(format!("operator: {bad}"));
                    None
                }
            },
            Some(None) => None,
            None => number.as_ref().and_then(|number| (self.known.operator)(&number.to)).map(Operator::code),
        };
        let is_far = |other: Timestamp| other.since(at).max(at.since(other)) > FARTHEST;
        let far =
            |place: &str| format!("{place}: is more than {} days from `at`", FARTHEST.as_secs() / 86_400);
        if line.send_at.is_some_and(is_far) {
            problems.push(far("send_at"));
        }
        for (place, attempt) in line.attempts.iter().flatten().enumerate() {
            if is_far(attempt.asked_at) {
                problems.push(far(&format!("attempts[{place}].asked_at")));
            }
        }
        let text = text(&line, problems);
        let fates = line.outcomes.iter().enumerate().filter_map(|(place, outcome)| {
            outcome.fate().map_err(|bad| problems.push(format!("outcomes[{place}]: {bad}"))).ok()
        });
        let fates: Vec<_> = fates.collect();
        let is_new = done == Done::Planned;
        let (number, text) = (number?, text?);
        if is_new && !number.may_be_sent_to {
            return Some(Read::Aside(LeftAside::Refused));
        }
        let id = line.id.unwrap_or_else(|| self.ids.next(at, self.line));
        let message = Message {
            id,
            app: app?,
            created_at: at,
            to: number.to,
            from: line.from.unwrap_or_else(|| defaults.and_then(|app| app.default_sender.clone())),
            channel: line.channel.unwrap_or(Channel::Sms),
            class: line
                .class
                .or_else(|| defaults.and_then(|app| app.default_class))
                .unwrap_or(self.known.default_class),
            text: line.text.unwrap_or_default().into(),
            encoding: text.features.encoding,
            segments: text.segments,
            country: country?,
            operator: operator.map(String::into_boxed_str),
            reference: None,
            metadata: None,
            send_at: line.send_at.filter(|send_at| *send_at > at),
            // The rule says it where the line does not.
            expires_at: line.expires_at.unwrap_or(at),
            max_price: line.max_price,
            callback_url: None,
            notify: StatusSet::NONE,
            by_smpp: None,
            operator_source: None,
            operator_known_at: None,
            has_link: text.features.has_link,
            no_probe: line.no_probe,
        };
        Some(Read::Decision(Box::new(Decision {
            message,
            done,
            fates,
            down: line.down,
            capped: line.capped.iter().map(super::line::CappedLine::capped).collect(),
            believed: line.believed.iter().map(super::line::BelievedLine::believed).collect(),
            paces: line.paces.iter().map(super::pace::PaceLine::pace).collect(),
            probed_just_now: line.probed_just_now,
        })))
    }

    fn app(&self, given: Option<&AppId>, problems: &mut Vec<String>) -> Option<AppId> {
        let mut apps = self.known.apps.keys();
        match (given, apps.next(), apps.next()) {
            (Some(app), _, _) => Some(app.clone()),
            (None, Some(only), None) => Some(only.clone()),
            (None, _, _) => {
                problems.push("app: is missing, and there is not just one".to_owned());
                None
            }
        }
    }
}

/// Whether the line is an object that begins with this field.
fn says(text: &str, field: &str) -> bool {
    let rest = text.strip_prefix('{').map(str::trim_start).and_then(|rest| rest.strip_prefix('"'));
    rest.and_then(|rest| rest.strip_prefix(field)).is_some_and(|rest| rest.starts_with('"'))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        // Every line is one of its own.
        let bad = error.to_string().replace(" at line 1 column ", ", at column ");
        vec![match (error.is_data(), path.as_str()) {
            (false, _) => format!("is not a JSON object: {bad}"),
            (true, ".") => bad,
            (true, path) => format!("{path}: {bad}"),
        }]
    })?;
    reader.end().map_err(|_| vec!["has something behind its object".to_owned()])?;
    Ok(read)
}

struct To {
    to: Recipient,
    country: Option<Country>,
    /// A new message to it would be taken.
    may_be_sent_to: bool,
}

/// One whose country is said is as it was in the log: what numbering plans say by now is no matter.
fn recipient(to: &str, line: &Line, app: Option<&App>) -> Result<To, number::BadNumber> {
    if line.country.is_some()
        && let Some(to) = Recipient::from_e164(to)
    {
        return Ok(To { to, country: None, may_be_sent_to: true });
    }
    let number = number::parse(to, app.and_then(|app| app.default_country))?;
    let may_be_sent_to = number.valid || !app.is_some_and(|app| app.strict_numbers);
    Ok(To { to: number.recipient, country: number.country, may_be_sent_to })
}

struct Text {
    features: Features,
    segments: u8,
}

fn text(line: &Line, problems: &mut Vec<String>) -> Option<Text> {
    let (features, segments) = match (&line.text, line.segments) {
        (Some(text), _) if text.is_empty() => {
            problems.push("text: is empty".to_owned());
            return None;
        }
        (Some(text), segments) => {
            let cut = segment::segment(text).segments.len();
            (Features::of(text), segments.map_or(cut, usize::from))
        }
        (None, Some(segments)) => (Features { encoding: Encoding::Gsm7, has_link: false }, segments.into()),
        (None, None) => {
            problems.push("segments: is missing, and there is no text".to_owned());
            return None;
        }
    };
    if segments == 0 || segments > MAX_SEGMENTS {
        problems.push(format!("segments: {segments} is not between 1 and {MAX_SEGMENTS}"));
        return None;
    }
    let features = Features {
        encoding: line.encoding.unwrap_or(features.encoding),
        has_link: line.has_link.unwrap_or(features.has_link),
    };
    Some(Text { features, segments: u8::try_from(segments).unwrap_or(u8::MAX) })
}
