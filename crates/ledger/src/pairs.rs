//! Joins intents and outcomes into the ledger's rows.

use std::collections::{HashMap, HashSet};

use domain::{Intent, Outcome, Status, Usage, UsageEvent};
use uuid::Uuid;

use crate::record::Record;
use crate::source::SegmentId;

/// The text of a row whose process died.
const INTERRUPTED: &str = "the gateway stopped before the call ended";

/// Intents whose outcome has not been read yet.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    open: HashMap<Uuid, (Box<Intent>, SegmentId)>,
    pub unmatched: u64,
}

impl Pairs {
    /// The row that `record`, which lies in `segment`, completes, if it does.
    pub(crate) fn take(&mut self, record: Record, segment: SegmentId) -> Option<UsageEvent> {
        match record {
            Record::Intent(intent) => {
                self.open.insert(intent.id, (intent, segment));
                None
            }
            Record::Outcome(outcome) => match self.open.remove(&outcome.id) {
                Some((intent, _)) => Some(UsageEvent { intent: *intent, outcome: *outcome }),
                None => {
                    self.unmatched += 1;
                    None
                }
            },
            Record::Event(event) => Some(*event),
            Record::Skipped => None,
        }
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Intent> {
        self.open.values().map(|(intent, _)| &**intent)
    }

    /// The segments that hold open intents.
    pub(crate) fn segments(&self) -> HashSet<SegmentId> {
        self.open.values().map(|(_, segment)| *segment).collect()
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Takes an open intent of a process that is dead.
    pub(crate) fn interrupt_one(&mut self) -> Option<UsageEvent> {
        let id = *self.open.keys().next()?;
        self.open.remove(&id).map(|(intent, _)| interrupted(*intent))
    }
}

/// The row of a call of which nothing more was heard. It depends on the intent alone, so that two
/// replays make the same row.
pub(crate) fn interrupted(intent: Intent) -> UsageEvent {
    let outcome = Outcome {
        id: intent.id,
        ended_at: intent.started_at,
        first_byte_at: None,
        status: Status::Interrupted,
        http_status: 0,
        usage: Usage::default(),
        usage_estimated: true,
        cost: intent.estimate,
        price_version: "none".into(),
        response_id: None,
        error: Some(INTERRUPTED.into()),
    };
    UsageEvent { intent, outcome }
}
