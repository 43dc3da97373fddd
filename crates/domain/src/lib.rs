//! What the house talks about: virtual keys and what they answer to, budgets and their times, roles, deployments,
//! usage, ledger events, routes, as plain data and pure rules.
//!
//! Knows nothing of HTTP, databases, files, wire dialects or prices.

pub mod access;
pub mod account;
pub mod alert;
pub mod credential;
pub mod deployment;
pub mod dialect;
pub mod event;
pub mod key;
pub mod model;
pub mod model_budget;
pub mod owner;
pub mod period;
pub mod providers;
pub mod role;
pub mod root_path;
pub mod route_groups;
pub mod routes;
pub mod secret_map;
pub mod usage;
pub mod user;

pub use account::{AccountId, AccountKind, AccountPolicy, Limits, Raise, TimedLimit, Window};
pub use credential::Credential;
pub use deployment::{Deployment, Timeouts};
pub use dialect::Dialect;
pub use event::{Expected, Intent, Mark, Outcome, Status, UsageEvent};
pub use key::{KeyPolicy, VirtualKey};
pub use model::Model;
pub use period::{Calendar, Period};
pub use role::Role;
pub use root_path::{InvalidRootPath, RootPath};
pub use secret_map::SecretMap;
pub use usage::Usage;
pub use user::User;
