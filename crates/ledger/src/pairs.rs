//! Joins intents and outcomes into the ledger's rows.

use std::collections::{HashMap, HashSet};

use domain::{Expected, Intent, Mark, Outcome, Status, UsageEvent};
use uuid::Uuid;

use crate::record::Record;
use crate::source::SegmentId;

/// The text of a row whose process died.
const INTERRUPTED: &str = "the gateway stopped before the call ended";

/// Intents whose outcome has not been read yet.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    open: HashMap<Uuid, Open>,
    pub unmatched: u64,
}

/// A call that has begun.
#[derive(Debug)]
pub(crate) struct Open {
    pub intent: Box<Intent>,
    pub expected: Box<Expected>,
    /// The last one.
    pub mark: Option<Box<Mark>>,
    segment: SegmentId,
}

impl Pairs {
    /// The row that `record`, which lies in `segment`, completes, if it does.
    pub(crate) fn take(&mut self, record: Record, segment: SegmentId) -> Option<UsageEvent> {
        match record {
            Record::Intent(intent, expected) => {
                self.open.insert(intent.id, Open { intent, expected, mark: None, segment });
                None
            }
            Record::Mark(mark) => {
                if let Some(open) = self.open.get_mut(&mark.id) {
                    open.mark = Some(mark);
                }
                None
            }
            Record::Outcome(outcome) => match self.open.remove(&outcome.id) {
                Some(open) => Some(UsageEvent { intent: *open.intent, outcome: *outcome }),
                None => {
                    self.unmatched += 1;
                    None
                }
            },
            Record::Event(event) => Some(*event),
            Record::Skipped => None,
        }
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Open> {
        self.open.values()
    }

    /// The segments that hold open intents.
    pub(crate) fn segments(&self) -> HashSet<SegmentId> {
        self.open.values().map(|open| open.segment).collect()
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Takes an open intent of a process that is dead.
    pub(crate) fn interrupt_one(&mut self) -> Option<UsageEvent> {
        let id = *self.open.keys().next()?;
        self.open.remove(&id).map(interrupted)
    }
}

/// Journals of version 1 tell no more than what a call costs at most.
fn expected(expected: Expected, intent: &Intent) -> Expected {
    if expected.price_version.is_empty() {
        return Expected { cost: intent.estimate, price_version: "none".into(), ..expected };
    }
    expected
}

/// The row of a call of which nothing more was heard: charged as far as its last mark, or else what was
/// expected of it. It depends on what is in the journal alone, so that two replays make the same row.
fn interrupted(open: Open) -> UsageEvent {
    let intent = *open.intent;
    let (ended_at, first_byte_at, come_to, response_id) = match open.mark.map(|mark| *mark) {
        Some(mark) => (mark.at, mark.first_byte_at, mark.so_far, mark.response_id),
        None => (intent.started_at, None, expected(*open.expected, &intent), None),
    };
    let outcome = Outcome {
        id: intent.id,
        ended_at,
        first_byte_at,
        status: Status::Interrupted,
        http_status: 0,
        usage: come_to.usage,
        usage_estimated: true,
        cost: come_to.cost,
        price_version: come_to.price_version,
        response_id,
        error: Some(INTERRUPTED.into()),
        superseded: false,
    };
    UsageEvent { intent, outcome }
}
