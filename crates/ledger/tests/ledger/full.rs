//! No room: the journal at its bound, and a disk that is full.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkhead_ledger::{JournalError, Settings, Writer};
use domain::Status;
use tempfile::tempdir;

use crate::common::{Memory, open, run, settings};
use crate::samples::{event, expected, intent, mark, outcome};

const BOUND: u64 = 16_384;

fn begin(writer: &mut Writer, number: u64) -> Result<(), JournalError> {
    writer.intent(&intent(number), &expected(number))
}

fn is_disk_full(result: &Result<(), JournalError>) -> bool {
    matches!(result, Err(JournalError::Io(error)) if error.kind() == io::ErrorKind::StorageFull)
}

/// The one process folder under `root`.
fn process(root: &Path) -> PathBuf {
    root.read_dir().unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap()
}

/// Puts the kernel's full device where the first writer makes its first file. Removing it makes room.
fn fill_disk(root: &Path) -> PathBuf {
    let link = process(root).join("0001-0000000001.journal");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    link
}

#[tokio::test(start_paused = true)]
async fn a_journal_at_its_bound_refuses_in_strict_mode_until_something_was_shipped() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), Settings { total_bytes_max: BOUND, strict: true, ..settings() });
    let mut writer = ledger.writer();
    let first_refused = (0..).find(|number| begin(&mut writer, *number).is_err()).unwrap();
    let refused = begin(&mut writer, first_refused);
    assert!(matches!(refused, Err(JournalError::Full { .. })), "{refused:?}");
    assert!((8_192..=BOUND).contains(&ledger.stats().bytes));
    assert_eq!((ledger.stats().refused, ledger.stats().waiting_records), (2, 0));

    // Calls that were let in end: on disk as far as room is kept for that, then in memory.
    for number in 0..first_refused {
        let _ = writer.outcome(&outcome(number));
    }
    assert!((BOUND..=BOUND + 4_096).contains(&ledger.stats().bytes), "{:?}", ledger.stats());
    assert!(ledger.stats().waiting_records > 0);
    assert_eq!(ledger.stats().refused, 2);

    let running = run(&ledger, database.clone());
    while begin(&mut writer, first_refused).is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    writer.outcome(&outcome(first_refused)).unwrap();
    assert_eq!(ledger.stats().waiting_records, 0);
    drop(writer);
    running.stop().await;
    assert_eq!(database.statuses(), vec![Status::Success; usize::try_from(first_refused).unwrap() + 1]);
}

#[tokio::test(start_paused = true)]
async fn records_wait_in_memory_while_the_disk_is_full() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let link = fill_disk(folder.path());
    let mut writer = ledger.writer();
    for number in 0..50 {
        assert!(is_disk_full(&begin(&mut writer, number)));
        assert!(is_disk_full(&writer.mark(&mark(number))));
        assert!(is_disk_full(&writer.outcome(&outcome(number))));
    }
    assert!(is_disk_full(&writer.refusal(&event(50))));
    let stats = ledger.stats();
    assert_eq!((stats.appended, stats.waiting_records, stats.refused), (0, 101, 50), "marks do not wait");

    std::fs::remove_file(link).unwrap();
    begin(&mut writer, 51).unwrap();
    writer.outcome(&outcome(51)).unwrap();
    assert_eq!((ledger.stats().appended, ledger.stats().waiting_records), (103, 0));
    drop(writer);
    run(&ledger, database.clone()).stop().await;
    assert_eq!(database.statuses(), vec![Status::Success; 52]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_written_when_the_writer_ends() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let link = fill_disk(folder.path());
    let mut writer = ledger.writer();
    assert!(begin(&mut writer, 0).is_err() && writer.outcome(&outcome(0)).is_err());
    std::fs::remove_file(link).unwrap();
    drop(writer);
    run(&ledger, database.clone()).stop().await;
    assert_eq!(database.statuses(), [Status::Success]);
}

/// The memory for what waits is bounded; beyond it records are refused, and those that wait are whole.
#[tokio::test(start_paused = true)]
async fn what_waits_in_memory_is_bounded() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let link = fill_disk(folder.path());
    let mut writer = ledger.writer();
    let mut number = 0;
    while ledger.stats().refused == 0 {
        assert!(begin(&mut writer, number).is_err() && writer.outcome(&outcome(number)).is_err());
        number += 1;
    }
    let waiting = ledger.stats().waiting_records;
    assert!((10_000..100_000).contains(&waiting), "{waiting}");
    std::fs::remove_file(link).unwrap();
    drop(writer);
    run(&ledger, database.clone()).stop().await;
    // Of the last call a part was refused; those before it are whole.
    let statuses = database.statuses();
    assert!(statuses.len() as u64 >= number - 1);
    assert!(statuses[..usize::try_from(number).unwrap() - 1].iter().all(|status| *status == Status::Success));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_in_strict_mode_and_keeps_nothing() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), Settings { strict: true, ..settings() });
    let link = fill_disk(folder.path());
    let mut writer = ledger.writer();
    assert!(is_disk_full(&begin(&mut writer, 0)) && is_disk_full(&writer.refusal(&event(1))));
    assert_eq!((ledger.stats().refused, ledger.stats().waiting_records), (2, 0));
    std::fs::remove_file(link).unwrap();
    begin(&mut writer, 2).unwrap();
    writer.outcome(&outcome(2)).unwrap();
    drop(writer);
    run(&ledger, database.clone()).stop().await;
    assert_eq!(database.rows().into_keys().collect::<Vec<_>>(), [intent(2).id]);
}
