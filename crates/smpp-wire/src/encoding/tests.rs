//! Rules of the other charsets, of `data_coding` and of packed septets.

use proptest::prelude::*;

use super::{
    septets::{FillBits, pack, unpack},
    *,
};

const DEFAULT: Charset = Charset::Gsm7(Gsm7::DEFAULT);

#[test]
fn each_charset_writes_what_it_holds_and_names_what_it_does_not() {
    assert_eq!(Charset::Latin1.encode("né").unwrap(), [0x6E, 0xE9]);
    assert_eq!(Charset::Latin1.encode("n€"), Err(Unencodable { character: '€', position: 1 }));
    assert_eq!(Charset::Ascii.encode("né"), Err(Unencodable { character: 'é', position: 1 }));
    assert_eq!(Charset::Ucs2.encode("é😀").unwrap(), [0x00, 0xE9, 0xD8, 0x3D, 0xDE, 0x00]);
    assert_eq!(DEFAULT.encode("[").unwrap(), [ESCAPE, 0x3C]);
}

#[test]
fn octets_without_meaning_are_replaced_and_the_rest_survives() {
    assert_eq!(Charset::Ascii.decode(&[b'a', 0x80, b'b']), "a\u{FFFD}b");
    assert_eq!(Charset::Ucs2.decode(&[0xD8, 0x3D, 0x00, 0x61]), "\u{FFFD}a");
    assert_eq!(Charset::Ucs2.decode(&[0x00, 0x61, 0x00]), "a\u{FFFD}");
    assert_eq!(Charset::Ucs2.decode(&[0xDE, 0x00, 0xD8, 0x3D]), "\u{FFFD}\u{FFFD}");
}

#[test]
fn data_coding_is_kept_whatever_it_says() {
    for octet in 0..=u8::MAX {
        let coding = DataCoding::from_octet(octet);
        assert_eq!(coding.octet(), octet);
        if let Alphabet::Other(kept) = coding.alphabet() {
            assert_eq!(kept, octet);
            assert_eq!(coding.charset(DEFAULT, Gsm7::DEFAULT), None);
        }
    }
}

#[test]
fn groups_of_data_coding_name_alphabet_and_class() {
    let read = |octet| (DataCoding::from_octet(octet).alphabet(), DataCoding::from_octet(octet).class());
    assert_eq!(read(0x00), (Alphabet::Default, None));
    assert_eq!(read(0x02), (Alphabet::Binary, None));
    assert_eq!(read(0x10), (Alphabet::Gsm7, Some(Class::Immediate)));
    assert_eq!(read(0x18), (Alphabet::Ucs2, Some(Class::Immediate)));
    assert_eq!(read(0x48), (Alphabet::Ucs2, None));
    assert_eq!(read(0xC8), (Alphabet::Gsm7, None));
    assert_eq!(read(0xE0), (Alphabet::Ucs2, None));
    assert_eq!(read(0xF1), (Alphabet::Gsm7, Some(Class::Handset)));
    assert_eq!(read(0xF5), (Alphabet::Binary, Some(Class::Handset)));
    // Compressed text, and alphabets that we do not read.
    assert_eq!(read(0x20).0, Alphabet::Other(0x20));
    assert_eq!(read(0x06).0, Alphabet::Other(0x06));
}

#[test]
fn a_class_keeps_the_alphabet() {
    for coding in [DataCoding::BINARY, DataCoding::UCS2] {
        for class in [Class::Immediate, Class::Handset, Class::Sim, Class::Terminal] {
            let flash = coding.with_class(class).unwrap();
            assert_eq!((flash.alphabet(), flash.class()), (coding.alphabet(), Some(class)));
        }
    }
    assert_eq!(DataCoding::DEFAULT.with_class(Class::Immediate), Some(DataCoding::from_octet(0x10)));
    assert_eq!(DataCoding::LATIN1.with_class(Class::Immediate), None);
}

