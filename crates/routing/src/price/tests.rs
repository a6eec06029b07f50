//! How rate cards are read, and which price holds.

use super::*;

fn lines(text: &str) -> Vec<(u64, String)> {
    parse_csv(text).unwrap_err().into_iter().map(|problem| (problem.line, problem.message)).collect()
}

/// As amounts, without the currency.
fn price(prices: &Prices, operator: Option<&str>, country: &str, at: &str) -> Option<String> {
    let operator = operator.map(|text| text.parse().unwrap());
    let charge = prices.charge(operator, country.parse().ok(), at.parse().unwrap());
    charge.map(|charge| match charge {
        Charge::Price(amount) => amount.to_string(),
        Charge::Closed => "closed".to_owned(),
    })
}

const NOW: &str = "2026-06-01T00:00:00Z";

#[test]
fn the_narrowest_price_holds() {
    let csv = "country,mcc,mnc,price\nDE,,,0.0500\n,262,01,0.0450\nDE,262,02,0.0460\n,208,,0.0520\n";
    let card = Prices::new(parse_csv(csv).unwrap());
    let at = |operator, country| price(&card, operator, country, NOW);
    assert_eq!(at(None, "DE").as_deref(), Some("0.0500"));
    assert_eq!(at(Some("26201"), "DE").as_deref(), Some("0.0450"));
    assert_eq!(at(Some("26202"), "DE").as_deref(), Some("0.0460"));
    assert_eq!(at(Some("26203"), "DE").as_deref(), Some("0.0500"));
    assert_eq!(at(None, "FR").as_deref(), Some("0.0520"));
    assert_eq!(at(Some("20810"), "FR").as_deref(), Some("0.0520"));
    assert_eq!(at(None, "AT"), None);
}

#[test]
fn where_only_codes_have_prices_the_dearest_stands_for_the_country() {
    let csv = "mcc,mnc,price\n310,,0.007\n311,,0.009\n312,,0.008\n310,260,0.02\n";
    let card = Prices::new(parse_csv(csv).unwrap());
    assert_eq!(price(&card, None, "US", NOW).as_deref(), Some("0.009"));
    assert_eq!(price(&card, Some("310410"), "US", NOW).as_deref(), Some("0.007"));
}

#[test]
fn a_price_holds_from_its_date_on() {
    let csv = "\u{feff}Country, Price, effective_from\r\nDE, 0.07, 2026-07-01\r\nDE, 0.05,\r\nDE, 0.06, 2026-03-01T08:00:00+01:00\r\nAT, 0.03, 2026-07-01\r\n";
    let card = Prices::new(parse_csv(csv).unwrap());
    for (at, expected) in [
        ("2025-01-01T00:00:00Z", "0.05"),
        ("2026-03-01T06:59:59Z", "0.05"),
        ("2026-03-01T07:00:00Z", "0.06"),
        ("2026-06-30T23:59:59Z", "0.06"),
        ("2026-07-01T00:00:00Z", "0.07"),
    ] {
        assert_eq!(price(&card, None, "DE", at).as_deref(), Some(expected), "{at}");
    }
    assert_eq!(price(&card, None, "AT", NOW), None);
}

#[test]
fn every_bad_line_is_told_with_its_number() {
    let csv = "country,mcc,mnc,price,effective_from\nDE,,,0.05,\n\nUK,,,0.05,\nDE,,,0.06,\n,262,1,0.05,\n,901,,0.05,\nFR,,,\"0,05\",\n,,,0.05,\nFR,,,0.05,soon\nFR,,,0.05\nFR,,01,0.05,\nAT,,,0.05,\n";
    let expected = [
        (4, "country: `UK` is not a country code of ISO 3166: did you mean `GB`?"),
        (5, "line 2 has a price for the same place and time"),
        (6, "mnc: `1` is not an MNC: expected two or three digits, with their leading zeros"),
        (7, "mcc: `901` belongs to no country: give its mnc too"),
        (8, "price: `0,05` is not an amount of money: expected a plain decimal such as 0.0450"),
        (9, "country: expected a country, or mcc and mnc"),
        (10, "effective_from: `soon` is not a time: expected 2026-03-01 or 2026-03-01T08:00:00Z"),
        (11, "has 4 fields where the header has 5"),
        (12, "mcc: an mnc needs its mcc"),
    ];
    for end in ["\n", "\r\n", "\r"] {
        let problems = lines(&csv.replace('\n', end));
        let found: Vec<_> = problems.iter().map(|(line, message)| (*line, message.as_str())).collect();
        assert_eq!(found, expected, "{end:?}");
    }
}

#[test]
fn rows_of_nothing_are_passed_over() {
    assert_eq!(parse_csv("\n\ncountry,price\n\nDE,0.05\n,\n  ,  \n").unwrap().len(), 1);
    assert_eq!(lines("\n\ncountry\nDE\n"), [(3, "the header has no column `price`".to_owned())]);
}

#[test]
fn a_line_tells_all_that_is_wrong_with_it() {
    assert_eq!(lines("country,price,effective_from\nGermany,free,soon\n").len(), 3);
}

#[test]
fn a_header_that_cannot_be_used_is_told_first() {
    for (csv, expected) in [
        ("", "the header has no column `price`"),
        ("country,cost\nDE,0.05\n", "no column is called `cost`"),
        ("mnc,price\n01,0.05\n", "neither a column `country` nor a column `mcc`"),
        ("country;price\nDE;0.05\n", "no column is called `country;price`"),
        ("country,price,price\nDE,0.05,0.06\n", "is there twice"),
    ] {
        let problems = lines(csv);
        assert!(problems.iter().any(|(line, text)| *line == 1 && text.contains(expected)), "{problems:?}");
    }
}

#[test]
fn what_is_closed_is_closed_for_the_place_alone() {
    let csv = "country,mcc,mnc,price,effective_from\nDE,,,0.05,\n,262,01,closed,2026-03-01\nFR,,,closed,\n,208,01,0.04,\n,310,,closed,\n,311,,closed,\n";
    let card = Prices::new(parse_csv(csv).unwrap());
    let at = |operator, country| price(&card, operator, country, NOW);
    assert_eq!(at(Some("26201"), "DE").as_deref(), Some("closed"));
    assert_eq!(price(&card, Some("26201"), "DE", "2026-02-01T00:00:00Z").as_deref(), Some("0.05"));
    assert_eq!(at(Some("26202"), "DE").as_deref(), Some("0.05"));
    assert_eq!(at(Some("20801"), "FR").as_deref(), Some("0.04"));
    assert_eq!(at(Some("20810"), "FR").as_deref(), Some("closed"));
    assert_eq!(at(None, "US").as_deref(), Some("closed"));
}

#[test]
fn the_only_code_of_a_country_is_the_country() {
    let problems = lines("country,mcc,price\nDE,,0.05\n,262,0.06\n");
    assert_eq!(problems, [(3, "line 2 has a price for the same place and time".to_owned())]);
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_answered(text in ".{0,200}") {
        drop(parse_csv(&text));
        drop(parse_csv(&format!("country,mcc,mnc,price,effective_from\n{text}")));
    }
}
