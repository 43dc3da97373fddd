//! Anthropic's `/v1/messages`, as client and as provider.
//!
//! Sources: the Messages API reference and its guides on streaming, tool use, extended and adaptive
//! thinking, structured outputs (`output_config.format`) and prompt caching, as mirrored in the types of
//! the `anthropic` Python package (`anthropic.types`).

mod blocks;
mod error;
mod format;
mod from_hub;
mod models;
mod parts;
mod reasoning;
mod response;
pub(crate) mod stream;
mod to_hub;
mod usage;

pub(crate) use error::error_body;
pub(crate) use format::JSON_TOOL;
pub(crate) use from_hub::from_hub;
pub(crate) use parts::read as part;
pub(crate) use reasoning::read as thinking;
pub(crate) use response::{read_response, stop_of, stop_word, write_response};
pub(crate) use to_hub::to_hub;
pub use usage::read as usage;
pub(crate) use usage::{Counts, write as write_usage};
