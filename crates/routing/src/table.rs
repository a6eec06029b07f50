//! The compiled form of routes, prices and policy.
pub struct Table;
