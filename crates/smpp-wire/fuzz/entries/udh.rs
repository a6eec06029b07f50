//! Any octets as user data with a header: walked, and written again octet for octet.

use smpp_wire::{
    encoding::{Charset, DataCoding, Gsm7},
    udh::{ReferenceWidth, Writer, split, with_concatenation},
};

pub(crate) fn run(data: &[u8]) {
    let Ok((header, body)) = split(data) else { return };
    assert_eq!(header.octets() + body.len(), data.len());

    let mut writer = Writer::new();
    for element in header.elements() {
        writer = writer.element(element.id, element.data).unwrap();
    }
    let written = writer.finish().unwrap();
    assert!(written.is_empty() || data.starts_with(&written));
    assert!(header.ports().is_none_or(|ports| ports.data.len() < data.len()));

    let shifts = header.shifts();
    for coding in [DataCoding::DEFAULT, DataCoding::LATIN1, DataCoding::UCS2, DataCoding::from_octet(0xF1)] {
        if let Some(charset) = coding.charset(Charset::Gsm7(Gsm7::DEFAULT), shifts) {
            assert!(charset.decode(body).chars().count() <= body.len());
        }
    }

    if let Ok(Some(place)) = header.concatenation() {
        assert!(place.part >= 1 && place.part <= place.total);
        let segments: Vec<Vec<u8>> = body.chunks(7).map(<[u8]>::to_vec).collect();
        let Ok(parts) = with_concatenation(&segments, place.reference, ReferenceWidth::TwoOctets, shifts)
        else {
            assert!(segments.is_empty() || segments.len() > 255);
            return;
        };
        for (part, segment) in parts.iter().zip(&segments) {
            let (header, body) = split(part).unwrap();
            assert_eq!((body, header.shifts()), (segment.as_slice(), shifts));
            assert!(header.concatenation().is_ok_and(|found| found.is_some()));
        }
    }
}
