//! Any octets as a receipt: with TLVs and without, in every dialect, and ids in every base.

use smpp_wire::{
    encoding::Charset,
    pdu::EsmClass,
    receipt::{Detection, IdBase, IdBases, Kind, Receipt, Text, classify, text_of},
    time::Civil,
    tlv::{MessageState, Tlvs},
};

/// The first octet says how long the TLVs are, the rest is the text.
pub(crate) fn run(data: &[u8]) {
    let Some((length, rest)) = data.split_first() else { return };
    let (tlvs, octets) = rest.split_at_checked(usize::from(*length)).unwrap_or((&[], rest));
    for charset in [None, Some(Charset::Ucs2)] {
        let text = text_of(octets, charset);
        let usual = Receipt::parse(&text);
        let kind = classify(EsmClass::DEFAULT, &text, Tlvs::default(), Detection::EsmClassOrContent);
        if kind == Kind::Receipt {
            assert!(usual.as_ref().is_some_and(|receipt| receipt.id.is_some() && receipt.stat.is_some()));
        }
        if let Some(usual) = &usual {
            assert!(usual.state.is_none() || usual.stat.is_some());
            write_again(usual);
        }
        let numbers = [("00", MessageState::Delivered), ("01", MessageState::Enroute)];
        let separated = Receipt::parse_comma_separated(&text, &numbers);
        for said in [usual, separated, None] {
            if let Some(receipt) = Receipt::with_tlvs(said, Tlvs::new(tlvs)) {
                assert_ne!(receipt.id, Some(""));
                keys(&receipt);
            }
        }
    }
}

/// What we read, we can write and read again, if its id is one that we would write.
fn write_again(receipt: &Receipt<'_>) {
    let (Some(id), Some(date)) = (receipt.id, receipt.done_date.or_else(|| Civil::parse("2601010000")))
    else {
        return;
    };
    let state = receipt.state.unwrap_or(MessageState::Unknown);
    let (err, text) = (receipt.err.unwrap_or("000"), receipt.text.unwrap_or_default());
    let ours = Text { id, sub: 1, dlvrd: 0, submit_date: date, done_date: date, state, err, text };
    let Ok(written) = ours.write() else { return };
    let read = Receipt::parse(&written).unwrap();
    assert_eq!((read.id, read.state, read.dlvrd), (Some(id), Some(state), Some(0)));
    assert!(read.done_date.is_some() && read.text.is_some());
}

fn keys(receipt: &Receipt<'_>) {
    for response in [IdBase::AsIs, IdBase::Hex, IdBase::Decimal] {
        for text in [IdBase::AsIs, IdBase::Hex, IdBase::Decimal] {
            let key = IdBases { response, receipt: text }.receipt_key(receipt);
            assert_eq!(key.is_some(), receipt.id.is_some());
            assert_ne!(key.as_deref(), Some(""));
        }
    }
}
