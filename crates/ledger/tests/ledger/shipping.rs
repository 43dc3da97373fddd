//! Every intent becomes one row, whatever happens in between.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::{Memory, Mode, Running, drain, files, open, run, settings};
use crate::samples::{event, expected, intent, mark, outcome};
use bulkhead_ledger::{Fsync, Settings, Writer};
use domain::Status;
use tempfile::tempdir;
use uuid::Uuid;

fn call(writer: &mut Writer, number: u64) {
    writer.intent(&intent(number), &expected(number)).unwrap();
    writer.outcome(&outcome(number)).unwrap();
}

/// Ends the shipping while it waits for the database with something in hand: no step on the disk, which
/// would hold the folder a moment longer, is under way then.
async fn die(running: Running, database: &Memory) {
    database.set(Mode::Away);
    let calls = database.state.lock().unwrap().calls;
    database.until(|state| state.calls > calls).await;
    running.kill().await;
    database.set(Mode::Well);
}

fn id(number: u64) -> Uuid {
    intent(number).id
}

#[tokio::test(start_paused = true)]
async fn calls_arrive_as_they_were_and_nothing_stays() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger =
        open(folder.path(), Settings { fsync: Fsync::Group(Duration::from_millis(5)), ..settings() });
    let running = run(&ledger, database.clone());
    let mut writers = [ledger.writer(), ledger.writer()];
    for number in 0..500 {
        call(&mut writers[usize::from(number % 2 == 0)], number);
    }
    writers[0].refusal(&event(500)).unwrap();
    database.until(|state| state.rows.len() == 501).await;
    drop(writers);
    running.stop().await;

    for (number, row) in (0..).zip(database.rows().values()) {
        assert_eq!(*row, event(number));
    }
    assert!(database.state.lock().unwrap().largest_batch <= settings().batch_events_max);
    assert_eq!(files(folder.path()), Vec::<String>::new());
    let stats = ledger.stats();
    assert_eq!((stats.appended, stats.shipped, stats.inserted), (1_001, 501, 501));
    assert_eq!((stats.bytes, stats.backlog_bytes, stats.open_intents, stats.sync_errors), (0, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dead_process_leaves_its_calls_to_the_next() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let mut writer = ledger.writer();
    for number in 0..100 {
        call(&mut writer, number);
    }
    for number in 100..102 {
        writer.intent(&intent(number), &expected(number)).unwrap();
    }
    writer.mark(&mark(101)).unwrap();
    drop((writer, ledger));

    let next = drain(folder.path(), &database).await;
    let rows = database.rows();
    assert_eq!(rows.len(), 102);
    for (number, come_to) in [(100, expected(100)), (101, mark(101).so_far)] {
        let outcome = &rows[&id(number)].outcome;
        assert_eq!((outcome.status, outcome.usage_estimated), (Status::Interrupted, true));
        assert_eq!((outcome.usage, outcome.cost), (come_to.usage, come_to.cost));
        assert_eq!(outcome.price_version, come_to.price_version);
    }
    assert_eq!(rows[&id(101)].outcome.ended_at, mark(101).at);
    assert_eq!(rows[&id(101)].outcome.response_id, mark(101).response_id);
    assert_eq!(next.stats().interrupted, 2);
    assert_eq!(files(folder.path()), Vec::<String>::new());
    drain(folder.path(), &database).await;
    assert_eq!(database.state.lock().unwrap().doubles, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_shipped_before_a_crash_is_not_doubled() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let running = run(&ledger, database.clone());
    let mut writer = ledger.writer();
    writer.intent(&intent(0), &expected(0)).unwrap();
    for number in 1..120 {
        call(&mut writer, number);
    }
    database.until(|state| state.rows.len() == 119).await;
    call(&mut writer, 120);
    die(running, &database).await;
    drop((writer, ledger));

    drain(folder.path(), &database).await;
    let state = database.state.lock().unwrap();
    assert_eq!(state.rows.len(), 121);
    assert!(state.doubles > 0, "the test must ship something twice");
    assert_eq!(state.rows.values().filter(|row| row.outcome.status == Status::Interrupted).count(), 1);
    assert_eq!(state.rows[&id(0)].outcome.status, Status::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_does_not_hold_segments() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let running = run(&ledger, database.clone());
    let mut writer = ledger.writer();
    writer.intent(&intent(0), &expected(0)).unwrap();
    for number in 1..500 {
        call(&mut writer, number);
    }
    database.until(|state| state.rows.len() == 499).await;
    // A later batch shows that what came before it has been cleaned up.
    call(&mut writer, 500);
    database.until(|state| state.rows.len() == 500).await;
    assert!(files(folder.path()).len() <= 3, "{:?}", files(folder.path()));
    assert!(files(folder.path()).contains(&"carry.journal".to_owned()));
    writer.outcome(&outcome(0)).unwrap();
    database.until(|state| state.rows.contains_key(&id(0))).await;
    drop(writer);
    running.stop().await;
    assert_eq!(database.rows()[&id(0)], event(0));
    assert_eq!(files(folder.path()), Vec::<String>::new());
}

/// The segment with the intent and its mark is long gone when the process dies.
#[tokio::test(start_paused = true)]
async fn a_mark_outlives_its_segment() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let running = run(&ledger, database.clone());
    let mut writer = ledger.writer();
    writer.intent(&intent(0), &expected(0)).unwrap();
    writer.mark(&mark(0)).unwrap();
    (1..500).for_each(|number| call(&mut writer, number));
    database.until(|state| state.rows.len() == 499).await;
    call(&mut writer, 500);
    die(running, &database).await;
    assert!(!files(folder.path()).contains(&"0001-0000000001.journal".to_owned()));
    drop((writer, ledger));
    drain(folder.path(), &database).await;
    let outcome = &database.rows()[&id(0)].outcome;
    assert_eq!((outcome.status, outcome.cost), (Status::Interrupted, mark(0).so_far.cost));
}

#[tokio::test(start_paused = true)]
async fn the_database_goes_and_comes_back() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let running = run(&ledger, database.clone());
    let mut writer = ledger.writer();
    for (from, mode) in [(0, Mode::Away), (100, Mode::Broken), (200, Mode::Hanging), (300, Mode::Forgetful)] {
        database.set(mode);
        let calls = database.state.lock().unwrap().calls;
        (from..from + 100).for_each(|number| call(&mut writer, number));
        database.until(|state| state.calls > calls + 1).await;
        database.set(Mode::Well);
        let expected = usize::try_from(from).unwrap() + 100;
        database.until(|state| state.rows.len() == expected).await;
    }
    drop(writer);
    running.stop().await;
    assert_eq!(database.statuses(), vec![Status::Success; 400]);
    assert_eq!(ledger.stats().last_ship_error, None);
    assert!(ledger.stats().ship_errors >= 4);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_database_is_not_busy() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    database.set(Mode::Away);
    let running = run(&ledger, database.clone());
    call(&mut ledger.writer(), 0);
    let hour = Duration::from_secs(3_600);
    tokio::time::sleep(hour).await;
    let tries = u128::from(database.state.lock().unwrap().calls);
    let spaced = hour.as_millis() / settings().back_off_max.as_millis();
    assert!(tries > 2 && tries < spaced + 20, "{tries} tries in an hour");
    running.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_last_shipping_and_the_journal_stays() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    database.set(Mode::Away);
    let running = run(&ledger, database.clone());
    (0..10).for_each(|number| call(&mut ledger.writer(), number));
    let before = tokio::time::Instant::now();
    running.stop().await;
    assert!(before.elapsed() <= settings().shutdown_deadline + Duration::from_secs(1));
    assert_eq!(ledger.stats().last_ship_error.as_deref(), Some("the database is away: connection refused"));
    drop(ledger);
    database.set(Mode::Well);
    drain(folder.path(), &database).await;
    assert_eq!(database.statuses(), vec![Status::Success; 10]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_never_taken_does_not_hold_up_the_rest() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    database.set(Mode::Fussy(BTreeSet::from([id(7), id(30)])));
    let running = run(&ledger, database.clone());
    let mut writer = ledger.writer();
    (0..100).for_each(|number| call(&mut writer, number));
    database.until(|state| state.rows.len() == 98).await;
    drop(writer);
    running.stop().await;
    assert_eq!(ledger.stats().rejected, 2);
    assert_eq!(files(folder.path()).iter().filter(|name| name.ends_with(".corrupt")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_live_process_keeps_its_journal_to_itself() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let mut writer = ledger.writer();
    writer.intent(&intent(0), &expected(0)).unwrap();
    drain(folder.path(), &database).await;
    assert_eq!(database.rows().len(), 0);
    writer.outcome(&outcome(0)).unwrap();
    drop(writer);
    run(&ledger, database.clone()).stop().await;
    assert_eq!(database.statuses(), [Status::Success]);
}

/// Many processes died, and two start at the same moment: each folder is taken over by one of them.
#[tokio::test(start_paused = true)]
async fn two_that_start_at_once_share_what_the_dead_left() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    for process in 0..8 {
        let ledger = open(folder.path(), settings());
        let mut writer = ledger.writer();
        (process * 100..process * 100 + 60).for_each(|number| call(&mut writer, number));
        let number = process * 100 + 60;
        writer.intent(&intent(number), &expected(number)).unwrap();
    }
    let next = [(); 2].map(|()| open(folder.path(), settings()));
    for (number, ledger) in (9_000..).zip(&next) {
        call(&mut ledger.writer(), number);
    }
    let running = next.each_ref().map(|ledger| run(ledger, database.clone()));
    database.until(|state| state.rows.len() == 8 * 61 + 2).await;
    for running in running {
        running.stop().await;
    }
    assert_eq!(database.state.lock().unwrap().doubles, 0);
    let interrupted = |status: &&Status| **status == Status::Interrupted;
    assert_eq!(database.statuses().iter().filter(interrupted).count(), 8);
    assert_eq!(files(folder.path()), Vec::<String>::new());
}

/// What the death of the machine can lose is what was written within the interval.
#[tokio::test(start_paused = true)]
async fn what_is_written_is_forced_to_disk_within_the_interval() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let interval = Duration::from_millis(200);
    let ledger = open(folder.path(), Settings { fsync: Fsync::Group(interval), ..settings() });
    let running = run(&ledger, database.clone());
    let mut writer = ledger.writer();
    for round in 0..20 {
        // More than a segment, so that ended ones are forced too.
        (round * 50..round * 50 + 50).for_each(|number| call(&mut writer, number));
        let written = tokio::time::Instant::now();
        assert!(ledger.stats().unsynced_bytes > 0);
        while ledger.stats().unsynced_bytes > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(written.elapsed() <= interval + Duration::from_millis(2), "{:?}", written.elapsed());
    }
    drop(writer);
    running.stop().await;
    assert_eq!(ledger.stats().sync_errors, 0);
}

#[tokio::test(start_paused = true)]
async fn the_operating_system_is_left_to_itself_when_that_is_set() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), Settings { fsync: Fsync::Os, ..settings() });
    let running = run(&ledger, database.clone());
    call(&mut ledger.writer(), 0);
    let written = ledger.stats().unsynced_bytes;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(written > 0 && ledger.stats().unsynced_bytes >= written);
    running.stop().await;
    assert_eq!(database.statuses(), [Status::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_journal_is_read_as_far_as_it_goes_and_kept() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let mut writer = ledger.writer();
    (0..5).for_each(|number| call(&mut writer, number));
    drop((writer, ledger));
    let journal = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let journal = journal.filter(|path| path.is_dir()).map(|path| path.join("0001-0000000001.journal"));
    let path = journal.last().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 1;
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&path, bytes).unwrap();

    let next = drain(folder.path(), &database).await;
    // The intent of the first call is damaged, the outcome of the last is cut.
    use Status::{Interrupted, Success};
    assert_eq!(database.statuses(), [Success, Success, Success, Interrupted]);
    let stats = next.stats();
    assert_eq!((stats.quarantined_files, stats.unmatched_outcomes), (1, 1));
    assert!(stats.corrupt_bytes > 0 && stats.torn_bytes > 0);
    assert_eq!(files(folder.path()).len(), 1);
    assert!(files(folder.path())[0].ends_with(".corrupt"));
}

