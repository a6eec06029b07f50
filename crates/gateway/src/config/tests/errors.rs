//! The error maps of vendors.

use connectors::smpp::errors::Map;
use domain::{ErrorClass, Stage};

use super::*;

const VENDOR: &str = r#"
[[apps]]
id = "shop"
api_keys = ["the-key-of-the-shop-in-a-test"]
[[vendors]]
id = "acme"
errors_like = ["vonage", "gsm"]
[[vendors.errors]]
stage = "submit"
code = "0x0400-0x04FF"
class = "opt_out"
meaning = "on its block list"
[[vendors.errors]]
stage = "receipt"
code = "REJECTD*"
class = "permanent_content"
[[vendors]]
id = "borealis"
"#;

#[test]
fn a_vendor_has_its_entries_over_the_tables_that_it_names() {
    let (config, _) = Files::new(&[("strowger.toml", VENDOR)]).load().unwrap();
    let [acme, borealis] = &config.vendors[..] else { panic!() };
    let class = |map: &Map, stage, code| map.find(stage, code).map(|(table, entry)| (table, entry.class));
    for (stage, code, source, expected) in [
        (Stage::Submit, "0x00000412", None, ErrorClass::OptOut),
        (Stage::Receipt, "REJECTD err:006", None, ErrorClass::PermanentContent),
        (Stage::Receipt, "UNDELIV err:006", Some("vonage"), ErrorClass::PermanentContent),
        (Stage::Receipt, "UNDELIV err:027", Some("gsm"), ErrorClass::Retry),
        (Stage::Submit, "ESME_RTHROTTLED", Some("standard"), ErrorClass::Throttle),
    ] {
        assert_eq!(class(&acme.errors, stage, code), Some((source, expected)), "{code}");
    }
    assert_eq!(class(&borealis.errors, Stage::Submit, "0x00000412"), None);
    let listed = acme.errors.entries().next().unwrap().1;
    assert_eq!((&*listed.written, &*listed.meaning), ("0x0400-0x04FF", "on its block list"));
}

#[test]
fn every_bad_entry_is_told_at_once_with_its_place() {
    let text = VENDOR
        .replace(
            r#"errors_like = ["vonage", "gsm"]"#,
            r#"errors_like = ["vonnage", "standard", "gsm", "gsm"]"#,
        )
        .replace("0x0400-0x04FF", "0x04FF-0x0400")
        .replace(r#"class = "permanent_content""#, r#"class = "throttle""#)
        + r#"
[[vendors.errors]]
stage = "answer"
code = "0x0400"
class = "final"
[[vendors.errors]]
stage = "submit"
code = "ESME_RSYSERR"
class = "retry"
[[vendors.errors]]
stage = "submit"
code = "0x08"
class = "fail_over"
clas = "fail_over"
[[vendors.errors]]
stage = "receipt"
code = "DELIVRD"
class = "fraud"
"#;
    let told = problems(&text);
    let expected = [
        "strowger.toml:7: vendors[0].errors_like[0]: `vonnage` is not a shipped table: expected one of gsm, vonage, \
         twilio, infobip, 8x8, hollatags",
        "strowger.toml:7: vendors[0].errors_like[1]: `standard` holds for every vendor, below all others",
        "strowger.toml:7: vendors[0].errors_like[3]: the table `gsm` is given already",
        "strowger.toml:10: vendors[0].errors[0].code: the range `0x04FF-0x0400` ends before it begins",
        "strowger.toml:16: vendors[0].errors[1].class: `throttle` slows a bind down, which only the answer to a submit \
         can ask for",
        "strowger.toml:21: vendors[1].errors[0].stage: `answer` is not a stage: expected submit or receipt",
        "strowger.toml:23: vendors[1].errors[0].class: `final` is not a class of errors: expected one of throttle, \
         pause, retry, fail_over, unknown_outcome, sender, permanent_number, permanent_content, fraud, opt_out",
        "strowger.toml:30: vendors[1].errors[2].code: never looked at: errors[1] takes all of `0x08`",
        "strowger.toml:32: vendors[1].errors[2].clas: unknown key: did you mean `class`?",
        "strowger.toml:35: vendors[1].errors[3].code: `DELIVRD` says that it was delivered, which is no error",
    ];
    assert_eq!(told, expected);
}
