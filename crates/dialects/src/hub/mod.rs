//! The neutral form between dialects: what a conversation, an answer and a stream say, in nobody's
//! wire format. Text stays borrowed from the body that was read; JSON that is only carried along
//! (schemas, tool inputs, cache markers) stays the text that it was.

mod request;
mod response;

pub use request::{
    Format, Message, Part, PartKind, Reasoning, Request, Role, Source, SystemPart, Thinking, Tool, ToolChoice,
};
pub use response::{Response, Stop, StreamEvent};
