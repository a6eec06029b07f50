//! As much of HTTP/1.1 as a benchmark needs: messages with a `content-length`, one after the other on a line.

use bytes::BytesMut;

/// One whole message cut off the front of what came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Where the body begins in `bytes`.
    body: usize,
    bytes: BytesMut,
}

/// The other side sent what this cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no HTTP/1.1 message with a content-length")]
pub(crate) struct Unreadable;

const LONGEST_HEAD: usize = 16 * 1024;

impl Whole {
    /// None until all of it is there.
    pub(crate) fn cut(inbox: &mut BytesMut) -> Result<Option<Self>, Unreadable> {
        let Some(head) = find(inbox, b"\r\n\r\n") else {
            return if inbox.len() > LONGEST_HEAD { Err(Unreadable) } else { Ok(None) };
        };
        let body = head + 4;
        let length = inbox.get(..head).and_then(content_length).ok_or(Unreadable)?;
        let whole = body.checked_add(length).ok_or(Unreadable)?;
        if inbox.len() < whole {
            return Ok(None);
        }
        Ok(Some(Self { body, bytes: inbox.split_to(whole) }))
    }

    /// Of an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.bytes.get(9..12)?).ok()?.parse().ok()
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.body..).unwrap_or_default()
    }
}

/// Where the needle begins.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The digits that follow the needle.
pub(crate) fn number_after(haystack: &[u8], needle: &[u8]) -> Option<u32> {
    let from = find(haystack, needle)? + needle.len();
    leading_number(haystack.get(from..)?)
}

pub(crate) fn leading_number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|octet| octet.is_ascii_digit()).count();
    std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> Option<usize> {
    let lines = head.split(|octet| *octet == b'\n');
    for line in lines {
        let Some((name, value)) = line.split_at_checked(NAME.len()) else { continue };
        if name.eq_ignore_ascii_case(NAME) {
            return usize::try_from(leading_number(value.trim_ascii_start())?).ok();
        }
    }
    None
}

const NAME: &[u8] = b"content-length:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_one_by_one_once_they_are_whole() {
        let one = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        let mut inbox = BytesMut::from(&one[..]);
        inbox.extend_from_slice(&one[..30]);
        let whole = Whole::cut(&mut inbox).unwrap().unwrap();
        assert_eq!((whole.status(), whole.body()), (Some(202), &b"{}"[..]));
        assert_eq!(Whole::cut(&mut inbox), Ok(None));
        inbox.extend_from_slice(&one[30..]);
        assert!(Whole::cut(&mut inbox).unwrap().is_some());
        assert!(inbox.is_empty());
    }

    #[test]
    fn what_says_no_length_cannot_be_read() {
        let mut inbox = BytesMut::from(&b"HTTP/1.1 200 OK\r\n\r\n"[..]);
        assert_eq!(Whole::cut(&mut inbox), Err(Unreadable));
    }

    #[test]
    fn numbers_are_found_behind_their_names() {
        assert_eq!(number_after(br#"{"a":1,"reference":"00042"}"#, br#""reference":""#), Some(42));
        assert_eq!(number_after(b"{}", b"x"), None);
    }
}
