//! Rules of receipts: the dialects, the TLVs, the words, the ids, and our own text.

use proptest::prelude::*;

use super::*;
use crate::{
    pdu::EsmClass,
    tlv::{Tag, TlvBuffer},
};

mod ids;

pub(super) fn tlvs(receipted_message_id: Option<&str>, message_state: Option<MessageState>) -> TlvBuffer {
    let mut tlvs = TlvBuffer::new();
    if let Some(id) = receipted_message_id {
        tlvs.push(Tag::RECEIPTED_MESSAGE_ID, id.as_bytes()).unwrap();
    }
    if let Some(state) = message_state {
        tlvs.push_octet(Tag::MESSAGE_STATE, state.into());
    }
    tlvs
}

fn civil(digits: &str) -> Option<Civil> {
    Some(Civil::parse(digits).unwrap())
}

#[test]
fn the_usual_text_is_read_whole() {
    let text = "id:7001 sub:002 dlvrd:001 submit date:2604010915 done date:2604010917 stat:DELIVRD err:011 text:Your code is 4711, v";
    assert_eq!(
        Receipt::parse(text),
        Some(Receipt {
            id: Some("7001"),
            text_id: Some("7001"),
            sub: Some(2),
            dlvrd: Some(1),
            submit_date: civil("2604010915"),
            done_date: civil("2604010917"),
            state: Some(MessageState::Delivered),
            stat: Some("DELIVRD"),
            err: Some("011"),
            text: Some("Your code is 4711, v"),
            others: vec![],
        })
    );
}

#[test]
fn case_blanks_and_joined_keys_do_not_matter() {
    for text in [
        "ID:a-1 SUB:001 DLVRD:001 SUBMIT DATE:2604010915 DONE DATE:2604010917 STAT:delivrd ERR:000 TEXT:hello",
        "id: a-1 sub: 1 dlvrd: 1 submitdate: 2604010915 donedate: 2604010917 stat: DELIVRD err: 000 text: hello\r\n",
        "  id : a-1  sub :001  dlvrd :001 Submit_Date : 2604010915 done  date:2604010917 stat:DELIVRD   err:000 Text:hello\0",
        "id:a-1,sub:001,dlvrd:001,submit date:2604010915,done date:2604010917,stat:DELIVRD,err:000,text:hello",
        "done date:2604010917\nsubmit date:2604010915\nerr:000\nstat:DELIVRD\ndlvrd:001\nsub:001\nid:a-1\ntext:hello",
    ] {
        let receipt = Receipt::parse(text).unwrap();
        assert_eq!((receipt.id, receipt.sub, receipt.dlvrd), (Some("a-1"), Some(1), Some(1)), "{text}");
        assert_eq!(
            (receipt.submit_date, receipt.done_date),
            (civil("2604010915"), civil("2604010917")),
            "{text}"
        );
        assert_eq!(
            (receipt.state, receipt.err, receipt.text),
            (Some(MessageState::Delivered), Some("000"), Some("hello")),
            "{text}"
        );
    }
}

#[test]
fn dates_of_every_length_are_read_and_bad_ones_lose_nothing_else() {
    for (written, read) in [
        ("2604010915", civil("260401091500")),
        ("260401091530", civil("260401091530")),
        ("202604010915", civil("260401091500")),
        ("20260401091530", civil("260401091530")),
        ("260401091530004+", civil("260401091530")),
        ("260401091530008-", civil("260401091530")),
        ("0000000000", None),
        ("000000000000", None),
        ("2613400199", None),
        ("yesterday", None),
        ("", None),
    ] {
        let text = format!("id:1 submit date:{written} done date:2604010917 stat:EXPIRED");
        let receipt = Receipt::parse(&text).unwrap();
        assert_eq!(receipt.submit_date, read, "{written}");
        assert_eq!((receipt.done_date, receipt.state), (civil("2604010917"), Some(MessageState::Expired)));
    }
}

#[test]
fn what_is_missing_is_missing() {
    let receipt = Receipt::parse("stat:UNDELIV").unwrap();
    assert_eq!((receipt.state, receipt.id, receipt.err), (Some(MessageState::Undeliverable), None, None));
    let receipt = Receipt::parse("id: sub:001 dlvrd: stat:REJECTD err: text:").unwrap();
    assert_eq!((receipt.id, receipt.sub, receipt.dlvrd, receipt.err), (None, Some(1), None, None));
    assert_eq!(receipt.text, Some(""));
    let receipt = Receipt::parse("id:9 stat:DELIVRD err:000 half a sentence").unwrap();
    assert_eq!((receipt.err, receipt.text), (Some("000"), None));
}

