//! What the gateway answers with.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::pipeline::stream::Metered;

/// The body of a response.
pub enum Body {
    /// Known bytes in a few pieces, written together.
    Pieces(VecDeque<Bytes>),
    /// A provider's stream on its way to the client.
    Stream(Box<Metered>),
    /// The backend's or the dashboard's answer, passed on; its turn at the front door ends with it.
    Forwarded(upstream::Body, OwnedSemaphorePermit),
}

/// Ends the connection, so that the client sees that the body is not whole.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off: {0}")]
pub struct BrokenBody(pub String);

impl Body {
    pub fn empty() -> Self {
        Self::Pieces(VecDeque::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Pieces([bytes].into())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        match &mut *self {
            Self::Pieces(pieces) => Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece)))),
            Self::Stream(stream) => stream.poll_frame(context),
            Self::Forwarded(body, _) => {
                Pin::new(body).poll_frame(context).map_err(|error| BrokenBody(error.to_string()))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Pieces(pieces) => pieces.iter().all(Bytes::is_empty),
            Self::Stream(_) => false,
            Self::Forwarded(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Pieces(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Self::Stream(_) => SizeHint::new(),
            Self::Forwarded(body, _) => body.size_hint(),
        }
    }
}
