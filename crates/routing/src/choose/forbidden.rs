//! No plan holds a route that something forbids, and none lacks one that nothing forbids: any routes, cards, rule,
//! flip and message, held against a judge that reads the same values as they were written and shares no code.

use std::fmt::Write as _;

use domain::overrides::{Action, Override, Scope};
use domain::{Channel, OverrideId, RouteId, Timestamp};
use proptest::prelude::*;

use crate::sample::{Ask, compile};

const COUNTRIES: [&str; 3] = ["DE", "AT", "FR"];
const SENDERS: [Option<&str>; 3] = [None, Some("SHOP"), Some("72345")];
const STRATEGIES: [&str; 3] = ["priority", "weighted", "least_cost"];

#[derive(Clone, Debug)]
struct Case {
    routes: Vec<Way>,
    strategy: &'static str,
    /// For one segment, in ten thousandths.
    limit: Option<u32>,
    /// Places of routes.
    flip: Option<(usize, usize)>,
    ask: Ask,
    whole_limit: Option<u32>,
}

#[derive(Clone, Debug)]
struct Way {
    is_rcs: bool,
    countries: Option<Vec<&'static str>>,
    /// Of a card of its own: for each country a price in ten thousandths, zero being `closed`.
    card: Option<[Option<u32>; 3]>,
    /// Of a sender's kinds; None: any.
    allow: Option<&'static str>,
    default: bool,
    /// None: the rule does not list it.
    weight: Option<u32>,
}

fn ways() -> impl Strategy<Value = Vec<Way>> {
    let price = || prop::option::weighted(0.8, prop_oneof![1 => Just(0u32), 4 => 1..60u32]);
    let way = (
        prop::bool::weighted(0.15),
        prop::option::weighted(0.4, prop::sample::subsequence(COUNTRIES.to_vec(), 1..=2)),
        prop::option::weighted(0.8, [price(), price(), price()]),
        prop::sample::select(vec![None, None, Some("alphanumeric"), Some("short_code")]),
        prop::bool::weighted(0.3),
        prop::option::weighted(0.8, prop_oneof![1 => Just(0u32), 4 => 1..5u32]),
    );
    let way = way.prop_map(|(is_rcs, countries, card, allow, default, weight)| Way {
        is_rcs,
        countries,
        card,
        allow,
        default,
        weight,
    });
    prop::collection::vec(way, 1..7)
}

fn cases() -> impl Strategy<Value = Case> {
    let ask = (
        prop::sample::select(vec![None, Some("DE"), Some("AT"), Some("FR")]),
        prop::sample::select(SENDERS.to_vec()),
        prop::bool::weighted(0.15),
        1..4u8,
        0..1_000_000u32,
        prop::sample::select(vec![&[][..], &["acme"], &["acme", "borealis"]]),
    );
    let limits = (prop::option::weighted(0.3, 1..60u32), prop::option::weighted(0.3, 1..180u32));
    let flip = prop::option::weighted(0.4, (0..7usize, 0..7usize));
    (ways(), prop::sample::select(STRATEGIES.to_vec()), limits, flip, ask).prop_map(
        |(
            mut routes,
            strategy,
            (limit, whole_limit),
            flip,
            (country, from, is_rcs, segments, number, down),
        )| {
            // A rule lists something, and `weighted` gives something a weight.
            if routes.iter().all(|way| way.weight.unwrap_or(0) == 0)
                && let Some(first) = routes.first_mut()
            {
                first.weight = Some(1);
            }
            let channel = if is_rcs { Channel::Rcs } else { Channel::Sms };
            let to = format!("+4915{number:08}");
            let ask = Ask { country, from, channel, segments, to, down, ..Ask::new() };
            Case { routes, strategy, limit, flip, ask, whole_limit }
        },
    )
}

impl Case {
    fn settings(&self) -> String {
        let (mut text, mut listed) = (String::new(), Vec::new());
        for (at, way) in self.routes.iter().enumerate() {
            let connection = ["acme", "borealis", "cirrus"][at % 3];
            write!(text, "[[routes]]\nid = \"r{at}\"\nconnection = \"{connection}\"\n").unwrap();
            text += if way.is_rcs { "channel = \"rcs\"\n" } else { "" };
            if let Some(countries) = &way.countries {
                writeln!(text, "countries = {countries:?}").unwrap();
            }
            let allow = way.allow.map(|kind| format!("allow = [\"{kind}\"]"));
            let default = way.default.then(|| "default = \"OWN\"".to_owned());
            let senders: Vec<_> = allow.into_iter().chain(default).collect();
            writeln!(text, "senders = {{ {} }}", senders.join(", ")).unwrap();
            if way.card.is_some() {
                writeln!(text, "rate_card = \"card{at}\"").unwrap();
            }
            listed.extend(way.weight.map(|weight| match self.strategy {
                "weighted" => format!("{{ id = \"r{at}\", weight = {weight} }}"),
                _ => format!("\"r{at}\""),
            }));
        }
        for (at, card) in self.routes.iter().enumerate().filter_map(|(at, way)| Some((at, way.card?))) {
            // A card holds some price, here one that no message asks for.
            write!(text, "[[rate_cards]]\nid = \"card{at}\"\ncurrency = \"EUR\"\n").unwrap();
            text += "prices = [{ country = \"US\", price = \"1\" }, ";
            for (country, price) in COUNTRIES.iter().zip(card) {
                let Some(price) = price else { continue };
                let price = if price == 0 { "closed".to_owned() } else { format!("0.{price:04}") };
                write!(text, "{{ country = \"{country}\", price = \"{price}\" }}, ").unwrap();
            }
            text += "]\n";
        }
        writeln!(text, "[[policy.rules]]\nid = \"all\"\nstrategy = \"{}\"", self.strategy).unwrap();
        if let Some(limit) = self.limit {
            writeln!(text, "max_price = \"0.{limit:04}\"").unwrap();
        }
        text + &format!("routes = [{}]\n", listed.join(", "))
    }

