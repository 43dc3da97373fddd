//! Whether the workers turn: each beats from within its runtime, and a thread of its own looks.
//!
//! Silence is counted in looks, not read off a clock: a process that was stopped as a whole (a debugger, a
//! machine that slept) does not find its workers stuck when it goes on.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often each worker beats, and how often that is looked at.
pub const BEAT_INTERVAL: Duration = Duration::from_millis(250);
/// A worker that has been silent for so long gets no new connections while another turns.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// The beats of all workers.
#[derive(Debug)]
pub struct Pulses {
    workers: Box<[Pulse]>,
    stuck_after: Duration,
}

#[derive(Debug, Default)]
struct Pulse {
    beats: AtomicU32,
    seen: AtomicU32,
    /// Looks since the last new beat.
    missed: AtomicU32,
}

/// A worker that has not turned for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    pub worker: usize,
    pub silent_for: Duration,
}

impl Pulses {
    pub fn new(workers: usize, stuck_after: Duration) -> Self {
        Self { workers: (0..workers).map(|_| Pulse::default()).collect(), stuck_after }
    }

    /// Beats for a worker until it is dropped; runs in that worker's runtime.
    pub async fn beat(&self, worker: usize) {
        let Some(pulse) = self.workers.get(worker) else { return };
        loop {
            pulse.beats.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(BEAT_INTERVAL).await;
        }
    }

    /// Looks once; to be called every [`BEAT_INTERVAL`].
    pub fn look(&self) {
        for pulse in &self.workers {
            let beats = pulse.beats.load(Ordering::Relaxed);
            if pulse.seen.swap(beats, Ordering::Relaxed) == beats {
                pulse.missed.fetch_add(1, Ordering::Relaxed);
            } else {
                pulse.missed.store(0, Ordering::Relaxed);
            }
        }
    }

    fn silent_for(&self, worker: usize) -> Duration {
        let missed = self.workers.get(worker).map_or(0, |pulse| pulse.missed.load(Ordering::Relaxed));
        BEAT_INTERVAL.saturating_mul(missed)
    }

    /// Whether a worker may be given more to do.
    pub fn turns(&self, worker: usize) -> bool {
        self.silent_for(worker) < SLOW_AFTER.min(self.stuck_after)
    }

    /// The worker that has been silent for longest, when that is too long.
    pub fn stuck(&self) -> Option<Stuck> {
        let all = (0..self.workers.len()).map(|worker| Stuck { worker, silent_for: self.silent_for(worker) });
        all.max_by_key(|stuck| stuck.silent_for).filter(|stuck| stuck.silent_for >= self.stuck_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_stuck_when_it_has_missed_enough_looks() {
        let pulses = Pulses::new(2, BEAT_INTERVAL * 3);
        tokio::select! {
            () = pulses.beat(0) => {}
            () = async { for _ in 0..3 { pulses.look(); tokio::time::sleep(BEAT_INTERVAL).await; } } => {}
        }
        assert!(pulses.turns(0) && !pulses.turns(1));
        assert_eq!(pulses.stuck(), Some(Stuck { worker: 1, silent_for: BEAT_INTERVAL * 3 }));
        tokio::select! { biased; () = pulses.beat(1) => {} () = async {} => {} }
        pulses.look();
        assert_eq!((pulses.stuck(), pulses.turns(1)), (None, true));
    }
}
