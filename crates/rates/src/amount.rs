//! Prices as people write them: with either decimal mark, separators of thousands, and the currency beside them.

use domain::Currency;
use domain::money::{Decimal, parse_amount};

use crate::mapping::DecimalMark;

/// Which mark an amount must have been written with, when it cannot be read with the other one.
pub(crate) fn evidence(text: &str) -> Option<DecimalMark> {
    let text = compact(strip(text).0);
    // What is no number at all, such as a date, says nothing of how numbers are written.
    if !is_number(text.split(['e', 'E']).next().unwrap_or_default()) {
        return None;
    }
    match shape(&text) {
        Shape::Plain | Shape::Thousands(_) => None,
        Shape::Decimal(mark) => Some(mark),
        Shape::Either | Shape::Broken => None,
    }
}

/// Beside the amount, the currency that was written with it.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn read(text: &str, mark: Option<DecimalMark>) -> Result<(Decimal, Option<&str>), String> {
    let (number, currency) = strip(text);
    let compact = compact(number);
    if compact.starts_with('-') {
        return Err(format!("`{text}` is below zero"));
    }
    let unusable =
        || format!("`{text}` is not a price: expected an amount such as 0.0450, or a word such as closed");
    let (mantissa, exponent) = match compact.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| unusable())?),
        None => (&*compact, 0),
    };
    if !is_number(mantissa) {
        return Err(unusable());
    }
    let plain = match (shape(mantissa), mark) {
        (Shape::Plain, _) => mantissa.to_owned(),
        (Shape::Decimal(found), wanted) if wanted.is_none_or(|wanted| wanted == found) => {
            decimal(mantissa, found)
        }
        (Shape::Thousands(separator), wanted)
            if wanted.is_none_or(|wanted| wanted.as_char() != separator) =>
        {
            mantissa.replace(separator, "")
        }
        (Shape::Either, Some(mark)) if mantissa.contains(mark.as_char()) => decimal(mantissa, mark),
        (Shape::Either, Some(_)) => mantissa.replace(['.', ','], ""),
        (Shape::Broken, _) => return Err(unusable()),
        (Shape::Either, None) => {
            return Err(format!(
                "`{text}` can be read in two ways: say which decimal mark the list has (`decimal`)"
            ));
        }
        (Shape::Decimal(_) | Shape::Thousands(_), wanted) => {
            let mark = wanted.map_or('.', DecimalMark::as_char);
            return Err(format!(
                "`{text}` is not written as the rest of the list, which has the decimal mark `{mark}`"
            ));
        }
    };
    let amount = if exponent == 0 { parse_amount(&plain).ok() } else { shifted(&plain, exponent) };
    amount.map(|amount| (amount, currency)).ok_or_else(|| {
        format!("`{text}` cannot be kept as a price: at most 12 decimals, and 28 characters in all")
    })
}

fn is_number(mantissa: &str) -> bool {
    mantissa.bytes().any(|b| b.is_ascii_digit())
        && mantissa.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
}

/// A cell of a spreadsheet that holds a number. It is binary; what is meant are its first 15 digits, which is what a
/// spreadsheet shows.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn of_number(number: f64) -> Result<Decimal, String> {
    if number < 0.0 {
        return Err(format!("`{number}` is below zero"));
    }
    let written = format!("{number:.14e}");
    let read = written.split_once('e').and_then(|(mantissa, exponent)| {
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        shifted(mantissa, exponent.parse().ok()?)
    });
    read.ok_or_else(|| format!("`{number}` cannot be kept as a price: at most 12 decimals"))
}

/// A plain decimal times a power of ten.
fn shifted(plain: &str, exponent: i32) -> Option<Decimal> {
    let (whole, places) = plain.split_once('.').unwrap_or((plain, ""));
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if !(-12..=28).contains(&point) {
        return None;
    }
    let digits = format!("{whole}{places}");
    let text = match usize::try_from(point) {
        Ok(0) => format!("0.{digits}"),
        Ok(point) if point < digits.len() => {
            let (whole, places) = digits.split_at_checked(point)?;
            format!("{whole}.{places}")
        }
        Ok(point) => format!("{digits:0<point$}"),
        Err(_) => format!("0.{}{digits}", "0".repeat(usize::try_from(-point).ok()?)),
    };
    parse_amount(&text).ok()
}

fn decimal(mantissa: &str, mark: DecimalMark) -> String {
    let separator = match mark {
        DecimalMark::Point => ',',
        DecimalMark::Comma => '.',
    };
    let plain = mantissa.replace(separator, "").replace(',', ".");
    // `,045` is how some write less than one.
    if plain.starts_with('.') { format!("0{plain}") } else { plain }
}

/// What an amount of digits, points and commas can mean.
enum Shape {
    /// No mark at all.
    Plain,
    /// A mark that can only stand before decimals.
    Decimal(DecimalMark),
    /// One separator, several times, in groups of three.
    Thousands(char),
    /// One mark, three digits behind it.
    Either,
    /// Separators where nobody puts them.
    Broken,
}

