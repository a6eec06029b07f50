//! What is read from an object, and how each mistake is told.

use super::*;

fn fields(text: &str) -> Fields<'_> {
    Fields::of_body(text).unwrap()
}

#[test]
fn strings_are_borrowed_unless_something_is_escaped() {
    let mut fields = fields(r#"{"plain":"Grüße","escaped":"a\nb\u00e4"}"#);
    assert!(matches!(fields.text("plain"), Some(Cow::Borrowed("Grüße"))));
    assert_eq!(fields.text("escaped").unwrap(), "a\nbä");
}

#[test]
fn every_mistake_is_collected() {
    let mut fields = fields(r#"{"to":1,"to":2,"text":"\ud800","flag":"yes","txet":"x","a/b":0,"none":null}"#);
    assert_eq!(fields.text("to"), None);
    assert_eq!(fields.text("text"), None);
    assert_eq!(fields.boolean("flag"), None);
    assert_eq!(fields.text("none"), None);
    assert_eq!(fields.text("absent"), None);
    fields.refuse_others(&["to", "text", "flag"]);
    let told: Vec<_> =
        fields.into_errors().into_iter().map(|error| format!("{} {}", error.pointer, error.detail)).collect();
    assert_eq!(
        told,
        [
            "#/to is given twice",
            "#/to expected a string, found a number",
            "#/text holds an escape that stands for no character",
            "#/flag expected true or false, found a string",
            "#/txet is not a field of this request: did you mean `text`?",
            "#/a~1b is not a field of this request",
        ]
    );
}

#[test]
fn a_body_that_is_not_json_is_told_by_line_and_column() {
    for text in ["", "{", "{\"to\":}", "{} x", "{\"to\": 1,}", "nonsense"] {
        let problem = Fields::of_body(text).err().unwrap();
        assert_eq!(problem.code(), Code::MalformedJson, "{text}");
        assert!(format!("{problem:?}").contains("line 1 column"), "{problem:?}");
    }
    for text in ["[]", "1", "\"to\"", "null", "true"] {
        assert_eq!(Fields::of_body(text).err().unwrap().code(), Code::InvalidRequest, "{text}");
    }
}

#[test]
fn a_body_nested_too_deeply_is_refused_whatever_else_it_is() {
    let problem = Fields::of_body(&"[".repeat(100_000)).err().unwrap();
    assert_eq!(problem.code(), Code::MalformedJson);
    let text = format!("{{\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let mut fields = fields(&text);
    fields.refuse_others(&[]);
    assert_eq!(fields.into_problem(&text).code(), Code::MalformedJson);
}

#[test]
fn an_object_is_checked_to_its_leaves() {
    assert_eq!(check_object(r#"{"a":1,"b":{"c":[null,true,1.5,-3,"x"]}}"#), Ok(2));
    for text in [r#"{"a":1,"a":2}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#] {
        assert!(check_object(text).is_err(), "{text}");
    }
    let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    assert!(check_object(&deep).is_err());
}

#[test]
fn no_more_elements_are_kept_than_asked_for() {
    assert_eq!(elements("[1, {\"a\":2} ,\"x\"]", 10).unwrap(), ["1", "{\"a\":2}", "\"x\""]);
    let many = format!("[{}1]", "1,".repeat(5000));
    assert_eq!(elements(&many, 10).unwrap().len(), 11);
    assert_eq!(elements("{}", 10), None);
}
