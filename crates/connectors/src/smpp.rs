//! The SMPP client.
