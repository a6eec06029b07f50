//! The world in which decisions are timed: rules by what policies ask for, 50 routes over 10 connections, 10,000 priced
//! operators, and messages for them.

use std::collections::HashMap;
use std::fmt::Write as _;

use domain::content::Features;
use domain::{AppId, Channel, Class, ConnectionId, Country, Recipient, RouteId, Sender, Timestamp};
use routing::table::Known;
use routing::{Facts, Settings, Table};

pub(crate) type Failure = Box<dyn std::error::Error>;

pub(crate) const ROUTES: usize = 50;
pub(crate) const CARDS: usize = 5;
pub(crate) const OPERATORS: usize = 10_000;
const APPS: usize = 100;
const COUNTRIES: [&str; 20] = [
    "DE", "AT", "CH", "FR", "GB", "IT", "ES", "PT", "NL", "BE", "PL", "CZ", "SE", "NO", "DK", "FI", "IE",
    "GR", "HU", "RO",
];

/// Rules that ask by turns for what policies ask for, each for values of its own as far as there are any, and have these
/// strategies by turns; the last takes every message.
pub(crate) fn policy(rules: usize, strategies: &[&str]) -> String {
    let mut text = String::new();
    for at in 0..rules - 1 {
        let of_kind = at / 6;
        let country = COUNTRIES[of_kind % COUNTRIES.len()];
        let class = Class::ALL[of_kind / COUNTRIES.len() % Class::ALL.len()];
        let matches = match at % 6 {
            0 => format!("operator = [\"{}\"]", operator(of_kind % OPERATORS)),
            1 => format!("sender = [\"{}\"]", sender(of_kind)),
            2 => format!("recipient_prefix = [\"{}\"]", 10_000_000 + of_kind),
            3 => format!("app = [\"app{}\"], country = [\"{country}\"]", of_kind / COUNTRIES.len() % APPS),
            4 => {
                format!("class = [\"{class}\"], country = [\"{country}\"], app = [\"app{}\"]", of_kind % APPS)
            }
            _ => format!("class = [\"{class}\"], channel = \"rcs\""),
        };
        text += &rule(at, &matches, at, 5, strategies);
    }
    text + &rule(rules, "", 3, 5, strategies)
}

pub(crate) fn rule(at: usize, matches: &str, first: usize, routes: usize, strategies: &[&str]) -> String {
    let strategy = strategies[at % strategies.len()];
    let prefix = if matches.contains("rcs") { "rcs" } else { "r" };
    let mut text = format!(
        "[[policy.rules]]\nid = \"rule{at}\"\nmatch = {{ {matches} }}\nstrategy = \"{strategy}\"\nroutes = ["
    );
    for route in first..first + routes {
        // Places that are prime to each other, so that every route of a rule is another.
        let route = format!("{prefix}{}", route * 7 % ROUTES);
        let written = if strategy == "weighted" {
            format!("{{ id = \"{route}\", weight = 20 }}, ")
        } else {
            format!("\"{route}\", ")
        };
        text += &written;
    }
    text + "]\n"
}

pub(crate) fn table(policy: &str) -> Result<Table, Failure> {
    let mut text = String::new();
    for route in 0..ROUTES {
        for (prefix, channel) in [("r", "sms"), ("rcs", "rcs")] {
            let (connection, card) = (route % 10, route % CARDS);
            writeln!(
                text,
                "[[routes]]\nid = \"{prefix}{route}\"\nchannel = \"{channel}\"\nconnection = \"c{connection}\"\nrate_card = \"card{card}\""
            )?;
        }
    }
    let mut price_files = HashMap::new();
    for card in 0..CARDS {
        writeln!(text, "[[rate_cards]]\nid = \"card{card}\"\ncurrency = \"EUR\"\nfile = \"card{card}.csv\"")?;
        let mut csv = "mcc,mnc,price\n".to_owned();
        for at in 0..OPERATORS {
            let code = operator(at);
            let (mcc, mnc) = code.split_once('-').unwrap_or_default();
            writeln!(csv, "{mcc},{mnc},0.{:04}", 100 + (at * (card + 3)) % 900)?;
        }
        let lines = routing::price::parse_csv(&csv).map_err(|problems| format!("{:?}", problems.first()))?;
        price_files.insert(format!("card{card}"), lines);
    }
    let settings: Settings = routing::settings::canonical::parse(&(text + policy))?;
    let connections = (0..10).map(|at| format!("c{at}").parse()).collect::<Result<Vec<ConnectionId>, _>>()?;
    let apps = (0..APPS).map(|at| format!("app{at}").parse()).collect::<Result<Vec<AppId>, _>>()?;
    let failure_domains = HashMap::new();
    let known = Known {
        connections: &connections,
        apps: &apps,
        failure_domains: &failure_domains,
        price_files: &price_files,
    };
    Table::compile(&settings, &known, 1).map_err(|problems| format!("{:?}", problems.first()).into())
}

pub(crate) struct Message {
    app: AppId,
    class: Class,
    to: Recipient,
    from: Option<Sender>,
    country: Option<Country>,
    operator: String,
    used_just_now: Option<RouteId>,
}

impl Message {
    /// Values beyond those of the rules too, so that some messages fall through to the last one; to so many of the
    /// operators, far apart.
    pub(crate) fn random(random: &mut Random, rules: usize, operators: usize) -> Result<Self, Failure> {
        let of_kind = rules / 6 + 1;
        let sender = sender(random.below(of_kind * 2));
        let number = 10_000_000 + random.below(of_kind * 2);
        Ok(Self {
            app: format!("app{}", random.below(APPS)).parse()?,
            class: Class::ALL[random.below(Class::ALL.len())],
            to: Recipient::from_e164(&format!("+{number}{:04}", random.below(10_000))).ok_or("no number")?,
            from: if random.below(3) == 0 { None } else { Some(sender.parse()?) },
            country: Some(COUNTRIES[random.below(COUNTRIES.len())].parse()?),
            operator: operator(random.below(operators) * (OPERATORS / operators)).replace('-', ""),
            used_just_now: if random.below(4) == 0 {
                Some(format!("r{}", random.below(ROUTES)).parse()?)
            } else {
                None
            },
        })
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            app: &self.app,
            channel: Channel::Sms,
            class: self.class,
            to: &self.to,
            from: self.from.as_ref(),
            country: self.country,
            operator: Some(&self.operator),
            segments: 1,
            text: routing::Text::Unknown(&[]),
            features: Features::of("hello"),
            max_price: None,
            now: Timestamp::from_millis(1_767_225_600_000),
            used_just_now: self.used_just_now.as_ref(),
            no_probe: false,
            probed_just_now: false,
            chance: 0,
        }
    }
}

fn operator(at: usize) -> String {
    format!("{}-{:02}", 200 + at / 100, at % 100)
}

fn sender(at: usize) -> String {
    format!("SENDER{at}")
}

/// SplitMix64: the same messages in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % limit as u64).unwrap_or(0)
    }
}
