//! Which codes an entry is for.

use std::ops::RangeInclusive;

use domain::Stage;
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Status(RangeInclusive<u32>),
    /// Folded; `*` stands for any signs, also for none.
    Pattern(Box<str>),
}

/// What is looked up.
pub(super) enum Looked {
    Status(u32),
    /// Folded; `is_open` where the vendor may say more.
    Word {
        folded: String,
        is_open: bool,
    },
}

/// Longer ones no trace shows.
const LONGEST_PATTERN: usize = 100;
const EVERY: RangeInclusive<u32> = 1..=u32::MAX;

impl Looked {
    /// A code as traces show it; None where it is none of that stage.
    pub(super) fn of(stage: Stage, code: &str) -> Option<Self> {
        match stage {
            Stage::Submit => status(code.trim()).map(Self::Status),
            Stage::Receipt => Some(Self::word(code.trim())),
        }
    }

    /// What a receipt says, its state first.
    pub(super) fn word(word: &str) -> Self {
        let state = word.split(' ').next().and_then(MessageState::from_word);
        let is_last = match state {
            Some(
                MessageState::Undeliverable
                | MessageState::Rejected
                | MessageState::Deleted
                | MessageState::Expired,
            ) => true,
            Some(
                MessageState::Scheduled
                | MessageState::Enroute
                | MessageState::Delivered
                | MessageState::Accepted
                | MessageState::Unknown
                | MessageState::Skipped
                | MessageState::Other(_),
            )
            | None => false,
        };
        Self::Word { folded: folded(word), is_open: !is_last }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Word { is_open: true, .. })
    }
}

impl Code {
    /// # Errors
    /// Says what would be a code of that stage.
    pub(super) fn read(stage: Stage, text: &str) -> Result<Self, String> {
        let text = text.trim();
        match stage {
            Stage::Submit => statuses(text).map(Self::Status),
            Stage::Receipt => pattern(text).map(Self::Pattern),
        }
    }

    pub(super) fn fits(&self, looked_up: &Looked) -> bool {
        match (self, looked_up) {
            (Self::Status(range), Looked::Status(status)) => range.contains(status),
            (Self::Pattern(pattern), Looked::Word { folded, .. }) => fits(pattern, folded),
            (Self::Status(_), Looked::Word { .. }) | (Self::Pattern(_), Looked::Status(_)) => false,
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Status(wide), Self::Status(narrow)) => {
                wide.start() <= narrow.start() && narrow.end() <= wide.end()
            }
            // A `*` of the other is taken for by no sign but a `*`.
            (Self::Pattern(wide), Self::Pattern(narrow)) => fits(wide, narrow),
            (Self::Status(_), Self::Pattern(_)) | (Self::Pattern(_), Self::Status(_)) => false,
        }
    }
}

fn statuses(text: &str) -> Result<RangeInclusive<u32>, String> {
    if text == "*" {
        return Ok(EVERY);
    }
    let range = match status(text) {
        Some(one) => Some(one..=one),
        None => text.split_once('-').and_then(|(from, to)| Some(status(from)?..=status(to)?)),
    };
    let Some(range) = range else {
        return Err(format!(
            "`{text}` is not a command_status: expected a name such as ESME_RX_P_APPN, a number such as 0x0412 or 1042, \
             a range such as 0x0400-0x04FF, or *"
        ));
    };
    if range.is_empty() {
        return Err(format!("the range `{text}` ends before it begins"));
    }
    if range.contains(&0) {
        return Err(format!("`{text}` has the status 0 in it, which is no error"));
    }
    Ok(range)
}

/// By its name or its number, or as traces show it: `ESME_RSYSERR (0x00000008)`.
fn status(text: &str) -> Option<u32> {
    let text = text.strip_prefix("generic_nack ").unwrap_or(text);
    let text = match text.split_once(" (") {
        Some((_, number)) => number.strip_suffix(')')?,
        None => text,
    };
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(hex, 16).ok();
    }
    text.parse().ok().or_else(|| CommandStatus::from_name(text).map(|status| status.0))
}

fn pattern(text: &str) -> Result<Box<str>, String> {
    if text.is_empty() || text.len() > LONGEST_PATTERN || text.chars().any(char::is_control) {
        return Err(format!(
            "expected what a receipt says, such as `UNDELIV err:001`, `REJECTD*` or `*err:6`, in {LONGEST_PATTERN} octets \
             at most"
        ));
    }
    let state = text.split([' ', '*']).next().and_then(MessageState::from_word);
    if state == Some(MessageState::Delivered) {
        return Err(format!("`{text}` says that it was delivered, which is no error"));
    }
    let folded = folded(text);
    let number =
        folded.rsplit_once("ERR:").and_then(|(_, after)| after.split_once('*')).map(|(before, _)| before);
    if number
        .is_some_and(|number| number.starts_with('0') && number.bytes().all(|octet| octet.is_ascii_digit()))
    {
        return Err(format!(
            "`{text}` is never met: error codes are compared without the zeros before them; leave those out, or write the \
             whole code"
        ));
    }
    Ok(folded.into())
}

/// In capital letters, and a number of an error code without the zeros before it.
pub(super) fn folded(text: &str) -> String {
    let text = text.to_ascii_uppercase();
    let Some(place) = text.rfind("ERR:") else { return text };
    let (before, number) = text.split_at(place + "ERR:".len());
    let is_number = !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit());
    if !is_number {
        return text;
    }
    let number = number.trim_start_matches('0');
    format!("{before}{}", if number.is_empty() { "0" } else { number })
}

/// `*` stands for any signs, also for none.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}
