//! What becomes of texts on a route, and which it does not carry.

use domain::Class;
use domain::content::Features;
use domain::segment::encoding_of;
use proptest::prelude::*;

use super::*;
use crate::choose::Choice;
use crate::sample::{Ask, ROUTES, compile};
use crate::table::Table;

/// The first of the routes has this content.
fn with(content: &str) -> Table {
    routes(content, "[[policy.rules]]\nid = \"all\"\nroutes = [\"acme-eu\"]\n").unwrap()
}

fn routes(content: &str, rules: &str) -> Result<Table, Vec<crate::Problem>> {
    let routes = ROUTES.replacen("rate_card = \"acme\"", &format!("rate_card = \"acme\"\n{content}"), 1);
    compile(&format!("{routes}{rules}"))
}

fn problems(content: &str) -> Vec<String> {
    let found = routes(content, "").err().unwrap_or_default();
    found.iter().map(|problem| problem.to_string()).collect()
}

fn asked(text: &str) -> Ask {
    let segments = u8::try_from(segment(text).segments.len()).unwrap();
    // Facts outlive the table in no test.
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    Ask { text: Text::Whole(text), segments, features: Features::of(text), ..Ask::new() }
}

fn chosen(table: &Table, ask: &Ask) -> Choice {
    ask.choose(table).unwrap()
}

/// What is sent, or why the route is left out and which entry of `content_by` says so.
fn sent_as(table: &Table, ask: &Ask) -> Result<String, (Exclusion, Option<u16>)> {
    let choice = chosen(table, ask);
    let (Text::Whole(text) | Text::InParts(text)) = ask.text else { panic!("no text") };
    match choice.targets.first() {
        Some(target) => Ok(target.rewritten.as_ref().map_or(text, |rewritten| &*rewritten.text).to_owned()),
        None => Err((choice.plan.left_out[0].because, choice.plan.left_out[0].entry)),
    }
}

fn sent(content: &str, text: &str) -> Result<String, Exclusion> {
    sent_as(&with(content), &asked(text)).map_err(|(because, _)| because)
}

fn edits(content: &str, text: &str) -> Vec<Edit> {
    let choice = chosen(&with(content), &asked(text));
    choice.targets[0].rewritten.as_ref().map(|rewritten| rewritten.edits.clone()).unwrap_or_default()
}

#[test]
fn a_route_without_content_leaves_every_text_alone() {
    let choice = chosen(&with(""), &asked("“Hello”"));
    assert_eq!(choice.targets[0].rewritten, None);
}

#[test]
fn each_rule_works_on_what_the_one_before_it_made() {
    let content = r#"
    content.rewrite = [
        { from = "bit.ly/", to = "acme.example/" },
        { pattern = 'acme\.example/(\w+)', to = "https://acme.example/${1}?r=$$1" },
        { from = "💥", to = "" },
    ]
    content.prefix = "[Acme] "
    content.suffix = "\nReply STOP"
    content.transliterate = "gsm7"
    "#;
    assert_eq!(
        sent(content, "Look – bit.ly/a1 or bit.ly/b2💥").unwrap(),
        "[Acme] Look - https://acme.example/a1?r=$1 or https://acme.example/b2?r=$1\nReply STOP"
    );
    assert_eq!(
        edits(content, "Look – bit.ly/a1 or bit.ly/b2💥"),
        [
            Edit::Rewrite { at: 0, times: 2 },
            Edit::Rewrite { at: 1, times: 2 },
            Edit::Rewrite { at: 2, times: 1 },
            Edit::Prefix,
            Edit::Suffix,
            Edit::Transliterate(1),
        ]
    );
}

#[test]
fn what_a_text_has_already_is_not_added_again() {
    let content = "content = { prefix = \"[Acme] \", suffix = \" STOP\" }";
    assert_eq!(sent(content, "[Acme] sale STOP").unwrap(), "[Acme] sale STOP");
    assert_eq!(edits(content, "[Acme] sale STOP"), []);
    assert_eq!(edits(content, "[Acme] sale"), [Edit::Suffix]);
}

