//! What the outside can see of a running process: metrics and logs. All names of both live here.
//!
//! Knows nothing of HTTP, databases or providers; it counts what it is told. No label ever carries a key,
//! a user or anything else that a client can choose freely.

pub mod fields;
pub mod logs;
pub mod metrics;
