//! Closed loop: a fixed number of connections, each sending its next request when the last is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kit::Clock as _;
use testkit::clock::SystemClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;
use crate::wire::Answer;

/// What was answered in the time given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub requests: u64,
    pub seconds: f64,
}

/// Runs for `duration` on one thread.
///
/// # Errors
/// When a request is not answered with 200: a benchmark of errors says nothing.
pub fn run(to: SocketAddr, request: &[u8], connections: usize, duration: Duration) -> Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let clock = SystemClock::new();
    let request: Arc<[u8]> = request.into();
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let started = clock.monotonic();
        let until = started + duration;
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|stream| tokio::spawn(one_connection(stream, Arc::clone(&request), clock, until)))
            .collect();
        let mut requests = 0;
        for task in tasks {
            requests += task.await??;
        }
        Ok(Done { requests, seconds: (clock.monotonic() - started).as_secs_f64() })
    })
}

async fn one_connection(
    mut stream: TcpStream,
    request: Arc<[u8]>,
    clock: SystemClock,
    until: Duration,
) -> std::result::Result<u64, String> {
    let mut buffer = vec![0; 32 << 10];
    let mut answer = Answer::default();
    let mut requests = 0;
    while clock.monotonic() < until {
        stream.write_all(&request).await.map_err(|error| error.to_string())?;
        answer.clear();
        loop {
            let read = stream.read(&mut buffer).await.map_err(|error| error.to_string())?;
            if read == 0 {
                return Err("the connection was closed in the middle of an answer".into());
            }
            if answer.push(&buffer[..read])? {
                break;
            }
        }
        if answer.status != 200 {
            return Err(format!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body)));
        }
        requests += 1;
    }
    Ok(requests)
}