#[test]
fn a_text_becomes_gsm_only_where_all_of_it_does() {
    let content = "content.transliterate = \"gsm7\"";
    assert_eq!(sent(content, "It’s “here”").unwrap(), "It's \"here\"");
    assert_eq!(sent(content, "It’s “здесь”").unwrap(), "It’s “здесь”");
    // 70 of them are one segment as they are, and 210 full stops would be two.
    let dots = "…".repeat(70);
    assert_eq!(sent(content, &dots).unwrap(), dots);
    let only = "content = { transliterate = \"gsm7\", encodings = [\"gsm7\"] }";
    assert_eq!(sent(only, &dots).unwrap(), ".".repeat(210));
    assert_eq!(sent(only, "здесь").unwrap_err(), Exclusion::Encoding);
    assert_eq!(sent("content.encodings = [\"ucs2\"]", "here").unwrap_err(), Exclusion::Encoding);
}

#[test]
fn a_text_that_the_route_cannot_carry_leaves_it_out() {
    let content = r#"content = { suffix = " Reply STOP", must_match = '(?i)\bSTOP$', max_segments = 1 }"#;
    assert_eq!(sent(content, "sale").unwrap(), "sale Reply STOP");
    assert_eq!(sent(content, &"x".repeat(150)).unwrap_err(), Exclusion::TooManySegments);
    assert_eq!(sent("content.must_match = '^\\[Acme\\]'", "sale").unwrap_err(), Exclusion::TextMismatch);
    // Beyond what is sent at all, whatever the route says.
    let suffix = "content.suffix = \" Reply STOP\"";
    assert_eq!(sent(suffix, &"x".repeat(20 * 153)).unwrap_err(), Exclusion::TooManySegments);
    let grows = "content.rewrite = [{ from = \"x\", to = \"xxxxxxxxxx\" }]";
    assert_eq!(sent(grows, &"x".repeat(20 * 153)).unwrap_err(), Exclusion::TooManySegments);
}

#[test]
fn the_first_entry_that_fits_decides_and_names_itself() {
    let content = r#"
    content = { prefix = "[Acme] " }
    [[routes.content_by]]
    countries = ["AT"]
    classes = ["marketing"]
    must_match = "STOP"
    [[routes.content_by]]
    countries = ["AT"]
    suffix = " (AT)"
    "#;
    let table = routes_with_sections(content);
    let austria = Ask { country: Some("AT"), ..asked("sale") };
    assert_eq!(sent_as(&table, &asked("sale")).unwrap(), "[Acme] sale");
    assert_eq!(sent_as(&table, &austria).unwrap(), "sale (AT)");
    let marketing = Ask { class: Class::Marketing, ..austria.clone() };
    assert_eq!(sent_as(&table, &marketing), Err((Exclusion::TextMismatch, Some(0))));
    let rewritten = chosen(&table, &austria).targets[0].rewritten.clone().unwrap();
    assert_eq!(rewritten.in_words(), "content_by[1].suffix: 1 segment as gsm7");
}

/// A route that ends in tables of its own stands last.
fn routes_with_sections(content: &str) -> Table {
    let route = format!("[[routes]]\nid = \"own\"\nconnection = \"acme\"\n{content}");
    compile(&format!("{ROUTES}{route}\n[[policy.rules]]\nid = \"all\"\nroutes = [\"own\"]\n")).unwrap()
}

