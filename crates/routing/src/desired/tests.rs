//! What is wanted, laid over what is there: whose things stay, go and change hands.

use proptest::prelude::*;

use super::*;
use crate::settings::canonical;

fn rules(ids: &[&str]) -> Settings {
    let rule = |id: &&str| format!("[[policy.rules]]\nid = \"{id}\"\nroutes = [\"a\"]\n");
    canonical::parse(&ids.iter().map(rule).collect::<String>()).unwrap()
}

/// Each `id`, `id=route`, and either with `@manager` behind it.
fn managed(rules: &[&str]) -> Settings {
    let rule = |rule: &&str| {
        let (rule, manager) = rule.split_once('@').unwrap_or((rule, ""));
        let (id, route) = rule.split_once('=').unwrap_or((rule, "a"));
        let manager =
            if manager.is_empty() { String::new() } else { format!("managed_by = \"{manager}\"\n") };
        format!("[[policy.rules]]\nid = \"{id}\"\nroutes = [\"{route}\"]\n{manager}")
    };
    canonical::parse(&rules.iter().map(rule).collect::<String>()).unwrap()
}

fn written(settings: &Settings) -> Vec<String> {
    let rule = |rule: &crate::settings::Rule| {
        let manager = rule.managed_by.as_ref().map(|manager| format!("@{manager}")).unwrap_or_default();
        let route = &rule.routes[0].id;
        let route = if route == "a" { String::new() } else { format!("={route}") };
        format!("{}{route}{manager}", rule.id)
    };
    settings.policy.rules.iter().map(rule).collect()
}

fn told<T: fmt::Display>(all: &[T]) -> Vec<String> {
    all.iter().map(T::to_string).collect()
}

fn woven(there: &[&str], wanted: &[&str]) -> (Vec<String>, Vec<String>) {
    let merged = merge(&rules(there), rules(wanted), Terms::default());
    (written(&merged.settings), told(&merged.kept))
}

#[test]
fn what_is_not_named_stays_behind_what_it_was_behind() {
    let (ids, kept) = woven(&["a", "b", "c", "d"], &["d", "b", "x"]);
    assert_eq!(ids, ["a", "d", "b", "c", "x"]);
    assert_eq!(kept, ["rule a", "rule c"]);
}

#[test]
fn what_there_is_one_of_stays_where_no_file_speaks_of_it() {
    let there = "[policy]\ndefault_class = \"otp\"\nadaptive = { currency = \"EUR\" }\n";
    let there = canonical::parse(there).unwrap();
    let merged = |wanted: &str, terms| merge(&there, canonical::parse(wanted).unwrap(), terms);
    let told = |wanted: &str| {
        let merged = merged(wanted, Terms::default());
        let policy = merged.settings.policy;
        (policy.default_class, policy.adaptive.currency.unwrap(), told(&merged.kept))
    };
    let (class, currency, kept) = told("");
    assert_eq!((class, currency.as_str()), (domain::Class::Otp, "EUR"));
    assert_eq!(kept, ["default class", "what messages are worth"]);
    let (class, currency, kept) =
        told("[policy]\ndefault_class = \"marketing\"\nadaptive = { currency = \"USD\" }\n");
    assert_eq!((class, currency.as_str()), (domain::Class::Marketing, "USD"));
    assert!(kept.is_empty(), "{kept:?}");
    // They are nobody's: somebody who removes what is his own leaves them.
    let prune = Terms { prune: true, ..Terms::default() };
    assert_eq!(merged("", prune).settings, Settings::default());
    assert_eq!(merged("", Terms { manager: Some("git"), ..prune }).settings, there);
    // Nothing is kept that is as it would be.
    assert_eq!(merge(&Settings::default(), Settings::default(), Terms::default()), Merged::default());
}

#[test]
fn what_is_all_named_is_as_it_is_wanted() {
    assert_eq!(woven(&["a", "b"], &["b", "a"]), (vec!["b".to_owned(), "a".to_owned()], Vec::new()));
    assert_eq!(woven(&[], &["a"]).0, ["a"]);
    assert_eq!(woven(&["a", "b"], &[]).0, ["a", "b"]);
}

#[test]
fn what_a_manager_writes_is_his_and_he_removes_no_more_than_that() {
    let there = managed(&["a", "b@git", "c@git", "d@ui"]);
    let by_git = Terms { manager: Some("git"), ..Terms::default() };
    let merged = merge(&there, managed(&["b=x", "e"]), by_git);
    assert_eq!(written(&merged.settings), ["a", "b=x@git", "c@git", "d@ui", "e@git"]);
    assert_eq!(told(&merged.kept), ["rule a", "rule c, managed by git", "rule d, managed by ui"]);
    assert_eq!(merged.foreign, []);
    let pruned = merge(&there, managed(&["b=x", "e"]), Terms { prune: true, ..by_git });
    assert_eq!(written(&pruned.settings), ["a", "b=x@git", "d@ui", "e@git"]);
    assert_eq!(told(&pruned.kept), ["rule a", "rule d, managed by ui"]);
    // Without a name goes what is nobody's.
    let nobody = merge(&there, managed(&["b=x@git"]), Terms { prune: true, ..Terms::default() });
    assert_eq!(written(&nobody.settings), ["b=x@git", "c@git", "d@ui"]);
    // What was nobody's and is named becomes his.
    assert_eq!(written(&merge(&there, managed(&["a"]), by_git).settings)[0], "a@git");
}

