//! Cuts byte streams from providers into frames: server-sent events, however the bytes arrive.
//!
//! Knows nothing of JSON, of dialects, of HTTP or of tokio, and does no I/O. How the bytes were cut into
//! chunks never changes the frames.

mod sse;

pub use sse::{FrameError, SSE_EVENT_BYTES_MAX, SseEvent, SseParser};
