//! Reads `config.yaml` and the environment, and turns them into settings that cannot be wrong, or into
//! a list of everything that is wrong, each with file, line, column and a suggestion.
//!
//! Knows nothing of HTTP, databases or how a provider is called; it opens files and nothing else, and
//! sees the environment only through the function that it is given.

mod alerts;
mod builtin;
mod config;
mod database;
mod deployment_id;
mod deployments;
mod diagnostic;
mod environment;
mod facts;
mod fields;
mod files;
mod journal;
mod keys;
mod limits;
mod load;
pub mod master_key;
mod node;
mod problems;
mod provider;
mod reference;
mod retention;
mod scalar;
mod schema;
mod settings;
mod yaml;

pub use alerts::{AlertChannel, AlertFormat};
pub use builtin::builtin_deployments;
pub use config::{Config, ProviderEnv};
pub use deployments::{LoadedModel, ModelRules, read_model};
pub use diagnostic::{ConfigErrors, Diagnostic, Severity};
pub use facts::SettingFact;
pub use journal::{Journal, JournalFsync};
pub use limits::*;
pub use load::{Loaded, Source, check_bytes, load};
pub use reference::reference;
pub use retention::Retention;
pub use schema::schema;
pub use settings::{ModelAlias, REQUEST_SIZE_MB_DEFAULT, RESPONSE_SIZE_MB_DEFAULT, Settings};
