//! The encoding of a text: told by its first bytes, else found out, and refused where it is two at once.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::mapping::Charset;
use crate::problem::{Problem, Problems, Refused};

/// The text, without a byte order mark and with one kind of line end, so that lines can be counted.
///
/// # Errors
/// With the lines that cannot be read.
pub(crate) fn decode(bytes: &[u8], wanted: Option<Charset>) -> Result<(String, Charset), Refused> {
    let (marked, bytes) = match Encoding::for_bom(bytes) {
        None => (None, bytes),
        Some((encoding, length)) => {
            let marked = match encoding {
                encoding if encoding == UTF_16LE => Charset::Utf16Le,
                encoding if encoding == UTF_16BE => Charset::Utf16Be,
                _ => Charset::Utf8,
            };
            (Some(marked), bytes.get(length..).unwrap_or_default())
        }
    };
    if let (Some(marked), Some(wanted)) = (marked, wanted)
        && marked != wanted
    {
        let (marked, wanted) = (marked.as_str(), wanted.as_str());
        let message = format!("begins with the mark of {marked}, and `encoding` says {wanted}");
        return Err(Problem::whole(message).into());
    }
    let charset = match marked.or(wanted) {
        Some(charset) => charset,
        None => guess(bytes)?,
    };
    let text = match charset {
        Charset::Utf8 => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| not_utf8(bytes))?,
        Charset::Utf16Le => wide(bytes, UTF_16LE)?,
        Charset::Utf16Be => wide(bytes, UTF_16BE)?,
        Charset::Windows1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    };
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
    refuse_controls(&text, charset)?;
    Ok((text, charset))
}

fn guess(bytes: &[u8]) -> Result<Charset, Refused> {
    let start = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let zeros_at = |parity: usize| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    // Of what is written in European letters every second byte is zero.
    if zeros_at(1) * 4 > start.len() {
        return Ok(Charset::Utf16Le);
    }
    if zeros_at(0) * 4 > start.len() {
        return Ok(Charset::Utf16Be);
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Ok(Charset::Utf8);
    }
    let mut lines = Lines::default();
    lines.look(bytes);
    match (lines.utf8, lines.other) {
        (Some(utf8), Some(other)) => {
            let mut problems = Problems::default();
            problems.add(Problem::row(utf8, "is UTF-8, and other lines are not: the list has two encodings"));
            problems
                .add(Problem::row(other, "is not UTF-8, and other lines are: save the list in one encoding"));
            Err(problems.refuse())
        }
        (_, _) => Ok(Charset::Windows1252),
    }
}

/// The first line that has letters beyond ASCII in UTF-8, and the first that has them otherwise.
#[derive(Default)]
struct Lines {
    utf8: Option<u32>,
    other: Option<u32>,
}

impl Lines {
    fn look(&mut self, bytes: &[u8]) {
        for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1_u32..) {
            let place = match std::str::from_utf8(line) {
                Ok(text) if text.is_ascii() => continue,
                Ok(_) => &mut self.utf8,
                Err(_) => &mut self.other,
            };
            place.get_or_insert(number);
        }
    }
}

fn not_utf8(bytes: &[u8]) -> Refused {
    let mut problems = Problems::default();
    let lines = bytes.split(|byte| *byte == b'\n').zip(1_u32..);
    for (_, number) in lines.filter(|(line, _)| std::str::from_utf8(line).is_err()) {
        problems.add(Problem::row(number, "is not UTF-8"));
    }
    problems.refuse()
}

fn wide(bytes: &[u8], encoding: &'static Encoding) -> Result<String, Refused> {
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text.into_owned());
    }
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let mut problems = Problems::default();
    let lines = text.split('\n').zip(1_u32..);
    for (_, number) in lines.filter(|(line, _)| line.contains('\u{fffd}')) {
        problems.add(Problem::row(number, format!("is not {}", encoding.name())));
    }
    Err(problems.refuse())
}

/// Characters that no list has on purpose: whoever finds them reads the wrong encoding, or no text at all.
fn refuse_controls(text: &str, charset: Charset) -> Result<(), Refused> {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(is_odd) {
        return Ok(());
    }
    let mut problems = Problems::default();
    for (line, number) in text.split('\n').zip(1_u32..) {
        if let Some(odd) = line.chars().find(|c| is_odd(*c)) {
            let message =
                format!("has the character {:04X}, which is no text in {}", u32::from(odd), charset.as_str());
            problems.add(Problem::row(number, message));
        }
    }
    Err(problems.refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
        let marked = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        marked
            .encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    }

    #[test]
    fn each_encoding_is_found_out() {
        let text = "land;preis\nÖsterreich;0,05 €\n";
        let windows = WINDOWS_1252.encode(text).0.into_owned();
        let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        for (bytes, expected) in [
            (text.as_bytes().to_vec(), Charset::Utf8),
            (marked, Charset::Utf8),
            (utf16(text, true, true), Charset::Utf16Le),
            (utf16(text, false, true), Charset::Utf16Be),
            (utf16(text, true, false), Charset::Utf16Le),
            (windows.clone(), Charset::Windows1252),
        ] {
            assert_eq!(decode(&bytes, None).unwrap(), (text.to_owned(), expected));
        }
        assert_eq!(decode(&windows.repeat(2), Some(Charset::Windows1252)).unwrap().1, Charset::Windows1252);
        assert_eq!(decode(b"a\r\nb\rc", None).unwrap().0, "a\nb\nc");
    }

    fn rows(refused: Result<(String, Charset), Refused>) -> Vec<Option<u32>> {
        refused.unwrap_err().told.iter().map(|problem| problem.row).collect()
    }

    #[test]
    fn two_encodings_in_one_list_are_refused_with_their_lines() {
        let mixed = [b"land\n\xd6sterreich\nplain\n".as_slice(), "Österreich\n".as_bytes()].concat();
        assert_eq!(rows(decode(&mixed, None)), [Some(2), Some(4)]);
        assert_eq!(rows(decode(&mixed, Some(Charset::Utf8))), [Some(2)]);
        assert_eq!(rows(decode(b"a\nb\x81\nc\0", Some(Charset::Windows1252))), [Some(2), Some(3)]);
        assert_eq!(rows(decode(b"\xef\xbb\xbfa", Some(Charset::Windows1252))), [None]);
        let broken = [utf16("ab\ncd", true, true), vec![0x00, 0xd8, 0x0a, 0x00]].concat();
        assert_eq!(rows(decode(&broken, None)), [Some(2)]);
    }
}
