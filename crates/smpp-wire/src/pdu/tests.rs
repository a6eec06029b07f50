//! Reading leniently, writing strictly.
