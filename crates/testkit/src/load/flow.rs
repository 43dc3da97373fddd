//! A flow under way: its schedule, its requests, what they came to.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::{Clock as _, Rng, SeededRng};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::balance::Balancer;
use super::chat::Chat;
use super::record::{Counts, Record};
use super::spec::Flow;
use crate::clock::SystemClock;

pub struct Running {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    sending: JoinHandle<()>,
}

struct Shared {
    flow: Flow,
    balancer: Arc<Balancer>,
    clock: SystemClock,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    counts: Counts,
    records: Vec<Record>,
}

impl Running {
    /// # Errors
    /// When the flow has no target, no model or no rate.
    pub fn start(flow: Flow, balancer: Arc<Balancer>, clock: SystemClock) -> Result<Self, String> {
        if flow.targets.is_empty()
            || flow.models.is_empty()
            || flow.dialects.is_empty()
            || flow.rate_per_second <= 0.0
        {
            return Err("a flow needs targets, models, dialects and a rate".into());
        }
        let shared = Arc::new(Shared { flow, balancer, clock, book: Mutex::default() });
        let (stop, stopped) = watch::channel(false);
        let sending = tokio::spawn(Arc::clone(&shared).send(stopped));
        Ok(Self { shared, stop, sending })
    }

    pub fn counts(&self) -> Counts {
        self.shared.with_book(|book| book.counts)
    }

    /// Sends no more, waits for what is under way and writes the records.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn stop(self) -> Result<Counts, String> {
        let _ = self.stop.send(true);
        let _ = self.sending.await;
        let book = self.shared.with_book(std::mem::take);
        let out = &self.shared.flow.out;
        write(out, &book.records).map_err(|error| format!("cannot write {}: {error}", out.display()))?;
        Ok(book.counts)
    }
}

fn write(out: &std::path::Path, records: &[Record]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(out)?);
    for record in records {
        serde_json::to_writer(&mut file, record)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

impl Shared {
    fn with_book<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        look(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts each request when it is due, answered or not, until told to stop; then waits for the last.
    async fn send(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut rng = SeededRng::new(self.flow.seed);
        let interval = Duration::from_secs_f64(1.0 / self.flow.rate_per_second);
        let (first, first_us) = (self.clock.monotonic(), self.clock.now().micros());
        let mut under_way = JoinSet::new();
        for number in 0..self.flow.requests_max.unwrap_or(u64::MAX) {
            let due = interval.mul_f64(number as f64);
            let wait = (first + due).saturating_sub(self.clock.monotonic());
            tokio::select! {
                () = sleep(wait) => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
            while under_way.try_join_next().is_some() {}
            if under_way.len() >= self.flow.in_flight_max {
                self.with_book(|book| book.counts.held_back += 1);
                continue;
            }
            let due_us = first_us + i64::try_from(due.as_micros()).unwrap_or(i64::MAX);
            under_way.spawn(Arc::clone(&self).one(self.chat(number, due_us, &mut rng)));
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn one(self: Arc<Self>, chat: Chat) {
        self.with_book(|book| book.counts.sent += 1);
        let record = chat.run(&self.balancer, self.clock).await;
        self.with_book(|book| {
            book.counts.add(&record);
            book.records.push(record);
        });
    }

    fn chat(&self, number: u64, due_us: i64, rng: &mut dyn Rng) -> Chat {
        let flow = &self.flow;
        let at = usize::try_from(number).unwrap_or(0);
        let stream = unit(rng) < flow.stream_share;
        let key = match flow.keys.len() {
            0 => format!("sk-nobody-{:016x}-{number}", rng.next_u64()),
            count => flow.keys[at % count].clone(),
        };
        Chat {
            number,
            id: format!("{}-{number}", flow.name),
            key,
            model: flow.models[at % flow.models.len()].clone(),
            dialect: flow.dialects[at / flow.models.len() % flow.dialects.len()],
            stream,
            prompt_words: flow.prompt_words,
            script: if stream { flow.stream_script.clone() } else { flow.whole_script.clone() },
            http2: flow.http2,
            balance: flow.balance,
            timeout: Duration::from_millis(flow.timeout_ms),
            cancel_after: flow
                .cancel_within_ms
                .map(|most| Duration::from_secs_f64(unit(rng) * most as f64 / 1000.0)),
            due_us,
        }
    }
}

/// An even number from 0 to 1.
fn unit(rng: &mut dyn Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
