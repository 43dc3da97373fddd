//! Collects the next batch from disk, and deletes what has been shipped. Blocking: it runs on threads
//! made for that.

use std::collections::HashSet;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use domain::UsageEvent;

use crate::JournalError;
use crate::carry;
use crate::ledger::Inner;
use crate::pairs::Pairs;
use crate::process::Folder;
use crate::retire;
use crate::source::{Finished, Remains, SegmentId, Step, Tail};

/// Journal bytes read for one batch at most: bounds its memory when events are large.
const BATCH_BYTES_MAX: u64 = 4 << 20;

/// Events that go into one transaction.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub events: Vec<UsageEvent>,
    /// Whether the calls were made by this process.
    pub own: bool,
    bytes: u64,
}

/// Reads this process's journal and those of dead ones.
pub(crate) struct Shipper {
    ledger: Arc<Inner>,
    tails: Vec<Tail>,
    pairs: Pairs,
    finished: Vec<Finished>,
    dead: Vec<Dead>,
}

/// What a dead process left. Its files stay until all of it is in the database, since its open calls
/// are known only once everything has been read.
struct Dead {
    folder: Folder,
    remains: Remains,
    pairs: Pairs,
    finished: Vec<Finished>,
    bytes: u64,
    read_out: bool,
}

impl Shipper {
    pub(crate) fn new(ledger: Arc<Inner>) -> Self {
        Self { ledger, tails: Vec::new(), pairs: Pairs::default(), finished: Vec::new(), dead: Vec::new() }
    }

    /// Looks for journals whose process is dead and takes them over.
    pub(crate) fn claim_dead(&mut self) -> io::Result<()> {
        for folder in Folder::claim_dead(&self.ledger.root)? {
            // An error lets go of the folder, which is then found again.
            let (remains, bytes) = Remains::find(folder.path())?;
            tracing::info!(folder = %folder.path().display(), bytes, "taking over the journal of a dead process");
            let counters = &self.ledger.counters;
            counters.held_bytes.fetch_add(bytes, Ordering::Relaxed);
            counters.replay_backlog_bytes.fetch_add(bytes, Ordering::Relaxed);
            let (pairs, finished) = (Pairs::default(), Vec::new());
            self.dead.push(Dead { folder, remains, pairs, finished, bytes, read_out: false });
        }
        Ok(())
    }

    /// Adds to `batch` what is on disk, as far as it fits: first what dead processes left, then our own.
    /// With `closing`, calls whose writers are gone count as interrupted.
    pub(crate) fn collect(&mut self, batch: &mut Batch, closing: bool) -> io::Result<()> {
        let events_max = self.ledger.settings.batch_events_max;
        if batch.events.is_empty() {
            batch.own = self.dead.is_empty();
        }
        let result = match self.dead.first_mut() {
            Some(dead) if !batch.own => dead.collect(batch, events_max),
            _ if batch.own => self.collect_own(batch, events_max, closing),
            _ => Ok(()),
        };
        let open = self.pairs.open_count() as u64;
        let unmatched = mem::take(&mut self.pairs.unmatched)
            + self.dead.iter_mut().map(|dead| mem::take(&mut dead.pairs.unmatched)).sum::<u64>();
        self.ledger.counters.note(|stats| {
            stats.open_intents = open;
            stats.unmatched_outcomes += unmatched;
        });
        result
    }

    fn collect_own(&mut self, batch: &mut Batch, events_max: usize, closing: bool) -> io::Result<()> {
        self.meet_new_writers();
        // Another writer comes first each time, so that a busy one cannot hold up the rest.
        if !self.tails.is_empty() {
            self.tails.rotate_left(1);
        }
        for tail in &mut self.tails {
            tail.state.dirty.store(false, Ordering::SeqCst);
            let step = || Ok((tail.segment_id(), tail.step()?));
            batch.fill(events_max, step, &mut self.pairs, &mut self.finished)?;
        }
        if closing && self.tails.iter().all(Tail::is_over) {
            batch.interrupt(events_max, &mut self.pairs);
        }
        Ok(())
    }

