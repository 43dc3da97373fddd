//! Reading a request's body: bounded in size, in time, and in what all requests hold together.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

use crate::refusal::Refusal;

/// What the client is told to wait when all bodies together are at their bound.
const OVERLOAD_RETRY_AFTER: Duration = Duration::from_secs(1);
/// The largest buffer set aside on the word of a Content-Length before bytes have come.
const TRUSTED_LENGTH_BYTES_MAX: u64 = 1 << 20;

/// Counts the bytes of all bodies in memory and refuses more than its bound.
#[derive(Debug)]
pub struct BodyMemory {
    held_bytes: AtomicU64,
    limit_bytes: u64,
}

impl BodyMemory {
    pub const fn new(limit_bytes: u64) -> Self {
        Self { held_bytes: AtomicU64::new(0), limit_bytes }
    }

    pub fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Ordering::Relaxed)
    }
}

/// The share of one body; given back when dropped.
#[derive(Debug)]
pub struct Held {
    memory: Arc<BodyMemory>,
    bytes: u64,
}

impl Held {
    pub const fn none(memory: Arc<BodyMemory>) -> Self {
        Self { memory, bytes: 0 }
    }

    fn grow(&mut self, by: u64) -> Result<(), Refusal> {
        let before = self.memory.held_bytes.fetch_add(by, Ordering::Relaxed);
        self.bytes += by;
        if before + by > self.memory.limit_bytes {
            return Err(Refusal::Overloaded { retry_after: OVERLOAD_RETRY_AFTER });
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Bounds on one body.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub bytes_max: u64,
    /// From the first wait for the body to its end.
    pub time_max: Duration,
}

/// Reads the whole body. A body that comes in one piece is not copied.
pub async fn read<B>(body: B, limits: Limits, held: &mut Held) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    tokio::time::timeout(limits.time_max, collect(body, limits.bytes_max, held))
        .await
        .unwrap_or(Err(Refusal::BodyTooSlow))
}

async fn collect<B>(mut body: B, limit: u64, held: &mut Held) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let too_large = || Refusal::BodyTooLarge { limit_bytes: limit };
    if body.size_hint().lower() > limit {
        return Err(too_large());
    }
    let Some(first) = next_piece(&mut body).await? else { return Ok(Bytes::new()) };
    let mut size = first.len() as u64;
    held.grow(size)?;
    if size > limit {
        return Err(too_large());
    }
    let Some(second) = next_piece(&mut body).await? else { return Ok(first) };
    let expected =
        (size + body.size_hint().lower()).min(TRUSTED_LENGTH_BYTES_MAX).max(size + second.len() as u64);
    let mut whole = BytesMut::with_capacity(usize::try_from(expected).unwrap_or(0));
    whole.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(piece) = next {
        size += piece.len() as u64;
        held.grow(piece.len() as u64)?;
        if size > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&piece);
        next = next_piece(&mut body).await?;
    }
    Ok(whole.freeze())
}

async fn next_piece<B>(body: &mut B) -> Result<Option<Bytes>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Ok(data) = frame.into_data()
            && !data.is_empty()
        {
            return Ok(Some(data));
        }
    }
    // A client that takes its HTTP/2 request back ends its body too, short of what was announced.
    if body.size_hint().lower() > 0 { Err(Refusal::ClientLeft) } else { Ok(None) }
}

/// The connection ended in the middle of the body, or the body is not valid HTTP.
fn broken(error: &(dyn Error + 'static)) -> Refusal {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    // What is not about the bytes themselves is the end of the connection, or of an HTTP/2 stream.
    let is_about_bytes = |kind| {
        !matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
    };
    let is_invalid = causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| is_about_bytes(cause.kind()));
    if is_invalid { Refusal::BodyBroken(error.to_string()) } else { Refusal::ClientLeft }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;

    use super::*;

    struct Chunks(VecDeque<&'static [u8]>);

    impl Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(Bytes::from_static(chunk)))))
        }
    }

    struct Silent;

    impl Body for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    async fn read_chunks(chunks: &[&'static [u8]], limit: u64, memory: u64) -> Result<Bytes, Refusal> {
        let mut held = Held::none(Arc::new(BodyMemory::new(memory)));
        let limits = Limits { bytes_max: limit, time_max: Duration::from_secs(5) };
        read(Chunks(chunks.iter().copied().collect()), limits, &mut held).await
    }

    #[tokio::test]
    async fn pieces_become_one_body() {
        assert_eq!(read_chunks(&[b"ab", b"", b"cd", b"e"], 5, 100).await.unwrap(), "abcde");
        assert_eq!(read_chunks(&[], 5, 100).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused() {
        for chunks in [&[&b"abcdef"[..]][..], &[b"abc", b"def"]] {
            let refusal = read_chunks(chunks, 5, 100).await.unwrap_err();
            assert!(matches!(refusal, Refusal::BodyTooLarge { limit_bytes: 5 }), "{refusal:?}");
        }
    }

    #[tokio::test]
    async fn all_bodies_together_are_bounded_and_give_back_what_they_held() {
        let memory = Arc::new(BodyMemory::new(4));
        let limits = Limits { bytes_max: 100, time_max: Duration::from_secs(5) };
        let mut held = Held::none(memory.clone());
        let body = Chunks([&b"abc"[..], b"def"].into_iter().collect());
        assert!(matches!(read(body, limits, &mut held).await, Err(Refusal::Overloaded { .. })));
        assert_eq!(memory.held_bytes(), 6);
        drop(held);
        assert_eq!(memory.held_bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_times_out() {
        let mut held = Held::none(Arc::new(BodyMemory::new(4)));
        let limits = Limits { bytes_max: 100, time_max: Duration::from_secs(5) };
        assert!(matches!(read(Silent, limits, &mut held).await, Err(Refusal::BodyTooSlow)));
    }
}