#[test]
fn the_default_alphabet_is_the_vendors_and_the_shifts_are_the_headers() {
    let turkish = Gsm7 { locking: None, single: Some(Language::Turkish) };
    assert_eq!(DataCoding::DEFAULT.charset(Charset::Latin1, turkish), Some(Charset::Latin1));
    assert_eq!(DataCoding::DEFAULT.charset(DEFAULT, turkish), Some(Charset::Gsm7(turkish)));
    assert_eq!(DataCoding::from_octet(0xF0).charset(Charset::Latin1, Gsm7::DEFAULT), Some(DEFAULT));
    assert_eq!(DataCoding::UCS2.charset(DEFAULT, turkish), Some(Charset::Ucs2));
    assert_eq!(DataCoding::BINARY.charset(DEFAULT, turkish), None);
}

#[test]
fn septets_are_packed_low_bits_first() {
    // Worked by hand: 'a' is 1100001, 'b' is 1100010, 'c' is 1100011.
    assert_eq!(pack(b"a", FillBits::NONE), [0b0110_0001]);
    assert_eq!(pack(b"ab", FillBits::NONE), [0b0110_0001, 0b0011_0001]);
    assert_eq!(pack(b"abc", FillBits::NONE), [0b0110_0001, 0b1111_0001, 0b0001_1000]);
    assert_eq!(pack(b"a", FillBits::after_header(6)), [0b1100_0010]);
    assert_eq!(pack(&[0x7F; 8], FillBits::NONE), [0xFF; 7]);
    assert_eq!(pack(&[], FillBits::after_header(6)), []);
}

#[test]
fn fill_bits_reach_the_next_septet() {
    let bits = |octets| FillBits::after_header(octets).bits();
    assert_eq!([0, 1, 4, 6, 7, 8, 140].map(bits), [0, 6, 3, 1, 0, 6, 0]);
}

#[test]
fn the_count_settles_a_last_septet_of_zeros() {
    assert_eq!(unpack(&[0xFF; 7], FillBits::NONE, 8), [0x7F; 8]);
    assert_eq!(unpack(&pack(b"1234567", FillBits::NONE), FillBits::NONE, 7), b"1234567");
    assert_eq!(unpack(&pack(b"1234567", FillBits::NONE), FillBits::NONE, 8), b"1234567\0");
    assert_eq!(unpack(&[], FillBits::after_header(6), 5), []);
}

proptest! {
    #[test]
    fn septets_come_back_after_any_header(
        septets in proptest::collection::vec(0..128_u8, 0..180),
        header in 0..20_usize,
    ) {
        let fill = FillBits::after_header(header);
        let octets = pack(&septets, fill);
        if !septets.is_empty() {
            let bits = septets.len() * 7 + usize::from(fill.bits());
            prop_assert_eq!(octets.len(), bits.div_ceil(8));
        }
        prop_assert_eq!(unpack(&octets, fill, septets.len()), septets);
    }

    #[test]
    fn text_comes_back_from_every_charset_that_takes_it(text: String) {
        for charset in [DEFAULT, Charset::Ascii, Charset::Latin1, Charset::Ucs2] {
            if let Ok(octets) = charset.encode(&text) {
                prop_assert_eq!(&charset.decode(&octets), &text);
            }
        }
        prop_assert!(Charset::Ucs2.encode(&text).is_ok());
    }

    #[test]
    fn octets_of_any_kind_are_read(octets: Vec<u8>, header in 0..20_usize, count in 0..2000_usize) {
        for charset in [DEFAULT, Charset::Ascii, Charset::Latin1, Charset::Ucs2] {
            prop_assert!(charset.decode(&octets).chars().count() <= octets.len());
        }
        prop_assert!(unpack(&octets, FillBits::after_header(header), count).len() <= count);
        prop_assert_eq!(Charset::Latin1.encode(&Charset::Latin1.decode(&octets)).unwrap(), octets);
    }
}
