//! No plan holds a route that something forbids, and none lacks one that nothing forbids: any routes, cards, caps, rule,
//! pin, flip, suspended route, commitment and message, held against a judge that reads the same values as they were written and
//! shares no code. Maintenance, weights of overrides, scopes and what is believed of quality are not among them: they
//! have tests of their own.

use std::fmt::Write as _;

use domain::commitment::{Pace, Unit};
use domain::money::Decimal;
use domain::overrides::{Action, Override, Scope, Suspended};
use domain::plan::{Capped, Exclusion, Reason};
use domain::{Channel, ConnectionId, OverrideId, RouteId, Timestamp};
use proptest::prelude::*;

use crate::sample::{Ask, compile};

const COUNTRIES: [&str; 3] = ["DE", "AT", "FR"];
const SENDERS: [Option<&str>; 3] = [None, Some("SHOP"), Some("72345")];
const STRATEGIES: [&str; 4] = ["priority", "weighted", "least_cost", "adaptive"];

#[derive(Clone, Debug)]
struct Case {
    routes: Vec<Way>,
    strategy: &'static str,
    /// For one segment, in ten thousandths.
    limit: Option<u32>,
    /// Places of routes.
    flip: Option<(usize, usize)>,
    /// The place of a route.
    suspended: Option<usize>,
    /// The place of a route that is pinned, and whether it is alone.
    pin: Option<(usize, bool)>,
    ask: Ask,
    whole_limit: Option<u32>,
    /// How urgent the commitments to the three vendors are.
    paces: [u16; 3],
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
    /// Of a cap: whether it is reached, and of which kind of sender it is.
    cap: Option<(bool, Option<&'static str>)>,
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
        prop::option::weighted(
            0.4,
            (any::<bool>(), prop::sample::select(vec![None, Some("alphanumeric"), Some("short_code")])),
        ),
    );
    let way = way.prop_map(|(is_rcs, countries, card, allow, default, weight, cap)| Way {
        is_rcs,
        countries,
        card,
        allow,
        default,
        weight,
        cap,
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
    let steered =
        (prop::option::weighted(0.4, (0..7usize, 0..7usize)), prop::option::weighted(0.3, 0..7usize));
    let pin = prop::option::weighted(0.3, (0..7usize, any::<bool>()));
    let pin = (pin, [0..=1000u16, 0..=1000u16, 0..=1000u16]);
    (ways(), prop::sample::select(STRATEGIES.to_vec()), limits, steered, pin, ask).prop_map(
        |(
            mut routes,
            strategy,
            (limit, whole_limit),
            (flip, suspended),
            (pin, paces),
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
            let pin = pin.filter(|(at, _)| *at < routes.len());
            Case { routes, strategy, limit, flip, suspended, pin, ask, whole_limit, paces }
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
        for (at, (_, kind)) in self.routes.iter().enumerate().filter_map(|(at, way)| Some((at, way.cap?))) {
            write!(text, "[[caps]]\nid = \"cap{at}\"\nroute = \"r{at}\"\nlimit = 10\nper = \"day\"\n")
                .unwrap();
            if let Some(kind) = kind {
                writeln!(text, "sender_kind = [\"{kind}\"]").unwrap();
            }
        }
        if let Some((at, only)) = self.pin {
            write!(
                text,
                "[[policy.pins]]\nid = \"pin\"\napp = [\"shop\"]\nroute = \"r{at}\"\nonly = {only}\n"
            )
            .unwrap();
        }
        // So much that only what is forbidden could still keep a route back.
        text += "[policy.commitments]\nworth_at_most = \"1\"\n";
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

    /// Whether the route has carried as much as it may, under the sender that this message would have on it.
    fn is_capped(&self, way: &Way) -> bool {
        let asked = self.ask.from.filter(|sender| match way.allow {
            None => true,
            Some(kind) => (kind == "alphanumeric") == (*sender == "SHOP"),
        });
        let kind = match asked.or_else(|| way.default.then_some("OWN")) {
            None => None,
            Some("72345") => Some("short_code"),
            Some(_) => Some("alphanumeric"),
        };
        way.cap.is_some_and(|(is_reached, of)| is_reached && (of.is_none() || of == kind))
    }

    fn flip(&self) -> Option<(usize, usize)> {
        let (from, to) = self.flip?;
        let (one, other) = (self.routes.get(from)?, self.routes.get(to)?);
        (from != to && one.is_rcs == other.is_rcs).then_some((from, to))
    }

    /// The routes that the plan must hold, and those that the message must wait for, in no order.
    fn permitted(&self) -> [Vec<String>; 2] {
        let would_be_planned = |at: usize| {
            let way = &self.routes[at];
            if let Some((pinned, only)) = self.pin
                && (only || at == pinned)
            {
                return at == pinned && self.may_carry(way);
            }
            let has_weight = way.weight.is_some_and(|weight| self.strategy != "weighted" || weight > 0);
            has_weight && self.may_carry(way)
        };
        let [mut permitted, mut held] = [Vec::new(), Vec::new()];
        for at in 0..self.routes.len() {
            let is_flipped = self.flip().is_some_and(|(from, _)| from == at);
            let stands_in = self.flip().is_some_and(|(from, to)| to == at && would_be_planned(from));
            if would_be_planned(at) && !is_flipped || stands_in && self.may_carry(&self.routes[at]) {
                let waits = self.is_capped(&self.routes[at]) || self.suspended == Some(at);
                if waits { &mut held } else { &mut permitted }.push(format!("r{at}"));
            }
        }
        [permitted, held]
    }
}

/// The connections that are down, the routes whose caps are reached, and how commitments stand.
struct Standing<'c>(&'c Case, [Pace; 3]);

fn pace(urgency: u16) -> Pace {
    let [promised, carried, due] = [2, 0, 1].map(Decimal::from);
    Pace { unit: Unit::Messages, promised, carried, due, until: Timestamp::from_millis(0), urgency }
}

impl crate::HealthView for Standing<'_> {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.0.ask.down.contains(&connection.as_str())
    }

    fn capped(&self, cap: &crate::table::Cap, _: u32) -> Option<Capped> {
        let at: usize = cap.id.as_str().trim_start_matches("cap").parse().unwrap();
        let (is_reached, _) = self.0.routes[at].cap.unwrap();
        let (limit, until) = (cap.limit, Timestamp::from_millis(0));
        is_reached.then(|| Capped { cap: cap.id.clone(), count: limit, limit, until })
    }

    fn pace(&self, connection: &ConnectionId) -> Option<&Pace> {
        let at = ["acme", "borealis", "cirrus"].iter().position(|name| *name == connection.as_str());
        self.1.get(at?)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_plan_holds_what_nothing_forbids_and_no_more(case in cases()) {
        let mut table = compile(&case.settings()).unwrap();
        let route = |at| RouteId::new(&format!("r{at}")).unwrap();
        let flip = case.flip.map(|(from, to)| Action::Flip { from: route(from), to: route(to) });
        let suspended = case.suspended.map(|at| Action::Suspend(Suspended::Route(route(at))));
        let overrides = flip.into_iter().chain(suspended).map(|action| Override {
            id: OverrideId::from_u128(1),
            action,
            reason: "receipts drop".into(),
            created_at: Timestamp::from_millis(0),
            created_by: "ops".into(),
            expires_at: Timestamp::from_millis(1_767_225_600_000),
            reverted: None,
            scope: Scope::default(),
            starts_at: None,
        });
        table = table.under(&overrides.collect::<Vec<_>>());
        let limit = case.whole_limit.map(|limit| format!("0.{limit:04}"));
        let choose = || case.ask.with(|facts| {
            let amount = limit.as_deref().map(|text| domain::money::parse_amount(text).unwrap());
            let max_price = amount.map(|amount| domain::Price { amount, currency: "EUR".parse().unwrap() });
            let facts = crate::Facts { max_price, ..facts.clone() };
            crate::choose(&facts, &table, &Standing(&case, case.paces.map(pace)))
        });
        let choice = choose().unwrap();
        prop_assert_eq!(&choice, &choose().unwrap());
        let mut planned: Vec<_> = choice.plan.routes.iter().map(|it| it.route.to_string()).collect();
        planned.sort();
        let mut held: Vec<_> = choice.held.iter().map(|target| target.route.to_string()).collect();
        held.sort();
        prop_assert_eq!([planned, held], case.permitted());
        let first = choice.plan.routes.first().map(|it| (it.route.to_string(), it.reason));
        let pinned = case.pin.map(|(at, _)| format!("r{at}"));
        if let (Some((first, reason)), Some(pinned)) = (first, pinned)
            && case.flip().is_none()
            && case.ask.down.is_empty()
        {
            prop_assert_eq!(first == pinned, case.permitted()[0].contains(&pinned));
            prop_assert_eq!(first == pinned, reason == Reason::Pinned);
        }
        let is_up = |route: &RouteId| {
            let connection = &table.route(route).unwrap().connection;
            !case.ask.down.contains(&connection.as_str())
        };
        let routes = || choice.plan.routes.iter().map(|planned| &planned.route);
        prop_assert!(routes().next().is_none_or(is_up) || !routes().any(is_up), "{:?}", choice.plan);
        for left_out in &choice.plan.left_out {
            prop_assert!(choice.plan.routes.iter().all(|planned| planned.route != left_out.route), "{:?}", choice.plan);
            prop_assert_eq!(left_out.capped.is_some(), left_out.because == Exclusion::Capped);
        }
        for target in &choice.targets {
            let at: usize = target.route.as_str().trim_start_matches('r').parse().unwrap();
            let way = &case.routes[at];
            let sender = target.sender.as_ref().map(|sender| sender.as_str());
            prop_assert!(sender == case.ask.from || way.default && sender == Some("OWN"), "{:?}", target);
        }
    }
}
