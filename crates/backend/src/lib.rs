//! The control plane: keys, users, budgets and those that have them, spend, models, analytics, the audit log and sign-in over HTTP, described by OpenAPI.
//!
//! Knows nothing of LLM calls, wire dialects, prices or SQL, and talks to no provider, only to those who get alerts; whatever
//! happens here, gateways go on answering. Reads no clock and no randomness but what [`State`] brings.

mod access_groups;
mod activity;
mod alerts;
mod analytics;
mod audit;
mod auth;
mod budgets;
mod calls;
mod credentials;
mod customers;
mod fold;
mod guardrails;
mod http;
mod invitations;
mod keys;
mod models;
mod openapi;
mod organizations;
mod owner;
mod projects;
mod prune;
mod public;
mod serve;
mod session;
mod settings;
mod spend;
mod state;
mod system;
mod tags;
mod teams;
mod time;
mod users;
mod utils;
mod windows;

pub use alerts::AlertChannel;
pub use auth::rules as roles;
pub use http::limits::Limits;
pub use http::reports::ReportLimits;
pub use models::{Catalog, ModelCard};
pub use openapi::{openapi_json, router};
pub use serve::serve;
pub use state::{RngFactory, State};