#[test]
fn somebody_elses_thing_is_not_changed_in_passing() {
    let there = managed(&["a@ui", "b@ui", "c"]);
    let by_git = Terms { manager: Some("git"), ..Terms::default() };
    // As it is, it stays whose it is.
    let same = merge(&there, managed(&["a", "b", "c"]), by_git);
    assert_eq!(
        (written(&same.settings), same.foreign),
        (vec!["a@ui".into(), "b@ui".into(), "c@git".into()], vec![])
    );
    let changed = merge(&there, managed(&["a=x", "b", "c"]), by_git);
    assert_eq!(told(&changed.foreign), ["rule a is managed by ui"]);
    let taken = merge(&there, managed(&["a=x", "b", "c"]), Terms { take_over: true, ..by_git });
    assert_eq!(written(&taken.settings), ["a=x@git", "b@git", "c@git"]);
    assert_eq!(told(&taken.foreign), ["rule a is managed by ui", "rule b is managed by ui"]);
    // Whoever gives no name changes nobody's things alone, also where the file repeats the manager's name.
    let nobody = Terms::default();
    assert_eq!(merge(&there, managed(&["a", "b@ui"]), nobody).foreign, []);
    for rule in ["a=x", "a=x@ui", "a@git"] {
        assert_eq!(
            told(&merge(&there, managed(&[rule]), nobody).foreign),
            ["rule a is managed by ui"],
            "{rule}"
        );
    }
    // A manager may hand over what is his own.
    let by_ui = Terms { manager: Some("ui"), ..Terms::default() };
    let handed = merge(&there, managed(&["a@git"]), by_ui);
    assert_eq!((written(&handed.settings)[0].as_str(), handed.foreign), ("a@git", vec![]));
}

#[test]
fn other_prices_in_the_file_of_somebody_elses_card_are_a_change_of_the_card() {
    let card = "[[rate_cards]]\nid = \"acme\"\ncurrency = \"EUR\"\nfile = \"rates/acme.csv\"\n";
    let there = canonical::parse(&format!("{card}managed_by = \"finance\"\n")).unwrap();
    let repriced = ["acme".to_owned()];
    let of = |terms| told(&merge(&there, canonical::parse(card).unwrap(), terms).foreign);
    assert_eq!(of(Terms::default()), [""; 0]);
    let terms = Terms { repriced: &repriced, ..Terms::default() };
    assert_eq!(of(terms), ["rate card acme is managed by finance"]);
    assert_eq!(of(Terms { manager: Some("finance"), ..terms }), [""; 0]);
}

#[test]
fn only_names_are_managers() {
    for name in ["terraform", "git:ops/routing@main", "a"] {
        assert_eq!(manager(name), Ok(name));
    }
    for name in ["", "two words", "ü", &"x".repeat(61)] {
        assert!(manager(name).is_err(), "{name}");
    }
}

/// Each name once in its list.
fn distinct(mut settings: Settings) -> Settings {
    fn once<T: Managed>(list: &mut Vec<T>) {
        let mut seen = Vec::new();
        list.retain(|one| {
            let is_new = !seen.contains(&one.id());
            seen.push(one.id());
            is_new
        });
    }
    once(&mut settings.routes);
    once(&mut settings.rate_cards);
    once(&mut settings.exchange_rates);
    once(&mut settings.caps);
    once(&mut settings.policy.pins);
    once(&mut settings.policy.rules);
    once(&mut settings.policy.tests);
    settings
}

proptest! {
    #[test]
    fn what_is_written_and_read_again_is_no_change(there in canonical::tests::settings(), prune in any::<bool>()) {
        let there = distinct(there);
        let wanted = canonical::parse(&canonical::text(&there)).unwrap();
        let merged = merge(&there, wanted, Terms { prune, ..Terms::default() });
        prop_assert_eq!(merged, Merged { settings: there, ..Merged::default() });
    }

    #[test]
    fn what_is_not_taken_over_is_as_it_was_or_told(
        there in canonical::tests::settings(),
        wanted in canonical::tests::settings(),
        prune in any::<bool>(),
        manager in prop::sample::select(vec![None, Some("a"), Some("git")]),
    ) {
        let (there, wanted) = (distinct(there), distinct(wanted));
        let terms = Terms { manager, prune, ..Terms::default() };
        let merged = merge(&there, wanted, terms);
        for route in there.routes.iter().filter(|route| route.managed_by.is_some()) {
            let is_own = route.managed_by.as_deref() == manager;
            let now = merged.settings.routes.iter().find(|other| other.id == route.id);
            let is_told = merged.foreign.iter().any(|foreign| foreign.of == Thing::Route && foreign.id == route.id);
            prop_assert!(is_own || is_told || now == Some(route), "{:?}", route);
        }
        // To want the same again changes nothing any more, unless it was refused.
        if merged.foreign.is_empty() {
            let again = merge(&merged.settings, merged.settings.clone(), terms);
            prop_assert!(again.foreign.is_empty());
            let adopted = merge(&again.settings, again.settings.clone(), terms);
            prop_assert_eq!(adopted.settings, again.settings);
        }
    }
}