#[test]
fn other_keys_are_kept_in_their_order() {
    let receipt =
        Receipt::parse("id:9 MCCMNC:00101 stat:DELIVRD err:000 Price: Network:Test_Net text:x").unwrap();
    assert_eq!(receipt.others, [("MCCMNC", "00101"), ("Price", ""), ("Network", "Test_Net")]);
    assert_eq!((receipt.err, receipt.text), (Some("000"), Some("x")));
}

#[test]
fn the_message_cannot_speak_for_the_vendor() {
    let receipt = Receipt::parse("id:9 stat:UNDELIV err:001 text:id:10 stat:DELIVRD err:000").unwrap();
    assert_eq!((receipt.id, receipt.state), (Some("9"), Some(MessageState::Undeliverable)));
    assert_eq!(receipt.text, Some("id:10 stat:DELIVRD err:000"));
    let receipt = Receipt::parse("id: stat:UNDELIV err:001 my new id:10 stat:DELIVRD").unwrap();
    assert_eq!((receipt.id, receipt.state), (None, Some(MessageState::Undeliverable)));
    let receipt = Receipt::parse("id:9 stat:UNDELIV err:001 my new id:10 stat:DELIVRD").unwrap();
    assert_eq!((receipt.id, receipt.state), (Some("9"), Some(MessageState::Undeliverable)));
}

#[test]
fn a_word_we_do_not_know_judges_nothing() {
    for word in ["WHATEVR", "DELIV", "OK", "FAIL", "0", "delivrd!"] {
        let text = format!("id:1 stat:{word} err:000");
        let receipt = Receipt::parse(&text).unwrap();
        assert_eq!((receipt.stat, receipt.state), (Some(word), None));
    }
}

#[test]
fn words_stand_for_states_and_only_some_are_final() {
    let states: Vec<_> = (0..=9_u8).map(MessageState::from).collect();
    for state in &states {
        assert_eq!(MessageState::from_word(state.word()), Some(*state));
        assert_eq!(MessageState::from(u8::from(*state)), *state);
        assert_eq!(state.word().len(), 7);
    }
    let last = states.iter().filter(|state| state.is_final()).map(|state| u8::from(*state));
    assert_eq!(last.collect::<Vec<_>>(), [2, 3, 4, 5, 8, 9]);
    assert_eq!((u8::from(MessageState::from(77)), MessageState::from(77).is_final()), (77, false));
    for (word, state) in [
        ("Failed", MessageState::Undeliverable),
        ("NOROUTE", MessageState::Undeliverable),
        ("BLOCKED", MessageState::Rejected),
        ("BUFFERD", MessageState::Enroute),
        ("BUFFRED", MessageState::Enroute),
        ("acked", MessageState::Accepted),
        ("DELIVERED", MessageState::Delivered),
    ] {
        assert_eq!(MessageState::from_word(word), Some(state));
    }
}

#[test]
fn tlvs_win_over_the_text() {
    let text = Receipt::parse("id:5 stat:ENROUTE err:000");
    let both = tlvs(Some("6\0"), Some(MessageState::Delivered));
    let receipt = Receipt::with_tlvs(text.clone(), both.as_tlvs()).unwrap();
    assert_eq!((receipt.id, receipt.text_id), (Some("6"), Some("5")));
    assert_eq!((receipt.state, receipt.stat), (Some(MessageState::Delivered), Some("ENROUTE")));

    let alone = Receipt::with_tlvs(Receipt::parse("6 2"), both.as_tlvs()).unwrap();
    assert_eq!((alone.id, alone.state, alone.text_id), (Some("6"), Some(MessageState::Delivered), None));
    let empty = tlvs(Some(""), None);
    assert_eq!(Receipt::with_tlvs(text, empty.as_tlvs()).unwrap().id, Some("5"));
    assert_eq!(Receipt::with_tlvs(None, Tlvs::default()), None);
}

#[test]
fn the_comma_separated_form_needs_the_vendors_numbers() {
    let text = "02,2604010917,2604010915,30,447700900123,12025550100,x7f-2";
    let receipt = Receipt::parse_comma_separated(text, &[("02", MessageState::Undeliverable)]).unwrap();
    assert_eq!((receipt.id, receipt.err, receipt.stat), (Some("x7f-2"), Some("30"), None));
    assert_eq!((receipt.submit_date, receipt.done_date), (civil("2604010915"), civil("2604010917")));
    assert_eq!(receipt.state, Some(MessageState::Undeliverable));
    assert_eq!(Receipt::parse_comma_separated(text, &[]).unwrap().state, None);

    assert_eq!(Receipt::parse(text), None, "it is no usual text");
    for other in ["Hello, is it me, you, are, looking, for?", "1,2,3,4,5,6,7", "", "id:1 stat:DELIVRD"] {
        assert_eq!(Receipt::parse_comma_separated(other, &[]), None, "{other}");
    }
}

