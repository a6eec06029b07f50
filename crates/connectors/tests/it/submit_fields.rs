//! What a submit says, field by field.

use std::time::Duration;

use connectors::connector::Passed;
use connectors::{Connector, Submission};
use domain::message::SmppAddress;
use domain::{Encoding, Sender};
use smpp_wire::pdu::{NumberingPlan, Pdu, ShortMessage, TypeOfNumber};
use smpp_wire::tlv::Tag;

use crate::lab::{Lab, submission};

async fn submitted(extra: &str, submission: Submission, check: impl FnOnce(ShortMessage<'_>)) {
    let (lab, mut vendor) = Lab::bound(extra).await;
    lab.client.submit(lab.reserve(), submission);
    let submit = vendor.submit().await;
    let Pdu::SubmitSm(sm) = submit.pdu() else { panic!("no submit") };
    check(sm);
}

#[tokio::test(start_paused = true)]
async fn the_sender_has_the_type_of_its_kind() {
    let cases = [
        ("SHOP", "SHOP", TypeOfNumber::Alphanumeric, NumberingPlan::Unknown),
        ("72345", "72345", TypeOfNumber::NetworkSpecific, NumberingPlan::Unknown),
        ("+442071234567", "442071234567", TypeOfNumber::International, NumberingPlan::Isdn),
    ];
    for (sender, digits, ton, npi) in cases {
        let from = Some(sender.parse::<Sender>().unwrap());
        submitted("", Submission { from, ..submission(1, &["hello"]) }, |sm| {
            assert_eq!(sm.source.digits, digits.as_bytes());
            assert_eq!((sm.source.ton, sm.source.npi), (ton, npi));
        })
        .await;
    }
    submitted("", Submission { from: None, ..submission(1, &["hello"]) }, |sm| {
        assert_eq!(sm.source, smpp_wire::pdu::Address::default());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_recipient_is_international_without_its_plus() {
    submitted("", submission(1, &["hello"]), |sm| {
        assert_eq!(sm.destination.digits, b"4915112345678");
        assert_eq!(sm.destination.ton, TypeOfNumber::International);
        assert_eq!(sm.destination.npi, NumberingPlan::Isdn);
        assert_eq!(sm.registered_delivery.0, 1);
        assert_eq!((sm.data_coding, sm.esm_class.0), (0, 0));
        assert_eq!(sm.validity_period, b"000000001000000R");
        assert_eq!(sm.short_message, b"hello");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_settings_may_say_otherwise() {
    let extra = "source_ton = 0\nsource_npi = 1\ndest_ton = 2\ndest_npi = 8\nservice_type = \"OTP\"\n\
                 registered_delivery = 2\nvalidity = \"absolute\"\ndata_coding = { gsm7 = 241 }";
    submitted(extra, submission(1, &["hello"]), |sm| {
        assert_eq!((sm.source.ton.into(), sm.source.npi.into()), (0_u8, 1_u8));
        assert_eq!((sm.destination.ton.into(), sm.destination.npi.into()), (2_u8, 8_u8));
        assert_eq!(sm.service_type, b"OTP");
        assert_eq!(sm.registered_delivery.0, 2);
        assert_eq!(sm.validity_period, b"260101001000000+");
        assert_eq!(sm.data_coding, 241);
    })
    .await;
    let short = Submission { validity: Duration::from_millis(10), ..submission(1, &["hello"]) };
    submitted("", short.clone(), |sm| assert_eq!(sm.validity_period, b"000000000001000R")).await;
    submitted("validity = \"none\"", short, |sm| assert!(sm.validity_period.is_empty())).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_route_passes_goes_out_as_it_was_written() {
    let address = |ton, npi, digits: &[u8]| Some(SmppAddress { ton, npi, digits: digits.to_vec() });
    let tlv = [0x14, 0x00, 0x00, 0x03, b'a', b'b', b'c'];
    let passed = Passed {
        priority: Some(2),
        service_type: Some((*b"VMN").into()),
        source: address(0, 9, b"SHOP"),
        destination: address(0, 8, b"+4915112345678"),
        tlvs: tlv.into(),
    };
    let whole = Submission { passed: passed.clone(), ..submission(1, &["hello"]) };
    submitted("service_type = \"OTP\"", whole, |sm| {
        assert_eq!((sm.priority_flag, sm.service_type), (2, &b"VMN"[..]));
        assert_eq!((sm.source.ton.into(), sm.source.npi.into()), (0_u8, 9_u8));
        assert_eq!((sm.destination.ton.into(), sm.destination.npi.into()), (0_u8, 8_u8));
        assert_eq!(sm.destination.digits, b"4915112345678");
        assert_eq!(sm.tlvs.as_bytes(), tlv);
    })
    .await;
    let part = Submission { passed: passed.clone(), ..submission(1, &["one, ", "two"]) };
    submitted("long_messages = \"sar\"", part, |sm| {
        assert_eq!(sm.tlvs.sar_segment_seqnum(), Some(1));
        assert_eq!(sm.tlvs.get(Tag(0x1400)), Some(&b"abc"[..]));
    })
    .await;
    // Other digits go out than were written, so their types say nothing of them.
    let (source, destination) = (address(1, 1, b"447700900201"), address(2, 8, b"015112345678"));
    let rewritten = Passed { source, destination, ..Passed::default() };
    submitted(
        "service_type = \"OTP\"",
        Submission { passed: rewritten, ..submission(1, &["hello"]) },
        |sm| {
            assert_eq!((sm.priority_flag, sm.service_type), (0, &b"OTP"[..]));
            assert_eq!(sm.source.ton, TypeOfNumber::Alphanumeric);
            assert_eq!(
                (sm.destination.ton, sm.destination.npi),
                (TypeOfNumber::International, NumberingPlan::Isdn)
            );
            assert!(sm.tlvs.is_empty());
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn texts_are_in_the_alphabet_that_they_were_cut_for() {
    submitted("", submission(1, &["{€@Ä}"]), |sm| {
        assert_eq!(sm.short_message, [0x1B, 0x28, 0x1B, 0x65, 0x00, 0x5B, 0x1B, 0x29]);
    })
    .await;
    let ucs2 = Submission { encoding: Encoding::Ucs2, ..submission(1, &["ж😀"]) };
    submitted("", ucs2, |sm| {
        assert_eq!(sm.data_coding, 8);
        assert_eq!(sm.short_message, [0x04, 0x36, 0xD8, 0x3D, 0xDE, 0x00]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_text_that_cannot_be_written_is_refused_and_never_sent() {
    let (mut lab, mut vendor) = Lab::bound("window = 1").await;
    lab.client.submit(lab.reserve(), submission(1, &["fine", "жжж"]));
    let answered = lab.answered().await;
    let domain::record::Answer::Rejected { code, .. } = answered.answer else { panic!("{answered:?}") };
    assert!(code.contains("does not fit its encoding"), "{code}");
    assert_eq!(lab.answer().await, domain::record::Answer::NotSent);
    vendor.hears_nothing_for(Duration::from_secs(1)).await;
}
