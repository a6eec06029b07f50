//! In what a list has its prices, and for what: by the words of its cells and of the heading above its prices.

use routing::settings::Per;

use crate::read::Terms;

/// What the heading above the prices says that the card is not.
pub(crate) fn of_heading(heading: &str, terms: &Terms) -> Vec<String> {
    let mut wrong = Vec::new();
    let other = currencies(heading).into_iter().find(|found| *found != terms.currency.as_str());
    if let Some(found) = other {
        wrong.push(format!("is in {found}, and the card is in {}", terms.currency));
    }
    let lower = heading.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    if lower.contains('¢') || has(&["cent", "cents", "ct", "cts", "eurocent", "eurocents", "pence"]) {
        wrong.push(format!("is in hundredths, and the card is in whole {}", terms.currency));
    }
    // SMS alone may say no more than what the list is about.
    let is_per_sms = lower.contains("/sms")
        || words.windows(2).any(|pair| ["per", "je", "pro"].contains(&pair[0]) && pair[1] == "sms");
    let per = if has(&["segment", "segments", "part", "parts"]) || is_per_sms {
        Some(Per::Segment)
    } else if has(&["message", "messages", "msg"]) {
        Some(Per::Message)
    } else {
        None
    };
    wrong.extend(per.and_then(|per| per_differs(per, terms)));
    wrong
}

/// What the cell of a row says of its currency that the card is not.
pub(crate) fn currency_differs(text: &str, terms: &Terms) -> Option<String> {
    let currency = text.to_uppercase();
    let meant = match &*currency {
        "€" | "EURO" => "EUR",
        "$" | "US$" => "USD",
        "£" => "GBP",
        other => other,
    };
    let differs = !meant.is_empty() && meant != terms.currency.as_str();
    differs.then(|| format!("is in {meant}, and the card is in {}", terms.currency))
}

/// What the cell of a row says that a price is for, where that is not what it is for in the card.
pub(crate) fn unit_differs(text: &str, terms: &Terms) -> Option<String> {
    let text = text.to_lowercase();
    let text = text.strip_prefix("per ").unwrap_or(&text);
    match text {
        "" => None,
        "segment" | "segments" | "sms" | "part" | "sms part" => per_differs(Per::Segment, terms),
        "message" | "messages" | "msg" => per_differs(Per::Message, terms),
        _ => Some(format!("`{text}` is neither segment nor message")),
    }
}

fn per_differs(per: Per, terms: &Terms) -> Option<String> {
    let [found, wanted] = [per, terms.per].map(|per| match per {
        Per::Segment => "segment",
        Per::Message => "message",
    });
    (per != terms.per).then(|| format!("is per {found}, and the card is per {wanted}"))
}

/// ISO 4217 as traded.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
                     BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS \
                     GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW \
                     KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD \
                     NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD \
                     SHP SLE SLL SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED \
                     VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL";
/// Those that are words as well count where nothing else stands in the brackets.
const WORDS: [&str; 4] = ["ALL", "CUP", "TOP", "TRY"];
/// Longer ones first: `US$` ends like `$`.
const SIGNS: [(&str, &str); 24] = [
    ("US$", "USD"),
    ("AU$", "AUD"),
    ("CA$", "CAD"),
    ("HK$", "HKD"),
    ("NZ$", "NZD"),
    ("NT$", "TWD"),
    ("MX$", "MXN"),
    ("A$", "AUD"),
    ("C$", "CAD"),
    ("S$", "SGD"),
    ("R$", "BRL"),
    ("$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("₺", "TRY"),
    ("₽", "RUB"),
    ("₦", "NGN"),
    ("₩", "KRW"),
    ("₴", "UAH"),
    ("₫", "VND"),
    ("₱", "PHP"),
    ("₪", "ILS"),
];
const NAMES: [(&str, &str); 6] = [
    ("EURO", "EUR"),
    ("EUROS", "EUR"),
    ("DOLLAR", "USD"),
    ("DOLLARS", "USD"),
    ("POUND", "GBP"),
    ("POUNDS", "GBP"),
];

fn currencies(heading: &str) -> Vec<&'static str> {
    let upper = heading.to_uppercase();
    let mut found = Vec::new();
    for token in
        upper.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '/' | '_' | ','))
    {
        let mut rest = token;
        for (sign, code) in SIGNS {
            // Of letters and a sign, as in `US$`, the letters stand by themselves: `FEES$` is in dollars.
            let is_whole = sign.len() > 1 && sign.starts_with(|c: char| c.is_ascii_alphabetic());
            if if is_whole { rest == sign } else { rest.contains(sign) } {
                found.push(code);
                rest = "";
            }
        }
    }
    let mut before = None;
    for (word, after) in words(&upper) {
        let code = CODES.split_whitespace().find(|code| *code == word);
        let is_bracketed = matches!(before, Some('(' | '[')) && matches!(after, Some(')' | ']'));
        found.extend(code.filter(|code| is_bracketed || !WORDS.contains(code)));
        found.extend(NAMES.iter().find(|(name, _)| *name == word).map(|(_, code)| *code));
        before = after;
    }
    found
}

/// Each run of letters, also an empty one, and the sign behind it.
fn words(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    text.split_inclusive(|c: char| !c.is_alphabetic()).map(|piece| {
        let after = piece.chars().next_back().filter(|c| !c.is_alphabetic());
        (piece.trim_end_matches(|c: char| !c.is_alphabetic()), after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_says_in_what_and_for_what_its_prices_are() {
        let told = |heading: &str, currency: &str, per: Per| {
            let terms = Terms { currency: currency.parse().unwrap(), per, effective_from: None };
            of_heading(heading, &terms).join("; ")
        };
        for (heading, found) in [
            ("Rate (USD)", "USD"),
            ("price_usd", "USD"),
            ("Price in US$", "USD"),
            ("Price $", "USD"),
            ("Price(£)", "GBP"),
            ("Rate A$/SMS", "AUD"),
            ("New price [CHF]", "CHF"),
            ("Rate (ALL)", "ALL"),
            ("Price EUR (USD)", "USD"),
            ("Price, dollars", "USD"),
        ] {
            assert_eq!(told(heading, "EUR", Per::Segment), format!("is in {found}, and the card is in EUR"));
        }
        for heading in [
            "Price",
            "Rate (EUR)",
            "Price €",
            "New Price EUR",
            "Price for all networks",
            "PRICE ALL",
            "Rates",
        ] {
            assert_eq!(told(heading, "EUR", Per::Segment), "", "{heading}");
            assert_eq!(told(heading, "EUR", Per::Message), "", "{heading}");
        }
        assert_eq!(told("Rate (US$)", "USD", Per::Segment), "");
        assert!(told("Price (EUR cent)", "EUR", Per::Segment).contains("hundredths"));
        for heading in ["Price per message", "Price/msg", "Rate (messages)"] {
            let expected = "is per message, and the card is per segment";
            assert_eq!(told(heading, "EUR", Per::Segment), expected, "{heading}");
            assert_eq!(told(heading, "EUR", Per::Message), "", "{heading}");
        }
        for heading in
            ["Price per SMS", "Preis je SMS", "Rate/SMS", "Price per message part", "Price per segment"]
        {
            let expected = "is per segment, and the card is per message";
            assert_eq!(told(heading, "EUR", Per::Message), expected, "{heading}");
            assert_eq!(told(heading, "EUR", Per::Segment), "", "{heading}");
        }
    }
}
