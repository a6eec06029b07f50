//! Lists as vendors send them, and every way in which they are refused.

use routing::price::{Charge, Place};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook as Writer};

use super::*;

fn terms() -> Terms {
    Terms { currency: "EUR".parse().unwrap(), per: Per::Segment, effective_from: None }
}

fn mapping(json: &str) -> Mapping {
    serde_json::from_str(json).unwrap()
}

/// As `PLACE PRICE DATE`.
fn told(list: &List) -> Vec<String> {
    let lines = list.lines.iter().map(|line| {
        let place = match line.place {
            Place::Anywhere => "anywhere".to_owned(),
            Place::Country(country) => country.to_string(),
            Place::Mcc(mcc) => mcc.to_string(),
            Place::Operator(operator) => operator.to_string(),
        };
        let charge = match line.charge {
            Charge::Closed => "closed".to_owned(),
            Charge::Price(amount) => amount.to_string(),
        };
        let from = line.effective_from.map(|from| format!(" {}", from.to_the_minute())).unwrap_or_default();
        format!("{place} {charge}{from}")
    });
    lines.collect()
}

fn problems(bytes: &[u8], json: &str) -> Vec<String> {
    let refused = read(bytes, &mapping(json), &terms()).unwrap_err();
    refused.told.iter().map(ToString::to_string).collect()
}

#[test]
fn the_plain_form_of_a_price_file_reads() {
    let csv = "country,mcc,mnc,price,effective_from\nDE,,,0.0500,\n,262,01,0.0450,2026-07-01\nCU,,,closed,\n";
    let list = read(csv.as_bytes(), &Mapping::default(), &terms()).unwrap();
    assert_eq!(told(&list), ["CU closed", "DE 0.0500", "262-01 0.0450 2026-07-01 00:00 UTC"]);
    assert_eq!((list.report.rows, list.report.delimiter, list.report.header_row), (3, Some(','), Some(1)));
}

const GERMAN: &str = "Preisliste für Österreich;;;;;\n\nLand;Netz;MCC;MNC;Preis je SMS;gültig ab\n\
                      Deutschland;Größtes;262;1;0,0450 €;01.07.2026\nDeutschland;alle;262;;0,05;01.07.2026\n\
                      Kuba;;368;*;gesperrt;13/07/2026\nÖsterreich;\"A; B\";232;\"1,03\";1.234,5;\n;;;;;\n";
const GERMAN_MAPPING: &str = r#"{"columns":{"mcc":"MCC","mnc":"MNC","price":"Preis je SMS","effective_from":"gültig ab"},
                                 "closed_words":["gesperrt"]}"#;

#[test]
fn a_list_in_windows_1252_with_decimal_commas_reads() {
    let bytes = encoding_rs::WINDOWS_1252.encode(GERMAN).0;
    let list = read(&bytes, &mapping(GERMAN_MAPPING), &terms()).unwrap();
    assert_eq!(
        told(&list),
        [
            "CU closed 2026-07-13 00:00 UTC",
            "DE 0.05 2026-07-01 00:00 UTC",
            "232-01 1234.5",
            "232-03 1234.5",
            "262-01 0.0450 2026-07-01 00:00 UTC",
        ]
    );
    let Report { encoding, delimiter, header_row, decimal, dates, repaired, .. } = list.report;
    assert_eq!((encoding, delimiter, header_row), (Some(Charset::Windows1252), Some(';'), Some(3)));
    assert_eq!((decimal, dates), (Some(DecimalMark::Comma), Some(DateOrder::DayFirst)));
    let repaired: Vec<_> = repaired.iter().map(|one| (one.row, one.to.as_str())).collect();
    assert_eq!(repaired, [(4, "262-01"), (7, "232-01")]);
}

#[test]
fn other_encodings_of_the_same_list_say_the_same() {
    let expected = read(GERMAN.as_bytes(), &mapping(GERMAN_MAPPING), &terms()).unwrap().lines;
    let marked = format!("\u{feff}{GERMAN}");
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let dos = GERMAN.replace('\n', "\r\n");
    let mac = GERMAN.replace('\n', "\r");
    let tabs = GERMAN.replace(';', "\t");
    for bytes in [marked.as_bytes(), &wide, dos.as_bytes(), mac.as_bytes(), tabs.as_bytes()] {
        assert_eq!(read(bytes, &mapping(GERMAN_MAPPING), &terms()).unwrap().lines, expected);
    }
}

