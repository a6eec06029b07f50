//! Countries as people write them into settings.

use domain::Country;

/// Letters that are in use and are not the code of ISO 3166: a rule or price under them would never match.
const ALIASES: &[(&str, &str)] = &[("UK", "GB"), ("EL", "GR")];

/// The officially assigned codes of ISO 3166-1 (2024).
const ASSIGNED: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";
/// Codes that the numbering plan has beside them: Ascension, Tristan da Cunha, Kosovo.
const OTHERS: &[&str] = &["AC", "TA", "XK"];

/// A country that there is.
///
/// # Errors
/// What is wrong with the code, and which one may be meant.
pub fn read(text: &str) -> Result<Country, String> {
    let country = spelled(text)?;
    let is_known = ASSIGNED.split(' ').chain(OTHERS.iter().copied()).any(|code| code == text);
    if is_known { Ok(country) } else { Err(format!("`{text}` is not a country code of ISO 3166")) }
}

/// As `read`, and a code that nobody has is let pass: price lists have some, and a price under one harms nobody.
pub(crate) fn spelled(text: &str) -> Result<Country, String> {
    let upper = text.to_ascii_uppercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == upper).map(|(_, code)| *code);
    let meant = alias.unwrap_or(&upper);
    match (text.parse::<Country>(), meant.parse::<Country>()) {
        (Ok(country), _) if alias.is_none() => Ok(country),
        (_, Ok(meant)) => Err(format!("`{text}` is not a country code of ISO 3166: did you mean `{meant}`?")),
        (_, Err(_)) => Err(format!("`{text}` is not a country: expected two capital letters, such as DE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_suggested() {
        assert_eq!(read("GB").unwrap().as_str(), "GB");
        for (text, meant) in [("UK", "`GB`"), ("de", "`DE`"), ("el", "`GR`")] {
            assert!(read(text).unwrap_err().contains(meant), "{text}");
        }
        assert!(read("Germany").is_err());
        assert!(read("QQ").unwrap_err().contains("ISO 3166") && spelled("QQ").is_ok());
        assert_eq!(ASSIGNED.split(' ').count(), 249);
        for code in ["AD", "ZW", "XK", "LT"] {
            assert_eq!(read(code).unwrap().as_str(), code);
        }
    }
}
