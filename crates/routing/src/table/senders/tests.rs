//! Which sender a message gets, and what of a sender policy is refused.

use std::collections::HashMap;

use domain::Class;
use domain::plan::Exclusion;
use proptest::prelude::*;

use super::fits;
use crate::sample::{Ask, Down, compile};
use crate::table::Table;
use crate::{Settings, explain};

/// One route, with these keys.
fn toml(keys: &str) -> String {
    format!(
        "[[routes]]\nid = \"r\"\nconnection = \"acme\"\n{keys}\n[[policy.rules]]\nid = \"all\"\nroutes = [\"r\"]"
    )
}

fn table(keys: &str) -> Table {
    compile(&toml(keys)).unwrap()
}

fn sender(table: &Table, ask: &Ask) -> Result<Option<String>, (Exclusion, Option<u16>)> {
    let choice = ask.choose(table).unwrap();
    match choice.targets.first() {
        Some(target) => Ok(target.sender.as_ref().map(ToString::to_string)),
        None => {
            let left = choice.plan.left_out.first().unwrap();
            Err((left.because, left.entry))
        }
    }
}

fn from(sender: &'static str) -> Ask {
    Ask { from: Some(sender), ..Ask::new() }
}

#[test]
fn senders_are_allowed_by_kind_by_name_and_by_pattern() {
    let table = table(r#"senders = { allow = ["short_code"], allow_senders = ["SHOP", "+1202*55", "B*K"] }"#);
    for carried in ["72345", "SHOP", "+120212355", "BANK", "BK"] {
        assert_eq!(sender(&table, &from(carried)), Ok(Some(carried.to_owned())));
    }
    for other in ["SHOPS", "+120212354", "BANKS", "+4915112345678"] {
        assert_eq!(sender(&table, &from(other)), Err((Exclusion::Sender, None)), "{other}");
    }
}

#[test]
fn a_sender_is_rewritten_before_it_is_looked_at() {
    let table = table(
        r#"senders = { allow = ["numeric"], rewrite = [{ from = "BANK", to = "4915100000001" }, { from = "SH*", to = "MYSHOP" }] }"#,
    );
    assert_eq!(sender(&table, &from("BANK")), Ok(Some("+4915100000001".to_owned())));
    assert_eq!(sender(&table, &from("SHOP")), Ok(Some("MYSHOP".to_owned())));
    assert_eq!(sender(&table, &from("OTHER")), Err((Exclusion::Sender, None)));
    assert_eq!(sender(&table, &Ask::new()), Ok(None), "a missing sender is left to the vendor");
}

#[test]
fn the_first_entry_that_fits_decides_and_is_named_when_it_leaves_the_route_out() {
    let table = table(
        r#"
        senders = { default = "SHOP" }
        [[routes.senders_by]]
        countries = ["AT"]
        classes = ["otp"]
        forced = "CODE"
        [[routes.senders_by]]
        countries = ["AT", "CH"]
        allow = ["numeric"]
        [[routes.senders_by]]
        operators = ["262-01"]
        default = "TELE"
        "#,
    );
    let austria = Ask { country: Some("AT"), ..from("BANK") };
    assert_eq!(sender(&table, &Ask { class: Class::Otp, ..austria.clone() }), Ok(Some("CODE".to_owned())));
    assert_eq!(sender(&table, &austria), Err((Exclusion::Sender, Some(1))));
    assert_eq!(sender(&table, &Ask { operator: Some("26201"), ..Ask::new() }), Ok(Some("TELE".to_owned())));
    assert_eq!(sender(&table, &Ask::new()), Ok(Some("SHOP".to_owned())));
    let sentence = austria.with(|facts| explain(facts, &table, &Down(&[]))).routes[0].sentence.clone();
    assert_eq!(sentence, "left out: the route does not carry this sender (senders_by[1])");
    let otp = Ask { class: Class::Otp, ..austria };
    let explained = otp.with(|facts| explain(facts, &table, &Down(&[]))).routes.remove(0);
    assert_eq!(explained.sentence, "the rule lists it in place 1; from CODE in the place of BANK");
    assert_eq!(explained.sender.unwrap().as_str(), "CODE");
    let quotes = otp.with(|facts| table.quotes(facts));
    assert_eq!(quotes[0].sender.as_ref().unwrap().as_str(), "CODE");
}

#[test]
fn every_wrong_entry_is_named() {
    let problems = compile(&toml(
        r#"
        senders = { forced = "A SENDER THAT IS TOO LONG", default = "SHOP" }
        [[routes.senders_by]]
        pool = ["12", "+12025550101", { sender = "+12025550101", weight = 3 }]
        default = "SHOP"
        [[routes.senders_by]]
        countries = ["Austria"]
        operators = []
        allow_senders = ["TWELVE_CHARS"]
        rewrite = [{ from = "TWELVE_CHARS", to = "+1" }]
        pool = [{ sender = "+12025550101", weight = 0 }]
        "#,
    ))
    .unwrap_err();
    let places: Vec<String> = problems.iter().map(|problem| problem.path.to_string()).collect();
    assert_eq!(
        places,
        [
            "routes[0].senders_by[0]",
            "routes[0].senders_by[0].default",
            "routes[0].senders_by[0].pool[0]",
            "routes[0].senders_by[0].pool[2]",
            "routes[0].senders_by[1].operators",
            "routes[0].senders_by[1].countries[0]",
            "routes[0].senders_by[1].rewrite[0].from",
            "routes[0].senders_by[1].rewrite[0].to",
            "routes[0].senders_by[1].allow_senders[0]",
            "routes[0].senders_by[1].pool",
            "routes[0].senders.forced",
            "routes[0].senders.forced",
        ]
    );
    let slip = toml::from_str::<Settings>(&toml("senders = { pool = [7] }")).unwrap_err();
    assert!(slip.message().contains("expected a sender, or { sender ="), "{slip}");
}

const POOL: [&str; 5] = ["+12025550101", "+12025550102", "+12025550103", "+12025550104", "+12025550105"];

fn pool(members: &[&str]) -> Table {
    table(&format!("senders = {{ pool = {members:?} }}"))
}

fn to(recipient: u32) -> Ask {
    Ask { to: format!("+1202{recipient:07}"), ..from("SHOP") }
}

#[test]
fn a_member_that_is_asked_for_is_kept_and_weights_are_obeyed() {
    assert_eq!(sender(&pool(&POOL), &from("+12025550103")), Ok(Some("+12025550103".to_owned())));
    let weighted = table(
        r#"senders = { pool = [{ sender = "+12025550101", weight = 3 }, "+12025550102", { sender = "+12025550103", weight = 0 }] }"#,
    );
    let mut drawn: HashMap<String, u32> = HashMap::new();
    for recipient in 0..4000 {
        *drawn.entry(sender(&weighted, &to(recipient)).unwrap().unwrap()).or_default() += 1;
    }
    assert_eq!(drawn.len(), 2);
    let share = f64::from(drawn["+12025550101"]) / 4000.0;
    assert!((share - 0.75).abs() < 0.03, "{share}");
    // Of a member without weight new recipients hear nothing, and who asks for it does not get it.
    assert_ne!(sender(&weighted, &from("+12025550103")), Ok(Some("+12025550103".to_owned())));
}

proptest! {
    /// A member that goes moves only its own recipients.
    #[test]
    fn a_pool_keeps_its_recipients(recipient in 0u32..9_999_999, gone in 0usize..POOL.len()) {
        let before = sender(&pool(&POOL), &to(recipient)).unwrap().unwrap();
        let mut left = POOL.to_vec();
        let gone = left.remove(gone);
        left.reverse();
        let after = sender(&pool(&left), &to(recipient)).unwrap().unwrap();
        if before == gone {
            prop_assert!(left.contains(&after.as_str()));
        } else {
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn a_forced_sender_is_on_every_message(
        recipient in 0u32..9_999_999,
        asked in prop::sample::select(vec![None, Some("SHOP"), Some("72345"), Some("+4915112345678")]),
        class in prop::sample::select(vec![Class::Otp, Class::Transactional, Class::Marketing]),
    ) {
        let forced = table("senders = { forced = \"CODE\" }");
        let ask = Ask { from: asked, class, ..to(recipient) };
        prop_assert_eq!(sender(&forced, &ask), Ok(Some("CODE".to_owned())));
    }

    /// Against the plainest way there is: each `*` tries every length.
    #[test]
    fn a_pattern_fits_what_it_should(pattern in "[AB*]{0,6}", text in "[AB]{0,6}") {
        fn plain(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|at| plain(rest, &text[at..])),
                Some((one, rest)) => text.first() == Some(one) && plain(rest, &text[1..]),
            }
        }
        prop_assert_eq!(fits(&pattern, &text), plain(pattern.as_bytes(), text.as_bytes()));
    }
}
