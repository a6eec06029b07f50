//! Codes of networks as spreadsheets leave them: as numbers, without their leading zeros, several in a cell.

use routing::operator::{Mcc, Operator};

/// Codes in which every network has an MNC of three digits.
const THREE_DIGITS: [&str; 25] = [
    "302", "310", "311", "312", "313", "314", "315", "316", "334", "338", "342", "344", "346", "348", "352",
    "354", "356", "358", "360", "365", "366", "376", "708", "722", "732",
];
/// Codes in which some networks have three digits and others two.
const MIXED: [&str; 8] = ["330", "350", "364", "374", "405", "502", "714", "738"];

/// Words in the place of an MNC that mean every network.
const ALL: [&str; 9] = ["*", "-", "all", "any", "default", "other", "others", "xx", "xxx"];

/// A network whose code lacked something, and what it was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    pub row: u32,
    /// As it was written.
    pub from: String,
    pub to: String,
}

/// A code, and whether it is written otherwise in the list.
pub(crate) struct Code<T> {
    pub(crate) code: T,
    pub(crate) is_repaired: bool,
}

/// # Errors
/// With what is wrong with it.
pub(crate) fn mcc(text: &str) -> Result<Code<String>, String> {
    let digits =
        whole(text).ok_or_else(|| format!("`{text}` is not an MCC: expected three digits, such as 262"))?;
    match digits.len() {
        3 => Ok(Code { code: digits.to_owned(), is_repaired: false }),
        // Of the codes that begin with zeros only that of test networks is assigned.
        1 | 2 if digits.trim_start_matches('0') == "1" => {
            Ok(Code { code: "001".to_owned(), is_repaired: true })
        }
        _ => Err(format!("`{text}` is not an MCC: expected three digits, such as 262")),
    }
}

/// The networks of a cell; none when it stands for all of the code. `is_number`: a spreadsheet kept it as a number, which
/// has no leading zeros.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn mncs(mcc: &str, text: &str, is_number: bool) -> Result<Vec<Code<String>>, String> {
    if is_all(text) {
        return Ok(Vec::new());
    }
    // A number that was exported with decimals is one network, and has lost its zeros as a number has.
    let exported = text.trim().strip_suffix(".0").or_else(|| text.trim().strip_suffix(",0"));
    let exported = exported.filter(|digits| !has_leading_zero(digits) && whole(digits) == Some(digits));
    if let Some(digits) = exported {
        return mnc(mcc, digits, true).map(|one| vec![one]);
    }
    let parts = text.split([',', ';', '/', '|', ' ']).filter(|part| !part.is_empty());
    parts.map(|part| mnc(mcc, part, is_number)).collect()
}

/// Whether it stands for all networks of the code.
pub(crate) fn is_all(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || ALL.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whoever kept these kept all of them.
fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

fn mnc(mcc: &str, text: &str, is_number: bool) -> Result<Code<String>, String> {
    let unusable = || format!("`{text}` is not an MNC: expected two or three digits");
    let digits = whole(text).ok_or_else(unusable)?;
    let open = || {
        format!(
            "`{text}` may be an MNC of two digits or of three in {mcc}: write it as a text, with its leading zeros"
        )
    };
    let has_three = THREE_DIGITS.contains(&mcc);
    let is_mixed = MIXED.contains(&mcc);
    let code = match digits.len() {
        3 => digits.to_owned(),
        2 if has_three && has_leading_zero(digits) => {
            return Err(format!(
                "`{text}`: networks of {mcc} have three digits: is it 0{digits} or {digits}0?"
            ));
        }
        1 | 2 if has_three => format!("{digits:0>3}"),
        1 if is_mixed => return Err(open()),
        1 => format!("{digits:0>2}"),
        2 if is_mixed && is_number => return Err(open()),
        2 => digits.to_owned(),
        _ => return Err(unusable()),
    };
    Ok(Code { is_repaired: code != digits, code })
}

/// MCC and MNC in one: `26201`, `262-01`, `262 1`, but not `2621`, which lacks a zero that nothing takes away; the MCC alone stands for all its networks.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn operator(text: &str) -> Result<(String, Option<Code<String>>), String> {
    let unusable = || format!("`{text}` is not an MCC with its MNC: expected such as 26201 or 262-01");
    let text = text.trim();
    if let Some((mcc, mnc)) = text.split_once(['-', ' ', '/', '_']) {
        let mcc = self::mcc(mcc.trim()).map_err(|_| unusable())?.code;
        let mnc = mnc.trim();
        if is_all(mnc) {
            return Ok((mcc, None));
        }
        let mnc = self::mnc(&mcc, mnc, false)?;
        return Ok((mcc, Some(mnc)));
    }
    let digits = whole(text).ok_or_else(unusable)?;
    let (mcc, mnc) = digits.split_at_checked(3).ok_or_else(unusable)?;
    match mnc.len() {
        0 => Ok((mcc.to_owned(), None)),
        // No zero is lost inside a number: with two digits it may as well lack the last one.
        2 if THREE_DIGITS.contains(&mcc) => {
            Err(format!("`{text}`: networks of {mcc} have three digits: is it {mcc}-0{mnc} or {mcc}-{mnc}0?"))
        }
        1 => Err(format!("`{text}` has but one digit behind {mcc}: write it as {mcc}-{mnc}, or in full")),
        2 | 3 => Ok((mcc.to_owned(), Some(self::mnc(mcc, mnc, false)?))),
        _ => Err(unusable()),
    }
}

