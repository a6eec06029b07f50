//! Rules of user data headers: what is read, what is refused, and that what we write reads back.

use proptest::prelude::*;

use super::*;

#[test]
fn both_widths_of_reference_name_the_part() {
    let (header, body) = split(&[5, 0x00, 3, 0x2A, 3, 2, b'h', b'i']).unwrap();
    assert_eq!(header.concatenation(), Ok(Some(Concatenation { reference: 0x2A, total: 3, part: 2 })));
    assert_eq!((body, header.octets()), (b"hi".as_slice(), 6));

    let (header, body) = split(&[6, 0x08, 4, 0x12, 0x34, 2, 1]).unwrap();
    assert_eq!(header.concatenation(), Ok(Some(Concatenation { reference: 0x1234, total: 2, part: 1 })));
    assert!(body.is_empty());
}

#[test]
fn lengths_that_do_not_add_up_are_refused() {
    assert_eq!(split(&[]), Err(Error::Empty));
    assert_eq!(split(&[5, 0x00, 3, 1, 2]), Err(Error::HeaderTooLong { claimed: 5, present: 4 }));
    assert_eq!(split(&[3, 0x00, 3, 1]), Err(Error::ElementTooLong { id: 0, claimed: 3, present: 1 }));
    assert_eq!(split(&[3, 0x70, 0, 0x71]), Err(Error::Leftover));
}

#[test]
fn parts_that_cannot_be_are_refused() {
    let part = |octets| split(octets).unwrap().0.concatenation();
    assert_eq!(part(&[5, 0x00, 3, 1, 0, 0]), Err(Error::Part { part: 0, total: 0 }));
    assert_eq!(part(&[5, 0x00, 3, 1, 0, 1]), Err(Error::Part { part: 1, total: 0 }));
    assert_eq!(part(&[5, 0x00, 3, 1, 2, 3]), Err(Error::Part { part: 3, total: 2 }));
    assert_eq!(part(&[6, 0x08, 4, 0, 1, 2, 0]), Err(Error::Part { part: 0, total: 2 }));
    assert_eq!(part(&[4, 0x00, 2, 1, 1]), Err(Error::ElementLength { id: 0, length: 2 }));
}

#[test]
fn a_header_without_parts_is_no_concatenation() {
    let (header, body) = split(&[0, b'x']).unwrap();
    assert_eq!((header.concatenation(), header.octets(), body), (Ok(None), 1, b"x".as_slice()));
    assert_eq!(header.elements().count(), 0);
}

#[test]
fn unknown_elements_and_ports_are_kept_as_octets() {
    let (header, _) = split(&[11, 0x05, 4, 0x0B, 0x84, 0x23, 0xF0, 0x70, 1, 9, 0x71, 0]).unwrap();
    let elements: Vec<_> = header.elements().map(|element| (element.id, element.data)).collect();
    assert_eq!(
        elements,
        [(0x05, [0x0B, 0x84, 0x23, 0xF0].as_slice()), (0x70, [9].as_slice()), (0x71, [].as_slice())]
    );
    assert_eq!(header.ports().map(|ports| ports.data), Some([0x0B, 0x84, 0x23, 0xF0].as_slice()));
}

#[test]
fn languages_are_announced_and_unknown_ones_leave_the_default() {
    let (header, _) = split(&[6, 0x24, 1, 1, 0x25, 1, 13]).unwrap();
    assert_eq!(header.shifts(), Gsm7 { locking: Some(Language::Urdu), single: Some(Language::Turkish) });
    let (header, _) = split(&[7, 0x24, 1, 99, 0x25, 2, 1, 1]).unwrap();
    assert_eq!(header.shifts(), Gsm7::DEFAULT);
}

#[test]
fn the_last_of_several_parts_holds() {
    let (header, _) = split(&[10, 0x00, 3, 1, 2, 1, 0x00, 3, 7, 2, 2]).unwrap();
    assert_eq!(header.concatenation(), Ok(Some(Concatenation { reference: 7, total: 2, part: 2 })));
}

#[test]
fn segments_get_a_header_each() {
    let segments = [b"one".to_vec(), b"two".to_vec()];
    let parts = with_concatenation(&segments, 0xAB, ReferenceWidth::Octet, Gsm7::DEFAULT).unwrap();
    assert_eq!(parts[0], [5, 0, 3, 0xAB, 2, 1, b'o', b'n', b'e']);
    assert_eq!(parts[1], [5, 0, 3, 0xAB, 2, 2, b't', b'w', b'o']);

    let turkish = Gsm7 { locking: None, single: Some(Language::Turkish) };
    let parts = with_concatenation(&segments, 0x1234, ReferenceWidth::TwoOctets, turkish).unwrap();
    assert_eq!(parts[1][..10], [9, 8, 4, 0x12, 0x34, 2, 2, 0x24, 1, 1]);
}

#[test]
fn what_a_header_cannot_say_is_refused() {
    let widths = (ReferenceWidth::Octet, ReferenceWidth::TwoOctets);
    let segments = vec![vec![0]; 256];
    assert_eq!(with_concatenation(&segments, 1, widths.1, Gsm7::DEFAULT), Err(Error::Count(256)));
    assert_eq!(with_concatenation(&[], 1, widths.1, Gsm7::DEFAULT), Err(Error::Count(0)));
    assert_eq!(with_concatenation(&segments[..2], 256, widths.0, Gsm7::DEFAULT), Err(Error::Reference(256)));
    let wide = Writer::new().element(0x70, &[0; 200]).unwrap().element(0x71, &[0; 200]).unwrap();
    assert_eq!(wide.finish(), Err(Error::DoesNotFit(404)));
    assert_eq!(Writer::new().finish(), Ok(vec![]));
}

proptest! {
    #[test]
    fn any_octets_are_a_header_or_an_error(user_data: Vec<u8>) {
        let Ok((header, body)) = split(&user_data) else { return Ok(()) };
        prop_assert_eq!(header.octets() + body.len(), user_data.len());
        let written = header.elements().try_fold(Writer::new(), |writer, element| {
            writer.element(element.id, element.data)
        });
        if header.octets() > 1 {
            prop_assert_eq!(&written.unwrap().finish().unwrap(), &user_data[..header.octets()]);
        }
        if let Ok(Some(place)) = header.concatenation() {
            prop_assert!(place.part >= 1 && place.part <= place.total);
        }
    }

    #[test]
    fn segments_read_back(
        segments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 1..256),
        reference: u16,
        single in 0..14_u8,
    ) {
        let shifts = Gsm7 { locking: None, single: Language::from_id(single) };
        let parts = with_concatenation(&segments, reference, ReferenceWidth::TwoOctets, shifts).unwrap();
        for (index, (part, segment)) in parts.iter().zip(&segments).enumerate() {
            let (header, body) = split(part).unwrap();
            let place = header.concatenation().unwrap().unwrap();
            prop_assert_eq!((place.reference, usize::from(place.total)), (reference, segments.len()));
            prop_assert_eq!((usize::from(place.part), body), (index + 1, segment.as_slice()));
            prop_assert_eq!(header.shifts(), shifts);
        }
    }
}
