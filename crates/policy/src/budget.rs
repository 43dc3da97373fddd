//! What a key or an account has spent and is about to spend.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Limits, Window};
use kit::{Money, Timestamp};

/// The money of one key or account. It outlives changes of policy, so that calls under way stay counted.
#[derive(Debug, Default)]
pub(crate) struct Spend {
    money: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    figures: SpendFigures,
    windows: Box<[Frame]>,
    /// Somebody was told that the soft budget is used up.
    is_told: bool,
}

/// A window of time, and what counts in it.
#[derive(Debug)]
struct Frame {
    window: Window,
    /// What had been spent when the window was seen to be over: until the database has the next one, the
    /// time after it begins there.
    over: Option<Money>,
}

/// Where money stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpendFigures {
    /// In the database, over all gateways, as far as this one has heard.
    pub known: Money,
    /// Ended here, on the way to the database.
    pub unshipped: Money,
    /// Estimates of calls under way here.
    pub reserved: Money,
}

impl SpendFigures {
    /// All that was ever spent and is held.
    pub fn committed(self) -> Money {
        self.spent() + self.reserved
    }

    fn spent(self) -> Money {
        self.known + self.unshipped
    }
}

/// A budget is used up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("budget has been exceeded: spend {spend}, reserved {reserved}, budget {max}")]
pub struct OverBudget {
    /// What has been spent, on the way to the database included.
    pub spend: Money,
    /// What calls under way may still cost.
    pub reserved: Money,
    pub max: Money,
    /// For how long the budget is, when it is one of several beside the main one.
    pub window: Option<Box<str>>,
}

/// A soft budget is used up, and nobody was told yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftCrossed {
    pub spend: Money,
    pub soft: Money,
}

/// When a budget counts as used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedUp {
    Reached,
    Passed,
}

impl UsedUp {
    fn is_so(self, committed: Money, max: Money) -> bool {
        match self {
            Self::Reached => committed >= max,
            Self::Passed => committed > max,
        }
    }
}

impl Held {
    /// What does not count at `now` against a budget for `duration`.
    fn base(&mut self, duration: &str, now: Timestamp) -> Money {
        let spent = self.figures.spent();
        let frames = &mut self.windows;
        // A window that nobody made yet: all counts that does where there is none.
        let at = frames.iter().position(|frame| &*frame.window.duration == duration);
        let at = at.or_else(|| frames.iter().position(|frame| frame.window.duration.is_empty()));
        let Some(frame) = at.and_then(|at| frames.get_mut(at)) else { return Money::ZERO };
        if now < frame.window.ends { frame.window.base } else { *frame.over.get_or_insert(spent) }
    }

    fn check(&mut self, limits: &Limits, used_up: UsedUp, now: Timestamp) -> Result<(), OverBudget> {
        let main = limits.max_at(now).map(|max| (limits.duration.as_deref().unwrap_or_default(), max, None));
        let more = limits.more.iter().map(|more| (&*more.duration, more.max, Some(&more.duration)));
        for (duration, max, window) in main.into_iter().chain(more) {
            let base = self.base(duration, now);
            if used_up.is_so(self.figures.committed() - base, max) {
                let (spend, reserved) = (self.figures.spent() - base, self.figures.reserved);
                return Err(OverBudget { spend, reserved, max, window: window.cloned() });
            }
        }
        Ok(())
    }

    fn cross(&mut self, limits: &Limits, now: Timestamp) -> Option<SoftCrossed> {
        let soft = limits.soft?;
        let spend = self.figures.spent() - self.base(limits.duration.as_deref().unwrap_or_default(), now);
        let was_told = std::mem::replace(&mut self.is_told, spend >= soft);
        (self.is_told && !was_told).then_some(SoftCrossed { spend, soft })
    }
}

