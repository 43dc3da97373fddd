//! What the provider remembers: each call, how it ended, and what it would have been billed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kit::{Clock, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::answer::billed_so_far;
use super::books::{Books, Page};
use crate::clock::SystemClock;

/// Calls kept with their bodies; older ones are forgotten, but stay counted.
const RECORDS_MAX: usize = 5_000;

/// What the provider bills a call with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Billed {
    /// All prompt tokens, cached ones included (as OpenAI counts them).
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub reasoning: u64,
}

/// One call as it was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    pub number: u64,
    pub id: Option<String>,
    pub at_us: i64,
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub model: String,
    pub stream: bool,
    pub body: Value,
    pub body_bytes: usize,
    pub status: Option<u16>,
    pub events_sent: usize,
    #[serde(flatten)]
    pub course: Course,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Course {
    /// `finished`, `failed` (as scripted) or `disconnected` (the client left); `None` while it runs.
    pub ended: Option<&'static str>,
    pub ended_at_us: Option<i64>,
    pub billed: Billed,
}

/// Totals of a model.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    pub started: u64,
    pub finished: u64,
    pub failed: u64,
    pub disconnected: u64,
    /// Tokens of calls that finished.
    pub billed: Billed,
}

#[derive(Default)]
struct State {
    next: u64,
    records: VecDeque<Record>,
    books: Books,
    counts: BTreeMap<String, Counts>,
    /// How often a script's id has been seen, for faults that happen only so many times.
    seen: HashMap<String, u64>,
    /// Scripts for whole models.
    scripts: HashMap<String, String>,
}

/// The provider's memory, shared by all its connections.
pub struct Log {
    clock: SystemClock,
    state: Mutex<State>,
}

impl Log {
    pub fn new(clock: SystemClock) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins a call; the returned guard notes the client's leaving when it is dropped unfinished.
    pub fn begin(self: &Arc<Self>, mut record: Record) -> Call {
        let mut state = self.state();
        state.next += 1;
        record.number = state.next;
        record.at_us = self.clock.now().micros();
        state.counts.entry(record.model.clone()).or_default().started += 1;
        let call = Call {
            log: Arc::clone(self),
            number: record.number,
            model: record.model.clone(),
            ended: false,
            making: None,
        };
        state.books.open(&record);
        if state.records.len() == RECORDS_MAX {
            state.records.pop_front();
        }
        state.records.push_back(record);
        call
    }

    /// How often `id` has been seen, this time included.
    pub fn times_seen(&self, id: &str) -> u64 {
        let mut state = self.state();
        let times = state.seen.entry(id.to_owned()).or_default();
        *times += 1;
        *times
    }

    pub fn set_script(&self, model: &str, script: Option<&str>) {
        let mut state = self.state();
        match script {
            Some(script) => state.scripts.insert(model.to_owned(), script.to_owned()),
            None => state.scripts.remove(model),
        };
    }

    pub fn script_of(&self, model: &str) -> Option<String> {
        self.state().scripts.get(model).cloned()
    }

    pub fn reset(&self) {
        let mut state = self.state();
        *state = State { next: state.next, ..State::default() };
    }

    /// The calls that match, oldest first.
    pub fn records(&self, id: Option<&str>, model: Option<&str>) -> Vec<Record> {
        let wanted = |record: &&Record| {
            id.is_none_or(|id| record.id.as_deref() == Some(id))
                && model.is_none_or(|model| record.model == model)
        };
        self.state().records.iter().filter(wanted).cloned().collect()
    }

    pub fn counts(&self) -> BTreeMap<String, Counts> {
        self.state().counts.clone()
    }

    /// What the books hold of the calls after this number.
    pub fn books_after(&self, number: u64) -> Page {
        self.state().books.page(number)
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.state().record(number) {
            change(record);
        }
    }

    /// Changes a call's course in the books, and in its record while that is kept.
    fn steer(&self, number: u64, change: impl Fn(&mut Course)) {
        let mut state = self.state();
        if let Some(record) = state.record(number) {
            change(&mut record.course);
        }
        if let Some(course) = state.books.course_of(number) {
            change(course);
        }
    }
}

impl State {
    fn record(&mut self, number: u64) -> Option<&mut Record> {
        let first = self.records.front()?.number;
        self.records.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }
}

/// A call under way.
pub struct Call {
    log: Arc<Log>,
    number: u64,
    model: String,
    ended: bool,
    making: Option<Making>,
}

/// A whole answer while it is made.
struct Making {
    whole: Billed,
    since: Duration,
    time: Duration,
}

impl Making {
    fn so_far(&self, now: Duration) -> Billed {
        let micros = |time: Duration| usize::try_from(time.as_micros()).unwrap_or(usize::MAX);
        billed_so_far(self.whole, micros(now.saturating_sub(self.since)), micros(self.time))
    }
}

impl Call {
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Notes that work has begun: from here on the prompt is billed, whether the client stays or not. An answer
    /// that is `made` over a time before any of it is sent is billed as far as it has come when the client leaves.
    pub fn accepted(&mut self, whole: Billed, made: Option<Duration>) {
        self.making = made.map(|time| Making { whole, since: self.log.clock.monotonic(), time });
        self.log.steer(self.number, |course| course.billed = billed_so_far(whole, 0, 1));
    }

    pub fn head(&mut self, status: u16) {
        self.making = None;
        self.log.change(self.number, |record| record.status = Some(status));
    }

    /// Notes that `events` have been sent so far, for `billed`.
    pub fn sent(&self, events: usize, billed: Billed) {
        self.log.change(self.number, |record| record.events_sent = events);
        self.log.steer(self.number, |course| course.billed = billed);
    }

    pub fn finished(mut self, billed: Billed) {
        self.end("finished", Some(billed));
    }

    pub fn failed(mut self) {
        self.end("failed", None);
    }

    fn end(&mut self, how: &'static str, billed: Option<Billed>) {
        self.ended = true;
        let now = self.log.clock.now().micros();
        self.log.steer(self.number, |course| {
            let billed = billed.unwrap_or(course.billed);
            *course = Course { ended: Some(how), ended_at_us: Some(now), billed };
        });
        let mut state = self.log.state();
        let counts = state.counts.entry(self.model.clone()).or_default();
        match how {
            "finished" => counts.finished += 1,
            "failed" => counts.failed += 1,
            _ => counts.disconnected += 1,
        }
        if let ("finished", Some(billed)) = (how, billed) {
            counts.billed.input += billed.input;
            counts.billed.output += billed.output;
            counts.billed.cache_read += billed.cache_read;
            counts.billed.cache_write += billed.cache_write;
            counts.billed.reasoning += billed.reasoning;
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            let billed = self.making.take().map(|making| making.so_far(self.log.clock.monotonic()));
            self.end("disconnected", billed);
        }
    }
}
