//! The provider's own books: one short entry for each call, kept for as long as it runs, so that an audit
//! can hold them against somebody else's ledger.

use serde::Serialize;

use super::log::{Course, Record};

/// Entries kept; beyond it calls are counted as unbooked, and an audit must fail.
const ENTRIES_MAX: usize = 2_000_000;
/// Entries in one answer.
const PAGE_ENTRIES_MAX: usize = 10_000;

#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Also the end of the id that the answer bears: `…scripted<number>`.
    pub number: u64,
    pub id: Option<String>,
    pub model: String,
    pub stream: bool,
    pub at_us: i64,
    #[serde(flatten)]
    pub course: Course,
}

#[derive(Debug, Default)]
pub struct Books {
    entries: Vec<Entry>,
    unbooked: u64,
}

#[derive(Debug, Serialize)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Calls that found no room.
    pub unbooked: u64,
}

impl Books {
    pub fn open(&mut self, record: &Record) {
        if self.entries.len() == ENTRIES_MAX {
            self.unbooked += 1;
            return;
        }
        self.entries.push(Entry {
            number: record.number,
            id: record.id.clone(),
            model: record.model.clone(),
            stream: record.stream,
            at_us: record.at_us,
            course: record.course,
        });
    }

    pub fn course_of(&mut self, number: u64) -> Option<&mut Course> {
        // Calls are opened in the order of their numbers, without gaps.
        let first = self.entries.first()?.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.entries.get_mut(at).map(|entry| &mut entry.course)
    }

    /// The entries after `number`, oldest first.
    pub fn page(&self, number: u64) -> Page {
        let start = self.entries.partition_point(|entry| entry.number <= number);
        let entries = self.entries[start..].iter().take(PAGE_ENTRIES_MAX).cloned().collect();
        Page { entries, unbooked: self.unbooked }
    }
}
