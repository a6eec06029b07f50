//! The SMPP 3.4 and 5.0 wire, for both sides of a connection.
//!
//! Bytes become frames (`frame`), frames become PDUs (`pdu`, `tlv`), PDUs drive a session (`session`, pure), and
//! `connection` puts a socket around it. `encoding`, `udh`, `receipt` and `time` read and write what PDUs carry.
//! Lenient with what arrives, strict with what leaves. It knows nothing of the gateway.

pub mod encoding;
pub mod receipt;
pub mod time;
pub mod udh;
