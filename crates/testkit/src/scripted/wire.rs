//! How an answer's bytes leave: whole, event by event with pauses, in single bytes, or broken as scripted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use super::answer::billed_so_far;
use super::log::{Billed, Call};
use super::script::{Fault, Script};

/// Pieces between the producer and the connection; small, so that what counts as sent was taken.
const PIECES_MAX: usize = 1;
/// Longest that a call is held open by a script.
const HOLD_MAX: Duration = Duration::from_secs(600);

/// A connection that can be broken from within a request.
#[derive(Clone)]
pub struct Connection {
    socket: Arc<std::net::TcpStream>,
    broken: Arc<Notify>,
}

impl Connection {
    pub fn of(stream: TcpStream) -> io::Result<(TcpStream, Self)> {
        let stream = stream.into_std()?;
        let socket = Arc::new(stream.try_clone()?);
        Ok((TcpStream::from_std(stream)?, Self { socket, broken: Arc::default() }))
    }

    /// Resolves when a script has broken the connection, which must then be dropped.
    pub async fn broken(&self) {
        self.broken.notified().await;
    }

    pub fn close(&self) {
        self.broken.notify_one();
    }

    /// Closes with RST instead of FIN.
    pub fn reset(&self) {
        let _ = socket2::SockRef::from(&*self.socket).set_linger(Some(Duration::ZERO));
        self.broken.notify_one();
    }

    /// Writes past HTTP, then closes.
    pub fn write_raw(&self, bytes: &[u8]) {
        let _ = io::Write::write_all(&mut &*self.socket, bytes);
        self.broken.notify_one();
    }
}

/// A body that is whole, or that comes piece by piece from a producer.
pub enum Answering {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body for Answering {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => {
                pieces.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(bytes) => {
                http_body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Pieces(_) => http_body::SizeHint::default(),
        }
    }
}

/// What a stream consists of.
pub struct Stream {
    pub events: Vec<Bytes>,
    /// The provider's error event, for a script that wants it.
    pub error: Bytes,
    pub billed: Billed,
}

/// Starts sending a stream as the script wants it.
pub fn send(stream: Stream, script: Script, call: Call, connection: Connection) -> Answering {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    tokio::spawn(async move {
        let mut producer = Producer { sender, script, connection };
        // An error means that the client has left; dropping the call notes it.
        let _ = producer.run(stream, call).await;
    });
    Answering::Pieces(receiver)
}

struct Left;

struct Producer {
    sender: mpsc::Sender<io::Result<Bytes>>,
    script: Script,
    connection: Connection,
}

impl Producer {
    async fn run(&mut self, stream: Stream, call: Call) -> Result<(), Left> {
        let count = stream.events.len();
        let breaks_at = self.script.fault.as_ref().and_then(Fault::after).unwrap_or(usize::MAX);
        for (sent, event) in stream.events.into_iter().enumerate() {
            if sent == breaks_at {
                return self.break_off(&event, &stream.error, call).await;
            }
            if sent > 0 {
                self.pause(self.script.gap).await?;
            }
            self.write(event).await?;
            call.sent(sent + 1, billed_so_far(stream.billed, sent + 1, count));
        }
        if breaks_at != usize::MAX {
            return self.break_off(&Bytes::new(), &stream.error, call).await;
        }
        call.finished(stream.billed);
        Ok(())
    }

    async fn break_off(&mut self, next: &Bytes, error: &Bytes, call: Call) -> Result<(), Left> {
        match self.script.fault.clone() {
            Some(Fault::Cut(_)) => {
                self.settle().await?;
                let _ = self.sender.send(Err(io::Error::other("cut as scripted"))).await;
            }
            Some(Fault::Reset(_)) => {
                self.settle().await?;
                self.connection.reset();
                // Held until the connection is gone: an ended body would be ended properly before it.
                self.sender.closed().await;
            }
            Some(Fault::Half(_)) => self.write(next.slice(..next.len() / 2)).await?,
            Some(Fault::Error(_)) => self.write(error.clone()).await?,
            Some(Fault::Garbage(_)) => {
                self.write(Bytes::from_static(b"data: {\"half\": \xff\xfe not json\n\nnonsense\n\n")).await?;
            }
            Some(Fault::Stall(_)) => self.pause(HOLD_MAX).await?,
            _ => {}
        }
        call.failed();
        Ok(())
    }

    /// Lets what was sent reach the client before the connection is broken under it.
    async fn settle(&self) -> Result<(), Left> {
        self.pause(Duration::from_millis(20)).await
    }

    async fn pause(&self, pause: Duration) -> Result<(), Left> {
        if pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.sender.closed() => Err(Left),
        }
    }

    async fn write(&self, bytes: Bytes) -> Result<(), Left> {
        let Some(drip) = self.script.drip else { return self.put(bytes).await };
        for at in 0..bytes.len() {
            self.put(bytes.slice(at..=at)).await?;
            self.pause(drip).await?;
        }
        Ok(())
    }

    async fn put(&self, bytes: Bytes) -> Result<(), Left> {
        self.sender.send(Ok(bytes)).await.map_err(|_| Left)
    }
}

/// Holds a call without an answer until its client leaves, which drops this future.
pub async fn hold() {
    tokio::time::sleep(HOLD_MAX).await;
}
