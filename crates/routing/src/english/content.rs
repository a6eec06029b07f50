//! What a route makes of texts, in plain English.

use super::any_of;
use crate::settings::{Content, RewriteText, Route};

/// One sentence for each entry of `content_by`, and one for `content`; none where a route says nothing of texts.
#[must_use]
pub fn english_of_content(route: &Route) -> Vec<String> {
    let mut sentences = Vec::new();
    for entry in &route.content_by {
        let asked = [
            entry.classes.as_ref().map(|all| format!(" of class {}", any_of(all))),
            entry.countries.as_ref().map(|all| format!(" to {}", any_of(all))),
            entry.operators.as_ref().map(|all| format!(" to operator {}", any_of(all))),
        ];
        let asked: String = asked.into_iter().flatten().collect();
        let content = entry.content();
        let does = if content == Content::default() { "is sent as it is".to_owned() } else { does(&content) };
        sentences.push(format!("By {} a text{asked} {does}.", route.id));
    }
    if route.content != Content::default() {
        let other = if route.content_by.is_empty() { "a text" } else { "any other text" };
        sentences.push(format!("By {} {other} {}.", route.id, does(&route.content)));
    }
    sentences
}

fn does(content: &Content) -> String {
    let Content { rewrite, prefix, suffix, transliterate, encodings, must_match, max_segments } = content;
    let mut does: Vec<String> = rewrite.iter().map(rewriting).collect();
    does.extend(prefix.as_ref().map(|prefix| format!("gets {prefix:?} before it")));
    does.extend(suffix.as_ref().map(|suffix| format!("gets {suffix:?} behind it")));
    does.extend(transliterate.map(|_| "is written in gsm7 where it can be".to_owned()));
    let mut only = Vec::new();
    if let Some(encodings) = encodings {
        let names: Vec<_> = encodings.iter().map(|encoding| encoding.as_str()).collect();
        only.push(format!("it is {}", any_of(&names)));
    }
    only.extend(max_segments.map(|most| format!("it takes at most {most} segments")));
    only.extend(must_match.as_ref().map(|pattern| format!("the pattern {pattern} fits it")));
    if does.is_empty() {
        does.push("is sent as it is".to_owned());
    }
    let does = does.join(", ");
    if only.is_empty() { does } else { format!("{does}, and is sent only when {}", only.join(" and ")) }
}

fn rewriting(entry: &RewriteText) -> String {
    let RewriteText { from, pattern, to } = entry;
    let found = match (from, pattern) {
        (Some(from), _) => format!("{from:?}"),
        (None, pattern) => format!("what the pattern {} fits", pattern.as_deref().unwrap_or_default()),
    };
    if to.is_empty() { format!("loses {found}") } else { format!("has {found} replaced by {to:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::canonical::parse;

    #[test]
    fn what_a_route_does_to_texts_reads_as_sentences() {
        let route = r#"
            [[routes]]
            id = "acme-in"
            connection = "acme"
            content = { prefix = "[Acme] ", rewrite = [{ from = "💥", to = "" }, { pattern = "bit\\.ly/", to = "a.in/" }] }
            [[routes.content_by]]
            classes = ["marketing"]
            countries = ["IN", "CN"]
            suffix = " STOP"
            transliterate = "gsm7"
            encodings = ["gsm7"]
            max_segments = 2
            must_match = "STOP$"
            [[routes.content_by]]
            operators = ["404-10"]
        "#;
        assert_eq!(
            english_of_content(&parse(route).unwrap().routes[0]),
            [
                "By acme-in a text of class marketing to IN or CN gets \" STOP\" behind it, is written in gsm7 where it can be, and is sent only when it is gsm7 and it takes at most 2 segments and the pattern STOP$ fits it.",
                "By acme-in a text to operator 404-10 is sent as it is.",
                "By acme-in any other text loses \"💥\", has what the pattern bit\\.ly/ fits replaced by \"a.in/\", gets \"[Acme] \" before it.",
            ]
        );
        let plain = parse("[[routes]]\nid = \"a\"\nconnection = \"b\"\n").unwrap();
        assert_eq!(english_of_content(&plain.routes[0]), [""; 0]);
    }
}
