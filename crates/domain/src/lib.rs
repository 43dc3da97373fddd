//! What the house talks about: virtual keys, deployments, usage, ledger events, routes, as plain data
//! and pure rules.
//!
//! Knows nothing of HTTP, databases, files, wire dialects or prices.

pub mod access;
pub mod deployment;
pub mod dialect;
pub mod event;
pub mod key;
pub mod providers;
pub mod routes;
pub mod usage;

pub use deployment::{Deployment, Timeouts};
pub use dialect::Dialect;
pub use event::{Expected, Intent, Mark, Outcome, Status, UsageEvent};
pub use key::{KeyPolicy, VirtualKey};
pub use usage::Usage;
