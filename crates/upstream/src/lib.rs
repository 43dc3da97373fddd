//! Reaches providers: where each is called and with which headers, the HTTP client, and the built-in demo
//! model that answers in their stead.
//!
//! Knows nothing of keys, budgets, routing or what the bodies mean: it carries bytes. The only crate with
//! an HTTP client.

mod bill;
mod body;
mod canned;
mod client;
mod connect;
mod error;
mod hook;
mod pool;
pub mod providers;
mod streams;
mod target;
pub mod tls;

pub use bill::{BILL_DAYS_MAX, BillError, OPENAI_API_BASE, OpenAiBill};
pub use body::{Body, BodyError, Pieces, ReadError, Sending, read_limited};
pub use client::{Client, ClientSettings};
pub use error::SendError;
pub use hook::{Hook, HookError};
pub use target::{Destination, Endpoint, Target, TargetError};