fn shape(text: &str) -> Shape {
    let (points, commas) = (text.matches('.').count(), text.matches(',').count());
    let last = text.rfind(['.', ',']).unwrap_or_default();
    let mark = if text[last..].starts_with(',') { DecimalMark::Comma } else { DecimalMark::Point };
    match (points, commas) {
        (0, 0) => Shape::Plain,
        (0, 1) | (1, 0) => {
            let (before, after) = (&text[..last], &text[last + 1..]);
            let can_be_thousands =
                after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0');
            if can_be_thousands { Shape::Either } else { Shape::Decimal(mark) }
        }
        (0, _) | (_, 0) if are_groups(text, mark.as_char()) => Shape::Thousands(mark.as_char()),
        (1, _) if mark == DecimalMark::Point && are_groups(&text[..last], ',') => Shape::Decimal(mark),
        (_, 1) if mark == DecimalMark::Comma && are_groups(&text[..last], '.') => Shape::Decimal(mark),
        (_, _) => Shape::Broken,
    }
}

/// Whether thousands are separated by it.
fn are_groups(text: &str, separator: char) -> bool {
    let mut groups = text.split(separator);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
}

/// Without spaces and apostrophes, which only ever separate thousands.
fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’' | '\u{202f}' | '\u{a0}')).collect()
}

const SIGNS: [(&str, &str); 3] = [("€", "EUR"), ("£", "GBP"), ("$", "USD")];

/// The amount, and the currency in front of it or behind it.
fn strip(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    for (sign, currency) in SIGNS {
        if let Some(rest) = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)) {
            return (rest.trim(), Some(currency));
        }
    }
    let is_code = |code: &str| code.parse::<Currency>().is_ok();
    if let Some((code, rest)) =
        text.split_at_checked(3).filter(|(code, rest)| is_code(code) && !rest.is_empty())
    {
        return (rest.trim(), Some(code));
    }
    let from = text.len().saturating_sub(3);
    match text.split_at_checked(from).filter(|(rest, code)| is_code(code) && !rest.is_empty()) {
        Some((rest, code)) => (rest.trim(), Some(code)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, mark: Option<DecimalMark>) -> String {
        read(text, mark).map_or_else(|refused| refused, |(amount, _)| amount.to_string())
    }

    #[test]
    fn amounts_are_read_as_they_are_meant() {
        let (point, comma) = (Some(DecimalMark::Point), Some(DecimalMark::Comma));
        for (text, mark, expected) in [
            ("0.0450", None, "0.0450"),
            ("0,0450", None, "0.0450"),
            (" 0,045 ", None, "0.045"),
            (",045", comma, "0.045"),
            ("1.234,5", None, "1234.5"),
            ("1,234.5", point, "1234.5"),
            ("1 234,5", comma, "1234.5"),
            ("1'234.50", None, "1234.50"),
            ("1,234", point, "1234"),
            ("1,234", comma, "1.234"),
            ("1,234,567", point, "1234567"),
            ("4.5E-02", None, "0.045"),
            ("4,5e-2", comma, "0.045"),
            ("€ 0.05", None, "0.05"),
            ("0,05 EUR", None, "0.05"),
            ("EUR0.05", None, "0.05"),
            ("7", comma, "7"),
        ] {
            assert_eq!(told(text, mark), expected, "{text}");
        }
        assert_eq!(read("0,05 EUR", None).unwrap().1, Some("EUR"));
    }

    #[test]
    fn what_leaves_it_open_or_is_no_amount_is_refused() {
        let (point, comma) = (Some(DecimalMark::Point), Some(DecimalMark::Comma));
        for (text, mark, expected) in [
            ("1,234", None, "two ways"),
            ("0.05", comma, "not written as the rest"),
            ("0,05", point, "not written as the rest"),
            ("-0.05", None, "below zero"),
            ("free", None, "not a price"),
            ("", None, "not a price"),
            (".", None, "not a price"),
            ("0.1234567890123", None, "at most 12"),
            ("1.2.3,4", None, "not a price"),
            ("1,2,3", None, "not a price"),
        ] {
            let refused = told(text, mark);
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }

    #[test]
    fn only_numbers_tell_how_numbers_are_written() {
        for text in ["n.a.", "on request, soon", "a, b", "-0.05", "v1.2b", "e.g. 0", "", "."] {
            assert_eq!(evidence(text), None, "{text}");
        }
        assert_eq!(
            (evidence("0,05 EUR"), evidence("4.5E-02")),
            (Some(DecimalMark::Comma), Some(DecimalMark::Point))
        );
    }

    #[test]
    fn a_number_of_a_spreadsheet_is_the_decimal_that_it_shows() {
        for (number, expected) in [
            (0.045, "0.045"),
            (0.1 + 0.2, "0.3"),
            (12.0, "12"),
            (0.000_012, "0.000012"),
            (0.0, "0"),
            (1500.5, "1500.5"),
        ] {
            assert_eq!(of_number(number).unwrap().to_string(), expected);
        }
        assert!(of_number(1.0 / 3.0).is_err() && of_number(-1.0).is_err() && of_number(f64::NAN).is_err());
    }
}
