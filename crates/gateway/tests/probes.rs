//! Probes while workers are stuck: liveness names the one that does not turn, and is answered even when none
//! does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bulkhead_gateway::{
    BodyMemory, Clients, Core, Doors, Drain, Prices, Pulses, RoutingNow, Server, Settings, Worker,
};
use kit::{Clock, Rng, Secret, SeededRng};
use telemetry::metrics::Metrics;
use testkit::clock::SystemClock;
use tokio::sync::watch;

const STUCK_AFTER: Duration = Duration::from_millis(500);
/// Blocks that wait for their worker.
const BLOCKS_MAX: usize = 4;
/// Long enough that a busy machine is not taken for a fault.
const DEADLINE: Duration = Duration::from_secs(20);

/// A gateway with two workers, each of which can be blocked.
struct Gateway {
    requests: SocketAddr,
    probes: SocketAddr,
    /// Sending blocks the worker until the other end of what was sent is dropped.
    block: Vec<tokio::sync::mpsc::Sender<mpsc::Receiver<()>>>,
    stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

fn core(folder: &std::path::Path, clock: Arc<dyn Clock>) -> Core {
    let copy = policy::DiskCopy::new(folder.join("policy"), Secret::new("salt"), Box::new(SeededRng::new(1)));
    let settings = Settings::with_master_key(Secret::new("sk-master"));
    let prices = Arc::new(Prices::new(pricing::PriceBook::builtin()));
    Core {
        routing: RoutingNow::new(
            Vec::new(),
            routing::Options::default(),
            prices.clone(),
            Arc::new(|_: &str| None),
            clock.clone(),
        ),
        prices,
        replica: Arc::new(policy::Replica::load_or_empty(copy, policy::Settings::default())),
        metrics: Arc::new(Metrics::new()),
        ledger: ledger::Ledger::open(&folder.join("journal"), ledger::Settings::default(), clock.clone())
            .unwrap(),
        clock,
        bodies: Arc::new(BodyMemory::new(settings.bodies_bytes_max)),
        in_flight: Arc::new(AtomicUsize::new(0)),
        draining: AtomicBool::new(false),
        cutting_off: AtomicBool::new(false),
        pulses: Pulses::new(2, STUCK_AFTER),
        front_door: None,
        settings,
    }
}

fn start() -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let core = Arc::new(core(folder.path(), clock.clone()));
    let tls = upstream::tls::client_config(None).unwrap();
    let mut block = Vec::new();
    let mut makers = Vec::new();
    for number in 0..2 {
        let (core, clock, tls) = (core.clone(), clock.clone(), tls.clone());
        let (sender, mut blocks) = tokio::sync::mpsc::channel::<mpsc::Receiver<()>>(BLOCKS_MAX);
        block.push(sender);
        makers.push(move || {
            tokio::spawn(async move {
                while let Some(until) = blocks.recv().await {
                    // Not an await: the thread itself waits, and its runtime with it.
                    let _ = until.recv();
                }
            });
            let mut rng = SeededRng::new(number);
            let mut own = SeededRng::new(rng.next_u64());
            let clients = Clients::new(core.settings.connect_timeout, move |_| {
                upstream::Client::new(&upstream::ClientSettings::default(), &tls, clock.clone(), &mut own)
            });
            let writer = core.ledger.writer();
            Worker::new(core, clients, writer, Box::new(rng) as Box<dyn Rng>)
        });
    }
    let listen = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        (listener.local_addr().unwrap(), listener)
    };
    let ((requests, request_listener), (probes, probe_listener)) = (listen(), listen());
    let (stop, stopping) = watch::channel(false);
    let drain = Drain { delay: Duration::ZERO, time_max: Duration::from_secs(1) };
    let server = Server::start(core, makers, drain.time_max).unwrap();
    let doors = Doors { requests: request_listener, probes: Some(probe_listener) };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(server.run(doors, drain, stopping)).unwrap();
    });
    Gateway { requests, probes, block, stop, _folder: folder }
}

impl Gateway {
    /// Blocks a worker until what is returned is dropped.
    fn block(&self, worker: usize) -> mpsc::Sender<()> {
        let (release, until) = mpsc::channel();
        self.block[worker].try_send(until).unwrap();
        release
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// The answer to a request on a connection of its own.
fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn eventually(address: SocketAddr, path: &str, wanted: &str) {
    let clock = SystemClock::new();
    loop {
        let answer = get(address, path);
        if answer.as_ref().is_ok_and(|answer| answer.contains(wanted)) {
            return;
        }
        assert!(clock.monotonic() < DEADLINE, "{path} never said `{wanted}`, but {answer:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stuck_worker_fails_liveness_and_is_named() {
    let gateway = start();
    eventually(gateway.requests, "/health/liveness", "200 OK");
    let release = gateway.block(1);
    for address in [gateway.requests, gateway.probes] {
        eventually(address, "/health/liveness", "worker-1 has not turned for ");
    }
    // The other goes on, and gets all that is new.
    for _ in 0..8 {
        assert!(get(gateway.requests, "/nothing").unwrap().contains("404"));
    }
    drop(release);
    eventually(gateway.requests, "/health/liveness", "200 OK");
}

#[test]
fn probes_are_answered_when_no_worker_turns() {
    let gateway = start();
    eventually(gateway.probes, "/health/readiness", "\"status\":\"starting\"");
    let blocked = [gateway.block(0), gateway.block(1)];
    for address in [gateway.requests, gateway.probes] {
        eventually(address, "/health/liveness", "503 Service Unavailable");
        eventually(address, "/health/readiness", "\"status\":\"starting\"");
    }
    // What is no probe waits for a worker.
    assert!(get(gateway.requests, "/nothing").is_err());
    drop(blocked);
    eventually(gateway.requests, "/nothing", "404");
    eventually(gateway.requests, "/health/liveness", "200 OK");
}

#[test]
fn the_port_for_probes_answers_nothing_else() {
    let gateway = start();
    assert!(get(gateway.probes, "/v1/models").unwrap().contains("404"));
}

#[test]
fn a_worker_that_is_busy_is_not_stuck() {
    let gateway = start();
    eventually(gateway.requests, "/health/liveness", "200 OK");
    let clock = SystemClock::new();
    while clock.monotonic() < STUCK_AFTER * 3 {
        for worker in 0..2 {
            let release = gateway.block(worker);
            std::thread::sleep(STUCK_AFTER / 10);
            drop(release);
        }
        assert!(get(gateway.probes, "/health/liveness").unwrap().contains("200 OK"));
    }
}
