//! The clock on the wall, above all on the two days of the year on which it is changed.

use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::*;
use crate::sample::{Ask, compile, table};

/// Whether a rule with these windows takes a message at this time of UTC.
fn holds(zone: &str, windows: &str, at: &str) -> bool {
    let table = table(&format!(
        "[[policy.rules]]\nid = \"timed\"\nmatch = {{ time = {{ zone = \"{zone}\", windows = [{windows}] }} }}\nroutes = [\"acme-eu\"]"
    ));
    Ask { now: moment(at), ..Ask::new() }.choose(&table).is_ok()
}

fn moment(at: &str) -> Timestamp {
    let at: jiff::Timestamp = at.parse().unwrap();
    Timestamp::from_millis(at.as_millisecond())
}

fn check(zone: &str, windows: &str, expected: &[(&str, bool)]) {
    for (at, is_in) in expected {
        assert_eq!(holds(zone, windows, at), *is_in, "{windows} in {zone} at {at}");
    }
}

const SATURDAY_NIGHT: &str = r#"{ days = ["sat"], from = "22:00", to = "06:00" }"#;

#[test]
fn a_window_over_midnight_belongs_to_the_day_that_it_begins_on() {
    // A winter weekend: Berlin is an hour ahead of UTC.
    check(
        "Europe/Berlin",
        SATURDAY_NIGHT,
        &[
            ("2026-01-09T23:00:00Z", false),
            ("2026-01-10T20:59:59Z", false),
            ("2026-01-10T21:00:00Z", true),
            ("2026-01-11T04:59:59Z", true),
            ("2026-01-11T05:00:00Z", false),
            ("2026-01-11T22:00:00Z", false),
        ],
    );
}

#[test]
fn the_night_in_which_the_clock_is_put_forward_is_an_hour_shorter() {
    check(
        "Europe/Berlin",
        SATURDAY_NIGHT,
        &[
            ("2026-03-28T20:59:59Z", false),
            ("2026-03-28T21:00:00Z", true),
            ("2026-03-29T00:59:59Z", true),
            ("2026-03-29T01:00:00Z", true),
            ("2026-03-29T03:59:59Z", true),
            ("2026-03-29T04:00:00Z", false),
        ],
    );
}

#[test]
fn the_night_in_which_the_clock_is_put_back_is_an_hour_longer() {
    check(
        "Europe/Berlin",
        SATURDAY_NIGHT,
        &[
            ("2026-10-24T19:59:59Z", false),
            ("2026-10-24T20:00:00Z", true),
            ("2026-10-25T00:30:00Z", true),
            ("2026-10-25T01:30:00Z", true),
            ("2026-10-25T04:59:59Z", true),
            ("2026-10-25T05:00:00Z", false),
        ],
    );
}

#[test]
fn the_hour_that_is_left_out_does_not_come_and_the_one_that_is_repeated_comes_twice() {
    let window = r#"{ from = "02:15", to = "02:45" }"#;
    let nights: [(&str, &[(&str, bool)]); 2] = [
        ("spring", &[("2026-03-29T00:30:00Z", false), ("2026-03-29T01:30:00Z", false)]),
        (
            "autumn",
            &[
                ("2026-10-25T00:14:59Z", false),
                ("2026-10-25T00:15:00Z", true),
                ("2026-10-25T00:45:00Z", false),
                ("2026-10-25T01:15:00Z", true),
                ("2026-10-25T01:45:00Z", false),
            ],
        ),
    ];
    for (_, expected) in nights {
        check("Europe/Berlin", window, expected);
    }
}

#[test]
fn the_week_goes_round_and_a_day_may_be_whole() {
    let sunday = r#"{ days = ["sun"], from = "23:00", to = "01:00" }"#;
    check("UTC", sunday, &[("2026-01-12T00:59:00Z", true), ("2026-01-12T01:00:00Z", false)]);
    let monday = r#"{ days = ["mon"], from = "00:00", to = "24:00" }"#;
    check(
        "Asia/Kathmandu",
        monday,
        &[
            ("2026-01-11T18:14:59Z", false),
            ("2026-01-11T18:15:00Z", true),
            ("2026-01-12T18:14:59Z", true),
            ("2026-01-12T18:15:00Z", false),
        ],
    );
}

