//! A decision in plain English: the one place where its sentences are made.

use domain::overrides::{How, Steered};
use domain::plan::{DrawFlags, Drawn, Exclusion, LeftOutRoute, Plan, PlannedRoute, Probing, Reason};
use domain::record::Target;
use domain::{ConnectionId, Rewritten, RouteId, RuleId, Sender, Tariff, Verdict, verdict};

use crate::choose::{Choice, Facts, HealthView, choose};
use crate::learning::{Arrives, Destination, Learned};
use crate::table::{Rule, Strategy, Table};

/// What would happen to a message now, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// None when no rule matches.
    pub rule: Option<RuleId>,
    /// `rule otp-de: class otp to DE; 2 of 3 routes, in the listed order`.
    pub summary: String,
    /// Those of the plan in its order, then those left out.
    pub routes: Vec<RouteExplanation>,
    /// None when no rule matches.
    pub choice: Option<Choice>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RouteExplanation {
    pub route: RouteId,
    /// Whether it is in the plan.
    pub included: bool,
    /// The stable code of the reason.
    pub code: &'static str,
    /// For one segment.
    pub price: Option<Tariff>,
    /// What the message would come from; None where that is left to the vendor, and of a plan made long ago.
    pub sender: Option<Sender>,
    /// The text that the route would send in the place of the message's own; None: that one as it is, and of a plan made
    /// long ago.
    pub rewritten: Option<Box<Rewritten>>,
    /// What is believed of it now for such messages; None where nothing was sent yet, and of a plan made long ago.
    pub learned: Option<Learned>,
    pub sentence: String,
}

#[must_use]
pub fn explain(facts: &Facts<'_>, table: &Table, health: &dyn HealthView) -> Explanation {
    let rule = table.rule(&table.request(facts));
    let (Some(rule), Ok(choice)) = (rule, choose(facts, table, health)) else {
        return Explanation { rule: None, summary: unmatched(facts), routes: Vec::new(), choice: None };
    };
    let mut routes = routes(&choice.plan);
    for (route, target) in routes.iter_mut().zip(&choice.targets) {
        route.show(target, facts);
    }
    say_prices(&mut routes, rule, facts, table);
    if let Some(beliefs) = health.beliefs() {
        let to = Destination::new(facts.country, facts.operator);
        let (kind, words) = ((facts.app, facts.class), to.in_words());
        for route in &mut routes {
            if let Some(connection) = table.route(&route.route).map(|route| &route.connection) {
                let currency = table.worths().currency;
                route.tell(beliefs.learned(kind, to, connection, choice.drawn_from, currency));
                route.blame(beliefs.verdicts().iter(), connection, &words);
            }
        }
    }
    Explanation { rule: Some(rule.id.clone()), summary: summary(rule, &choice), routes, choice: Some(choice) }
}

/// Of routes that cost too much: how much, and what the limit is.
fn say_prices(routes: &mut [RouteExplanation], rule: &Rule, facts: &Facts<'_>, table: &Table) {
    let is_dear = |route: &&mut RouteExplanation| route.code == Exclusion::PriceAboveMax.as_str();
    if routes.iter_mut().all(|route| !is_dear(&route)) {
        return;
    }
    let quotes = table.quotes(facts);
    let limits = [
        rule.max_price.map(|limit| format!("the rule's limit of {} a segment", limit.normalize())),
        facts.max_price.map(|limit| format!("the message's limit of {limit}")),
    ];
    let limits = limits.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    for route in routes.iter_mut().filter(is_dear) {
        let quote = quotes.iter().find(|quote| quote.route == route.route);
        if let Some(price) = quote.and_then(|quote| quote.price) {
            route.price = Some(price);
            route.sentence.push_str(&format!(": {price} against {limits}"));
        }
    }
}

/// Why each route of a plan is there or was left out: of a plan just made, or of one stored long ago.
#[must_use]
pub fn routes(plan: &Plan) -> Vec<RouteExplanation> {
    let planned = plan.routes.iter().map(|route| planned(route, plan));
    planned.chain(plan.left_out.iter().map(|route| left_out(route, plan))).collect()
}

/// What of this kind an override did to a route.
fn steered<'p>(plan: &'p Plan, route: &RouteId, is_meant: impl Fn(&How) -> bool) -> Option<&'p Steered> {
    plan.steered.iter().find(|steered| steered.route == *route && is_meant(&steered.how))
}

