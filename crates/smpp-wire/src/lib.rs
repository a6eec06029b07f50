//! The SMPP 3.4 and 5.0 wire, for both sides of a connection.
//!
//! Bytes become frames (`frame`), frames become PDUs (`pdu`, `tlv`), PDUs drive a session (`session`, pure), and
//! `connection` puts a socket around it. `encoding`, `udh`, `receipt` and `time` read and write what PDUs carry.
//! Lenient with what arrives, strict with what leaves. It knows nothing of the gateway.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod open_enum;

pub mod connection;
pub mod encoding;
pub mod frame;
pub mod pdu;
pub mod receipt;
pub mod session;
pub mod status;
pub mod time;
pub mod tlv;
pub mod udh;
