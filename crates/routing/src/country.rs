//! Countries as people write them into settings.

use domain::Country;

/// Letters that are in use and are not the code of ISO 3166: a rule or price under them would never match.
const ALIASES: &[(&str, &str)] = &[("UK", "GB"), ("EL", "GR")];

pub(crate) fn read(text: &str) -> Result<Country, String> {
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
    }
}
