//! A database of the mind that can be away, slow or fussy, and a ledger over it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkhead_ledger::{Fsync, Ledger, RunError, Settings, ShipError, Shipped, Sink};
use domain::{Status, UsageEvent};
use kit::{ManualClock, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[derive(Clone, Default)]
pub struct Memory {
    pub state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
pub struct State {
    pub rows: BTreeMap<Uuid, UsageEvent>,
    pub calls: u64,
    /// Rows that came again.
    pub doubles: usize,
    pub largest_batch: usize,
    pub mode: Mode,
}

#[derive(Clone, Default)]
pub enum Mode {
    #[default]
    Well,
    Away,
    /// Takes the batch, and the answer is lost.
    Forgetful,
    /// Never takes these.
    Fussy(BTreeSet<Uuid>),
    /// Takes nothing, and gives no sign that it would later.
    Broken,
    Hanging,
}

impl Memory {
    pub fn set(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    pub fn rows(&self) -> BTreeMap<Uuid, UsageEvent> {
        self.state.lock().unwrap().rows.clone()
    }

    pub fn statuses(&self) -> Vec<Status> {
        self.rows().values().map(|row| row.outcome.status).collect()
    }

    /// Waits until the state is as asked for.
    pub async fn until(&self, is_so: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        while !is_so(&self.state.lock().unwrap()) {
            changes.changed().await.unwrap();
        }
    }

    fn take(&self, events: &[UsageEvent]) -> Option<Result<Shipped, ShipError>> {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        state.largest_batch = state.largest_batch.max(events.len());
        let away = |text: &str| Some(Err(ShipError::Away(text.into())));
        match state.mode.clone() {
            Mode::Away => return away("connection refused"),
            Mode::Hanging => return None,
            Mode::Broken => return Some(Err(ShipError::Refused("no such table".into()))),
            Mode::Fussy(never) if events.iter().any(|event| never.contains(&event.intent.id)) => {
                return Some(Err(ShipError::Refused("invalid byte".into())));
            }
            Mode::Well | Mode::Forgetful | Mode::Fussy(_) => {}
        }
        let before = state.rows.len();
        for event in events {
            state.rows.entry(event.intent.id).or_insert_with(|| event.clone());
        }
        let inserted = state.rows.len() - before;
        state.doubles += events.len() - inserted;
        if matches!(state.mode, Mode::Forgetful) {
            return away("connection reset");
        }
        Some(Ok(Shipped { inserted, ..Shipped::default() }))
    }
}

impl Sink for Memory {
    async fn ship(&self, events: &[UsageEvent], _now: Timestamp) -> Result<Shipped, ShipError> {
        let result = self.take(events);
        self.changed.send_modify(|count| *count += 1);
        match result {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }
}

/// Small enough that a test sees many segments and batches.
pub fn settings() -> Settings {
    Settings {
        fsync: Fsync::Os,
        segment_bytes_max: 4_096,
        batch_events_max: 50,
        linger: Duration::from_millis(10),
        ..Settings::default()
    }
}

pub fn open(root: &Path, settings: Settings) -> Ledger {
    let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
    Ledger::open(root, settings, Arc::new(clock)).unwrap()
}

/// A ledger that is being shipped.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

pub fn run(ledger: &Ledger, sink: impl Sink) -> Running {
    let stop = CancellationToken::new();
    let (ledger, stopped) = (ledger.clone(), stop.clone().cancelled_owned());
    let task = tokio::spawn(async move { ledger.run(sink, |_| {}, stopped).await });
    Running { stop, task }
}

impl Running {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends the shipping as the death of the process would.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Runs a new ledger under `root` until all that lies there is in `sink`.
pub async fn drain(root: &Path, sink: &Memory) -> Ledger {
    let ledger = open(root, settings());
    run(&ledger, sink.clone()).stop().await;
    ledger
}

/// Names of the journal files and damaged files anywhere under `root`.
pub fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let is_kept = path.extension().is_some_and(|kind| kind == "journal" || kind == "corrupt");
            if path.is_dir() {
                folders.push(path);
            } else if is_kept {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}
