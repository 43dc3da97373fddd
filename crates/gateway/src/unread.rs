//! HTTP/2 answers that their client makes no room for.
//!
//! Flow control keeps the HTTP layer from asking a body for more until the client has taken what it was sent,
//! and the socket stays writable all the while: a client that never takes anything would hold its call for
//! ever. After the same time as for a socket that takes nothing, its connection is closed.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// Where the answers of one connection tell that their client does not read.
#[derive(Clone)]
pub struct Reader {
    patience: Duration,
    given_up: Arc<Notify>,
}

impl Reader {
    /// `patience`: how long a client may leave what it was sent.
    pub fn new(patience: Duration) -> Self {
        Self { patience, given_up: Arc::new(Notify::new()) }
    }

    /// Resolves when an answer has waited too long.
    pub async fn given_up(&self) {
        self.given_up.notified().await;
    }

    /// An answer whose HTTP layer asks for more only when the client has room.
    pub fn watch<B>(&self, body: B) -> Watched<B> {
        let offer = Arc::new(Offer { epoch: Instant::now(), since_ms: AtomicU64::new(0) });
        let watch = tokio::spawn(watch(Arc::downgrade(&offer), self.clone())).abort_handle();
        Watched { body, offer: Some((offer, watch)) }
    }

    /// An answer whose socket tells when it is not read.
    pub const fn trust<B>(body: B) -> Watched<B> {
        Watched { body, offer: None }
    }
}

/// Since when the last piece of an answer waits for its client.
struct Offer {
    epoch: Instant,
    /// Milliseconds from the epoch, and one; zero while the client waits for us.
    since_ms: AtomicU64,
}

impl Offer {
    fn made(&self) {
        let ms = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since_ms.store(ms.saturating_add(1), Ordering::Relaxed);
    }

    fn taken(&self) {
        self.since_ms.store(0, Ordering::Relaxed);
    }

    fn since(&self) -> Option<Instant> {
        let ms = self.since_ms.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.epoch + Duration::from_millis(ms))
    }
}

async fn watch(offer: Weak<Offer>, reader: Reader) {
    loop {
        let Some(since) = offer.upgrade().map(|offer| offer.since()) else { return };
        let now = Instant::now();
        let due = since.unwrap_or(now) + reader.patience;
        if due <= now {
            return reader.given_up.notify_one();
        }
        sleep_until(due).await;
    }
}

/// A body and the watch over its reader.
pub struct Watched<B> {
    body: B,
    offer: Option<(Arc<Offer>, AbortHandle)>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Some((offer, _)) = &self.offer {
            if matches!(polled, Poll::Ready(Some(Ok(_)))) { offer.made() } else { offer.taken() }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        if let Some((_, watch)) = &self.offer {
            watch.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt, Empty};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::io::duplex;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::body::Body;

    const PATIENCE: Duration = Duration::from_secs(300);
    const ROOM_BYTES: u32 = 64 << 10;
    const PIECES: usize = 32;
    const PIECE_BYTES: usize = 16 << 10;

    /// An answer larger than what a client has room for before it reads; then the client's part is played.
    async fn serve(read: impl AsyncFnOnce(hyper::body::Incoming)) {
        let (near, far) = duplex(64 << 10);
        let reader = Reader::new(PATIENCE);
        let answers = reader.clone();
        let service = service_fn(move |_| {
            let pieces = std::iter::repeat_n(Bytes::from(vec![0; PIECE_BYTES]), PIECES);
            let body = answers.watch(Body::Pieces(pieces.collect()));
            async move { Ok::<_, Infallible>(http::Response::new(body)) }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(far), service);
        tokio::spawn(async move {
            tokio::select! {
                _ = server => {}
                () = reader.given_up() => {}
            }
        });
        let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(ROOM_BYTES)
            .handshake(TokioIo::new(near))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("http://gateway/").body(Empty::<Bytes>::new()).unwrap();
        read(sender.send_request(request).await.unwrap().into_body()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_makes_no_room_is_given_up() {
        serve(async |mut body| {
            sleep(PATIENCE * 2).await;
            let end = loop {
                match body.frame().await {
                    Some(Ok(_)) => {}
                    end => break end,
                }
            };
            assert!(end.is_some_and(|end| end.is_err()), "the whole answer came");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_not() {
        serve(async |mut body| {
            let mut bytes = 0;
            while let Some(frame) = timeout(PATIENCE, body.frame()).await.unwrap() {
                bytes += frame.unwrap().into_data().unwrap().len();
                sleep(PATIENCE / 10).await;
            }
            assert_eq!(bytes, PIECES * PIECE_BYTES);
        })
        .await;
    }
}