impl Spend {
    pub(crate) fn new(known: Money, windows: &[Window]) -> Self {
        let figures = SpendFigures { known, ..SpendFigures::default() };
        Self { money: Mutex::new(Held { figures, windows: frames(windows), is_told: false }) }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.money.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn figures(&self) -> SpendFigures {
        self.lock().figures
    }

    /// What counts at `now` against a budget for `duration`, calls under way left out.
    pub(crate) fn counted(&self, duration: &str, now: Timestamp) -> Money {
        let mut held = self.lock();
        held.figures.spent() - held.base(duration, now)
    }

    /// Other windows than those before. A window that is over and still the same stays over.
    pub(crate) fn set_windows(&self, windows: &[Window]) {
        let mut held = self.lock();
        if held.windows.is_empty() && windows.is_empty() {
            return;
        }
        let mut fresh = frames(windows);
        for frame in &mut fresh {
            let same = |old: &&Frame| {
                (&old.window.duration, old.window.ends) == (&frame.window.duration, frame.window.ends)
            };
            frame.over = held.windows.iter().find(same).and_then(|old| old.over);
        }
        held.windows = fresh;
    }

    /// One window as it is now.
    pub(crate) fn set_window(&self, window: &Window) {
        let mut held = self.lock();
        let at = held.windows.iter().position(|frame| frame.window.duration == window.duration);
        if let Some(frame) = at.and_then(|at| held.windows.get_mut(at)) {
            // One that ended here already is not opened again.
            if frame.window.ends < window.ends {
                frame.over = None;
            }
            frame.window = window.clone();
        }
    }

    pub(crate) fn windows(&self) -> Vec<Window> {
        self.lock().windows.iter().map(|frame| frame.window.clone()).collect()
    }

    /// `cost` of calls that ended here is now in the database, whose total is `total` if it said.
    pub(crate) fn shipped(&self, cost: Money, total: Option<Money>) {
        let figures = &mut self.lock().figures;
        figures.unshipped = (figures.unshipped - cost).max(Money::ZERO);
        figures.known = total.map_or(figures.known + cost, |total| figures.known.max(total));
    }

    /// The database's total, newer than everything heard before.
    pub(crate) fn set_known(&self, known: Money) -> bool {
        std::mem::replace(&mut self.lock().figures.known, known) != known
    }

    /// The database's total at a moment that may lie before what was heard since.
    pub(crate) fn raise_known(&self, known: Money) -> bool {
        let figures = &mut self.lock().figures;
        let before = figures.known;
        figures.known = before.max(known);
        figures.known != before
    }
}

fn frames(windows: &[Window]) -> Box<[Frame]> {
    windows.iter().map(|window| Frame { window: window.clone(), over: None }).collect()
}

/// An estimate held against one budget or several. Dropped without [`settle`](Self::settle), it is given back.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    // Most calls have one, which then costs no allocation.
    first: Option<Arc<Spend>>,
    more: Vec<Arc<Spend>>,
    estimate: Money,
}

impl Reservation {
    /// One that is held against nothing yet.
    pub const fn of(estimate: Money) -> Self {
        Self { first: None, more: Vec::new(), estimate }
    }

    pub const fn estimate(&self) -> Money {
        self.estimate
    }

    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Holds the estimate against one more. On failure, what is held already stays so until `self` is dropped.
    pub(crate) fn hold(
        &mut self,
        spend: &Arc<Spend>,
        limits: &Limits,
        used_up: UsedUp,
        now: Timestamp,
    ) -> Result<Option<SoftCrossed>, OverBudget> {
        // A tag that is named twice is charged once.
        if self.held().any(|held| Arc::ptr_eq(held, spend)) {
            return Ok(None);
        }
        let mut held = spend.lock();
        held.check(limits, used_up, now)?;
        held.figures.reserved += self.estimate;
        let crossed = held.cross(limits, now);
        drop(held);
        match self.first {
            None => self.first = Some(Arc::clone(spend)),
            Some(_) => self.more.push(Arc::clone(spend)),
        }
        Ok(crossed)
    }

    /// Puts what the call has cost in place of its estimate. It counts until the ledger has shipped it.
    pub fn settle(self, cost: Money) {
        for spend in self.held() {
            spend.lock().figures.unshipped += cost;
        }
    }

    fn held(&self) -> impl Iterator<Item = &Arc<Spend>> {
        self.first.iter().chain(&self.more)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for spend in self.held() {
            let figures = &mut spend.lock().figures;
            figures.reserved = figures.reserved - self.estimate;
        }
    }
}
