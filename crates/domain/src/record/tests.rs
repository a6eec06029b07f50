//! The rules of a record, case by case.
