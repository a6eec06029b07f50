//! Rules of message ids: which two are the same, by the bases of the vendor.

use proptest::prelude::*;

use super::{super::*, tlvs};

fn same(bases: (IdBase, IdBase), response: &str, receipt: &str) -> bool {
    let bases = IdBases { response: bases.0, receipt: bases.1 };
    let receipt = Receipt { id: Some(receipt), text_id: Some(receipt), ..Receipt::default() };
    bases.response_key(response) == bases.receipt_key(&receipt)
}

const AS_IS: (IdBase, IdBase) = (IdBase::AsIs, IdBase::AsIs);
const HEX: (IdBase, IdBase) = (IdBase::Hex, IdBase::Hex);
const HEX_DECIMAL: (IdBase, IdBase) = (IdBase::Hex, IdBase::Decimal);
const DECIMAL: (IdBase, IdBase) = (IdBase::Decimal, IdBase::Decimal);

#[test]
fn numbers_are_the_same_in_both_bases() {
    assert!(same(HEX_DECIMAL, "1f4", "0000000500"));
    assert!(same(HEX_DECIMAL, "000001F4", "500"));
    assert!(same(HEX_DECIMAL, "0x1f4", "500"));
    assert!(same(HEX_DECIMAL, "FFFFFFFFFFFFFFFF", "18446744073709551615"));
    assert!(same(HEX_DECIMAL, "10000000000000000", "18446744073709551616"), "beyond 64 bits");
    assert!(same(
        HEX_DECIMAL,
        "100000000000000000000000000000000",
        "340282366920938463463374607431768211456"
    ));
    assert!(!same(HEX_DECIMAL, "500", "500"));
    assert!(same((IdBase::Decimal, IdBase::Hex), "500", "1F4"));
}

#[test]
fn padding_and_case_do_not_matter_to_numbers() {
    assert!(same(HEX, "00C0FFEE", "c0ffee"));
    assert!(same(DECIMAL, "0012", "12"));
    assert!(same(DECIMAL, "0", "0000"));
    assert!(!same(DECIMAL, "12", "120"));
}

#[test]
fn names_are_compared_as_they_are() {
    assert!(!same(AS_IS, "10", "16"));
    assert!(!same(AS_IS, "0012", "12"));
    assert!(!same(AS_IS, "aB3", "Ab3"), "case may count");
    assert!(!same(AS_IS, "0b6f9e0c-77aa-4f4b-9d1e-0123456789ab", "b6f9e0c-77aa-4f4b-9d1e-0123456789ab"));
    assert!(same(AS_IS, "0b6f9e0c-77aa-4f4b-9d1e-0123456789ab", "0B6F9E0C-77aa-4f4b-9d1e-0123456789AB"));
    assert!(same(AS_IS, "0b6f9e0c-77aa-4f4b-9d1e-0123456789ab", "0B6F9E0C-77AA-4F4B-9D1E-0123456789AB"));
    assert!(!same(AS_IS, "0b6f9e0c-77aa-4f4b-9d1e", "0B6F9E0C-77AA-4F4B-9D1E"), "not a UUID");
    assert!(same(AS_IS, "part-deadbeef-2", "part-DEADBEEF-2"));
    assert!(same(AS_IS, " 42 ", "42\0"));
}

#[test]
fn what_is_no_number_of_its_base_is_a_name() {
    assert!(same(HEX_DECIMAL, "x-17", "x-17"));
    assert!(same(HEX_DECIMAL, "1f4", "1f4"), "hexadecimal after all");
    assert!(same(DECIMAL, &"9".repeat(64), &format!("00{}", "9".repeat(64))));
}

#[test]
fn no_id_is_no_key() {
    let bases = IdBases::default();
    assert_eq!((bases.response_key(""), bases.response_key(" \0")), (None, None));
    assert_eq!(bases.receipt_key(&Receipt::default()), None);
}

#[test]
fn a_tlv_repeats_the_response_unless_it_repeats_the_text() {
    let bases = IdBases { response: IdBase::Hex, receipt: IdBase::Decimal };
    let key = |text, tlv| {
        let tlvs = tlvs(Some(tlv), None);
        bases.receipt_key(&Receipt::with_tlvs(Receipt::parse(text), tlvs.as_tlvs()).unwrap())
    };
    let sent = bases.response_key("12345678");
    assert_eq!(key("id:0305419896 stat:DELIVRD", "12345678"), sent);
    assert_eq!(key("id:305419896 stat:DELIVRD", "305419896"), sent);
    assert_eq!(key("", "12345678"), sent);
}

proptest! {
    #[test]
    fn hexadecimal_and_decimal_meet(number: u128, zeros in 0..20_usize) {
        let (hexadecimal, decimal) = (format!("{number:x}"), number.to_string());
        let zeros = "0".repeat(zeros);
        prop_assert!(same(HEX_DECIMAL, &(zeros.clone() + &hexadecimal), &decimal));
        prop_assert!(same(HEX_DECIMAL, &hexadecimal.to_ascii_uppercase(), &(zeros + &decimal)));
    }

    #[test]
    fn a_normal_form_is_its_own(id: String) {
        for base in [IdBase::AsIs, IdBase::Hex] {
            let normal = base.normalise(&id);
            prop_assert_eq!(base.normalise(&normal), normal);
        }
        prop_assert!(IdBase::Decimal.normalise(&id).len() <= id.len());
    }
}
