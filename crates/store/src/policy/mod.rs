//! What gateways must know: a snapshot of every key's policy, and the tail of changes since.
//!
//! Read from the database that takes writes, never from a replica: what was revoked must not be seen late.

mod accounts;
mod feed;
mod keys;
mod spend;
mod subject;
mod terms;
mod wake;

use domain::KeyPolicy;

use crate::db::Db;

pub use accounts::{AccountPage, AccountStart, StoredAccount};
pub use feed::Changes;
pub use keys::{Page, PageStart};
pub use spend::{AccountSpend, KeySpend, Spent};
pub use subject::Subject;
pub use wake::WakeUps;

pub(crate) use accounts::raise;
pub(crate) use terms::{amount, key_raise, key_soft_budget};

/// Every statement about policy.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [accounts::ALL, feed::ALL, keys::ALL, spend::ALL, wake::ALL].concat()
}

/// A key or an account as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored<P = KeyPolicy> {
    Policy(P),
    /// The row is there but makes no sense: nobody can tell what it allows. With the reason.
    Unreadable(String),
    Gone,
}

pub struct Policy<'a> {
    pub(crate) db: &'a Db,
}
