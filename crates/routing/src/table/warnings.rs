//! What of a policy works and is likely a mistake: rules that nothing reaches, and rules that share messages.
//!
//! Only what one earlier rule does to a later one is told. A rule that several together leave nothing is not found, and
//! that a narrow rule stands before a wide one is how policies are written.

use domain::ConnectionId;
use rustc_hash::FxHashSet;

use crate::problem::{Path, Problem};
use crate::table::conditions::Keys;
use crate::table::{Rule, Strategy, Table};

impl Table {
    /// At most one of its place for each rule, in the order of the policy, one for each rule whose routes nothing probes,
    /// and one for each pin and cap.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut warnings = Vec::new();
        // Those that a later one may overlap with.
        let mut earlier: Vec<(usize, Keys)> = Vec::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let path = || Path::default().key("policy").key("rules").index(at);
            let covering = self.index.covering(&self.rules, at).and_then(|earlier| self.rules.get(earlier));
            if let Some(covering) = covering {
                let message = format!(
                    "nothing reaches the rule `{}`: `{}` above it takes all its messages ({})",
                    rule.id, covering.id, covering.conditions
                );
                warnings.push(Problem { path: path(), message });
                continue;
            }
            if !rule.conditions.can_overlap() {
                continue;
            }
            let keys = rule.conditions.keys();
            let alike = earlier.iter().filter(|(_, others)| *others == keys);
            if let Some(message) =
                alike.filter_map(|(other, _)| self.rules.get(*other)).find_map(|it| overlap(it, rule))
            {
                warnings.push(Problem { path: path(), message });
            }
            earlier.push((at, keys));
        }
        warnings.extend(self.warnings_of_probes());
        warnings.extend(self.warnings_of_pins());
        warnings.extend(self.warnings_of_caps());
        warnings
    }

    /// A connection in trouble proves by probes alone that it is well again.
    fn warnings_of_probes(&self) -> Vec<Problem> {
        let connections_of = |rule: &Rule| {
            let listed: Vec<usize> = rule.routes.iter().map(|listed| listed.route).collect();
            listed.into_iter().filter_map(|route| self.routes.get(route)).map(|route| &route.connection)
        };
        let adaptive = || {
            let rules = self.rules.iter().enumerate();
            rules.filter(|(_, rule)| rule.strategy == Strategy::Adaptive)
        };
        let probed: FxHashSet<&ConnectionId> =
            adaptive().filter(|(_, rule)| rule.probes).flat_map(|(_, rule)| connections_of(rule)).collect();
        let spared = adaptive().filter(|(_, rule)| !rule.probes);
        let warned = spared.filter_map(|(at, rule)| {
            let unproved = connections_of(rule).find(|connection| !probed.contains(connection))?;
            let message = format!(
                "the rule `{}` spares its messages from probes and no other one sends any over `{unproved}`: once that is \
                 in trouble it stays out. Let a rule with routes over it send probes, such as one for traffic that is \
                 worth less",
                rule.id
            );
            Some(Problem { path: Path::default().key("policy").key("rules").index(at).key("probes"), message })
        });
        warned.collect()
    }
}

/// Of two rules that ask for the same keys, where neither covers the other and the routes differ: then some of the
/// values were most likely written once too often.
fn overlap(earlier: &Rule, later: &Rule) -> Option<String> {
    let both = earlier.conditions.both(&later.conditions)?;
    let is_narrower = later.conditions.cover(&earlier.conditions);
    let routes = |rule: &Rule| rule.routes.iter().map(|listed| listed.route).collect::<Vec<_>>();
    if is_narrower || routes(earlier) == routes(later) {
        return None;
    }
    Some(format!(
        "the rules `{}` and `{}` share messages ({both}): the first one takes them",
        earlier.id, later.id
    ))
}

#[cfg(test)]
mod tests {
    use crate::sample::table;

