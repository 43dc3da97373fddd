//! Messages streams: named events, content blocks one after the other, `message_stop` at the end.

mod decode;
mod encode;

pub(crate) use decode::Decoder;
pub(crate) use encode::Encoder;
