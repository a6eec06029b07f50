//! Slots, sequence numbers and lateness.
