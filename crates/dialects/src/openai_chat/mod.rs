//! OpenAI's `/v1/chat/completions`, as client and as provider.
//!
//! Sources: the OpenAI API reference for chat completions and its streaming format, as mirrored in the
//! types of the `openai` Python package (`openai.types.chat`); LiteLLM's documentation for
//! `reasoning_content` and `thinking_blocks` (docs, "Thinking / Reasoning Content").

mod from_hub;
mod messages;
mod models;
mod parts;
mod response;
pub(crate) mod stream;
mod to_hub;
mod usage;

pub(crate) use from_hub::from_hub;
pub(crate) use response::{read_response, stop_of, stop_word, write_response};
pub(crate) use to_hub::{ignore_no_ops, stop_list, to_hub};
pub use usage::read as usage;
pub(crate) use usage::write as write_usage;