fn planned(route: &PlannedRoute, plan: &Plan) -> RouteExplanation {
    let standing_in = plan.flips.iter().find(|flip| flip.to == route.route);
    let is_weight = |how: &How| matches!(how, How::Weight(_));
    let is_maintenance = |how: &How| matches!(how, How::Maintenance(_));
    let sentence = match (route.reason, standing_in) {
        (Reason::Flipped, Some(flip)) => {
            format!("stands in for {}, flipped to it {}", flip.from, flip.terms())
        }
        (Reason::Pinned, _) if let Some(pin) = &plan.pin => format!("the pin {pin} puts it first"),
        (Reason::Weight(_), _) if let Some(weighed) = steered(plan, &route.route, is_weight) => {
            format!("{}; {}", route.reason.explanation(), weighed.sentence())
        }
        (Reason::Maintenance, _) if let Some(of) = steered(plan, &route.route, is_maintenance) => {
            format!("no other route can carry it now; {}", of.sentence())
        }
        (reason, _) => match route.drawn {
            Some(drawn) => format!("{}{}", reason.explanation(), draw(drawn, plan.probing)),
            None => reason.explanation(),
        },
    };
    let sentence = match &route.shadow_price {
        Some(shadow) if route.drawn.is_some() => format!(
            "{sentence}; a commitment to its vendor, {}: the adaptive engine may count it as cheaper",
            shadow.pace
        ),
        // It had no say: the engine knows nothing of the destination.
        Some(shadow) if shadow.off.amount.is_zero() => {
            format!("{sentence}; a commitment to its vendor, {}", shadow.pace)
        }
        Some(shadow) => format!("{sentence}; {shadow}"),
        None => sentence,
    };
    RouteExplanation {
        route: route.route.clone(),
        included: true,
        code: route.reason.as_str(),
        price: route.price,
        sender: None,
        rewritten: None,
        learned: None,
        sentence,
    }
}

/// `: 86.2 % of such messages go there first, 1.0 % to learn; drawn to learn (table 4711)`.
fn draw(drawn: Drawn, probing: Option<Probing>) -> String {
    let percent = |part: u16| f64::from(part) * 100.0 / f64::from(u16::MAX);
    let (share, probe) = (percent(drawn.share), percent(drawn.probe));
    let mut text = format!(": {share:.1} % of such messages go there first because that is best");
    if drawn.probe > 0 {
        text += &format!(", {probe:.1} % to learn about it");
    }
    for (flag, words) in [
        (DrawFlags::PROBE, "; this one is to learn"),
        (DrawFlags::THROTTLED, "; this one because a better route takes no more just now"),
        (DrawFlags::SHUT, "; its submits go unanswered"),
    ] {
        if drawn.flags.contains(flag) {
            text += words;
        }
    }
    if let Some(probing) = probing.filter(|_| !drawn.flags.contains(DrawFlags::FALLBACK)) {
        text += "; ";
        text += probing.explanation();
    }
    text + &format!(" (engine's table {})", drawn.table)
}

impl RouteExplanation {
    /// What is believed of the route.
    fn tell(&mut self, learned: Option<Learned>) {
        let Some(Learned { arrives, worth }) = learned else { return };
        self.learned = learned;
        let of_messages = |known: &Arrives| {
            let by = known.by();
            let (part, messages) = (known.part * 100.0, known.messages);
            format!("; {part:.1} % of what it gets there arrives, by the {by} of {messages:.0} messages")
        };
        match (&arrives, worth) {
            (Some(known), _) => self.sentence += &of_messages(known),
            (None, Some(_)) => {
                self.sentence.push_str("; too few messages tell how much of what it gets there arrives");
            }
            (None, None) => {}
        }
        if let Some(worth) = worth {
            self.sentence += &format!("; a message is worth {worth} there");
        }
    }

    /// What is held against the route: those of the verdicts that are about messages like this one.
    pub fn blame<'v>(
        &mut self,
        verdicts: impl Iterator<Item = &'v Verdict>,
        connection: &ConnectionId,
        to: &verdict::Destination,
    ) {
        for verdict in verdicts.filter(|verdict| verdict.scope.covers(connection, to)) {
            self.sentence.push_str("; ");
            self.sentence.push_str(&verdict.explanation());
        }
    }

    /// What the route would make of the message now. The routes of a plan stand first, in the order of its targets.
    fn show(&mut self, target: &Target, facts: &Facts<'_>) {
        self.sender = target.sender.clone();
        match (&target.sender, facts.from) {
            (Some(used), Some(asked)) if used != asked => {
                self.sentence.push_str(&format!("; from {used} in the place of {asked}"));
            }
            (Some(_) | None, _) => {}
        }
        if let Some(rewritten) = &target.rewritten {
            self.sentence.push_str(&format!("; text changed by {}", rewritten.in_words()));
            self.rewritten = Some(rewritten.clone());
        }
    }
}

fn left_out(route: &LeftOutRoute, plan: &Plan) -> RouteExplanation {
    let flipped = plan.flips.iter().find(|flip| flip.from == route.route);
    let by_override = plan.steered.iter().find(|steered| {
        let code = match steered.how {
            How::Suspended(_) => Exclusion::Suspended,
            How::Weight(_) => Exclusion::WeightTaken,
            How::Maintenance(_) => Exclusion::Maintenance,
        };
        steered.route == route.route && code == route.because
    });
    let sentence = match (route.because, flipped) {
        (Exclusion::Flipped, Some(flip)) => format!("flipped to {} {}", flip.to, flip.terms()),
        (because @ Exclusion::Sender, _) if route.entry.is_some() => {
            format!("{} (senders_by[{}])", because.explanation(), route.entry.unwrap_or_default())
        }
        (because, _) if because.is_of_text() => match route.entry {
            Some(at) => format!("{} (content_by[{at}])", because.explanation()),
            None => because.explanation().to_owned(),
        },
        (Exclusion::Pinned, _) if let Some(pin) = &plan.pin => {
            format!("the pin {pin} lets another route alone carry the message")
        }
        (because, _) if let Some(capped) = &route.capped => format!("{} ({capped})", because.explanation()),
        (because, _) => match (by_override, route.shortfall) {
            (Some(steered), _) => steered.sentence(),
            (None, Some(shortfall)) => shortfall.to_string(),
            (None, None) => because.explanation().to_owned(),
        },
    };
    RouteExplanation {
        route: route.route.clone(),
        included: false,
        code: route.because.as_str(),
        price: None,
        sender: None,
        rewritten: None,
        learned: None,
        sentence: format!("left out: {sentence}"),
    }
}

