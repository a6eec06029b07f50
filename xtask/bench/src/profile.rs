//! The fixed profile: which messages are sent, and against which configuration.
//!
//! Everything follows from a message's number, so that every run sends the same. A tag in the text tells the vendor
//! which message it has, and the reference tells the sink.

mod configuration;

pub(crate) use configuration::{Configuration, Connection, HOOK_PATH, Policy};

pub(crate) const APPS: usize = 3;

/// One of each two keys of each app is used by turns.
pub(crate) const KEYS: [[&str; 2]; APPS] = [
    ["bench-shop-key-0001", "bench-shop-key-0002"],
    ["bench-bank-key-0001", "bench-bank-key-0002"],
    ["bench-club-key-0001", "bench-club-key-0002"],
];
pub(crate) const ADMIN_KEY: &str = "bench-admin-key-0001";

pub(crate) const APP_NAMES: [&str; APPS] = ["shop", "bank", "club"];

/// Country, and the first digits of the numbers used there; seven follow.
pub(crate) const COUNTRIES: [(&str, &str); 4] =
    [("DE", "+491511"), ("GB", "+44770"), ("FR", "+3361"), ("ES", "+3461")];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Otp,
    Transactional,
    Marketing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) number: u32,
    pub(crate) app: u8,
    pub(crate) class: Class,
    pub(crate) country: u8,
    pub(crate) two_parts: bool,
    /// The first vendor refuses it.
    pub(crate) fails_over: bool,
}

impl Class {
    pub(crate) const ALL: [Self; 3] = [Self::Otp, Self::Transactional, Self::Marketing];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Transactional => "transactional",
            Self::Marketing => "marketing",
        }
    }
}

/// The message of this number in the usual mix: a tenth in two parts, a twentieth refused by its first vendor, a fifth
/// otp, half transactional, the rest marketing.
pub(crate) fn message(number: u32) -> Message {
    let class = match number / 3 % 10 {
        0 | 1 => Class::Otp,
        2..=6 => Class::Transactional,
        _ => Class::Marketing,
    };
    Message {
        number,
        app: (number % 3) as u8,
        class,
        country: (number / 7 % 4) as u8,
        two_parts: number % 10 == 3,
        fails_over: number % 20 == 7,
    }
}

/// A message of one part that no vendor refuses.
pub(crate) fn plain(number: u32, app: u8, class: Class) -> Message {
    Message { app, class, two_parts: false, fails_over: false, ..message(number) }
}

impl Message {
    pub(crate) fn parts(&self) -> u8 {
        if self.two_parts { 2 } else { 1 }
    }

    pub(crate) fn key(&self) -> &'static str {
        let keys = KEYS.get(usize::from(self.app)).unwrap_or(&KEYS[0]);
        if self.number.is_multiple_of(2) { keys[0] } else { keys[1] }
    }

    pub(crate) fn to(&self) -> String {
        let (_, prefix) = COUNTRIES.get(usize::from(self.country)).unwrap_or(&COUNTRIES[0]);
        format!("{prefix}{:07}", self.number % 10_000_000)
    }

    pub(crate) fn text(&self) -> String {
        let number = self.number;
        if self.two_parts {
            format!("#{number:08} {FIRST_PART}#{number:08} {SECOND_PART}")
        } else {
            format!("#{number:08} {TEXT}")
        }
    }

    /// Appends the JSON that asks for it.
    pub(crate) fn write(&self, out: &mut String) {
        let (to, class, number, text) = (self.to(), self.class.as_str(), self.number, self.text());
        out.push_str(&format!(
            r#"{{"to":"{to}","class":"{class}","reference":"{number:08}","text":"{text}"}}"#
        ));
    }
}

/// Which message a submission is of: both parts of a text begin with its tag.
pub(crate) fn tagged(text: &[u8]) -> Option<u32> {
    crate::http::leading_number(text.strip_prefix(b"#")?)
}

const TEXT: &str = "your parcel is on its way and will be with you tomorrow between nine and noon.";
/// With the tag and a space in front it fills the 153 septets of a first part.
const FIRST_PART: &str = "your parcel is on its way and will be with you tomorrow between nine and noon; the driver \
                          rings twice, and leaves it with a neighbour if nobody";
const SECOND_PART: &str = "comes to the door. Answer STOP if you no longer want to hear of it.";

#[cfg(test)]
mod tests {
    use super::*;

    fn json(message: &Message) -> serde_json::Value {
        let mut text = String::new();
        message.write(&mut text);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn each_part_of_a_text_begins_with_its_tag() {
        let long = json(&message(1_000_003));
        let text = long["text"].as_str().unwrap();
        assert_eq!(tagged(text.as_bytes()), Some(1_000_003));
        assert_eq!(tagged(&text.as_bytes()[153..]), Some(1_000_003));
        assert!(text.len() > 160 && text.len() <= 306);
        let short = json(&message(1));
        assert_eq!(tagged(short["text"].as_str().unwrap().as_bytes()), Some(1));
        assert!(short["text"].as_str().unwrap().len() <= 160);
    }

    #[test]
    fn a_tenth_is_in_two_parts_and_a_twentieth_fails_over() {
        let messages: Vec<Message> = (0..1000).map(message).collect();
        let count = |is: fn(&Message) -> bool| messages.iter().filter(|message| is(message)).count();
        assert_eq!(count(|message| message.two_parts), 100);
        assert_eq!(count(|message| message.fails_over), 50);
        assert_eq!(count(|message| message.two_parts && message.fails_over), 0);
    }
}
