//! Tries the tests of a policy: what stands beside the rules is held against what they do.

use domain::content::Features;
use domain::number;
use domain::{AppId, ConnectionId, Sender, Timestamp, segment};

use crate::choose::{Choice, Facts, HealthView, NoRule, Text, choose};
use crate::operator::{Operator, origin};
use crate::price::instant;
use crate::problem::{Path, Problem, Problems};
use crate::settings::{Expect, Given, PolicyTest, Settings};
use crate::table::Table;

/// Every test that fails, and all that is wrong with tests themselves. `now` is for those that name no instant.
#[must_use]
pub fn failures(settings: &Settings, table: &Table, now: Timestamp) -> Vec<Problem> {
    let mut problems = Problems::default();
    let list = Path::default().key("policy").key("tests");
    let tests = &settings.policy.tests;
    for (at, test) in tests.iter().enumerate() {
        let path = list.index(at);
        if let Some(first) =
            tests.iter().position(|other| other.name == test.name).filter(|first| *first < at)
        {
            let first = list.index(first);
            problems.add(path.key("name"), format_args!("`{}` is the name of {first} already", test.name));
        }
        if test.expect == Expect::default() {
            problems.add(path.key("expect"), "nothing is expected: name the rule, a route, or no_route");
        }
        if test.expect.text.is_some() && test.given.text.is_none() {
            let message = "what is sent follows from a text: give one";
            problems.add(path.key("given").key("text"), message);
        }
        let before = problems.len();
        let message = Message::read(&path.key("given"), &test.given, now, &mut problems);
        if let Some(message) = message.filter(|_| problems.len() == before) {
            let choice = choose(&message.facts(&test.given, table), table, &AllUp);
            compare(&path.key("expect"), test, choice, &mut problems);
        }
    }
    problems.into_result(()).err().unwrap_or_default()
}

/// A test is about rules, not about how the connections stand.
struct AllUp;

impl HealthView for AllUp {
    fn is_down(&self, _: &ConnectionId) -> bool {
        false
    }
}

struct Message {
    app: AppId,
    number: number::Number,
    from: Option<Sender>,
    operator: Option<String>,
    segments: u8,
    at: Timestamp,
}

impl Message {
    /// None when a part of it cannot be read, which is then a problem.
    fn read(path: &Path, given: &Given, now: Timestamp, problems: &mut Problems) -> Option<Self> {
        let app = problems.read::<AppId>(path.key("app"), &given.app);
        let number = problems.keep(path.key("to"), number::parse(&given.to, None));
        let from = given.from.as_ref().map(|from| problems.read::<Sender>(path.key("from"), from));
        let operator =
            given.operator.as_ref().map(|code| problems.read::<Operator>(path.key("operator"), code));
        let at = given.at.as_ref().map(|at| {
            let read = instant(at)
                .ok_or_else(|| format!("`{at}` is not a time: expected 2026-03-01 or 2026-03-01T08:00:00Z"));
            problems.keep(path.key("at"), read)
        });
        let segments = segment::segment(text(given)).segments.len();
        let number = number?;
        let operator = match operator {
            Some(given) => given,
            None => origin::of(&number.recipient).and_then(|origin| origin.operator),
        };
        Some(Self {
            app: app?,
            number,
            from: from.flatten(),
            operator: operator.map(Operator::code),
            segments: u8::try_from(segments).unwrap_or(u8::MAX),
            at: at.flatten().unwrap_or(now),
        })
    }

    fn facts<'a>(&'a self, given: &'a Given, table: &Table) -> Facts<'a> {
        Facts {
            app: &self.app,
            channel: given.channel,
            class: given.class.unwrap_or_else(|| table.default_class()),
            to: &self.number.recipient,
            from: self.from.as_ref(),
            country: self.number.country,
            operator: self.operator.as_deref(),
            segments: self.segments,
            text: given.text.as_deref().map_or(Text::Unknown(&[]), Text::Whole),
            features: Features::of(text(given)),
            max_price: None,
            now: self.at,
            used_just_now: None,
            no_probe: false,
            probed_just_now: false,
            chance: 0,
        }
    }
}

/// Of one that gives none, something of one segment.
fn text(given: &Given) -> &str {
    given.text.as_deref().unwrap_or("-")
}

