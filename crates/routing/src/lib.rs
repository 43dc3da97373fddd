//! Decides which deployment answers a request, when to try again, and when a deployment must rest.
//!
//! Knows nothing of HTTP, tokio, configuration files or prices, keeps no state of its own and has no clock:
//! every function here takes what it needs to know, the time and the random source included.

mod cooldown;
mod failure;
mod group;
mod names;
mod pattern;
mod pick;
pub mod retry;
mod table;

pub use cooldown::{CooldownRules, CooldownSettings, Health};
pub use failure::{Failure, FailureKind};
pub use group::{Candidate, Group};
pub use names::KnownModel;
pub use pick::{Availability, NoCandidate, Tried, View, pick};
pub use table::{Alias, Options, Table};
