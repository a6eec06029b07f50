//! What a session does with what comes, and when.
