//! Threads: the door accepts and hands each connection to the worker with the fewest; each worker has a
//! single-threaded runtime and its own connections to providers.
//!
//! A request so stays on one core from its first byte to its last, and wakes no other thread.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use http::{HeaderValue, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

use crate::body::Body;
use crate::door::{Door, Doors, Drain};
use crate::pulse::Pulses;
use crate::socket::{Patience, Socket};
use crate::unread::{Reader, Watched};
use crate::worker::{Core, Worker};

/// Accepted connections that wait for their worker. Beyond it the kernel's backlog holds them.
const HANDOVER_QUEUE_LEN_MAX: usize = 1024;
/// A client that has not sent its first byte, or its headers, by then is disconnected.
const HEADER_TIME_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether the workers have ended.
const JOIN_LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How much longer than its drain a worker may take to end.
const STUCK_GRACE: Duration = Duration::from_secs(2);
/// Largest request head; hyper answers 431 beyond it.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most header lines in a request.
const HEADER_LINES_MAX: usize = 128;
/// Requests that one HTTP/2 connection may run at once.
const H2_STREAMS_MAX: u32 = 256;
/// Bytes of one HTTP/2 answer that wait for its client to take them.
const H2_SEND_BUFFER_BYTES_MAX: usize = 64 << 10;
/// An HTTP/2 client is probed this often, and must answer within as long.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// Requests that an HTTP/2 client may take back before they were looked at; beyond it the connection is
/// closed (CVE-2023-44487, "rapid reset").
const H2_EARLY_RESETS_MAX: usize = 20;
/// Streams that may be reset for their client's errors; beyond it the connection is closed.
const H2_ERROR_RESETS_MAX: usize = 64;

/// The running gateway: its workers, and soon the thread at the door.
pub struct Server {
    core: Arc<Core>,
    workers: Workers,
}

/// The worker threads, as the door knows them.
#[derive(Clone)]
pub struct Workers {
    all: Arc<[WorkerThread]>,
    draining: Arc<watch::Sender<bool>>,
}

struct WorkerThread {
    connections: mpsc::Sender<std::net::TcpStream>,
    open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Starts one thread per worker.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub fn start(
        core: Arc<Core>,
        workers: Vec<impl FnOnce() -> Worker + Send + 'static>,
        drain_time_max: Duration,
    ) -> io::Result<Self> {
        let (tell, told) = watch::channel(false);
        let all = workers
            .into_iter()
            .enumerate()
            .map(|(number, make)| WorkerThread::start(number, make, drain_time_max, told.clone()))
            .collect::<io::Result<_>>()?;
        Ok(Self { core, workers: Workers { all, draining: Arc::new(tell) } })
    }

    /// Accepts until told to stop, then waits for the workers to drain. All of that is done by a thread of its
    /// own, so that nothing else in the process keeps it from answering.
    ///
    /// # Errors
    /// When the thread cannot be started or a listener cannot be registered.
    pub async fn run(self, doors: Doors, drain: Drain, shutdown: watch::Receiver<bool>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (tell, told) = oneshot::channel();
        let door = Door { core: self.core, workers: self.workers, drain };
        std::thread::Builder::new().name("door".into()).spawn(move || {
            let _ = tell.send(runtime.block_on(door.run(doors, shutdown)));
        })?;
        told.await.map_err(io::Error::other)?
    }
}

impl Workers {
    pub fn any_turns(&self, pulses: &Pulses) -> bool {
        (0..self.all.len()).any(|worker| pulses.turns(worker))
    }

    /// Gives a connection to the worker with the fewest, of those that turn if any does. It comes back when
    /// the worker has no room for more.
    pub fn give(&self, stream: std::net::TcpStream, pulses: &Pulses) -> Result<(), std::net::TcpStream> {
        let busy = |(number, worker): &(usize, &WorkerThread)| {
            (!pulses.turns(*number), worker.open.load(Ordering::Relaxed))
        };
        let Some((_, worker)) = self.all.iter().enumerate().min_by_key(busy) else { return Err(stream) };
        worker.open.fetch_add(1, Ordering::Relaxed);
        worker.connections.try_send(stream).map_err(|unsent| {
            worker.open.fetch_sub(1, Ordering::Relaxed);
            unsent.into_inner()
        })
    }