fn compare(path: &Path, test: &PolicyTest, choice: Result<Choice, NoRule>, problems: &mut Problems) {
    let PolicyTest { name, given, expect, managed_by: _ } = test;
    let choice = choice.ok();
    let sent =
        choice.as_ref().and_then(|choice| choice.targets.first()).map(|target| match &target.rewritten {
            Some(rewritten) => &*rewritten.text,
            None => text(given),
        });
    let sent = sent.map(str::to_owned);
    let plan = choice.map(|choice| choice.plan);
    let rule = plan.as_ref().map(|plan| plan.rule.as_str());
    let routes: Vec<&str> =
        plan.iter().flat_map(|plan| &plan.routes).map(|planned| planned.route.as_str()).collect();
    let left_out: Vec<&str> =
        plan.iter().flat_map(|plan| &plan.left_out).map(|left| left.route.as_str()).collect();
    let mut fail = |key: &'static str, expected: &str, found: &str| {
        problems.add(path.key(key), format_args!("`{name}` expects {expected}, and it is {found}"));
    };
    if let Some(expected) = expect.rule.as_deref().filter(|expected| rule != Some(*expected)) {
        fail("rule", expected, rule.unwrap_or("none: no rule matches"));
    }
    let first = routes.first().copied();
    if let Some(expected) = expect.first.as_deref().filter(|expected| first != Some(*expected)) {
        fail("first", expected, first.unwrap_or("none"));
    }
    if let Some(expected) = expect.routes.as_ref().filter(|expected| **expected != routes) {
        fail("routes", &listed(expected), &listed(&routes));
    }
    for expected in expect.excluded.iter().flatten().filter(|expected| !left_out.contains(&expected.as_str()))
    {
        fail("excluded", &format!("{expected} among those left out"), &listed(&left_out));
    }
    if let Some(expected) = expect.text.as_deref().filter(|expected| sent.as_deref() != Some(*expected)) {
        let sent = sent.map_or_else(|| "none".to_owned(), |sent| format!("{sent:?}"));
        fail("text", &format!("{expected:?}"), &sent);
    }
    if let Some(expected) = expect.no_route.filter(|expected| *expected != routes.is_empty()) {
        let expected = if expected { "no route" } else { "a route" };
        fail("no_route", expected, &listed(&routes));
    }
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{ROUTES, compile};
    use crate::settings::canonical::parse;

    const RULES: &str = r#"
        [[policy.rules]]
        id = "otp-de"
        match = { class = ["otp"], country = ["DE"] }
        routes = ["cirrus-de", "acme-eu"]
        [[policy.rules]]
        id = "europe"
        match = { country = ["DE", "AT"] }
        strategy = "least_cost"
        routes = ["acme-eu", "borealis-eu", "cirrus-de"]
    "#;

    fn told(tests: &str) -> Vec<String> {
        let text = format!("{ROUTES}{RULES}{tests}");
        let (settings, table) = (parse(&text).unwrap(), compile(&text).unwrap());
        let failures = failures(&settings, &table, Timestamp::from_millis(0));
        failures.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_expected_and_done_is_no_failure() {
        let tests = r#"
            [[policy.tests]]
            name = "codes"
            given = { to = "+4915112345678", app = "shop", class = "otp" }
            expect = { rule = "otp-de", first = "cirrus-de", routes = ["cirrus-de", "acme-eu"], no_route = false }
            [[policy.tests]]
            name = "Austria"
            given = { to = "+436641234567", app = "shop", operator = "23201", at = "2026-03-01" }
            expect = { first = "acme-eu", excluded = ["cirrus-de"] }
            [[policy.tests]]
            name = "France"
            given = { to = "+33612345678", app = "shop" }
            expect = { no_route = true }
        "#;
        assert_eq!(told(tests), [""; 0]);
    }

    #[test]
    fn the_text_of_a_test_is_looked_into() {
        let rule =
            "[[policy.rules]]\nid = \"links\"\nmatch = { has_link = true }\nroutes = [\"borealis-eu\"]\n";
        let test = |text: &str, rule: &str| {
            format!(
                "[[policy.tests]]\nname = \"{rule}\"\ngiven = {{ to = \"+4915112345678\", app = \"shop\", text = \"{text}\" }}\nexpect = {{ rule = \"{rule}\" }}\n"
            )
        };
        let tests = test("see bit.ly/3xY", "links") + &test("see you", "europe");
        let text = format!("{ROUTES}{rule}{RULES}{tests}");
        let (settings, table) = (parse(&text).unwrap(), compile(&text).unwrap());
        assert_eq!(failures(&settings, &table, Timestamp::from_millis(0)), []);
    }

    #[test]
    fn each_expectation_that_is_not_met_is_told_in_its_place() {
        let tests = r#"
            [[policy.tests]]
            name = "wrong"
            given = { to = "+436641234567", app = "shop" }
            expect = { rule = "otp-de", first = "borealis-eu", routes = [], excluded = ["acme-eu"], no_route = true }
        "#;
        let told = told(tests);
        assert_eq!(told.len(), 5, "{told:#?}");
        assert_eq!(told[0], "policy.tests[0].expect.rule: `wrong` expects otp-de, and it is europe");
        assert_eq!(told[1], "policy.tests[0].expect.first: `wrong` expects borealis-eu, and it is acme-eu");
    }

    #[test]
    fn a_test_that_says_nothing_is_a_problem_itself() {
        let tests = r#"
            [[policy.tests]]
            name = "same"
            given = { to = "12", app = "shop", from = "", operator = "1", at = "soon" }
            expect = { rule = "europe" }
            [[policy.tests]]
            name = "same"
            given = { to = "+436641234567", app = "shop" }
            expect = {}
        "#;
        let told = told(tests).join("\n");
        for place in ["[0].given.to", "[0].given.operator", "[0].given.at", "[1].name", "[1].expect"] {
            assert!(told.contains(&format!("policy.tests{place}: ")), "{place}: {told}");
        }
    }
}
