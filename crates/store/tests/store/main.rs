//! One suite, both databases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

extern crate bulkhead_store as store;

mod support;

mod access_groups;
mod accounts;
mod alerts;
mod audit;
mod finish;
mod invitations;
mod keys;
mod killed;
mod killed_sql;
mod ledger;
mod partitions;
mod policy;
mod reads;
mod rebuild;
mod reprice;
mod sealed;
mod sessions;
mod spend;
mod statements;
mod usage;
mod windows;
