//! Workbooks that were made to do harm, or that are broken.

use std::io::Write as _;

use rust_xlsxwriter::Workbook as Writer;
use zip::write::SimpleFileOptions;

use super::*;

fn workbook() -> Vec<u8> {
    let mut book = Writer::new();
    for name in ["Rates", "More"] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        for (column, heading) in (0_u16..).zip(["mcc", "mnc", "price"]) {
            sheet.write_string(0, column, heading).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

/// The same workbook with other contents of its parts.
fn rewritten(change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let bytes = workbook();
    let mut parts = zip::ZipArchive::new(Cursor::new(&*bytes)).unwrap();
    let mut made = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..parts.len() {
        let mut part = parts.by_index(index).unwrap();
        let name = part.name().unwrap().into_owned();
        let mut content = Vec::new();
        part.read_to_end(&mut content).unwrap();
        made.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        made.write_all(&change(&name, content)).unwrap();
    }
    made.finish().unwrap().into_inner()
}

fn refusal(bytes: &[u8], sheet: Option<&str>) -> String {
    Workbook::open(bytes, sheet).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_count_of_texts_that_cannot_be_true_is_refused_before_room_is_made() {
    let with_count = |count: &str, is_wide: bool| {
        rewritten(|name, content| {
            if name != "xl/sharedStrings.xml" {
                return content;
            }
            let text = String::from_utf8(content).unwrap();
            let changed = text.replace("uniqueCount=\"3\"", &format!("uniqueCount = '{count}'"));
            assert_ne!(text, changed);
            let wide = || format!("\u{feff}{changed}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            if is_wide { wide() } else { changed.into_bytes() }
        })
    };
    for count in ["100000000000", "18446744073709551615", "99999999999999999999999", "0001000000"] {
        for is_wide in [false, true] {
            let refused = refusal(&with_count(count, is_wide), Some("Rates"));
            assert!(refused.contains("`xl/sharedStrings.xml` of the workbook claims"), "{count}: {refused}");
        }
    }
    for count in ["3", "4", ""] {
        assert!(Workbook::open(&with_count(count, false), Some("Rates")).is_ok(), "{count}");
    }
}

#[test]
fn all_parts_together_have_one_limit_and_shared_texts_one_of_their_own() {
    let bytes = rewritten(|name, content| {
        let is_padded = name.contains("worksheets/") || name.ends_with("sharedStrings.xml");
        if is_padded { [content, vec![b' '; 50_000]].concat() } else { content }
    });
    let limits = Limits { sheet: 60_000, strings: 60_000, part: 60_000, total: 300_000 };
    assert_eq!(measure(&bytes, &limits), Ok(()));
    let told = |limits: Limits| measure(&bytes, &limits).unwrap_err().to_string();
    assert!(told(Limits { total: 120_000, ..limits }).contains("the workbook unpacks to more than"));
    assert!(
        told(Limits { strings: 40_000, ..limits }).contains("`xl/sharedStrings.xml` of the workbook unpacks")
    );
    assert!(told(Limits { sheet: 40_000, ..limits }).contains("`xl/worksheets/sheet1.xml` of the workbook"));
}

#[test]
fn a_sheet_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    for kept in [0, 60, 10_000] {
        let bytes = rewritten(|name, mut content| {
            if name == "xl/worksheets/sheet1.xml" {
                content.truncate(kept.min(content.len() / 2));
            }
            content
        });
        let refused = refusal(&bytes, None);
        assert!(refused.starts_with("sheet Rates: cannot be read"), "{kept}: {refused}");
        assert_eq!(&*Workbook::open(&bytes, Some("More")).unwrap().sheet, "More", "{kept}");
    }
}
