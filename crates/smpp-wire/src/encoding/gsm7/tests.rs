//! Rules of the GSM alphabets: cells of the standard, round trips of every pair of tables, hostile octets.

use proptest::prelude::*;

use super::*;

fn languages() -> impl Iterator<Item = Option<Language>> + Clone {
    std::iter::once(None).chain(Language::ALL.into_iter().map(Some))
}

fn pairs() -> impl Iterator<Item = Gsm7> {
    languages().flat_map(|locking| languages().map(move |single| Gsm7 { locking, single }))
}

fn locked(language: Language) -> Gsm7 {
    Gsm7 { locking: Some(language), single: None }
}

fn shifted(language: Language) -> Gsm7 {
    Gsm7 { locking: None, single: Some(language) }
}

#[test]
fn cells_of_the_standard_are_where_it_puts_them() {
    let default = Gsm7::DEFAULT;
    let cells: &[(Gsm7, char, &[u8])] = &[
        (default, '@', &[0x00]),
        (default, 'Δ', &[0x10]),
        (default, 'Ç', &[0x09]),
        (default, '¡', &[0x40]),
        (default, 'à', &[0x7F]),
        (default, '€', &[ESCAPE, 0x65]),
        (default, '\u{c}', &[ESCAPE, 0x0A]),
        (default, '|', &[ESCAPE, 0x40]),
        (locked(Language::Turkish), '€', &[0x04]),
        (locked(Language::Turkish), 'ğ', &[0x0C]),
        (shifted(Language::Turkish), 'ş', &[ESCAPE, 0x73]),
        (locked(Language::Spanish), '¿', &[0x60]),
        (shifted(Language::Spanish), 'ñ', &[0x7D]),
        (shifted(Language::Spanish), 'á', &[ESCAPE, 0x61]),
        (locked(Language::Portuguese), '∞', &[0x15]),
        (shifted(Language::Portuguese), 'ã', &[ESCAPE, 0x7B]),
        (locked(Language::Bengali), 'ক', &[0x15]),
        (shifted(Language::Bengali), '০', &[ESCAPE, 0x19]),
        (locked(Language::Gujarati), 'ઍ', &[0x0C]),
        (shifted(Language::Gujarati), '।', &[ESCAPE, 0x19]),
        (locked(Language::Hindi), 'ॐ', &[0x60]),
        (shifted(Language::Hindi), '१', &[ESCAPE, 0x1D]),
        (locked(Language::Kannada), 'ಡ', &[0x24]),
        (locked(Language::Kannada), 'ಪ', &[0x3D]),
        (shifted(Language::Kannada), '೦', &[ESCAPE, 0x1C]),
        (locked(Language::Malayalam), 'ൗ', &[0x60]),
        (shifted(Language::Malayalam), 'ൿ', &[ESCAPE, 0x34]),
        (locked(Language::Oriya), 'ଳ', &[0x47]),
        (shifted(Language::Oriya), 'ୱ', &[ESCAPE, 0x2C]),
        (locked(Language::Punjabi), 'ੴ', &[0x7F]),
        (shifted(Language::Punjabi), '੭', &[ESCAPE, 0x23]),
        (locked(Language::Tamil), 'ஹ', &[0x4D]),
        (shifted(Language::Tamil), '௮', &[ESCAPE, 0x24]),
        (locked(Language::Telugu), 'ౡ', &[0x7D]),
        (shifted(Language::Telugu), '౬', &[ESCAPE, 0x22]),
        (locked(Language::Urdu), 'ا', &[0x00]),
        (shifted(Language::Urdu), '۔', &[ESCAPE, 0x3F]),
    ];
    for (tables, character, octets) in cells {
        assert_eq!(tables.encode(&character.to_string()).as_deref(), Ok(*octets), "{tables:?} {character}");
    }
}

#[test]
fn every_character_of_every_pair_of_tables_comes_back() {
    for tables in pairs() {
        let octets: Vec<u8> = (0..128).flat_map(|code| [code, ESCAPE, code]).collect();
        let mut text = tables.decode(&octets);
        text.retain(|c| c != char::REPLACEMENT_CHARACTER);
        assert!(text.chars().count() > 200, "{tables:?} reads {}", text.chars().count());
        assert_eq!(tables.decode(&tables.encode(&text).unwrap()), text);
    }
}

#[test]
fn tables_hold_as_many_codes_as_the_standard_prints() {
    let codes = |table: &Table| (0..128).filter(|code| table.character(*code).is_some()).count();
    // The escape is none of them.
    let locking = languages().map(|locking| codes(Gsm7 { locking, single: None }.locking_table()));
    assert_eq!(
        locking.collect::<Vec<_>>(),
        [127, 127, 127, 127, 114, 120, 127, 120, 120, 116, 110, 102, 120, 127]
    );
    let single = languages().map(|single| codes(Gsm7 { locking: None, single }.single_table()));
    assert_eq!(single.collect::<Vec<_>>(), [10, 17, 19, 37, 82, 70, 88, 73, 82, 75, 76, 77, 77, 90]);
}

#[test]
fn the_first_character_that_does_not_fit_is_named() {
    let error = Gsm7::DEFAULT.encode("ab€ąę").unwrap_err();
    assert_eq!(error, Unencodable { character: 'ą', position: 3 });
    assert!(Gsm7::DEFAULT.encode("ç").is_err(), "only the capital is in the default alphabet");
    assert!(Gsm7::DEFAULT.encode("\u{1B}").is_err() && Gsm7::DEFAULT.encode("\0").is_err());
}

#[test]
fn an_escape_falls_back_as_the_standard_asks() {
    assert_eq!(Gsm7::DEFAULT.decode(&[ESCAPE, b'a', ESCAPE, 0x65]), "a€");
    assert_eq!(Gsm7::DEFAULT.decode(&[b'x', ESCAPE, ESCAPE, b'y']), "x y");
    assert_eq!(Gsm7::DEFAULT.decode(&[b'x', ESCAPE]), "x ");
    assert_eq!(locked(Language::Turkish).decode(&[ESCAPE, 0x0C]), "ğ");
}

#[test]
fn codes_without_a_character_are_shown_as_such() {
    assert_eq!(locked(Language::Tamil).decode(&[0x00, b'a']), "\u{FFFD}a");
    assert_eq!(Gsm7::DEFAULT.decode(&[0x80, 0xFF, b'a', ESCAPE, 0x80]), "\u{FFFD}\u{FFFD}a\u{FFFD}");
}

#[test]
fn languages_are_found_by_the_ids_of_the_header() {
    for language in Language::ALL {
        assert_eq!(Language::from_id(language.id()), Some(language));
    }
    assert_eq!((Language::from_id(0), Language::from_id(14)), (None, None));
}

proptest! {
    #[test]
    fn what_was_read_once_reads_the_same_again(octets: Vec<u8>, locking in 0..14_u8, single in 0..14_u8) {
        let tables = Gsm7 { locking: Language::from_id(locking), single: Language::from_id(single) };
        let text = tables.decode(&octets);
        prop_assert!(text.chars().count() <= octets.len());
        if let Ok(written) = tables.encode(&text) {
            prop_assert_eq!(tables.decode(&written), text);
        }
    }
}
