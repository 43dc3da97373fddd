//! A client's socket. It notices that the client has left also while the HTTP layer does not read, and it
//! does not wait forever for a client that reads nothing.
//!
//! The HTTP layer hears of the end of a connection when it reads. It does not read while bytes that it has no
//! use for yet are waiting (a pipelined request, the rest of a body), so there the socket itself looks.
//!
//! A client that closes its sending side alone is taken to have left: on the wire that cannot be told from a
//! closed connection before something is written to it.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How often a connection with unread bytes is looked at: a wake-up tells of new bytes, not of an end that
/// comes after unread ones.
const UNREAD_LOOK_INTERVAL: Duration = Duration::from_millis(40);

/// Bounds on how long a client may do nothing.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// For a client with bytes to read to take some of them.
    pub write: Duration,
}

pub struct Socket {
    stream: TcpStream,
    /// The last read found nothing: its waker tells of whatever comes, the end of the connection included.
    listening: bool,
    unread: Option<Pin<Box<Sleep>>>,
    silent: Option<Pin<Box<Sleep>>>,
    write_time_max: Duration,
    blocked: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub fn new(stream: TcpStream, patience: Patience) -> Self {
        Self {
            stream,
            listening: false,
            unread: None,
            silent: Some(Box::pin(sleep(patience.first_byte))),
            write_time_max: patience.write,
            blocked: None,
        }
    }

    /// Fails once the client has left; else makes sure that `cx` is woken when it does.
    fn look(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if std::mem::take(&mut self.listening) {
            return Ok(());
        }
        loop {
            match self.stream.poll_read_ready(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(ready) => ready?,
            }
            if self.has_ended(cx) {
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the client left"));
            }
            let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(UNREAD_LOOK_INTERVAL)));
            if unread.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            unread.as_mut().reset(Instant::now() + UNREAD_LOOK_INTERVAL);
        }
    }

    fn has_ended(&self, cx: &mut Context<'_>) -> bool {
        let ready = pin!(self.stream.ready(Interest::READABLE)).poll(cx);
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.blocked = None;
            return written;
        }
        self.look(cx)?;
        let patience = self.write_time_max;
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(blocked.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.listening = read.is_pending();
        if self.silent.is_some() {
            if read.is_ready() {
                self.silent = None;
            } else if let Some(silent) = &mut self.silent
                && silent.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client sends nothing")));
            }
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The HTTP layer flushes whenever it has nothing more to do for now.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    /// Long enough that a busy machine is not taken for a fault.
    const DEADLINE: Duration = Duration::from_secs(10);

    async fn pair(patience: Patience) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::new(listener.accept().await.unwrap().0, patience), client)
    }

    const PATIENT: Patience = Patience { first_byte: DEADLINE, write: DEADLINE };

    /// What flushing comes to when it is asked again at each wake-up.
    async fn end_of(socket: &mut Socket) -> io::Error {
        poll_fn(|cx| match Pin::new(&mut *socket).poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(error),
            _ => Poll::Pending,
        })
        .await
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_noticed_behind_bytes_that_nobody_reads() {
        let (mut socket, mut client) = pair(PATIENT).await;
        client.write_all(b"onetwo").await.unwrap();
        assert_eq!(socket.read(&mut [0; 3]).await.unwrap(), 3);
        drop(client);
        let error = timeout(DEADLINE, end_of(&mut socket)).await.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_client_that_leaves_later_is_noticed_as_well() {
        let (mut socket, mut client) = pair(PATIENT).await;
        client.write_all(b"onetwo").await.unwrap();
        assert_eq!(socket.read(&mut [0; 3]).await.unwrap(), 3);
        tokio::select! {
            error = end_of(&mut socket) => panic!("the client is still there: {error}"),
            () = sleep(UNREAD_LOOK_INTERVAL * 3) => {}
        }
        drop(client);
        let error = timeout(DEADLINE, end_of(&mut socket)).await.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn unread_bytes_are_still_there_for_the_next_read() {
        let (mut socket, mut client) = pair(PATIENT).await;
        client.write_all(b"onetwo").await.unwrap();
        assert_eq!(socket.read(&mut [0; 3]).await.unwrap(), 3);
        assert!(timeout(UNREAD_LOOK_INTERVAL * 2, end_of(&mut socket)).await.is_err());
        let mut rest = [0; 3];
        timeout(DEADLINE, socket.read_exact(&mut rest)).await.unwrap().unwrap();
        assert_eq!(&rest, b"two");
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_given_up() {
        let (mut socket, client) = pair(Patience { write: Duration::from_millis(50), ..PATIENT }).await;
        let flood = async {
            while socket.write(&[0; 1 << 16]).await? > 0 {}
            io::Result::Ok(())
        };
        let error = timeout(DEADLINE, flood).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }

    #[tokio::test]
    async fn a_client_that_leaves_while_its_answer_waits_is_noticed() {
        let (mut socket, mut client) = pair(PATIENT).await;
        client.write_all(b"onetwo").await.unwrap();
        assert_eq!(socket.read(&mut [0; 3]).await.unwrap(), 3);
        let flood = async {
            while socket.write(&[0; 1 << 16]).await? > 0 {}
            io::Result::Ok(())
        };
        let leave = async {
            sleep(UNREAD_LOOK_INTERVAL * 2).await;
            client.shutdown().await.unwrap();
        };
        let (flooded, ()) = tokio::join!(timeout(DEADLINE / 2, flood), leave);
        assert_eq!(flooded.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_client_that_sends_nothing_is_given_up() {
        let (mut socket, _client) = pair(Patience { first_byte: Duration::from_millis(50), ..PATIENT }).await;
        let error = timeout(DEADLINE, socket.read(&mut [0; 3])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