    fn meet_new_writers(&mut self) {
        let states = self.ledger.writer_states();
        if states.len() == self.tails.len() {
            return;
        }
        for state in states {
            if !self.tails.iter().any(|tail| tail.state.number == state.number) {
                self.tails.push(Tail::new(self.ledger.folder(), state));
            }
        }
    }

    /// Deletes what nobody needs now that everything collected so far has been shipped.
    pub(crate) fn retire(&mut self, batch: &Batch) -> io::Result<()> {
        if batch.own {
            self.ledger.counters.shipped_bytes.fetch_add(batch.bytes, Ordering::Relaxed);
            return self.retire_own();
        }
        if self.dead.first().is_some_and(|dead| dead.read_out) {
            let dead = self.dead.remove(0);
            dead.retire(&self.ledger)?;
        }
        Ok(())
    }

    fn retire_own(&mut self) -> io::Result<()> {
        if self.finished.is_empty() {
            return Ok(());
        }
        let folder = self.ledger.folder();
        let needed = match self.carry_over() {
            Ok(()) => HashSet::new(),
            // No room for the carry file, say: what has no open intents goes all the same, and makes some.
            Err(error) => {
                tracing::error!(%error, "open calls cannot be carried over; their segments stay");
                self.pairs.segments()
            }
        };
        self.finished.retain(|file| {
            let stays = needed.contains(&file.segment);
            if !stays {
                retire::file(&self.ledger, folder, file);
            }
            stays
        });
        Ok(())
    }

    fn carry_over(&self) -> Result<(), JournalError> {
        let folder = self.ledger.folder();
        if self.pairs.open_count() == 0 {
            return Ok(carry::clear(folder)?);
        }
        carry::write(folder, self.pairs.open())
    }

    /// Removes this process's folder, if all its writers are gone and all of it has been shipped.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        let is_empty = self.finished.is_empty() && self.pairs.open_count() == 0;
        if !is_empty || !self.tails.iter().all(Tail::is_over) {
            return Ok(());
        }
        carry::clear(self.ledger.folder())?;
        let own = self.ledger.own.lock().unwrap_or_else(PoisonError::into_inner).take();
        own.map_or(Ok(()), Folder::remove)
    }
}

impl Dead {
    fn collect(&mut self, batch: &mut Batch, events_max: usize) -> io::Result<()> {
        let step = || Ok((SegmentId::default(), self.remains.step()?));
        let exhausted = batch.fill(events_max, step, &mut self.pairs, &mut self.finished)?;
        if exhausted {
            batch.interrupt(events_max, &mut self.pairs);
            self.read_out = self.pairs.open_count() == 0;
        }
        Ok(())
    }

    fn retire(self, ledger: &Inner) -> io::Result<()> {
        let path = self.folder.path().to_path_buf();
        for file in &self.finished {
            retire::file(ledger, &path, file);
        }
        let left = |bytes: u64| Some(bytes.saturating_sub(self.bytes));
        let backlog = &ledger.counters.replay_backlog_bytes;
        let _ = backlog.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        self.folder.remove()
    }
}

impl Batch {
    /// Whether nothing at all was read for it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.bytes == 0
    }

    pub(crate) fn is_full(&self, events_max: usize) -> bool {
        self.events.len() >= events_max.max(1) || self.bytes >= BATCH_BYTES_MAX
    }

    /// Takes steps until the batch is full or nothing more comes. Returns whether nothing more came.
    fn fill(
        &mut self,
        events_max: usize,
        mut step: impl FnMut() -> io::Result<(SegmentId, Step)>,
        pairs: &mut Pairs,
        finished: &mut Vec<Finished>,
    ) -> io::Result<bool> {
        while !self.is_full(events_max) {
            match step()? {
                (segment, Step::Record(record, bytes)) => {
                    self.bytes += bytes;
                    self.events.extend(pairs.take(record, segment));
                }
                (_, Step::Finished(file, bytes)) => {
                    self.bytes += bytes;
                    finished.push(file);
                }
                (_, Step::Nothing) => return Ok(true),
            }
        }
        Ok(false)
    }

    fn interrupt(&mut self, events_max: usize, pairs: &mut Pairs) {
        while !self.is_full(events_max)
            && let Some(event) = pairs.interrupt_one()
        {
            self.events.push(event);
        }
    }
}
