//! Converts between LLM wire dialects: requests, responses, stream events and errors.
//!
//! Knows nothing of HTTP, tokio, databases, clocks or prices; every function here is pure. Where client
//! and provider speak the same dialect, bytes pass and only named edits are made. Where they do not, a
//! neutral [`hub`] stands in between, and what cannot be said on the other side is refused or reported,
//! never lost in silence.
//!
//! A new dialect is one folder with `to_hub`, `from_hub`, `response` and `stream`, and one arm in each
//! `match` on [`domain::Dialect`] (`prepare`, `response`, `stream`, `error`).

pub mod anthropic_messages;
pub mod count;
pub mod edit;
pub mod envelope;
pub mod error;
mod field;
mod gateway_fields;
pub mod hub;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_embeddings;
mod params;
mod prepare;
mod read;
mod response;
mod shallow;
pub mod stream;
mod write;

pub use envelope::{Envelope, EnvelopeError};
pub use error::DialectError;
pub use field::Field;
pub use prepare::{Prepared, RequestOptions, prepare};
pub use response::{Answer, ResponseContext, response};
