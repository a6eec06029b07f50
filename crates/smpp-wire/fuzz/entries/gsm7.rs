//! Any octets as septets of any pair of tables, packed and not, and any text into them.

use smpp_wire::encoding::{
    Charset, Gsm7, Language,
    septets::{FillBits, pack, unpack},
};

/// The first three octets choose the tables and the header before the septets.
pub(crate) fn run(data: &[u8]) {
    let [locking, single, header, octets @ ..] = data else { return };
    let tables = Gsm7 { locking: Language::from_id(locking % 14), single: Language::from_id(single % 14) };

    let text = tables.decode(octets);
    assert!(text.chars().count() <= octets.len());
    if let Ok(written) = tables.encode(&text) {
        assert_eq!(tables.decode(&written), text);
    }

    let fill = FillBits::after_header(usize::from(*header));
    let unpacked = unpack(octets, fill, octets.len() * 2);
    assert!(unpacked.iter().all(|septet| *septet < 0x80));
    assert_eq!(unpack(&pack(&unpacked, fill), fill, unpacked.len()), unpacked);

    let text = String::from_utf8_lossy(octets);
    for charset in [Charset::Gsm7(tables), Charset::Ascii, Charset::Latin1, Charset::Ucs2] {
        match charset.encode(&text) {
            Ok(written) => assert_eq!(charset.decode(&written), text),
            Err(error) => assert_eq!(text.chars().nth(error.position), Some(error.character)),
        }
        assert!(charset.decode(octets).chars().count() <= octets.len());
    }
}
