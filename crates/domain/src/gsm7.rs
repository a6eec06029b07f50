//! Writes a text in GSM 03.38 that is not in it: quotes, dashes, spaces and letters with marks become what is nearest.
//!
//! A text is written anew as a whole or not at all: as long as one character stays that the alphabet lacks, the text
//! travels as UCS-2, and what was changed in it would be lost for nothing.

use std::sync::LazyLock;

use crate::segment::gsm7_septets;

/// Sorted by the characters.
static STAND_INS: LazyLock<Box<[(char, &'static str)]>> = LazyLock::new(|| {
    let mut all: Vec<_> = include_str!("../data/gsm7.tsv").lines().flat_map(of_line).collect();
    all.sort_unstable();
    all.into()
});

/// The text in GSM 03.38 and how many of its characters had to be changed. None when there is nothing to change, and
/// when nothing stands for one of them.
#[must_use]
pub fn transliterate(text: &str) -> Option<(String, u16)> {
    let (mut written, mut changed) = (String::with_capacity(text.len()), 0_u16);
    for c in text.chars() {
        if gsm7_septets(c).is_some() {
            written.push(c);
        } else if let Some(letter) = written.chars().next_back().and_then(|base| composed(base, c)) {
            written.pop();
            written.push(letter);
            changed = changed.saturating_add(1);
        } else {
            written.push_str(stand_in(c)?);
            changed = changed.saturating_add(1);
        }
    }
    (changed > 0).then_some((written, changed))
}

/// A letter of the alphabet that was written as two characters: one without its mark, and the mark.
fn composed(base: char, mark: char) -> Option<char> {
    let letters = match mark {
        '\u{300}' => "aàeèiìoòuù",
        '\u{301}' => "EÉeé",
        '\u{303}' => "NÑnñ",
        '\u{308}' => "AÄOÖUÜaäoöuü",
        '\u{30a}' => "AÅaå",
        '\u{327}' => "CÇ",
        _ => return None,
    };
    let mut letters = letters.chars();
    while let (Some(plain), Some(marked)) = (letters.next(), letters.next()) {
        if plain == base {
            return Some(marked);
        }
    }
    None
}

fn stand_in(c: char) -> Option<&'static str> {
    let at = STAND_INS.binary_search_by_key(&c, |(c, _)| *c).ok()?;
    STAND_INS.get(at).map(|(_, stand_in)| *stand_in)
}

fn of_line(line: &'static str) -> Vec<(char, &'static str)> {
    let Some((becomes, numbers)) = line.split_once('\t').filter(|_| !line.starts_with("# ")) else {
        return Vec::new();
    };
    let becomes = match becomes {
        r"\n" => "\n",
        r"\s" => " ",
        other => other,
    };
    let number = |text| u32::from_str_radix(text, 16).ok();
    let ranges = numbers.split(',').filter_map(move |range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(number(first)?..=number(last)?)
    });
    ranges.flatten().filter_map(char::from_u32).map(|c| (c, becomes)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Encoding;
    use crate::segment::encoding_of;

    fn written(text: &str) -> Option<String> {
        transliterate(text).map(|(written, _)| written)
    }

    #[test]
    fn what_is_typed_by_habit_becomes_plain() {
        let plain = [
            ("“Hello” – it’s here…", "\"Hello\" - it's here..."),
            ("10\u{a0}000\u{202f}€\u{200b}", "10 000 €"),
            ("Łódź, İstanbul, Kraków", "Lodz, Istanbul, Krakow"),
            ("e\u{301}te\u{301} ﬁn", "été fin"),
            ("u\u{308}ber C\u{327}a, o\u{30b} a\u{328}", "über Ça, o a"),
            ("ok\u{fe0f} a\u{61c}b\u{180e}c\u{34f}d", "ok abcd"),
            ("\tœuvre №\u{a0}5", " oeuvre No. 5"),
            ("Việt Nam", "Viet Nam"),
        ];
        for (text, expected) in plain {
            assert_eq!(written(text).as_deref(), Some(expected));
        }
        assert_eq!(transliterate("–…–").unwrap().1, 3);
    }

    #[test]
    fn what_is_in_the_alphabet_stays_and_what_nothing_stands_for_leaves_all_as_it_is() {
        // é and ü are in it, and the euro is in its extension.
        assert_eq!(written("été für 5 € {ok}"), None);
        for text in ["“Привет”", "done… 😀", "½ – price", "【Acme】 –"] {
            assert_eq!(written(text), None, "{text}");
        }
    }

    #[test]
    fn the_table_is_read_whole_and_names_each_character_once() {
        let lines = include_str!("../data/gsm7.tsv").lines();
        let read: usize = lines.clone().filter(|line| !of_line(line).is_empty()).count();
        assert_eq!(read, lines.filter(|line| !line.starts_with("# ")).count());
        assert!(STAND_INS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(STAND_INS.len() > 800, "{}", STAND_INS.len());
    }

    #[test]
    fn only_characters_that_the_alphabet_lacks_become_ones_that_it_has() {
        for (c, stand_in) in STAND_INS.iter() {
            assert_eq!(gsm7_septets(*c), None, "{c}");
            assert_eq!(encoding_of(stand_in), Encoding::Gsm7, "{c}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_in_the_alphabet_and_needs_nothing_more(text in "[ -~à-žḀ-ỹ‐-‧\u{300}-\u{36f}]{0,200}") {
            if let Some((written, changed)) = transliterate(&text) {
                prop_assert_eq!(encoding_of(&written), Encoding::Gsm7);
                prop_assert_eq!(transliterate(&written), None);
                let lacking = text.chars().filter(|c| gsm7_septets(*c).is_none()).count();
                prop_assert_eq!(usize::from(changed), lacking);
            }
        }
    }
}