#[test]
fn a_text_in_parts_is_looked_into_and_not_changed_and_an_unknown_one_asked_for_nothing() {
    let content = "content = { prefix = \"[Acme] \", must_match = \"sale\" }";
    let table = with(content);
    let in_parts = |text| Ask { text: Text::InParts(text), ..Ask::new() };
    assert_eq!(chosen(&table, &in_parts("a sale")).targets[0].rewritten, None);
    assert_eq!(sent_as(&table, &in_parts("hello")), Err((Exclusion::TextMismatch, None)));
    let unknown = Ask { text: Text::Unknown(&[]), ..Ask::new() };
    assert_eq!(chosen(&table, &unknown).targets[0].rewritten, None);
    // But it took two segments on the route that had it.
    let acme = [("acme-eu".parse().unwrap(), 2)];
    let acme = Box::leak(Box::new(acme));
    let had = Ask { text: Text::Unknown(acme), ..Ask::new() };
    assert_eq!(chosen(&table, &had).targets[0].rewritten.as_ref().unwrap().segments, 2);
    assert_eq!(chosen(&with(""), &had).targets[0].rewritten, None);
}

#[test]
fn prices_caps_and_limits_go_by_what_is_sent() {
    // acme is dearer by the segment, and sends one where borealis sends three.
    let rules = "[[policy.rules]]\nid = \"all\"\nstrategy = \"least_cost\"\nroutes = [\"acme-eu\", \"borealis-eu\"]\n";
    let table = routes("content.transliterate = \"gsm7\"", rules).unwrap();
    let text = format!("“{}”", "x".repeat(150));
    let ask = asked(&text);
    assert_eq!(ask.segments, 3);
    let choice = chosen(&table, &ask);
    let order: Vec<_> = choice.plan.routes.iter().map(|planned| planned.route.as_str()).collect();
    assert_eq!(order, ["acme-eu", "borealis-eu"]);
    assert_eq!(choice.targets[0].rewritten.as_ref().unwrap().segments, 1);
    // One segment at 0.05 is within the limit, three at 0.04 are not.
    let limited = Ask { max_price: Some(("0.06", "EUR")), ..ask };
    let choice = chosen(&table, &limited);
    assert_eq!(choice.plan.routes.len(), 1);
    assert_eq!(choice.plan.left_out[0].because, Exclusion::PriceAboveMax);
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_in_its_place() {
    let told = problems(
        r#"
        content.rewrite = [
            { pattern = "(a", to = "" },
            { pattern = 'a(?=b)', to = "" },
            { pattern = '\w{2000}', to = "" },
            { pattern = "x*", to = "" },
            { pattern = "(x)(?<y>y)", to = "$1 $y ${2} $$5 $3 $1st" },
            { from = "", to = "" },
            { from = "a", pattern = "b", to = "" },
            { to = "" },
        ]
        content.prefix = ""
        content.suffix = "\u0007"
        content.must_match = "[z-a]"
        content.max_segments = 21
        content.encodings = []
        [[routes.content_by]]
        prefix = "[Acme]"
        "#,
    );
    let told = told.join("\n");
    for place in [
        "content.rewrite[0].pattern: `(a` is not a regular expression: unclosed group",
        "content.rewrite[1].pattern: `a(?=b)` is not a regular expression: look-around",
        "content.rewrite[2].pattern: `\\w{2000}` is too large",
        "content.rewrite[3].pattern: fits where there is nothing",
        "content.rewrite[4].to: the pattern has no group `3`",
        "content.rewrite[4].to: the pattern has no group `1st`",
        "content.rewrite[5].from: is empty",
        "content.rewrite[6]: has `from` and `pattern`",
        "content.rewrite[7]: say what is rewritten",
        "content.prefix: is empty",
        "content.suffix: has a control character (U+0007)",
        "content.must_match: `[z-a]` is not a regular expression",
        "content.max_segments: must be between 1 and 20",
        "content.encodings: an empty list",
        "content_by[0]: say for which",
    ] {
        assert!(told.contains(&format!("routes[0].{place}")), "{place}:\n{told}");
    }
    assert_eq!(told.lines().count(), 15, "{told}");
}

#[test]
fn what_no_text_could_leave_with_is_a_problem() {
    let told = problems("content = { prefix = \"【Acme】\", encodings = [\"gsm7\"] }");
    assert!(told[0].starts_with("routes[0].content.prefix: no text could be sent with it"), "{told:?}");
    let long = format!("content = {{ suffix = \"{}\", max_segments = 1 }}", "x".repeat(161));
    let told = problems(&long);
    assert!(told[0].starts_with("routes[0].content.max_segments: no text could be sent"), "{told:?}");
    // What is transliterated is asked for as it would be sent.
    let fine = "content = { prefix = \"Acme – \", encodings = [\"gsm7\"], transliterate = \"gsm7\" }";
    assert_eq!(problems(fine), [""; 0]);
    // With a text that needs it, a plain prefix leaves as UCS-2.
    let fine = "content = { prefix = \"[Acme] \", encodings = [\"ucs2\"] }";
    assert_eq!(problems(fine), [""; 0]);
    assert_eq!(sent(fine, "здесь").unwrap(), "[Acme] здесь");
}

#[test]
fn what_is_transliterated_is_known_again_and_may_shorten_a_text_that_is_too_long() {
    let dash = "content = { prefix = \"Acme – \", suffix = \" – STOP\", transliterate = \"gsm7\" }";
    assert_eq!(sent(dash, "sale").unwrap(), "Acme - sale - STOP");
    assert_eq!(sent(dash, "Acme - sale – STOP").unwrap(), "Acme - sale - STOP");
    assert_eq!(edits(dash, "Acme - sale - STOP"), []);
    // As UCS-2 it takes more segments than are sent.
    let text = "x".repeat(1200) + "’";
    let long = "content = { prefix = \"[Acme] \", transliterate = \"gsm7\", rewrite = [{ from = \"x\", to = \"yy\" }] }";
    assert_eq!(sent(long, &text).unwrap(), format!("[Acme] {}'", "y".repeat(2400)));
}

proptest! {
    #[test]
    fn the_same_text_becomes_the_same_and_nothing_longer_than_may_be_sent(
        text in "[ -~…“”éłα😀]{1,400}",
        prefix in "[A-Z]{1,8} ",
        suffix in "[a-z ]{1,30}",
        (from, to) in ("[a-z ]{1,2}", "[a-z…é]{0,60}"),
        pattern in prop::sample::select(vec!["[a-z]+", "(?i)x|y", ".", "\\b\\w", "(\\S)\\S"]),
        repeated in 1..8_usize,
        only_gsm in any::<bool>(),
    ) {
        let text = text.repeat(repeated);
        prop_assume!(segment(&text).segments.len() <= MAX_SENT);
        let only = if only_gsm { "encodings = [\"gsm7\"]," } else { "" };
        let content = format!(
            "content = {{ {only} transliterate = \"gsm7\", prefix = \"{prefix}\", suffix = \"{suffix}\", \
             rewrite = [{{ from = \"{from}\", to = \"{to}\" }}, {{ pattern = '{pattern}', to = \"${{0}}{to}\" }}] }}"
        );
        let (table, ask) = (with(&content), asked(&text));
        let choice = chosen(&table, &ask);
        prop_assert_eq!(&choice, &chosen(&table, &ask));
        let Some(target) = choice.targets.first() else {
            let because = choice.plan.left_out[0].because;
            prop_assert!(because.is_of_text(), "{:?}", because);
            return Ok(());
        };
        let sent = target.rewritten.as_ref().map_or(&*text, |rewritten| &*rewritten.text);
        let cut = segment(sent);
        prop_assert!(cut.segments.len() <= MAX_SENT);
        prop_assert!(!only_gsm || cut.encoding == Encoding::Gsm7);
        prop_assert!(sent.starts_with(&prefix) && sent.ends_with(suffix.as_str()), "{}", sent);
        if let Some(rewritten) = &target.rewritten {
            prop_assert_eq!(usize::from(rewritten.segments), cut.segments.len());
            prop_assert_eq!(rewritten.encoding, encoding_of(sent));
            prop_assert!(!rewritten.edits.is_empty() && sent != text);
        }
    }
}
