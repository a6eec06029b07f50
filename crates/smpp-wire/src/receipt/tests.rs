//! Rules of receipts.
