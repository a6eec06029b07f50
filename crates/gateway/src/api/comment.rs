//! What people say of a change, for whoever reads it later.

use domain::overrides::LONGEST_REASON;

/// A reason or a comment, without blanks around it.
pub(super) fn checked_comment(text: &str) -> Result<Box<str>, String> {
    checked(text, LONGEST_REASON)
}

/// A text of one line that has `longest` characters at most, without blanks around it.
pub(super) fn checked(text: &str, longest: usize) -> Result<Box<str>, String> {
    let text = text.trim();
    if text.chars().count() > longest {
        return Err(format!("is longer than {longest} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("holds a control character".to_owned());
    }
    Ok(text.into())
}