#[test]
fn a_table_works_every_zone_out_once() {
    let rule = |id: &str| {
        format!(
            "[[policy.rules]]\nid = \"{id}\"\nmatch = {{ time = {{ zone = \"Europe/Berlin\", windows = [{{ from = \"08:00\", to = \"20:00\" }}] }} }}\nroutes = [\"acme-eu\"]\n"
        )
    };
    let table = table(&(rule("one") + &rule("two")));
    let zones: Vec<_> = table.rules.iter().filter_map(|rule| rule.conditions.hours.as_ref()).collect();
    assert_eq!(zones.len(), 2);
    assert!(Arc::ptr_eq(&zones[0].zone, &zones[1].zone));
}

#[test]
fn what_is_wrong_with_windows_is_told_with_its_place() {
    let time = r#"{ zone = "Europe/Berln", windows = [
        { days = ["mon", "funday"], from = "8:00", to = "25:00" },
        { days = [], from = "08:00", to = "09:00" },
        { from = "24:00", to = "08:00" },
        { from = "07:00", to = "07:00" },
        { days = ["fri"], from = "22:00", to = "06:00" },
        { days = ["sat"], from = "05:59", to = "07:00" },
        { days = ["sun", "sun"], from = "09:00", to = "10:00" },
    ] }"#;
    let rule = |id: &str, time: &str| {
        let time = time.replace('\n', " ");
        format!("[[policy.rules]]\nid = \"{id}\"\nroutes = [\"acme-eu\"]\nmatch.time = {time}\n")
    };
    let rules = rule("one", time) + &rule("two", r#"{ zone = "UTC", windows = [] }"#);
    let problems = compile(&(crate::sample::ROUTES.to_owned() + &rules)).unwrap_err();
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "policy.rules[0].match.time.zone: no time zone is called `Europe/Berln`: did you mean `Europe/Berlin`?",
            "policy.rules[0].match.time.windows[0].days[1]: `funday` is no day: expected one of mon, tue, wed, thu, fri, sat, sun",
            "policy.rules[0].match.time.windows[0].from: `8:00` is no time of day: expected hours and minutes, such as 06:00",
            "policy.rules[0].match.time.windows[0].to: `25:00` is no time of day: expected hours and minutes, such as 06:00",
            "policy.rules[0].match.time.windows[1].days: an empty list admits nothing: leave it out to admit everything",
            "policy.rules[0].match.time.windows[2].from: a window begins before the day is over: write 00:00",
            "policy.rules[0].match.time.windows[3]: the window is empty: for the whole day, write from = \"00:00\", to = \"24:00\"",
            "policy.rules[0].match.time.windows[5]: the window overlaps another of this rule, or one of its own days",
            "policy.rules[0].match.time.windows[6]: the window overlaps another of this rule, or one of its own days",
            "policy.rules[1].match.time.windows: an empty list admits nothing: leave it out to admit everything",
        ]
    );
}

proptest! {
    /// What was worked out beforehand agrees with the database, whatever the time.
    #[test]
    fn a_zone_shows_what_its_clock_shows(
        name in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "UTC"]),
        second in 1_577_836_800_i64..7_258_118_400,
    ) {
        let database = TimeZoneDatabase::bundled().get(name).unwrap();
        let there = jiff::Timestamp::from_second(second).unwrap().to_zoned(database.clone());
        let day = usize::try_from(there.weekday().to_monday_zero_offset()).unwrap();
        let [hour, minute] = [there.hour(), there.minute()].map(|part| usize::try_from(part).unwrap());
        let now = Timestamp::from_millis(second * 1000);
        prop_assert_eq!(Zone::new(&database).minute_of_week(now), (day * 24 + hour) * 60 + minute);
    }
}
