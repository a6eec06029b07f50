//! TLVs as they come and as they are written.

use super::{MessageState, NetworkErrorCode, NetworkErrorType, Tag, TlvBuffer, Tlvs};

#[test]
fn values_come_back_typed_and_in_order() {
    let mut buffer = TlvBuffer::new();
    buffer.push_c_string(Tag::RECEIPTED_MESSAGE_ID, b"7f-1").unwrap();
    buffer.push_octet(Tag::MESSAGE_STATE, 2);
    buffer.push(Tag::NETWORK_ERROR_CODE, &[3, 0, 27]).unwrap();
    buffer.push_two_octets(Tag::SAR_MSG_REF_NUM, 513);
    buffer.push(Tag(0x1403), b"\x00\x01").unwrap();

    let tlvs = buffer.as_tlvs();
    assert_eq!(tlvs.receipted_message_id(), Some(&b"7f-1"[..]));
    assert_eq!(tlvs.message_state(), Some(MessageState::Delivered));
    let code = NetworkErrorCode { network: NetworkErrorType::Gsm, code: 27 };
    assert_eq!(tlvs.network_error_code(), Some(code));
    assert_eq!(tlvs.sar_msg_ref_num(), Some(513));
    let tags: Vec<u16> = tlvs.iter().map(|tlv| tlv.tag.0).collect();
    assert_eq!(tags, [0x001E, 0x0427, 0x0423, 0x020C, 0x1403]);
    assert!(tlvs.leftover().is_empty());
}

#[test]
fn a_value_of_the_wrong_length_is_absent_when_typed_and_present_when_raw() {
    let tlvs = Tlvs::new(&[0x04, 0x23, 0, 2, 3, 1, 0x04, 0x27, 0, 2, 0, 2]);
    assert_eq!(tlvs.network_error_code(), None);
    assert_eq!(tlvs.message_state(), None);
    assert_eq!(tlvs.get(Tag::NETWORK_ERROR_CODE), Some(&[3, 1][..]));
}

#[test]
fn a_string_without_its_nul_is_read_to_its_end() {
    let tlvs = Tlvs::new(&[0x00, 0x1E, 0, 2, b'4', b'2']);
    assert_eq!(tlvs.receipted_message_id(), Some(&b"42"[..]));
}

#[test]
fn a_tlv_cut_short_ends_the_walk_and_is_left_over() {
    let tlvs = Tlvs::new(&[0x04, 0x27, 0, 1, 2, 0x00, 0x1E, 0, 9, b'4', b'2']);
    assert_eq!(tlvs.message_state(), Some(MessageState::Delivered));
    assert_eq!(tlvs.receipted_message_id(), None);
    assert_eq!(tlvs.leftover(), &[0x00, 0x1E, 0, 9, b'4', b'2']);
}

#[test]
fn a_value_that_its_length_field_cannot_hold_is_refused() {
    assert!(TlvBuffer::new().push(Tag::MESSAGE_PAYLOAD, &vec![0; 65_536]).is_err());
}

#[test]
fn tags_have_names_and_a_vendor_range() {
    assert_eq!(Tag::MESSAGE_STATE.to_string(), "message_state (0x0427)");
    assert_eq!(Tag(0x1400).to_string(), "0x1400");
    assert!(Tag(0x3FFF).is_vendor_specific() && !Tag(0x4000).is_vendor_specific());
}