/// # Errors
/// When either is no code.
pub(crate) fn network(mcc: &str, mnc: &str) -> Result<Operator, String> {
    let mcc: Mcc = mcc.parse().map_err(|error| format!("{error}"))?;
    Operator::new(mcc, mnc).map_err(|error| error.to_string())
}

/// Digits; a number that was exported with decimals has none but zeros.
fn whole(text: &str) -> Option<&str> {
    let text = text.trim();
    let digits = text.strip_suffix(".0").or_else(|| text.strip_suffix(",0")).unwrap_or(text);
    (!digits.is_empty() && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(mcc: &str, text: &str, is_number: bool) -> String {
        match mncs(mcc, text, is_number) {
            Err(refused) => refused,
            Ok(codes) => {
                let told =
                    codes.iter().map(|one| format!("{}{}", one.code, if one.is_repaired { "!" } else { "" }));
                told.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn lost_zeros_are_put_back_where_only_one_code_can_be_meant() {
        for (mcc, text, is_number, expected) in [
            ("262", "1", true, "01!"),
            ("262", "01", false, "01"),
            ("262", "7.0", false, "07!"),
            ("262", "7,0", false, "07!"),
            ("310", "26,0", false, "026!"),
            ("208", "01,0", false, "01 00!"),
            ("208", "7, 0", false, "07! 00!"),
            ("310", "0", false, "000!"),
            ("310", "26", true, "026!"),
            ("310", "4", false, "004!"),
            ("310", "410", true, "410"),
            ("405", "01", false, "01"),
            ("208", "01,02, 10", false, "01 02 10"),
            ("208", "1/2", false, "01! 02!"),
            ("208", "All", false, ""),
            ("208", " ", false, ""),
        ] {
            assert_eq!(networks(mcc, text, is_number), expected, "{mcc} {text}");
        }
        for (mcc, text, is_number, expected) in [
            ("405", "1", false, "two digits or of three"),
            ("405", "25", true, "two digits or of three"),
            ("405", "25.0", false, "two digits or of three"),
            ("310", "02", false, "is it 002 or 020?"),
            ("310", "410,02", false, "is it 002 or 020?"),
            ("262", "0001", false, "not an MNC"),
            ("262", "a", false, "not an MNC"),
        ] {
            assert!(networks(mcc, text, is_number).contains(expected), "{mcc} {text}");
        }
    }

    #[test]
    fn both_codes_in_one_are_taken_apart() {
        let told = |text: &str| match operator(text) {
            Err(refused) => refused,
            Ok((mcc, None)) => mcc,
            Ok((mcc, Some(mnc))) => format!("{mcc}-{}", mnc.code),
        };
        for (text, expected) in [
            ("26201", "262-01"),
            ("262-01", "262-01"),
            ("262 1", "262-01"),
            ("310260", "310-260"),
            ("310-26", "310-026"),
            ("262", "262"),
            ("262-*", "262"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
        assert!(told("31026").contains("310-026 or 310-260"));
        assert!(told("2621").contains("one digit behind 262") && told("310-02").contains("002 or 020"));
        for text in ["", "26", "2620123", "DE", "26-01", "２６２01", "ä"] {
            assert!(operator(text).is_err(), "{text}");
        }
        assert_eq!(
            (mcc("1").unwrap().code, mcc("262.0").unwrap().code),
            ("001".to_owned(), "262".to_owned())
        );
        assert!(mcc("62").is_err() && mcc("").is_err());
    }
}
