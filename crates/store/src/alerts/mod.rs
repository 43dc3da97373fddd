//! Alerts of budgets: who crossed one, and what was sent of it. All of it is in the database, so that it survives the
//! death of whoever looks, and any number of processes may look and send at once.

mod look;
mod queue;

use crate::db::Db;

pub use look::Seen;
pub use queue::{AlertState, Claim, Told};

/// Every statement about them.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [look::ALL, queue::ALL].concat()
}

pub struct Alerts<'a> {
    pub(crate) db: &'a Db,
}