    /// Asks all to end what they have, and waits until they have; for one that is stuck not much longer than
    /// `time_max`.
    pub async fn drain(&self, time_max: Duration) {
        let _ = self.draining.send(true);
        let ended = async {
            while !self.all.iter().all(|worker| worker.thread.is_finished()) {
                tokio::time::sleep(JOIN_LOOK_INTERVAL).await;
            }
        };
        if tokio::time::timeout(time_max + STUCK_GRACE, ended).await.is_err() {
            warn!("a worker does not end; going on without it");
        }
    }
}

impl WorkerThread {
    fn start(
        number: usize,
        make: impl FnOnce() -> Worker + Send + 'static,
        drain_time_max: Duration,
        draining: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let (connections, handed_over) = mpsc::channel(HANDOVER_QUEUE_LEN_MAX);
        let open = Arc::new(AtomicUsize::new(0));
        let counter = open.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            // The worker is made inside its runtime, so that its timers and sockets belong to it.
            runtime.block_on(async move {
                let worker = Arc::new(make());
                let core = worker.core.clone();
                tokio::spawn(async move { core.pulses.beat(number).await });
                serve(worker, handed_over, counter, drain_time_max, draining).await;
            });
        })?;
        Ok(Self { connections, open, thread })
    }
}

async fn serve(
    worker: Arc<Worker>,
    mut handed_over: mpsc::Receiver<std::net::TcpStream>,
    open: Arc<AtomicUsize>,
    drain_time_max: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let draining = GracefulShutdown::new();
    loop {
        tokio::select! {
            stream = handed_over.recv() => match stream {
                Some(stream) => start_connection(&worker, stream, OpenConnection(open.clone()), &draining),
                None => break,
            },
            _ = stopping.wait_for(|stop| *stop) => break,
        }
    }
    // What was handed over before the door closed is served too.
    while let Ok(stream) = handed_over.try_recv() {
        start_connection(&worker, stream, OpenConnection(open.clone()), &draining);
    }
    if tokio::time::timeout(drain_time_max, draining.shutdown()).await.is_err() {
        worker.core.cutting_off.store(true, Ordering::Relaxed);
        warn!("some requests were still running after {} s and are cut off", drain_time_max.as_secs());
    }
}

struct OpenConnection(Arc<AtomicUsize>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn start_connection(
    worker: &Arc<Worker>,
    stream: std::net::TcpStream,
    open: OpenConnection,
    draining: &GracefulShutdown,
) {
    let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) else { return };
    // Without it a response waits up to 40 ms for the client's acknowledgement of its first packet.
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok().map(|address| address.ip());
    let patience = Patience { first_byte: HEADER_TIME_MAX, write: worker.core.settings.client_write_timeout };
    let socket = TokioIo::new(Socket::new(stream, patience));
    let (worker, reader) = (worker.clone(), Reader::new(patience.write));
    let answers = reader.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (worker, reader) = (worker.clone(), answers.clone());
        async move { Ok::<_, std::convert::Infallible>(answer(worker, request, peer, reader).await) }
    });
    let connection = draining.watch(builder().serve_connection(socket, service).into_owned());
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                debug!("connection ended: {error}");
            },
            () = reader.given_up() => debug!("a client makes no room for its answer"),
        }
        drop(open);
    });
}

async fn answer(
    worker: Arc<Worker>,
    request: http::Request<Incoming>,
    peer: Option<IpAddr>,
    reader: Reader,
) -> http::Response<Watched<Body>> {
    let (core, version) = (worker.core.clone(), request.version());
    let mut response = worker.answer(request, peer).await;
    if version >= http::Version::HTTP_2 {
        return response.map(|body| reader.watch(body));
    }
    // HTTP/2 has a message of its own for it, sent when the connection is to end.
    if core.is_draining() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(Reader::trust)
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADER_LINES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_send_buf_size(H2_SEND_BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(H2_EARLY_RESETS_MAX)
        .max_local_error_reset_streams(H2_ERROR_RESETS_MAX)
        .keep_alive_interval(H2_PING_INTERVAL)
        .keep_alive_timeout(H2_PING_INTERVAL)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
    builder
}
