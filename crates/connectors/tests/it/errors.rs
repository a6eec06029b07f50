//! The error map decides what an answer and a receipt mean, and can be another one at any time.

use std::sync::Arc;

use connectors::smpp::errors::{Entry, Errors, Map};
use connectors::{Connector, NoSlot};
use domain::ErrorClass;
use domain::attempt::Verdict;
use domain::record::{Answer, ReceiptNews};
use smpp_wire::pdu::{EsmClass, Pdu, ShortMessage};
use smpp_wire::status::CommandStatus;

use crate::lab::{Lab, seconds};

fn map(entries: &[(&str, &str, &str)]) -> Arc<Map> {
    let entry = |(stage, code, class): &(&str, &str, &str)| Entry::read(stage, code, class, "").unwrap();
    Arc::new(Map::new(entries.iter().map(entry).collect(), &[]))
}

#[tokio::test(start_paused = true)]
async fn a_mapped_status_is_answered_by_its_class_and_another_map_needs_no_bind() {
    let errors = Errors::default();
    let (mut lab, mut vendor) = Lab::bound_with("", errors.clone()).await;
    let code = || "0x00000412".into();
    for (number, (class, answer)) in [
        ("opt_out", Answer::Rejected { code: code(), class: Some(ErrorClass::OptOut) }),
        ("retry", Answer::Rejected { code: code(), class: Some(ErrorClass::Retry) }),
        ("unknown_outcome", Answer::Unclear { code: code() }),
    ]
    .into_iter()
    .enumerate()
    {
        errors.replace(map(&[("submit", "0x0400-0x04FF", class)]));
        lab.submit(u128::try_from(number).unwrap() + 1);
        let submit = vendor.submit().await;
        vendor.refuse(&submit, CommandStatus(0x412));
        assert_eq!(lab.answer().await, answer, "{class}");
    }
    // Another class than the standard's: it is no matter of pace any more, so the next one leaves at once.
    errors.replace(map(&[("submit", "ESME_RMSGQFUL", "fail_over")]));
    lab.submit(10);
    let submit = vendor.submit().await;
    vendor.refuse(&submit, CommandStatus::RMSGQFUL);
    let class = Some(ErrorClass::FailOver);
    assert_eq!(lab.answer().await, Answer::Rejected { code: "ESME_RMSGQFUL (0x00000014)".into(), class });
    lab.submit(11);
    vendor.submit().await;
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_mapped_to_a_pause_pauses_the_bind() {
    let errors = Errors::new(map(&[("submit", "0x0412", "pause")]));
    let (mut lab, mut vendor) = Lab::bound_with("", errors).await;
    lab.submit(1);
    let submit = vendor.submit().await;
    vendor.refuse(&submit, CommandStatus(0x412));
    assert_eq!(lab.answer().await, Answer::Busy { code: "0x00000412".into(), class: ErrorClass::Pause });
    assert_eq!(lab.client.reserve().unwrap_err(), NoSlot::Busy);
    tokio::time::sleep(seconds(2)).await;
    lab.submit(2);
    vendor.submit().await;
}

#[tokio::test(start_paused = true)]
async fn a_mapped_word_is_a_verdict_and_an_unknown_outcome_takes_one_back() {
    let errors = Errors::new(map(&[
        ("receipt", "SPAM*", "permanent_content"),
        ("receipt", "EXPIRED", "unknown_outcome"),
        ("receipt", "*err:7", "retry"),
    ]));
    let (mut lab, vendor) = Lab::bound_with("", errors).await;
    for (text, verdict, word, class) in [
        ("stat:SPAM1 err:000", Some(Verdict::Undelivered), "SPAM1", Some(ErrorClass::PermanentContent)),
        ("stat:EXPIRED err:000", None, "EXPIRED", Some(ErrorClass::UnknownOutcome)),
        ("stat:EXPIRED err:007", Some(Verdict::Expired), "EXPIRED err:007", Some(ErrorClass::Retry)),
    ] {
        let text = format!("id:1 {text}");
        let sm = ShortMessage {
            short_message: text.as_bytes(),
            esm_class: EsmClass::RECEIPT,
            ..ShortMessage::default()
        };
        vendor.deliver(1, &Pdu::DeliverSm(sm));
        let report = lab.told.receipts.recv().await.unwrap();
        assert_eq!(report.news, ReceiptNews { verdict, word: word.into(), class }, "{text}");
        assert!(report.is_error);
    }
}
