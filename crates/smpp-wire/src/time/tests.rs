//! Rules of times: forms, offsets, the calendar, and that what we write reads back.

use proptest::prelude::*;

use super::*;

fn absolute(field: &str) -> Absolute {
    match Time::parse(field.as_bytes()) {
        Ok(Some(Time::Absolute(absolute))) => absolute,
        other => panic!("{field}: {other:?}"),
    }
}

fn relative(field: &str) -> Duration {
    match Time::parse(field.as_bytes()) {
        Ok(Some(Time::Relative(duration))) => duration,
        other => panic!("{field}: {other:?}"),
    }
}

/// 2026-01-02 03:04:05 UTC.
const MOMENT: i64 = 1_767_323_045;

#[test]
fn an_empty_field_is_no_time() {
    assert_eq!(Time::parse(b""), Ok(None));
}

#[test]
fn offsets_are_taken_off() {
    assert_eq!(absolute("260102030405000+").unix_seconds(Offset::UTC), MOMENT);
    assert_eq!(absolute("260102083405022+").unix_seconds(Offset::UTC), MOMENT);
    assert_eq!(absolute("260101220405020-").unix_seconds(Offset::UTC), MOMENT);
    assert_eq!(absolute("260102030405900+").tenths, 9);
}

#[test]
fn short_forms_are_read_where_the_vendor_stands() {
    let hour_ahead = Offset::ahead(4).unwrap();
    for field in ["260102040405", "20260102040405"] {
        assert_eq!(absolute(field).offset, None);
        assert_eq!(absolute(field).unix_seconds(hour_ahead), MOMENT);
    }
    assert_eq!(absolute("2601020404").unix_seconds(hour_ahead), MOMENT - 5);
    // A written offset, sign or not, is not overruled.
    assert_eq!(absolute("260102030405000").unix_seconds(hour_ahead), MOMENT);
}

#[test]
fn relative_times_add_up() {
    assert_eq!(relative("000001000000000R"), Duration::from_secs(86_400));
    assert_eq!(relative("000000013005000R"), Duration::from_secs(5_405));
    assert_eq!(relative("0000000130R"), Duration::from_secs(5_400));
    assert_eq!(relative("000099000000R"), Duration::from_secs(99 * 86_400));
    assert_eq!(relative("010200000000000R"), Duration::from_secs((365 + 60) * 86_400));
    assert_eq!(relative_text(Duration::from_millis(5_405_900)).unwrap(), "000000013005000R");
    assert_eq!(relative_text(Duration::from_secs(100 * 365 * 86_400)), Err(Error::OutOfRange));
}

#[test]
fn what_is_no_time_is_refused() {
    let refused = |field: &str| Time::parse(field.as_bytes()).unwrap_err();
    assert_eq!(refused("tomorrow"), Error::NotDigits);
    assert_eq!(refused("26010203040500"), Error::Impossible);
    assert_eq!(refused("2601020304050"), Error::Length(13));
    assert_eq!(refused("260230030405000+"), Error::Impossible);
    assert_eq!(refused("260102240405000+"), Error::Impossible);
    assert_eq!(refused("260102030405057+"), Error::Offset(57));
    assert_eq!(refused("260102030405+"), Error::Ending);
    assert_eq!(refused("R"), Error::Length(0));
    assert_eq!(refused("0000000000000000"), Error::Length(16));
    assert_eq!(Time::parse(&[0xFF; 16]), Err(Error::NotDigits));
}

#[test]
fn the_calendar_knows_leap_years() {
    assert!(Civil::parse("0002290000").is_some(), "2000 was one");
    assert!(Civil::parse("2802290000").is_some());
    assert_eq!(Civil::parse("2602290000"), None);
    assert_eq!(Civil::parse("0001010000").unwrap().to_unix(), 946_684_800);
    assert_eq!(Civil::parse("9912312359").unwrap().to_unix(), 4_102_444_740);
    assert_eq!((Civil::from_unix(946_684_799), Civil::from_unix(4_102_444_800)), (None, None));
}

#[test]
fn twelve_digits_are_seconds_or_a_long_year() {
    assert_eq!(Civil::parse("260102030405").unwrap().to_string(), "260102030405");
    assert_eq!(Civil::parse("202601020304").unwrap().to_string(), "260102030400");
    for no_date in ["0000000000", "000000000000", "", "260102", "26-1-2 3:4", "19990102030405"] {
        assert_eq!(Civil::parse(no_date), None, "{no_date}");
    }
}

proptest! {
    #[test]
    fn moments_come_back(seconds in 946_684_800..4_102_444_800_i64) {
        let written = Absolute::utc(seconds).unwrap().to_string();
        prop_assert_eq!(written.len(), 16);
        prop_assert_eq!(absolute(&written).unix_seconds(Offset::ahead(7).unwrap()), seconds);
        let civil = Civil::from_unix(seconds).unwrap();
        prop_assert_eq!(Civil::parse(&civil.to_string()), Some(civil));
        prop_assert_eq!(civil.to_minutes(), &civil.to_string()[..10]);
    }

    #[test]
    fn times_stand_in_the_order_of_their_seconds(a in 946_684_800..4_102_444_800_i64, b in 946_684_800..4_102_444_800_i64) {
        prop_assert_eq!(Civil::from_unix(a).cmp(&Civil::from_unix(b)), a.cmp(&b));
    }

    #[test]
    fn durations_come_back(seconds in 0..100 * 365 * 86_400_u64) {
        let duration = Duration::from_secs(seconds);
        prop_assert_eq!(relative(&relative_text(duration).unwrap()), duration);
    }

    #[test]
    fn any_octets_are_a_time_or_an_error(field: Vec<u8>, digits in "[0-9]{0,17}[-+Rr]?") {
        for field in [field.as_slice(), digits.as_bytes()] {
            if let Ok(Some(Time::Absolute(time))) = Time::parse(field) {
                prop_assert!(Time::parse(time.to_string().as_bytes()).is_ok());
            }
        }
    }
}
