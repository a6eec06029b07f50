//! Writing the usual receipt text.

use crate::{time::Civil, tlv::MessageState};

/// What a receipt of ours says.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    pub id: &'a str,
    pub sub: u16,
    pub dlvrd: u16,
    pub submit_date: Civil,
    pub done_date: Civil,
    pub state: MessageState,
    pub err: &'a str,
    /// Cut to twenty characters.
    pub text: &'a str,
}

/// A value that would be read as something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("the id of a receipt is empty or holds a blank")]
    Id,
    #[error("the error code of a receipt is empty or holds a blank")]
    Err,
}

/// How much of the message the usual text repeats.
const REPEATED: usize = 20;

impl Text<'_> {
    /// # Errors
    /// An id or an error code that a reader could not tell from the rest.
    pub fn write(&self) -> Result<String, TextError> {
        if !is_one_word(self.id) {
            return Err(TextError::Id);
        }
        if !is_one_word(self.err) {
            return Err(TextError::Err);
        }
        let Self { id, sub, dlvrd, submit_date, done_date, state, err, text } = self;
        let text: String =
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REPEATED).collect();
        Ok(format!(
            "id:{id} sub:{sub:03} dlvrd:{dlvrd:03} submit date:{} done date:{} stat:{} err:{err:0>3} text:{text}",
            submit_date.to_minutes(),
            done_date.to_minutes(),
            state.word(),
        ))
    }
}

fn is_one_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b',' | b';'))
}