    /// Whether the route may carry the message at all, whatever its weight and flips.
    fn may_carry(&self, way: &Way) -> bool {
        let Ask { channel, country, from, segments, .. } = &self.ask;
        let is_channel = way.is_rcs == (*channel == Channel::Rcs);
        let goes_there = match (&way.countries, country) {
            (None, _) => true,
            (Some(all), Some(country)) => all.contains(country),
            (Some(_), None) => false,
        };
        let carries_sender = way.default
            || match (way.allow, from) {
                (None, _) | (_, None) => true,
                (Some(kind), Some(sender)) => (kind == "alphanumeric") == (*sender == "SHOP"),
            };
        let price = COUNTRIES.iter().position(|known| Some(*known) == *country).and_then(|at| way.card?[at]);
        let has_limit = self.limit.is_some() || self.whole_limit.is_some();
        let costs_little_enough = match price {
            Some(0) => false,
            None => !has_limit,
            Some(price) => {
                self.limit.is_none_or(|limit| price <= limit)
                    && self.whole_limit.is_none_or(|limit| price * u32::from(*segments) <= limit)
            }
        };
        is_channel && goes_there && carries_sender && costs_little_enough
    }

    fn flip(&self) -> Option<(usize, usize)> {
        let (from, to) = self.flip?;
        let (one, other) = (self.routes.get(from)?, self.routes.get(to)?);
        (from != to && one.is_rcs == other.is_rcs).then_some((from, to))
    }

    /// The routes that the plan must hold, in no order.
    fn permitted(&self) -> Vec<String> {
        let would_be_planned = |at: usize| {
            let way = &self.routes[at];
            let has_weight = way.weight.is_some_and(|weight| self.strategy != "weighted" || weight > 0);
            has_weight && self.may_carry(way)
        };
        let mut permitted = Vec::new();
        for at in 0..self.routes.len() {
            let is_flipped = self.flip().is_some_and(|(from, _)| from == at);
            let stands_in = self.flip().is_some_and(|(from, to)| to == at && would_be_planned(from));
            if would_be_planned(at) && !is_flipped || stands_in && self.may_carry(&self.routes[at]) {
                permitted.push(format!("r{at}"));
            }
        }
        permitted
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_plan_holds_what_nothing_forbids_and_no_more(case in cases()) {
        let mut table = compile(&case.settings()).unwrap();
        if let Some((from, to)) = case.flip {
            let route = |at| RouteId::new(&format!("r{at}")).unwrap();
            table = table.under(&[Override {
                id: OverrideId::from_u128(1),
                action: Action::Flip { from: route(from), to: route(to) },
                reason: "receipts drop".into(),
                created_at: Timestamp::from_millis(0),
                created_by: "ops".into(),
                expires_at: Timestamp::from_millis(1_767_225_600_000),
                reverted: None,
                scope: Scope::default(),
                starts_at: None,
            }]);
        }
        let limit = case.whole_limit.map(|limit| format!("0.{limit:04}"));
        let choose = || case.ask.with(|facts| {
            let amount = limit.as_deref().map(|text| domain::money::parse_amount(text).unwrap());
            let max_price = amount.map(|amount| domain::Price { amount, currency: "EUR".parse().unwrap() });
            let facts = crate::Facts { max_price, ..facts.clone() };
            crate::choose(&facts, &table, &crate::sample::Down(case.ask.down))
        });
        let choice = choose().unwrap();
        prop_assert_eq!(&choice, &choose().unwrap());
        let mut planned: Vec<_> = choice.plan.routes.iter().map(|it| it.route.to_string()).collect();
        planned.sort();
        prop_assert_eq!(planned, case.permitted());
        for target in &choice.targets {
            let at: usize = target.route.as_str().trim_start_matches('r').parse().unwrap();
            let way = &case.routes[at];
            let sender = target.sender.as_ref().map(|sender| sender.as_str());
            prop_assert!(sender == case.ask.from || way.default && sender == Some("OWN"), "{:?}", target);
        }
    }
}
