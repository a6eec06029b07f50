//! The shipped tables, and which entry of a map decides.

use smpp_wire::tlv::MessageState;

use super::*;

fn map(own: &[(&str, &str, &str)], like: &[&str]) -> Map {
    let own = own.iter().map(|(stage, code, class)| Entry::read(stage, code, class, "").unwrap()).collect();
    Map::new(own, &like.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

fn of_status(map: &Map, status: u32) -> Option<ErrorClass> {
    map.of_status(CommandStatus(status))
}

#[test]
fn every_shipped_line_reads_and_none_stands_behind_one_that_takes_all_of_it() {
    let mut earlier: Vec<(&str, Entry)> = Vec::new();
    for (name, entry) in shipped_lines() {
        let entry = entry.unwrap_or_else(|wrong| panic!("{name}: {wrong:?}"));
        assert!(!entry.meaning.is_empty(), "{entry:?}");
        let hidden = earlier.iter().find(|(other, before)| *other == name && before.covers(&entry));
        assert!(hidden.is_none(), "{entry:?} is never looked at");
        earlier.push((name, entry));
    }
    let tables: Vec<_> = shipped().collect();
    assert_eq!(tables, ["gsm", "vonage", "twilio", "infobip", "8x8", "hollatags"]);
    // Each table says where it is from.
    for name in tables {
        assert!(SHIPPED.contains(&format!("\n# {name}: ")), "{name} names no source");
    }
}

#[test]
fn every_status_and_every_word_of_the_specification_is_mapped() {
    let map = Map::default();
    for status in 1..=0x0FFF {
        let is_known = CommandStatus(status).name().is_some();
        assert_eq!(of_status(&map, status).is_some(), is_known, "{}", CommandStatus(status));
    }
    for state in 0..=9 {
        let state = MessageState::from(state);
        let is_error = match state {
            MessageState::Expired
            | MessageState::Deleted
            | MessageState::Undeliverable
            | MessageState::Unknown
            | MessageState::Rejected
            | MessageState::Skipped => true,
            MessageState::Scheduled
            | MessageState::Enroute
            | MessageState::Delivered
            | MessageState::Accepted
            | MessageState::Other(_) => false,
        };
        assert_eq!(map.of_receipt(state.word()).is_some(), is_error, "{}", state.word());
    }
}

#[test]
fn what_the_standard_means() {
    use ErrorClass::*;
    let map = Map::default();
    for (status, class) in [
        (CommandStatus::RTHROTTLED, Some(Throttle)),
        (CommandStatus::RMSGQFUL, Some(Pause)),
        (CommandStatus::RX_T_APPN, Some(Retry)),
        (CommandStatus::RSYSERR, Some(FailOver)),
        (CommandStatus::RINVDSTADR, Some(FailOver)),
        (CommandStatus::RINVSRCADR, Some(Sender)),
        (CommandStatus(0x0400), None),
        (CommandStatus(0x04FF), None),
    ] {
        assert_eq!(map.of_status(status), class, "{status}");
    }
    for (word, class) in [
        ("UNDELIV", Some(FailOver)),
        ("rejected", Some(FailOver)),
        ("EXPIRED", Some(FailOver)),
        ("UNKNOWN", Some(UnknownOutcome)),
        // A code is the vendor's own.
        ("UNDELIV err:001", None),
        ("no state", None),
    ] {
        assert_eq!(map.of_receipt(word), class, "{word}");
    }
}

#[test]
fn own_entries_stand_over_tables_and_these_over_the_standard_and_the_first_decides() {
    use ErrorClass::*;
    let own = [
        ("submit", "ESME_RTHROTTLED", "fail_over"),
        ("submit", "0x0412", "opt_out"),
        ("submit", "1024-0x04FF", "fraud"),
        ("receipt", "*err:6", "retry"),
        ("receipt", "REJECTD*", "permanent_content"),
    ];
    let with_own = map(&own, &["vonage", "gsm"]);
    for (status, class) in [(0x58, FailOver), (0x412, OptOut), (0x400, Fraud), (0x4FF, Fraud), (0x14, Pause)]
    {
        assert_eq!(of_status(&with_own, status), Some(class), "{status:#x}");
    }
    for (word, class) in [
        ("UNDELIV err:006", Some(Retry)),
        ("REJECTD", Some(PermanentContent)),
        ("rejectd err:77", Some(PermanentContent)),
        ("UNDELIV err:009", Some(PermanentNumber)),
        // Both tables have it, and the one that is named first counts.
        ("UNDELIV err:5", Some(FailOver)),
        ("UNDELIV err:27", Some(Retry)),
        ("UNDELIV err:99", None),
        ("UNDELIV err:60", None),
        ("EXPIRED", Some(FailOver)),
    ] {
        assert_eq!(with_own.of_receipt(word), class, "{word}");
    }
    // While the vendor may say more, only it itself makes a failure of a code.
    for (word, class) in [
        ("UNKNOWN err:027", None),
        ("TRYING err:027", None),
        ("UNKNOWN err:006", Some(Retry)),
        ("UNKNOWN", Some(UnknownOutcome)),
    ] {
        assert_eq!(with_own.of_receipt(word), class, "{word}");
    }
    assert_eq!(map(&[("submit", "*", "retry")], &[]).of_status(CommandStatus(0xFFFF_FFFF)), Some(Retry));
}

#[test]
fn a_code_is_found_as_traces_show_it() {
    let map = map(&[("receipt", "UNDELIV err:7", "fraud")], &["infobip"]);
    let found = |stage, code| map.find(stage, code).map(|(table, entry)| (table, entry.class));
    for code in
        ["ESME_RSYSERR (0x00000008)", "ESME_RSYSERR", "0x08", "8", "generic_nack ESME_RSYSERR (0x00000008)"]
    {
        assert_eq!(found(Stage::Submit, code), Some((Some(STANDARD), ErrorClass::FailOver)), "{code}");
    }
    assert_eq!(found(Stage::Submit, "0x00000022"), Some((Some("infobip"), ErrorClass::FailOver)));
    assert_eq!(found(Stage::Receipt, "UNDELIV err:007"), Some((None, ErrorClass::Fraud)));
    assert_eq!(found(Stage::Submit, "no status"), None);
}

#[test]
fn everything_that_is_wrong_with_an_entry_is_said_at_once() {
    let wrong = |stage: &str, code: &str, class: &str| {
        let wrong = Entry::read(stage, code, class, "").unwrap_err();
        wrong.into_iter().map(|(key, message)| format!("{key}: {message}")).collect::<Vec<_>>()
    };
    let both = wrong("answer", "0x0B", "permanent");
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[0], "stage: `answer` is not a stage: expected submit or receipt");
    assert!(both[1].starts_with("class: `permanent` is not a class of errors: expected one of throttle"));
    for (code, says) in [
        ("RSYSERR", "is not a command_status: expected a name such as ESME_RX_P_APPN"),
        ("0x0G", "is not a command_status"),
        ("UNDELIV err:1", "is not a command_status"),
        ("0x04FF-0x0400", "ends before it begins"),
        ("0-5", "has the status 0 in it, which is no error"),
        ("ESME_ROK", "has the status 0 in it, which is no error"),
        ("", "is not a command_status"),
        ("99999999999", "is not a command_status"),
    ] {
        let wrong = wrong("submit", code, "fail_over");
        assert!(
            wrong.len() == 1 && wrong[0].starts_with("code: ") && wrong[0].contains(says),
            "{code}: {wrong:?}"
        );
    }
    for code in ["UNDELIV err:0", "*err:10*", "err:*0", "UNDELIV err:*", "UNDELIV err:0A*"] {
        assert!(Entry::read("receipt", code, "fail_over", "").is_ok(), "{code}");
    }
    for (code, says) in [
        ("", "expected what a receipt says"),
        ("UNDELIV\u{7}", "expected what a receipt says"),
        ("DELIVRD", "says that it was delivered, which is no error"),
        ("UNDELIV err:0*", "is never met"),
        ("*ERR:00*", "is never met"),
        ("*err:01*5", "is never met"),
        ("delivered err:0*", "says that it was delivered, which is no error"),
    ] {
        let wrong = wrong("receipt", code, "fail_over");
        assert!(wrong.len() == 1 && wrong[0].contains(says), "{code}: {wrong:?}");
    }
    let slow = wrong("receipt", "UNDELIV", "pause");
    assert_eq!(slow, ["class: `pause` slows a bind down, which only the answer to a submit can ask for"]);
}

#[test]
fn an_entry_covers_another_when_nothing_of_it_is_left() {
    let entry = |stage, code| Entry::read(stage, code, "fail_over", "").unwrap();
    let covers = |stage, wide, narrow| entry(stage, wide).covers(&entry(stage, narrow));
    assert!(covers("submit", "0x400-0x4FF", "0x412"));
    assert!(!covers("submit", "0x412", "0x400-0x4FF"));
    assert!(covers("receipt", "*err:*", "UNDELIV err:001"));
    assert!(covers("receipt", "UNDELIV err:1", "undeliv err:001"));
    assert!(!covers("receipt", "UNDELIV err:1", "UNDELIV err:*"));
    assert!(!entry("receipt", "*").covers(&entry("submit", "*")));
}
