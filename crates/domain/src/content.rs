//! What of a text routing may go by: said of the text once, because the text itself is dropped before the record is.

use crate::segment::{Encoding, segment};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    pub encoding: Encoding,
    pub has_link: bool,
}

impl Features {
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self { encoding: segment(text).encoding, has_link: has_link(text) }
    }
}

/// Whether a reader's phone would make a link of some of it: an address with http:// or https://, one that begins with
/// www., or the name of a host with a path, such as bit.ly/3xY. A bare name of a host is none, since `today.Please` looks
/// like one.
#[must_use]
pub fn has_link(text: &str) -> bool {
    let is_border = |c: char| c.is_whitespace() || "()[]<>\"'".contains(c);
    text.split(is_border).any(|word| {
        let lower = word.to_ascii_lowercase();
        lower.contains("http://")
            || lower.contains("https://")
            || begins_with_www(&lower)
            || is_host_with_path(&lower)
    })
}

fn begins_with_www(word: &str) -> bool {
    word.strip_prefix("www.").is_some_and(|rest| rest.contains('.'))
}

fn is_host_with_path(word: &str) -> bool {
    let Some((host, path)) = word.split_once('/') else { return false };
    let Some((name, domain)) = host.rsplit_once('.') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_domain = domain.len() >= 2 && domain.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_domain && name.split('.').all(is_label) && path.starts_with(|c: char| c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_told_from_what_looks_like_one() {
        for text in [
            "Track it: https://acme.example/t?id=5",
            "HTTP://ACME.EXAMPLE",
            "see www.acme.example.",
            "(bit.ly/3xY)",
            "go to shop.acme.co.uk/a",
            "code:http://a.b",
        ] {
            assert!(has_link(text), "{text}");
        }
        for text in [
            "",
            "Your code is 482913",
            "today.Please reply yes/no",
            "1.5/2 kg",
            "e.g./i.e. so",
            "and/or",
            "www.",
            "acme.example",
        ] {
            assert!(!has_link(text), "{text}");
        }
    }
}
