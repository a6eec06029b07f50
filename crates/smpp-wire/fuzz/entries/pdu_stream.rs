//! Any octets as a stream of frames, in pieces: every octet is accounted for, and what is read is written the same.

use bytes::BytesMut;
use smpp_wire::{
    frame::{HEADER_LENGTH, cut},
    pdu::Pdu,
};

const MAX_FRAME: usize = 4096;

/// The first octet is the size of the pieces in which the rest arrives.
pub(crate) fn run(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    let mut buffer = BytesMut::new();
    let mut consumed = 0;
    for piece in stream.chunks(usize::from(*piece).max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match cut(&mut buffer, MAX_FRAME) {
                Ok(Some(frame)) => {
                    assert_eq!(frame.bytes(), &stream[consumed..consumed + frame.bytes().len()]);
                    assert_eq!(frame.body().len() + HEADER_LENGTH, frame.bytes().len());
                    consumed += frame.bytes().len();
                    read(&frame);
                }
                Ok(None) => break,
                Err(error) => {
                    let length = usize::try_from(error.length).unwrap();
                    assert!(!(HEADER_LENGTH..=MAX_FRAME).contains(&length));
                    return;
                }
            }
        }
    }
    assert_eq!(consumed + buffer.len(), stream.len());
}

fn read(frame: &smpp_wire::frame::Frame) {
    let header = frame.header();
    let pdu = match Pdu::decode(frame) {
        Ok(pdu) => pdu,
        Err(error) => {
            assert_eq!(
                (error.command_id, error.sequence_number),
                (header.command_id, header.sequence_number)
            );
            assert!(!error.status_to_answer.is_ok());
            return;
        }
    };
    assert_eq!(pdu.command_id(), header.command_id);
    assert!(!format!("{pdu:?}").is_empty());
    // Strictness may refuse to write what leniency read; what it writes must read the same.
    let mut body = BytesMut::new();
    if pdu.encode_body(&mut body).is_ok() {
        assert_eq!(Pdu::from_body(header.command_id, &body), Ok(pdu));
    } else {
        assert!(body.is_empty());
    }
}
