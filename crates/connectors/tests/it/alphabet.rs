//! The alphabet that texts are cut by and the one they are written in are the same.

use domain::segment::gsm7_septets;
use smpp_wire::encoding::{Charset, Gsm7};

#[test]
fn every_character_takes_as_many_septets_as_it_is_counted_for() {
    let charset = Charset::Gsm7(Gsm7::DEFAULT);
    let mut buffer = [0; 4];
    for character in '\0'..=char::MAX {
        let written = charset.encode(character.encode_utf8(&mut buffer)).ok().map(|octets| octets.len());
        assert_eq!(gsm7_septets(character).map(usize::from), written, "{character:?}");
    }
}
