//! Delivery receipts: what kind of message a `deliver_sm` is, and what its text says in the dialects that vendors
//! write.
//!
//! SMPP only suggests the text, so everything in it is optional here and a word we do not know judges nothing. What
//! a receipt says may name a subscriber or quote the message: it is not for logs.

use std::borrow::Cow;

use crate::{
    encoding::Charset,
    time::Civil,
    tlv::{MessageState, Tlvs},
};

mod id;
mod kind;
mod scan;
mod state;
mod write;

#[cfg(test)]
mod tests;

pub use id::{IdBase, IdBases};
pub use kind::{Detection, Kind, classify, kind_of, reads_as_receipt};
pub use write::{Text, TextError};

/// What a receipt says, text and TLVs together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// The id that counts: of the `receipted_message_id` TLV, else of the text. An empty id is none.
    pub id: Option<&'a str>,
    /// The id in the text, which may be written in another base than the one in the TLV.
    pub text_id: Option<&'a str>,
    pub sub: Option<u32>,
    pub dlvrd: Option<u32>,
    /// As written: receipts name no zone.
    pub submit_date: Option<Civil>,
    pub done_date: Option<Civil>,
    /// The state that counts: of the `message_state` TLV, else of the word. `None` when nothing we know was said.
    pub state: Option<MessageState>,
    /// The word for the state as written.
    pub stat: Option<&'a str>,
    pub err: Option<&'a str>,
    /// The start of the message, as far as the vendor repeats it.
    pub text: Option<&'a str>,
    /// Pairs that the usual text does not have, in their order.
    pub others: Vec<(&'a str, &'a str)>,
}

impl<'a> Receipt<'a> {
    /// Reads the usual text, `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`.
    ///
    /// Keys count in any case and order, the first of each; what follows `text:` is never searched, since the
    /// sender of the message chose it. `None` when the text does not start with one of the keys: it may still be a
    /// receipt, if TLVs say so, or one in a vendor's own form.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        scan::usual(text)
    }

    /// Reads the comma-separated form that one vendor writes:
    /// `status,status date,accepted date,error,destination,origin,id`.
    ///
    /// Its states are numbers that only the vendor's settings can explain; one that `states` lacks judges nothing.
    #[must_use]
    pub fn parse_comma_separated(text: &'a str, states: &[(&str, MessageState)]) -> Option<Self> {
        scan::comma_separated(text, states)
    }

    /// Puts the TLVs over what the text says, or makes a receipt of them alone. `None` when neither says anything.
    /// An id that is not UTF-8 cannot be one of ours and is left out.
    #[must_use]
    pub fn with_tlvs(text: Option<Self>, tlvs: Tlvs<'a>) -> Option<Self> {
        let id = tlvs.receipted_message_id().and_then(|id| std::str::from_utf8(id).ok()).and_then(filled);
        let state = tlvs.message_state();
        if text.is_none() && id.is_none() && state.is_none() {
            return None;
        }
        let said = text.unwrap_or_default();
        Some(Self { id: id.or(said.id), state: state.or(said.state), ..said })
    }
}

/// Makes text of the octets of a receipt without losing any: UCS-2 where `data_coding` says so, else Latin-1, which
/// agrees with what vendors write whatever they call it.
#[must_use]
pub fn text_of(octets: &[u8], charset: Option<Charset>) -> Cow<'_, str> {
    match (charset, std::str::from_utf8(octets)) {
        (Some(Charset::Ucs2), _) => Cow::Owned(Charset::Ucs2.decode(octets)),
        (_, Ok(ascii)) if ascii.is_ascii() => Cow::Borrowed(ascii),
        (_, _) => Cow::Owned(Charset::Latin1.decode(octets)),
    }
}

/// What is left of a value when blanks and NULs around it are gone, unless that is nothing.
fn filled(value: &str) -> Option<&str> {
    let value = value.trim_matches(PADDING);
    (!value.is_empty()).then_some(value)
}

/// What vendors put around values. Other control characters may be part of a binary text.
const PADDING: [char; 5] = [' ', '\t', '\r', '\n', '\0'];
