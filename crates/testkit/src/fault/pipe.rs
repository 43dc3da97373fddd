//! One connection through the proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::messages::{Messages, Said};
use super::{Mode, Tally};

const READ_BYTES_MAX: usize = 64 << 10;

/// Why a connection stops being forwarded.
enum Stopped {
    /// One side ended it, or it is to be cut.
    Closed,
    Reset,
    Swallowed,
}

pub async fn run(client: TcpStream, to: SocketAddr, mut mode: watch::Receiver<Mode>, tally: Arc<Tally>) {
    let connected = tokio::select! {
        biased;
        stopped = no_longer_forwarded(&mut mode) => Err(stopped),
        connected = TcpStream::connect(to) => Ok(connected),
    };
    let database = match connected {
        Ok(Ok(database)) => database,
        Ok(Err(_)) => return,
        Err(stopped) => return stop_unlinked(client, stopped).await,
    };
    let mut link = Link::new(client, database);
    let watched = mode.clone();
    let stopped = tokio::select! {
        biased;
        stopped = no_longer_forwarded(&mut mode) => stopped,
        stopped = link.forward(&watched, &tally) => stopped.unwrap_or(Stopped::Closed),
    };
    match stopped {
        // All sockets are dropped, which closes them.
        Stopped::Closed => {}
        Stopped::Reset => reset(link.client.1.as_ref()),
        // The database does not hear of the client's end either: its side stays until it gives up itself.
        Stopped::Swallowed => {
            tokio::join!(swallow(&mut link.client.0), swallow(&mut link.database.0));
        }
    }
}

async fn stop_unlinked(client: TcpStream, stopped: Stopped) {
    match stopped {
        Stopped::Closed => {}
        Stopped::Reset => reset(&client),
        Stopped::Swallowed => swallow(&mut client.into_split().0).await,
    }
}

fn reset(socket: &TcpStream) {
    let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// The two connections that one is made of.
struct Link {
    client: (OwnedReadHalf, OwnedWriteHalf),
    database: (OwnedReadHalf, OwnedWriteHalf),
}

impl Link {
    fn new(client: TcpStream, database: TcpStream) -> Self {
        let _ = client.set_nodelay(true).and_then(|()| database.set_nodelay(true));
        Self { client: client.into_split(), database: database.into_split() }
    }

    async fn forward(&mut self, mode: &watch::Receiver<Mode>, tally: &Tally) -> io::Result<Stopped> {
        let (cut, cutting) = watch::channel(false);
        tokio::select! {
            done = ask(&mut self.client.0, &mut self.database.1, tally, &cut) => done,
            done = answer(&mut self.database.0, &mut self.client.1, mode, cutting) => done,
        }
    }
}

async fn no_longer_forwarded(mode: &mut watch::Receiver<Mode>) -> Stopped {
    let forwards = |mode: &Mode| matches!(mode, Mode::Pass | Mode::Delay { .. });
    match mode.wait_for(|mode| !forwards(mode)).await.map(|mode| *mode) {
        Ok(Mode::HalfOpen) => Stopped::Swallowed,
        Ok(Mode::Reset) => Stopped::Reset,
        _ => Stopped::Closed,
    }
}

/// Reads until the other side gives up, and says nothing.
async fn swallow(from: &mut OwnedReadHalf) {
    let mut buffer = vec![0; READ_BYTES_MAX];
    while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

/// Client to database.
async fn ask(
    client: &mut OwnedReadHalf,
    database: &mut OwnedWriteHalf,
    tally: &Tally,
    cut: &watch::Sender<bool>,
) -> io::Result<Stopped> {
    let mut buffer = vec![0; READ_BYTES_MAX];
    let mut messages = Messages::default();
    loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(Stopped::Closed);
        }
        for said in messages.push(&buffer[..read]) {
            match said {
                Said::Statement => tally.statements.fetch_add(1, Ordering::Relaxed),
                Said::Commit => tally.commits.fetch_add(1, Ordering::Relaxed),
                Said::Other => 0,
            };
            if said != Said::Other && !tally.let_pass() {
                return Ok(Stopped::Closed);
            }
            if said != Said::Commit {
                continue;
            }
            if Tally::take(&tally.cut_muted) {
                tally.commits_cut.fetch_add(1, Ordering::Relaxed);
                return Ok(Stopped::Swallowed);
            }
            if Tally::take(&tally.cut_unsent) {
                tally.commits_cut.fetch_add(1, Ordering::Relaxed);
                return Ok(Stopped::Closed);
            }
            if Tally::take(&tally.cut_unanswered) {
                tally.commits_cut.fetch_add(1, Ordering::Relaxed);
                cut.send_replace(true);
            }
        }
        database.write_all(&buffer[..read]).await?;
    }
}

/// Database to client, until the commit's answer that is to be swallowed.
async fn answer(
    database: &mut OwnedReadHalf,
    client: &mut OwnedWriteHalf,
    mode: &watch::Receiver<Mode>,
    cutting: watch::Receiver<bool>,
) -> io::Result<Stopped> {
    let mut buffer = vec![0; READ_BYTES_MAX];
    loop {
        let read = database.read(&mut buffer).await?;
        if read == 0 || *cutting.borrow() {
            return Ok(Stopped::Closed);
        }
        let delay = match *mode.borrow() {
            Mode::Delay { ms } => Duration::from_millis(ms),
            _ => Duration::ZERO,
        };
        sleep(delay).await;
        client.write_all(&buffer[..read]).await?;
    }
}
