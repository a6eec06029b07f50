//! Whatever is written reads back, whatever is read writes back, and no octets at all bring the reader down.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use smpp_wire::frame::{self, Frame};
use smpp_wire::pdu::{CommandId, Pdu, Received};
use smpp_wire::status::CommandStatus;

use crate::material::material;

/// Every command there is, and one that there is not.
const COMMANDS: [u32; 34] = [
    0x8000_0000,
    0x01,
    0x8000_0001,
    0x02,
    0x8000_0002,
    0x03,
    0x8000_0003,
    0x04,
    0x8000_0004,
    0x05,
    0x8000_0005,
    0x06,
    0x8000_0006,
    0x07,
    0x8000_0007,
    0x08,
    0x8000_0008,
    0x09,
    0x8000_0009,
    0x0B,
    0x15,
    0x8000_0015,
    0x21,
    0x8000_0021,
    0x0102,
    0x0103,
    0x8000_0103,
    0x0111,
    0x8000_0111,
    0x0112,
    0x8000_0112,
    0x0113,
    0x8000_0113,
    0x7777,
];

fn encode(pdu: &Pdu<'_>, sequence_number: u32) -> BytesMut {
    let mut bytes = BytesMut::new();
    pdu.encode(CommandStatus::ROK, sequence_number, &mut bytes).unwrap();
    bytes
}

/// Octets among which strings end and lengths are small, so that bodies are often readable.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![3 => Just(0_u8), 2 => 1..8_u8, 3 => any::<u8>()];
    vec(octet, 0..120)
}

proptest! {
    #[test]
    fn what_is_written_reads_back(material in material(1..=255), sequence_number in 1..=0x7FFF_FFFF_u32) {
        for pdu in material.pdus() {
            let frame = Frame::whole(encode(&pdu, sequence_number).freeze()).unwrap();
            prop_assert_eq!(frame.header().command_id, pdu.command_id());
            prop_assert_eq!(frame.header().sequence_number, sequence_number);
            prop_assert_eq!(Pdu::decode(&frame), Ok(pdu));
        }
    }

    #[test]
    fn what_is_refused_reads_back(material in material(0x20..=0x7E), status in 1..=0x500_u32) {
        for pdu in material.pdus() {
            let mut bytes = BytesMut::new();
            pdu.encode(CommandStatus(status), 7, &mut bytes).unwrap();
            let frame = Frame::whole(bytes.freeze()).unwrap();
            prop_assert_eq!(Pdu::decode(&frame), Ok(pdu));
        }
    }

    #[test]
    fn what_is_read_whole_writes_back_octet_for_octet(command in select(&COMMANDS[..]), body in body()) {
        let command_id = CommandId(command);
        let Ok(pdu) = Pdu::from_body(command_id, &body) else { return Ok(()) };
        let mut again = BytesMut::new();
        if pdu.encode_body(&mut again).is_err() {
            prop_assert!(again.is_empty());
            return Ok(());
        }
        prop_assert_eq!(Pdu::from_body(command_id, &again), Ok(pdu));
        // NULs that were left out at the end are all that may be added.
        prop_assert!(again.starts_with(&body));
        prop_assert!(again[body.len()..].iter().all(|octet| *octet == 0));
    }

    #[test]
    fn no_octets_bring_the_reader_down(octets in vec(any::<u8>(), 0..300), max_length in 0..400_usize) {
        let mut buffer = BytesMut::from(&octets[..]);
        while let Ok(Some(frame)) = frame::cut(&mut buffer, max_length) {
            if let Ok(received) = Received::check(frame) {
                let pdu = received.pdu();
                if let Pdu::SubmitMulti(submit) = pdu {
                    prop_assert_eq!(submit.destinations.iter().count(), usize::from(submit.destinations.count()));
                }
                prop_assert_eq!(pdu.command_id(), received.command_id());
            }
        }
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_frames(material in material(1..=255), step in 1..40_usize) {
        let pdus = material.pdus();
        let stream: Vec<u8> = pdus.iter().flat_map(|pdu| encode(pdu, 7)).collect();
        let mut buffer = BytesMut::new();
        let mut frames = Vec::new();
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = frame::cut(&mut buffer, frame::DEFAULT_MAX_LENGTH).unwrap() {
                frames.push(frame);
            }
        }
        prop_assert!(buffer.is_empty());
        let read: Vec<_> = frames.iter().map(|frame| Pdu::decode(frame).unwrap()).collect();
        prop_assert_eq!(read, pdus);
    }
}

#[test]
fn a_frame_cut_at_every_octet_is_whole_only_at_its_end() {
    let whole = encode(&Pdu::from_body(CommandId::SUBMIT_SM_RESP, b"id\0").unwrap(), 9);
    for end in 0..whole.len() {
        let mut buffer = BytesMut::from(&whole[..end]);
        assert_eq!(frame::cut(&mut buffer, 64), Ok(None));
        assert_eq!(buffer.len(), end);
    }
    let mut buffer = whole.clone();
    buffer.extend_from_slice(b"next");
    let frame = frame::cut(&mut buffer, 64).unwrap().unwrap();
    assert_eq!(frame.bytes(), &whole[..]);
    assert_eq!(&buffer[..], b"next");
}

#[test]
fn a_length_out_of_bounds_is_known_from_its_four_octets() {
    for length in [0_u32, 1, 15, 65, 0x4745_5420, 0xF000_0011, u32::MAX] {
        let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
        let error = frame::cut(&mut buffer, 64).unwrap_err();
        assert_eq!((error.length, error.max, error.sequence_number), (length, 64, 0));
        assert!(buffer.capacity() < 1024);
    }
    let mut buffer = BytesMut::from(&[0, 1, 0, 0][..]);
    assert!(frame::cut(&mut buffer, frame::DEFAULT_MAX_LENGTH).is_err());
    let mut buffer = BytesMut::from(&[0, 0, 0xFF, 0xFF][..]);
    assert_eq!(frame::cut(&mut buffer, frame::DEFAULT_MAX_LENGTH), Ok(None));
    let mut buffer = BytesMut::from(&[0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 42][..]);
    assert_eq!(frame::cut(&mut buffer, 64).unwrap_err().sequence_number, 42);
}
