//! Keeps keys, users, teams and other owners of budgets, alerts of these, models, credentials, policy changes, the audit log,
//! usage and sign-ins in SQLite or Postgres; the only crate that speaks SQL.
//!
//! Knows nothing of HTTP, LLMs, prices or what a key may do, and reads no clock: times come in as arguments.
//! Every statement is written once for both databases and is prepared against both in a test.

pub mod alerts;
pub mod audit;
mod budgets_used;
pub mod credentials;
mod db;
pub mod documents;
mod error;
mod half_open;
pub mod invitations;
pub mod keys;
pub mod ledger;
mod migrate;
mod model_budgets;
pub mod models;
pub mod nouns;
mod page;
mod partitions;
pub mod policy;
mod reads;
mod receipts;
mod report;
pub mod reseal;
pub mod sessions;
mod settings;
pub mod spend;
mod sql;
mod store;
pub mod usage;
pub mod users;
mod values;
mod vault;
pub mod windows;

pub use budgets_used::BudgetsUsed;
pub use error::StoreError;
pub use migrate::{Migration, MigrationStatus};
pub use page::{PAGE_SIZE_MAX, Page};
pub use reads::{ReaderStatus, Version};
pub use receipts::Receipt;
pub use settings::Settings;
pub use sql::every_statement;
pub use store::{Kind, Store};
pub use vault::{Vault, VaultError};