#[test]
fn everything_wrong_is_told_with_its_place_and_nothing_is_read() {
    let csv = "Land;MCC;MNC;Price;Currency;Effective date;Per\n\
               DE;262;1;0,05;EUR;01.07.2026;sms\n\
               DE;262;01;0,06;EUR;01.07.2026;sms\n\
               DE;262;2;0.06;EUR;01.07.2026;sms\n\
               DE;26;2;frei;USD;bald;wort\n\
               DE;262;3;0;EUR;;message\n\
               DE;262;4;;EUR;;\n\
               US;310;26;0,01;EUR;;;zu viel\n\
               DE;;7;0,05;EUR;;\n\
               DE;262;0007;0,05 USD;EUR;;\n";
    let told = problems(csv.as_bytes(), r#"{"decimal":","}"#);
    let expected = [
        "row 3: row 2 has a price for the same place and time",
        "row 4, column D (Price): `0.06` is not written as the rest of the list, which has the decimal mark `,`",
        "row 5, column B (MCC): `26` is not an MCC: expected three digits, such as 262",
        "row 5, column D (Price): `frei` is not a price: expected an amount such as 0.0450, or a word such as closed",
        "row 5, column E (Currency): is in USD, and the card is in EUR",
        "row 5, column F (Effective date): `bald` is not a date: expected 2026-03-01, 01.03.2026, 1 March 2026 or an instant",
        "row 5, column G (Per): `wort` is neither segment nor message",
        "row 6, column D (Price): is zero: say whether that is `free` or `closed` (`zero`)",
        "row 6, column G (Per): is per message, and the card is per segment",
        "row 7, column D (Price): is missing",
        "row 8: has 8 fields where the headings have 7: is a field with the delimiter not quoted?",
        "row 9, column C (MNC): `7`: an MNC needs its MCC",
        "row 10, column C (MNC): `0007` is not an MNC: expected two or three digits",
        "row 10, column D (Price): is in USD, and the card is in EUR",
    ];
    assert_eq!(told, expected);
}

#[test]
fn of_many_problems_the_first_hundred_are_told_and_all_are_counted() {
    let csv = format!("mcc,mnc,price\n{}", "262,01,x\n".repeat(5000));
    let refused = read(csv.as_bytes(), &Mapping::default(), &terms()).unwrap_err();
    assert_eq!((refused.told.len(), refused.count), (100, 5000));
}

#[test]
fn what_a_list_leaves_open_is_asked_for_and_not_guessed() {
    let two_ways = "mcc,mnc,price,effective from\n262,01,\"1,234\",01/02/2026\n";
    let told = problems(two_ways.as_bytes(), "{}");
    assert!(told.len() == 2 && told.iter().all(|one| one.contains("two ways")), "{told:?}");
    let said = r#"{"decimal":",","dates":"month_first","zone":"Europe/Berlin"}"#;
    let list = read(two_ways.as_bytes(), &mapping(said), &terms()).unwrap();
    assert_eq!(self::told(&list), ["262-01 1.234 2026-01-01 23:00 UTC"]);
    // A row that leaves nothing open speaks for all.
    let csv = format!("{two_ways}262,02,\"0,05\",13/02/2026\n");
    let list = read(csv.as_bytes(), &Mapping::default(), &terms()).unwrap();
    assert_eq!(self::told(&list)[0], "262-01 1.234 2026-02-01 00:00 UTC");
    for (json, expected) in [
        (r#"{"zone":"Mars"}"#, "no time zone"),
        (r#"{"delimiter":"x"}"#, "no delimiter"),
        (r#"{"sheet":"Rates"}"#, "has no sheets"),
    ] {
        assert!(problems(two_ways.as_bytes(), json)[0].contains(expected), "{json}");
    }
    for (bytes, expected) in [
        (&b""[..], "the list is empty"),
        (b"mcc,price\n", "has no prices"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old kind"),
        (b"PK\x03\x04 nothing", "cannot be unpacked"),
        (b"mcc,mnc,price\n262,01,\"0.05\n262,02,0.06\n", "goes over several lines"),
    ] {
        assert!(problems(bytes, "{}")[0].contains(expected), "{expected}");
    }
}

#[test]
fn only_a_column_of_its_own_closes_with_a_yes() {
    let list = |heading: &str, word: &str| format!("mcc,mnc,price,{heading}\n262,01,0.05,{word}\n");
    let read_with = |csv: &str, json: &str| read(csv.as_bytes(), &mapping(json), &terms()).unwrap();
    for word in ["1", "Y", "yes", "true"] {
        for heading in ["Status", "Change"] {
            let read = read_with(&list(heading, word), "{}");
            assert_eq!(told(&read), ["262-01 0.05"], "{heading} {word}");
        }
        assert_eq!(told(&read_with(&list("Closed", word), "{}")), ["262-01 closed"], "{word}");
        let named = r#"{"columns":{"mcc":"mcc","mnc":"mnc","price":"price","closed":"Status"}}"#;
        assert_eq!(told(&read_with(&list("Status", word), named)), ["262-01 closed"], "{word}");
    }
    for heading in ["Status", "Change", "Closed"] {
        assert_eq!(told(&read_with(&list(heading, "Blocked"), "{}")), ["262-01 closed"], "{heading}");
    }
}

#[test]
fn a_list_without_headings_is_read_by_letters() {
    let csv = "Our prices\n\n262,01,Germany,0.05\n262,02,Germany,closed\n";
    let list =
        read(csv.as_bytes(), &mapping(r#"{"columns":{"mcc":"A","mnc":"B","price":"D"}}"#), &terms()).unwrap();
    assert_eq!(told(&list), ["262-01 0.05", "262-02 closed"]);
}

#[test]
fn a_heading_in_another_currency_or_unit_is_refused_wherever_it_stands() {
    let csv = "mcc,mnc,Rate (USD)\n262,01,0.05\n";
    let expected = "row 1, column C (Rate (USD)): is in USD, and the card is in EUR";
    assert_eq!(problems(csv.as_bytes(), "{}"), [expected]);
    let letters = r#"{"columns":{"mcc":"A","mnc":"B","price":"C"}}"#;
    let named = r#"{"columns":{"mcc":"mcc","mnc":"mnc","price":"Rate (USD)"}}"#;
    for json in [letters, named] {
        assert_eq!(problems(csv.as_bytes(), json), [expected], "{json}");
    }
    let csv = "Rate ID,mcc,mnc,Price per message\n7,262,01,0.05\n";
    let expected = "row 1, column D (Price per message): is per message, and the card is per segment";
    assert_eq!(problems(csv.as_bytes(), "{}"), [expected]);
    let of_message = Terms { per: Per::Message, ..terms() };
    assert_eq!(told(&read(csv.as_bytes(), &Mapping::default(), &of_message).unwrap()), ["262-01 0.05"]);
}

#[test]
fn empty_fields_count_where_a_row_has_more_than_the_headings() {
    let csv = "mcc,mnc,price,comment\n262,01,1,05,\n";
    let expected = "row 2: has 5 fields where the headings have 4: is a field with the delimiter not quoted?";
    assert_eq!(problems(csv.as_bytes(), "{}"), [expected]);
    let even = "mcc,mnc,price,comment,\n262,01,1,,\n,,,,,,\n";
    assert_eq!(told(&read(even.as_bytes(), &Mapping::default(), &terms()).unwrap()), ["262-01 1"]);
}

#[test]
fn a_first_row_whose_price_cannot_be_read_is_no_title() {
    let letters = r#"{"columns":{"mcc":"A","mnc":"B","price":"C"}}"#;
    for (price, expected) in [("gesperrt", "`gesperrt` is not a price"), ("", "is missing")] {
        let csv = format!("Our prices\nMCC,MNC,Price\n262,1,{price}\n262,02,0.05\n");
        let told = problems(csv.as_bytes(), letters);
        assert!(told.len() == 1 && told[0].starts_with("row 3, column C: "), "{told:?}");
        assert!(told[0].contains(expected), "{told:?}");
    }
    // `CC` is the country of the Cocos Islands, and here a heading.
    let countries = r#"{"columns":{"country":"A","price":"B"}}"#;
    let list = read(b"CC,Price\nDE,0.05\n", &mapping(countries), &terms()).unwrap();
    assert_eq!(told(&list), ["DE 0.05"]);
}

#[test]
fn what_is_closed_or_no_number_says_nothing_of_the_decimal_mark() {
    let csv = "mcc,mnc,price,closed\n262,01,\"1,234\",\n262,02,9.99,yes\n262,03,n.v.t,\n262,04,9.99,\n";
    let words = r#"{"closed_words":["n.v.t","9.99"]}"#;
    let told = problems(csv.as_bytes(), words);
    assert!(told.len() == 1 && told[0].contains("can be read in two ways"), "{told:?}");
}

/// A workbook as wholesalers mail it: titles, numbers that lost their zeros, real dates, a second sheet.
fn workbook(change: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut book = Writer::new();
    let date = Format::new().set_num_format("dd.mm.yyyy");
    let sheet = book.add_worksheet().set_name("Rates").unwrap();
    sheet.write_string(0, 0, "Acme wholesale prices").unwrap();
    for (column, heading) in
        (0_u16..).zip(["Country", "MCC", "MNC", "New price", "Old price", "Effective date", "Status"])
    {
        sheet.write_string(2, column, heading).unwrap();
    }
    let rows: [(f64, f64, f64, &str); 3] =
        [(262.0, 1.0, 0.045, "increase"), (310.0, 26.0, 0.1 + 0.2, ""), (368.0, 1.0, 0.0, "closed")];
    for (row, (mcc, mnc, price, status)) in (3_u32..).zip(rows) {
        sheet.write_string(row, 0, "Somewhere").unwrap();
        sheet.write_number(row, 1, mcc).unwrap();
        sheet.write_number(row, 2, mnc).unwrap();
        sheet.write_number(row, 3, price).unwrap();
        sheet.write_formula(row, 4, Formula::new("=D4/2").set_result("0.02")).unwrap();
        let day = ExcelDateTime::from_ymd(2026, 7, 1).unwrap();
        sheet.write_datetime_with_format(row, 5, &day, &date).unwrap();
        sheet.write_string(row, 6, status).unwrap();
    }
    change(&mut book);
    book.save_to_buffer().unwrap()
}

#[test]
fn a_workbook_reads_with_its_dates_and_lost_zeros() {
    let bytes = workbook(|_| {});
    let list = read(&bytes, &Mapping::default(), &terms()).unwrap();
    let day = "2026-07-01 00:00 UTC";
    assert_eq!(
        told(&list),
        [format!("262-01 0.045 {day}"), format!("310-026 0.3 {day}"), format!("368-01 closed {day}")]
    );
    assert_eq!(
        (list.report.sheet.as_deref(), list.report.header_row, list.report.repaired_count),
        (Some("Rates"), Some(3), 3)
    );
}

#[test]
fn a_formula_where_a_price_is_read_is_named_with_its_cell() {
    let bytes = workbook(|book| {
        let sheet = book.worksheet_from_name("Rates").unwrap();
        sheet.write_formula(4, 3, Formula::new("=1/3").set_result("0.333")).unwrap();
        sheet.write_formula(5, 5, Formula::new("=TODAY()").set_result("46204")).unwrap();
        sheet.write_dynamic_array_formula(3, 2, 3, 2, Formula::new("=A1").set_result("1")).unwrap();
    });
    let told = problems(&bytes, "{}");
    assert_eq!(told.len(), 3, "{told:?}");
    for (one, place) in told.iter().zip([
        "row 4, column C (MNC)",
        "row 5, column D (New price)",
        "row 6, column F (Effective date)",
    ]) {
        assert!(one.starts_with(&format!("sheet Rates, {place}: is a formula")), "{one}");
    }
}

#[test]
fn the_sheet_is_asked_for_when_there_are_several() {
    let bytes = workbook(|book| {
        book.add_worksheet().set_name("Notes").unwrap().write_string(0, 0, "see other sheet").unwrap();
    });
    assert!(problems(&bytes, "{}")[0].contains("the sheets `Rates`, `Notes`"));
    assert!(problems(&bytes, r#"{"sheet":"Prices"}"#)[0].contains("no sheet is called `Prices`"));
    assert_eq!(read(&bytes, &mapping(r#"{"sheet":"rates"}"#), &terms()).unwrap().lines.len(), 3);
    let empty = workbook(|book| drop(book.add_worksheet().set_name("Empty")));
    assert_eq!(read(&empty, &Mapping::default(), &terms()).unwrap().lines.len(), 3);
}

#[test]
fn one_bad_line_among_a_million_is_found() {
    let mut csv = "mcc,mnc,price,effective_from\n".to_owned();
    for line in 0..1_000_000_u32 {
        let (mcc, mnc, day) = (202 + line / 10_000, line % 1000, line / 1000 % 10 + 1);
        csv.push_str(&format!("{mcc},{mnc:03},0.{:04},2026-07-{day:02}\n", line % 9000 + 1));
    }
    csv.push_str("262,01,0.05,soon\n");
    let told = problems(csv.as_bytes(), "{}");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("row 1000002, column D (effective_from): `soon` is not a date"), "{told:?}");
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_too_odd_to_be_answered(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), text in ".{0,200}") {
        drop(read(&bytes, &Mapping::default(), &terms()));
        drop(read(text.as_bytes(), &Mapping::default(), &terms()));
        drop(read(format!("mcc,mnc,price,effective_from\n{text}").as_bytes(), &Mapping::default(), &terms()));
        let packed = [b"PK\x03\x04".as_slice(), &bytes].concat();
        drop(read(&packed, &Mapping::default(), &terms()));
    }
}