#[test]
fn esm_class_decides_what_a_message_is() {
    let kinds: Vec<_> =
        [0x00, 0x04, 0x44, 0xC7, 0x08, 0x10, 0x18, 0x20, 0x24].map(|octet| kind_of(EsmClass(octet))).into();
    assert_eq!(
        kinds,
        [
            Kind::Message,
            Kind::Receipt,
            Kind::Receipt,
            Kind::Receipt,
            Kind::Acknowledgement,
            Kind::ManualAcknowledgement,
            Kind::ConversationAbort,
            Kind::Intermediate,
            Kind::Other(0x24)
        ]
    );
}

#[test]
fn the_content_is_asked_only_where_the_vendor_needs_it() {
    let receipt = "id:9 sub:001 submit date:2604010915 stat:DELIVRD";
    let kind = |esm_class, text, detection| classify(EsmClass(esm_class), text, Tlvs::default(), detection);
    assert_eq!(kind(0, receipt, Detection::EsmClass), Kind::Message);
    assert_eq!(kind(0, receipt, Detection::EsmClassOrContent), Kind::Receipt);
    assert_eq!(kind(0x04, "hello", Detection::EsmClass), Kind::Receipt);
    assert_eq!(kind(0x20, receipt, Detection::EsmClassOrContent), Kind::Intermediate);
    for message in ["Hello, what is my id:5 stat:DELIVRD done date:2604010915", "id:5 please", "text: hi", ""]
    {
        assert_eq!(kind(0, message, Detection::EsmClassOrContent), Kind::Message, "{message}");
    }
    let both = tlvs(Some("9"), Some(MessageState::Delivered));
    for (detection, kind) in
        [(Detection::EsmClass, Kind::Message), (Detection::EsmClassOrContent, Kind::Receipt)]
    {
        assert_eq!(classify(EsmClass::DEFAULT, "", both.as_tlvs(), detection), kind);
    }
}

#[test]
fn octets_become_text_without_loss() {
    assert!(matches!(text_of(b"id:1 stat:DELIVRD", None), Cow::Borrowed(_)));
    assert_eq!(text_of(b"id:1 text:\x84\xE9", Some(Charset::Ascii)), "id:1 text:\u{84}é");
    let wide = Charset::Ucs2.encode("id:1 stat:DELIVRD").unwrap();
    assert_eq!(text_of(&wide, Some(Charset::Ucs2)), "id:1 stat:DELIVRD");
    let receipt = Receipt::parse("id:1 stat:DELIVRD text:\u{4}\u{1a}").unwrap();
    assert_eq!(receipt.text, Some("\u{4}\u{1a}"), "a binary text is not trimmed");
}

fn ours<'a>(id: &'a str, err: &'a str, text: &'a str) -> Text<'a> {
    Text {
        id,
        sub: 1,
        dlvrd: 1,
        submit_date: Civil::parse("260401091530").unwrap(),
        done_date: Civil::parse("260401091742").unwrap(),
        state: MessageState::Delivered,
        err,
        text,
    }
}

#[test]
fn our_text_is_the_usual_one() {
    assert_eq!(
        ours("1a2b-3", "0", "a\nmessage longer than twenty").write().unwrap(),
        "id:1a2b-3 sub:001 dlvrd:001 submit date:2604010915 done date:2604010917 stat:DELIVRD err:000 text:a message longer tha"
    );
    for id in ["", "1 stat:EXPIRED", "1\n", "1,2"] {
        assert_eq!(ours(id, "000", "").write(), Err(TextError::Id));
    }
    assert_eq!(ours("1", "0 0", "").write(), Err(TextError::Err));
}

proptest! {
    #[test]
    fn our_texts_read_back(id in "[0-9a-f-]{1,64}", err in "[0-9A-F]{3}", state in 0..10_u8, text: String) {
        let state = MessageState::from(state);
        let written = Text { state, ..ours(&id, &err, &text) }.write().unwrap();
        let read = Receipt::parse(&written).unwrap();
        prop_assert_eq!((read.id, read.err, read.state), (Some(id.as_str()), Some(err.as_str()), Some(state)));
        prop_assert_eq!((read.sub, read.dlvrd), (Some(1), Some(1)));
        prop_assert_eq!((read.submit_date, read.done_date), (civil("2604010915"), civil("2604010917")));
    }

    #[test]
    fn any_octets_are_read(octets: Vec<u8>) {
        let text = text_of(&octets, None);
        let _read = Receipt::parse(&text);
        let _read = Receipt::parse_comma_separated(&text, &[("00", MessageState::Delivered)]);
    }

    #[test]
    fn any_mixture_of_keys_is_read(text in "((id|sub|stat|err|submit date|done|text|MCC)?[: ,_;]{0,2}[0-9A-Z€\\-]{0,12}[ ,\n]?){0,12}") {
        if let Some(receipt) = Receipt::parse(&text) {
            prop_assert!(receipt.id != Some(""));
            prop_assert!(receipt.stat.is_some() || receipt.state.is_none());
        }
    }
}