fn summary(rule: &Rule, choice: &Choice) -> String {
    let plan = &choice.plan;
    let (used, all) = (plan.routes.len(), plan.routes.len() + plan.left_out.len());
    let order = match rule.strategy {
        Strategy::Priority => "in the listed order",
        Strategy::Weighted => "drawn by weight",
        Strategy::LeastCost => "the cheapest first",
        Strategy::Adaptive => "drawn by what they are worth now",
    };
    let noun = if all == 1 { "route" } else { "routes" };
    let waits = if used == 0 && !choice.held.is_empty() { "; it waits for what is left out" } else { "" };
    format!("rule {}: {}; {used} of {all} {noun}, {order}{waits}", rule.id, rule.conditions)
}

fn unmatched(facts: &Facts<'_>) -> String {
    let Facts { app, channel, class, country, .. } = facts;
    let country = country.map_or_else(|| "no country".to_owned(), |country| country.to_string());
    format!("no rule matches class {class} over {channel} to {country} by {app}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Ask, Down, table};

    #[test]
    fn a_decision_reads_as_sentences() {
        let table = table(
            r#"
            [[policy.rules]]
            id = "otp-de"
            match = { class = ["transactional"], country = ["AT", "DE"] }
            routes = ["cirrus-de", "acme-eu", "borealis-eu"]
            "#,
        );
        let austria = Ask { country: Some("AT"), ..Ask::new() };
        let explanation = austria.with(|facts| explain(facts, &table, &Down(&["acme"])));
        assert_eq!(
            explanation.summary,
            "rule otp-de: class transactional to AT, DE; 2 of 3 routes, in the listed order"
        );
        let routes: Vec<_> =
            explanation.routes.iter().map(|route| (route.route.as_str(), route.sentence.as_str())).collect();
        assert_eq!(
            routes,
            [
                ("borealis-eu", "the rule lists it in place 3"),
                ("acme-eu", "its connection is down, so the others go first"),
                ("cirrus-de", "left out: the route does not go to the recipient's country"),
            ]
        );
        assert_eq!(explanation.choice, Ask { down: &["acme"], ..austria }.choose(&table).ok());
    }

    #[test]
    fn a_pin_is_named_where_it_decides() {
        let table = table(
            r#"
            [[policy.pins]]
            id = "block"
            recipient_prefix = ["+4915"]
            route = "cirrus-de"
            only = true
            [[policy.rules]]
            id = "all"
            routes = ["acme-eu"]
            "#,
        );
        let told = |ask: Ask| ask.with(|facts| explain(facts, &table, &Down(&[])));
        let sentences = |found: &Explanation| {
            found.routes.iter().map(|it| (it.code, it.sentence.clone())).collect::<Vec<_>>()
        };
        let alone = "left out: the pin block lets another route alone carry the message".to_owned();
        assert_eq!(
            sentences(&told(Ask::new())),
            [("pinned", "the pin block puts it first".to_owned()), ("pinned", alone)]
        );
        let other = told(Ask { to: "+4930123456".to_owned(), ..Ask::new() });
        assert_eq!(sentences(&other), [("priority", "the rule lists it in place 1".to_owned())]);
    }

    #[test]
    fn a_route_that_costs_too_much_says_how_much() {
        let rules = "[[policy.rules]]\nid = \"all\"\nroutes = [\"acme-eu\"]\nmax_price = \"0.01\"";
        let ask = Ask { max_price: Some(("0.02", "EUR")), ..Ask::new() };
        let explanation = ask.with(|facts| explain(facts, &table(rules), &Down(&[])));
        let route = &explanation.routes[0];
        assert_eq!((route.code, route.price.is_some()), ("price_above_max", true));
        let told = "left out: the route costs more than the limit allows: 0.05 EUR against the rule's limit of 0.01 a segment and the message's limit of 0.02 EUR";
        assert_eq!(route.sentence, told);
    }

    #[test]
    fn a_message_without_a_rule_is_explained_too() {
        let explanation = Ask::new().with(|facts| explain(facts, &table(""), &Down(&[])));
        assert_eq!(explanation.summary, "no rule matches class transactional over sms to DE by shop");
        assert_eq!((explanation.rule, explanation.choice), (None, None));
    }
}
