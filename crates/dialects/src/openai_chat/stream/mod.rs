//! Chat streams: `data` lines with a chunk each, then `[DONE]`.

mod decode;
mod encode;

pub(crate) use decode::Decoder;
pub(crate) use encode::{Encoder, Frame};
