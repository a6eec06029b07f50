//! Rules of `encoding`.
