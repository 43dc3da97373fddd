use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::pool::Lent;
use crate::streams::Stream;

/// A body made of pieces with a known total length, sent without joining them.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    pieces: VecDeque<Bytes>,
    len: u64,
    sending: Option<Sending>,
}

/// Whether any of a body has been given to a connection. From then on the provider may have read it.
#[derive(Clone, Debug, Default)]
pub struct Sending(Arc<AtomicBool>);

impl Sending {
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Pieces {
    /// Tells `sending` when it begins to go out.
    pub fn watched(pieces: Vec<Bytes>, sending: Sending) -> Self {
        Self { sending: Some(sending), ..pieces.into() }
    }
}

impl From<Vec<Bytes>> for Pieces {
    fn from(pieces: Vec<Bytes>) -> Self {
        let len = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces: pieces.into(), len, sending: None }
    }
}

impl From<Bytes> for Pieces {
    fn from(whole: Bytes) -> Self {
        vec![whole].into()
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(sending) = self.sending.take() {
            sending.0.store(true, Ordering::Relaxed);
        }
        while let Some(piece) = self.pieces.pop_front() {
            self.len -= piece.len() as u64;
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.len == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len)
    }
}

/// The body of an answer, from a provider or made in this process. Dropping it before its end closes the
/// connection to the provider (HTTP/1.1) or resets the stream (HTTP/2).
#[derive(Debug)]
pub struct Body {
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Over a connection that is driven by whoever reads the body.
    Own {
        incoming: Incoming,
        lent: Lent,
    },
    /// Over a connection that others use too; it counts as a request at its host until the body is gone.
    Shared {
        incoming: Incoming,
        _stream: Stream,
    },
    Canned(Pieces),
}

/// Frames that lie ready at most when a body is dropped that somebody read to its last event, but not to
/// its end: then its connection can be used again.
const REST_FRAMES_MAX: usize = 4;

impl Body {
    pub(crate) const fn own(incoming: Incoming, lent: Lent) -> Self {
        Self { source: Source::Own { incoming, lent } }
    }

    pub(crate) const fn shared(incoming: Incoming, stream: Stream) -> Self {
        Self { source: Source::Shared { incoming, _stream: stream } }
    }

    pub(crate) const fn canned(pieces: Pieces) -> Self {
        Self { source: Source::Canned(pieces) }
    }
}

/// How the body of an answer broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the provider closed the connection in the middle of its answer")]
    Reset,
    #[error("the provider's answer is not valid HTTP")]
    Malformed,
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().source {
            Source::Own { incoming, lent } => poll_own(incoming, lent, cx),
            Source::Shared { incoming, .. } => {
                Pin::new(incoming).poll_frame(cx).map_err(|error| BodyError::from(&error))
            }
            Source::Canned(pieces) => Pin::new(pieces).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own { incoming, .. } | Source::Shared { incoming, .. } => incoming.is_end_stream(),
            Source::Canned(pieces) => pieces.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own { incoming, .. } | Source::Shared { incoming, .. } => incoming.size_hint(),
            Source::Canned(pieces) => pieces.size_hint(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let Source::Own { incoming, lent } = &mut self.source else { return };
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..REST_FRAMES_MAX {
            if !matches!(poll_own(incoming, lent, &mut cx), Poll::Ready(Some(Ok(_)))) {
                return;
            }
        }
    }
}

fn poll_own(
    incoming: &mut Incoming,
    lent: &mut Lent,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    // Only driving the connection brings a frame, so nobody needs to be woken for one.
    let mut unwoken = Context::from_waker(Waker::noop());
    let mut frame = Pin::new(&mut *incoming).poll_frame(&mut unwoken);
    if frame.is_pending() {
        lent.drive(cx);
        frame = Pin::new(incoming).poll_frame(&mut unwoken);
    }
    if matches!(frame, Poll::Ready(None)) {
        lent.give_back(cx);
    }
    frame.map_err(|error| BodyError::from(&error))
}

impl From<&hyper::Error> for BodyError {
    fn from(error: &hyper::Error) -> Self {
        let kind = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        let bad_chunk = matches!(kind, Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData));
        if error.is_parse() || bad_chunk { Self::Malformed } else { Self::Reset }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the body is longer than {max_bytes} bytes")]
    TooLong { max_bytes: usize },
    #[error(transparent)]
    Broken(#[from] BodyError),
    #[error("the provider sent nothing for too long")]
    Idle,
}

/// Reads a whole body. One that arrives in a single piece is not copied.
///
/// # Errors
/// When the body is longer than `max_bytes`, breaks off, or falls silent for longer than `idle_max`.
pub async fn read_limited(mut body: Body, max_bytes: usize, idle_max: Duration) -> Result<Bytes, ReadError> {
    let too_long = || ReadError::TooLong { max_bytes };
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > max_bytes) {
        return Err(too_long());
    }
    let Some(first) = next_piece(&mut body, idle_max).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > max_bytes {
        return Err(too_long());
    }
    let Some(second) = next_piece(&mut body, idle_max).await? else {
        return Ok(first);
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut whole = BytesMut::with_capacity(first.len() + second.len() + announced.min(max_bytes));
    whole.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if whole.len() + piece.len() > max_bytes {
            return Err(too_long());
        }
        whole.extend_from_slice(&piece);
        next = next_piece(&mut body, idle_max).await?;
    }
    Ok(whole.freeze())
}

/// The next data frame that is not empty; trailers are passed over.
async fn next_piece(body: &mut Body, idle_max: Duration) -> Result<Option<Bytes>, ReadError> {
    while let Some(frame) = timeout(idle_max, body.frame()).await.map_err(|_| ReadError::Idle)? {
        if let Ok(data) = frame?.into_data()
            && !data.is_empty()
        {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