    /// Of rules of these conditions, each with routes of its own, as `path: message`.
    fn warnings(rules: &[&str]) -> Vec<String> {
        let routes = ["acme-eu", "borealis-eu", "cirrus-de"];
        let rule = |(at, matches): (usize, &&str)| {
            format!(
                "[[policy.rules]]\nid = \"r{at}\"\nmatch = {{ {matches} }}\nroutes = [\"{}\"]\n",
                routes[at % 3]
            )
        };
        let toml: String = rules.iter().enumerate().map(rule).collect();
        table(&toml).warnings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_that_an_earlier_one_covers_is_never_reached() {
        let found = warnings(&[
            "country = [\"DE\", \"AT\"]",
            "class = [\"otp\"], country = [\"AT\"]",
            "recipient_prefix = [\"49\"]",
            "recipient_prefix = [\"4915\", \"4916\"]",
            "class = [\"otp\", \"marketing\"]",
            "class = [\"otp\"], app = [\"shop\"]",
            "",
            "class = [\"transactional\"]",
        ]);
        assert_eq!(
            found,
            [
                "policy.rules[1]: nothing reaches the rule `r1`: `r0` above it takes all its messages (to AT, DE)",
                "policy.rules[3]: nothing reaches the rule `r3`: `r2` above it takes all its messages (to numbers with +49)",
                "policy.rules[5]: nothing reaches the rule `r5`: `r4` above it takes all its messages (class otp, marketing)",
                "policy.rules[7]: nothing reaches the rule `r7`: `r6` above it takes all its messages (every message)",
            ]
        );
    }

    #[test]
    fn a_narrow_rule_before_a_wide_one_is_as_it_should_be() {
        let right = [
            "class = [\"otp\"], country = [\"DE\"]",
            "country = [\"DE\"]",
            "country = [\"FR\"], time = { zone = \"UTC\", windows = [{ from = \"22:00\", to = \"06:00\" }] }",
            "country = [\"FR\"]",
            "class = [\"otp\"]",
            "recipient_prefix = [\"4915\"]",
            "recipient_prefix = [\"49\"]",
            "",
        ];
        assert_eq!(warnings(&right), [""; 0]);
    }

    #[test]
    fn a_connection_that_no_message_may_probe_is_told() {
        let of = |others: &str| {
            let spared = "[[policy.rules]]\nid = \"otp\"\nstrategy = \"adaptive\"\nprobes = false\n\
                          match = { class = [\"otp\"] }\nroutes = [\"acme-eu\", \"borealis-eu\"]\n";
            table(&format!("{spared}{others}")).warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let rest = |strategy: &str, routes: &str| {
            format!("[[policy.rules]]\nid = \"rest\"\nstrategy = \"{strategy}\"\nroutes = [{routes}]\n")
        };
        let told = |connection: &str| {
            format!(
                "policy.rules[0].probes: the rule `otp` spares its messages from probes and no other one sends any over \
                 `{connection}`: once that is in trouble it stays out. Let a rule with routes over it send probes, such \
                 as one for traffic that is worth less"
            )
        };
        assert_eq!(of(""), [told("acme")]);
        assert_eq!(of(&rest("priority", r#""acme-eu", "borealis-eu""#)), [told("acme")]);
        assert_eq!(of(&rest("adaptive", r#""acme-eu", "cirrus-de""#)), [told("borealis")]);
        assert_eq!(of(&rest("adaptive", r#""acme-eu", "borealis-eu""#)), [""; 0]);
    }

    #[test]
    fn a_cap_that_is_never_reached_is_told() {
        let cap = |(at, terms): (usize, &&str)| format!("[[caps]]\nid = \"c{at}\"\n{terms}\n");
        let of = |caps: &[&str]| {
            let toml: String = caps.iter().enumerate().map(cap).collect();
            table(&toml).warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let found = of(&[
            "connection = \"acme\"\nlimit = 10\nper = \"minute\"",
            "route = \"acme-eu\"\nlimit = 600\nper = \"hour\"",
            "connection = \"acme\"\nclass = [\"otp\"]\nlimit = 10\nper = \"minute\"",
            "connection = \"acme\"\nlimit = 10\nper = \"minute\"",
        ]);
        assert_eq!(
            found,
            [
                "caps[1]: the cap `c1` is never reached: `c0` is always reached before it",
                "caps[2]: the cap `c2` is never reached: `c0` is always reached before it",
                "caps[3]: the cap `c3` is never reached: `c0` is always reached before it",
            ]
        );
        let right = of(&[
            "connection = \"acme\"\nlimit = 200\nper = \"second\"",
            "connection = \"acme\"\nlimit = 100000\nper = \"day\"",
            "connection = \"acme\"\nsender_kind = [\"alphanumeric\"]\nlimit = 50\nper = \"second\"",
            "route = \"borealis-eu\"\nlimit = 50\nper = \"second\"",
        ]);
        assert_eq!(right, [""; 0]);
    }

    #[test]
    fn rules_with_the_same_keys_that_share_values_are_told() {
        let found = warnings(&[
            "country = [\"DE\", \"AT\"]",
            "country = [\"AT\", \"FR\"]",
            "country = [\"IT\", \"ES\"]",
            "recipient_prefix = [\"49\", \"431\"]",
            "recipient_prefix = [\"4915\", \"44\"]",
        ]);
        assert_eq!(
            found,
            [
                "policy.rules[1]: the rules `r0` and `r1` share messages (to AT): the first one takes them",
                "policy.rules[4]: the rules `r3` and `r4` share messages (to numbers with +4915): the first one takes them",
            ]
        );
        // The routes of the first and the fourth are the same.
        let apart = "class = [\"otp\"], country = [\"IT\"]";
        assert_eq!(
            warnings(&[
                "country = [\"DE\", \"AT\"]",
                apart,
                "app = [\"shop\"]",
                "country = [\"AT\", \"FR\"]"
            ]),
            [""; 0]
        );
    }
}
