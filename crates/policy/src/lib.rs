//! The gateway's own copy of who may do what: read from the database in the background, kept in memory
//! and on disk, asked on every request without waiting.
//!
//! Knows nothing of HTTP, prices or what a request is. It never writes to the database, and a lookup
//! never reads it: with the database away, what was known stays known.
//!
//! - [`Replica::lookup`]: a known key, at once.
//! - [`Replica::catch_up`]: an unknown one. It waits for a read of the tail of changes that began after
//!   the question; that one read answers for all who wait, so a flood of wrong keys stays
//!   [two reads a second](Settings::catch_up_spacing), and a key works as soon as it was made. Wrong keys
//!   are not remembered: a fresh replica is the list of all right ones, and a list of wrong ones could
//!   only outlive its truth.
//! - [`Replica::account`]: those that keys answer to: teams, users, organisations and the rest.
//! - [`Reservation`]: holds a call's estimate against every budget that it may use up, until its cost is in
//!   the database's totals.
//! - [`Replica::run`]: the background task.

mod account;
mod addresses;
mod apply;
mod budget;
mod catch_up;
mod digest;
mod disk;
mod entry;
mod map;
mod models;
mod pace;
mod replica;
mod run;
mod saver;
mod seal;
mod settings;
mod share;
mod source;
mod status;

pub use account::{AccountEntry, AccountName};
pub use budget::{OverBudget, Reservation, SoftCrossed, SpendFigures, UsedUp};
pub use catch_up::CatchUp;
pub use disk::DiskCopy;
pub use entry::KeyEntry;
pub use models::{ModelFollower, Stock, read as read_models};
pub use replica::Replica;
pub use settings::Settings;
pub use source::{
    AccountPage, AccountSpend, AccountStart, Changes, KeySpend, Page, PageStart, Source, SourceError, Spent,
    Stored, WakeUps,
};
pub use status::{LoadedFrom, Status};
