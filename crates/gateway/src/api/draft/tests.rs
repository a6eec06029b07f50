//! Which bodies make a message, and how those that do not are told why.

use super::*;

fn read(body: &str) -> Result<pipeline::Request, Vec<(String, String, Option<Code>)>> {
    let app = AppId::new("shop").unwrap();
    let terms = Terms { app: &app, default_country: None, private: address::Private::Refused };
    let mut fields = Fields::of_body(body).unwrap();
    request(&mut fields, terms).ok_or_else(|| {
        let errors = fields.into_errors().into_iter();
        errors.map(|error| (error.pointer, error.detail, error.code)).collect()
    })
}

fn refusal(field: &str) -> String {
    let body = format!(r#"{{"to":"+4915112345678","text":"hi",{field}}}"#);
    let errors = read(&body).expect_err(&body);
    errors.iter().map(|(pointer, detail, _)| format!("{pointer} {detail}")).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_field_is_understood() {
    let request = read(
        r##"{"to":"+49 151 12345678","from":"SHOP","channel":"sms","class":"otp","text":"Code: 1\n2",
            "validity":"PT10M","send_at":"2026-03-01T08:00:00+01:00","metadata":{"order": 7},"reference":"o-7",
            "max_price":{"amount":"0.10","currency":"EUR"},"callback_url":"https://hooks.example.com/x"}"##,
    )
    .unwrap();
    assert_eq!(request.to, "+49 151 12345678");
    assert_eq!(request.from, Some(Sender::Alphanumeric("SHOP".into())));
    assert_eq!(request.class, Some(Class::Otp));
    assert_eq!(request.text, "Code: 1\n2");
    assert_eq!(request.validity, Some(Duration::from_secs(600)));
    assert_eq!(request.send_at.unwrap().to_string(), "2026-03-01T07:00:00.000Z");
    assert_eq!(request.metadata.as_deref(), Some(r#"{"order": 7}"#));
    assert_eq!(request.reference.as_deref(), Some("o-7"));
    assert_eq!(request.max_price.unwrap().to_string(), "0.10 EUR");
    assert_eq!(request.callback_url.as_deref(), Some("https://hooks.example.com/x"));
}

#[test]
fn some_fields_have_two_forms() {
    let with = |field: &str| read(&format!(r#"{{"to":"+4915112345678","text":"hi",{field}}}"#)).unwrap();
    assert_eq!(with(r#""validity":90"#).validity, Some(Duration::from_secs(90)));
    assert_eq!(with(r#""validity":"10m""#).validity, Some(Duration::from_secs(600)));
    assert_eq!(with(r#""max_price":"0.10 EUR""#).max_price.unwrap().to_string(), "0.10 EUR");
    assert_eq!(with(r#""channels":["sms"]"#).channel, Channel::Sms);
    assert_eq!(with(r#""class":null"#).class, None);
}

#[test]
fn what_cannot_be_used_is_told_field_by_field() {
    let told = [
        (r#""from":"way too long sender""#, "#/from `way too long sender` is not a sender"),
        (r#""class":"promo""#, "#/class `promo` is not a class"),
        (r#""validity":-1"#, "#/validity `-1` is not a duration"),
        (r#""validity":"soon""#, "#/validity `soon` is not a duration"),
        (r#""validity":[]"#, "#/validity `[]` is not a duration"),
        (r#""send_at":"tomorrow""#, "#/send_at not an instant"),
        (r#""max_price":0.1"#, "#/max_price expected {\"amount\""),
        (r#""max_price":{"amount":0.1,"currency":"EUR"}"#, "#/max_price invalid type"),
        (r#""max_price":"0.1 euros""#, "#/max_price `euros` is not a currency"),
        (r#""reference":"""#, "#/reference is not usable"),
        (r#""metadata":[]"#, "#/metadata expected an object, found a list"),
        (r#""metadata":{"a":1,"a":2}"#, "#/metadata cannot be kept: a key is given twice"),
        (r#""callback_url":"ftp://example.com/""#, "#/callback_url"),
        (r#""callback_url":"http://127.0.0.1/""#, "#/callback_url"),
        (r#""channel":"rcs""#, "#/channel the channel rcs is not served yet"),
        (r#""channel":"sms","channels":["sms"]"#, "#/channels is given beside `channel`"),
        (r#""channels":[]"#, "#/channels holds 0 channels"),
        (r#""channels":["sms","email"]"#, "#/channels the channel email is not served yet"),
        (r#""content":{"template":{"name":"x"}}"#, "#/content is not served yet, templates come with"),
        (r#""clas":"otp""#, "#/clas is not a field of this request: did you mean `class`?"),
    ];
    for (field, told) in told {
        let refusal = refusal(field);
        assert!(refusal.starts_with(told), "{field}: {refusal}");
    }
    let large = format!(r#""metadata":{{"a":"{}"}}"#, "x".repeat(5000));
    assert!(refusal(&large).starts_with("#/metadata takes 5008 bytes"));
    let keys: Vec<String> = (0..51).map(|key| format!("\"{key}\":0")).collect();
    assert!(refusal(&format!(r#""metadata":{{{}}}"#, keys.join(","))).starts_with("#/metadata has 51 keys"));
    assert!(refusal(&format!(r#""reference":"{}""#, "r".repeat(129))).starts_with("#/reference"));
}

#[test]
fn one_mistake_never_hides_another() {
    let errors = read(r#"{"to":"hello","text":"","class":"x","extra":1}"#).unwrap_err();
    let pointers: Vec<&str> = errors.iter().map(|(pointer, ..)| pointer.as_str()).collect();
    assert_eq!(pointers, ["#/class", "#/extra", "#/to", "#/text"]);
    let nothing = read("{}").unwrap_err();
    let pointers: Vec<&str> = nothing.iter().map(|(pointer, ..)| pointer.as_str()).collect();
    assert_eq!(pointers, ["#/to", "#/text"]);
}