#[tokio::test(start_paused = true)]
async fn only_one_task_ships() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path(), settings());
    let running = run(&ledger, Memory::default());
    tokio::task::yield_now().await;
    let second = ledger.run(Memory::default(), |_| {}, std::future::pending()).await;
    assert_eq!(second, Err(bulkhead_ledger::RunError::AlreadyRunning));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_else_lies_in_the_folder_is_left_alone() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let foreign = ["lost+found", "2024-backup", "1-2-3-4"].map(|name| folder.path().join(name));
    for path in &foreign {
        std::fs::create_dir(path).unwrap();
        std::fs::write(path.join("0001-0000000001.journal"), "mine").unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "mine too").unwrap();
    // A folder of ours that cannot be taken: its lock is no file.
    let broken = folder.path().join("00000000000000000001-1-0/lock");
    std::fs::create_dir_all(broken).unwrap();

    let ledger = open(folder.path(), settings());
    call(&mut ledger.writer(), 0);
    run(&ledger, database.clone()).stop().await;
    assert_eq!(database.statuses(), [Status::Success]);
    for path in &foreign {
        assert_eq!(std::fs::read(path.join("0001-0000000001.journal")).unwrap(), b"mine");
        assert_eq!(path.read_dir().unwrap().count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn segments_go_though_open_calls_cannot_be_carried_over() {
    let (folder, database) = (tempdir().unwrap(), Memory::default());
    let ledger = open(folder.path(), settings());
    let mut writer = ledger.writer();
    writer.intent(&intent(0), &expected(0)).unwrap();
    let mut processes = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let process = processes.find(|path| path.is_dir()).unwrap();
    // Stands in the way of the carry file.
    std::fs::create_dir(process.join("carry.draft")).unwrap();

    let running = run(&ledger, database.clone());
    (1..500).for_each(|number| call(&mut writer, number));
    database.until(|state| state.rows.len() == 499).await;
    call(&mut writer, 500);
    database.until(|state| state.rows.len() == 500).await;
    let left = files(folder.path());
    assert_eq!((left[0].as_str(), left.len() <= 3), ("0001-0000000001.journal", true), "{left:?}");
    call(&mut writer, 501);
    die(running, &database).await;
    drop((writer, ledger));
    drain(folder.path(), &database).await;
    assert_eq!(database.rows()[&id(0)].outcome.status, Status::Interrupted);
    assert_eq!(database.rows().len(), 502);
}
