//! Open loop: requests start on a fixed schedule, answered or not, and their latency counts from when
//! they were due, so that a slow answer is not hidden by the requests that it held back.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use kit::Clock as _;
use testkit::clock::SystemClock;

use crate::Result;
use crate::wire::Answer;

/// Threads with a connection each; as many answers may be under way at once.
const THREADS: usize = 32;
/// Longest latency that is told apart, microseconds.
const LATENCY_MICROS_MAX: u64 = 60_000_000;
/// Requests at the beginning that are sent but not counted: connections are made, caches fill.
const WARM_UP_REQUESTS: u64 = 64;

/// Latencies in microseconds.
pub struct Latencies {
    /// Until the answer was complete.
    pub whole: Histogram<u64>,
    /// Until the first byte of the body.
    pub first_byte: Histogram<u64>,
}

impl Latencies {
    /// # Errors
    /// Never, with the bounds given here.
    pub fn new() -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, 3);
        Ok(Self { whole: histogram()?, first_byte: histogram()? })
    }

    /// # Errors
    /// Never, with equal bounds.
    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.whole.add(&other.whole)?;
        self.first_byte.add(&other.first_byte)?;
        Ok(())
    }
}

struct Schedule {
    clock: SystemClock,
    next: AtomicU64,
    count: u64,
    first: Duration,
    interval: Duration,
}

impl Schedule {
    /// The next request's number and the time that it is due.
    fn take(&self) -> Option<(u64, Duration)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = self.first + self.interval * u32::try_from(number).unwrap_or(u32::MAX);
        (number < self.count).then_some((number, due))
    }
}

/// How many requests a run sends, those of the warm-up included.
pub fn requests(per_second: u32, duration: Duration) -> u64 {
    WARM_UP_REQUESTS + (duration.as_secs_f64() * f64::from(per_second)) as u64
}

/// Sends `per_second` requests for `duration`.
///
/// # Errors
/// When a request is not answered with 200.
pub fn run(to: SocketAddr, request: &[u8], per_second: u32, duration: Duration) -> Result<Latencies> {
    let clock = SystemClock::new();
    let schedule = Schedule {
        clock,
        next: AtomicU64::new(0),
        count: requests(per_second, duration),
        first: clock.monotonic() + Duration::from_millis(50),
        interval: Duration::from_secs(1) / per_second,
    };
    let mut all = Latencies::new()?;
    let parts: Vec<std::result::Result<Latencies, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| one_thread(to, request, &schedule).map_err(|error| error.to_string())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
            .collect()
    });
    for part in parts {
        all.add(&part?)?;
    }
    Ok(all)
}

fn one_thread(to: SocketAddr, request: &[u8], schedule: &Schedule) -> Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 32 << 10];
    let mut answer = Answer::default();
    while let Some((number, due)) = schedule.take() {
        std::thread::sleep(due.saturating_sub(schedule.clock.monotonic()));
        stream.write_all(request)?;
        answer.clear();
        let mut first_byte = None;
        loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err("the connection was closed in the middle of an answer".into());
            }
            let complete = answer.push(&buffer[..read])?;
            if first_byte.is_none() && answer.body_began() {
                first_byte = Some(schedule.clock.monotonic().saturating_sub(due));
            }
            if complete {
                break;
            }
        }
        let whole = schedule.clock.monotonic().saturating_sub(due);
        if answer.status != 200 {
            return Err(format!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body)).into());
        }
        if number >= WARM_UP_REQUESTS {
            latencies.whole.saturating_record(micros(whole));
            latencies.first_byte.saturating_record(micros(first_byte.unwrap_or(whole)));
        }
    }
    Ok(latencies)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(LATENCY_MICROS_MAX)
}
