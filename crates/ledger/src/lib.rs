//! Writes down every call before and after it is made, on the local disk, and ships what it wrote to
//! the database exactly once.
//!
//! Knows nothing of HTTP, prices, budgets or keys' rules; it never reads the database, and no writer
//! waits for it.
//!
//! One folder per process, held by a lock, with one chain of segment files per [`Writer`]:
//!
//! ```text
//! journal/.lock                      held for a moment while a folder is made or claimed
//! journal/<start>-<pid>/lock         held for as long as the process lives
//! journal/<start>-<pid>/carry.journal            open intents of segments that are gone
//! journal/<start>-<pid>/0001-0000000007.journal  writer 1, segment 7
//! journal/<start>-<pid>-0001-….corrupt           kept for people: it held bytes that do not check
//! ```
//!
//! What is guaranteed: a record is with the kernel when `intent`, `mark`, `outcome` or `refusal` returns, so
//! the death of the process loses nothing; the death of the machine loses at most what was written
//! within the group-commit interval ([`Fsync`]). Every intent becomes exactly one row: its outcome's,
//! or an interrupted one, charged as far as its last mark or else with what was expected of it, found by
//! the next process that opens the folder.

mod carry;
mod counters;
mod error;
mod isolate;
mod ledger;
mod pairs;
mod process;
mod reader;
mod record;
mod reject;
mod retire;
mod run;
mod segment;
mod settings;
mod shipper;
mod sink;
mod source;
mod sync;
mod waiting;
mod writer;

#[cfg(test)]
#[path = "../tests/ledger/samples.rs"]
mod samples;
#[cfg(test)]
mod tests;

pub use counters::Stats;
pub use error::{JournalError, OpenError, RunError};
pub use ledger::Ledger;
pub use record::RECORD_BYTES_MAX;
pub use run::ShippedBatch;
pub use settings::{Fsync, Settings};
pub use sink::{ShipError, Shipped, Sink};
pub use writer::Writer;
