//! Records that the disk had no room for.

use std::collections::VecDeque;

use crate::record::Kind;

/// Memory for them, of one writer: thousands of calls.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// Encoded records in the order in which they must be written.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    records: VecDeque<(Kind, Vec<u8>)>,
    bytes: usize,
}

impl Waiting {
    /// Whether there was room for `record`.
    pub(crate) fn push(&mut self, kind: Kind, record: &[u8]) -> bool {
        let fits = self.bytes + record.len() <= WAITING_BYTES_MAX;
        if fits {
            self.bytes += record.len();
            self.records.push_back((kind, record.to_vec()));
        }
        fits
    }

    pub(crate) fn pop(&mut self) -> Option<(Kind, Vec<u8>)> {
        let (kind, record) = self.records.pop_front()?;
        self.bytes -= record.len();
        Some((kind, record))
    }

    /// Takes back what was popped last.
    pub(crate) fn put_back(&mut self, kind: Kind, record: Vec<u8>) {
        self.bytes += record.len();
        self.records.push_front((kind, record));
    }

    pub(crate) fn len(&self) -> u64 {
        self.records.len() as u64
    }
}
