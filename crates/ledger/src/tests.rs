//! What holds for every journal file, whatever happened to it.

use std::fs;
use std::path::{Path, PathBuf};

use domain::{Intent, UsageEvent};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::JournalError;
use crate::reader::{Damage, Limit, Reader};
use crate::record::{self, Kind, RECORD_BYTES_MAX, Record};
use crate::samples;
use crate::segment::MAGIC;

struct Journal {
    _folder: TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
    /// Where each record ends.
    ends: Vec<u64>,
    records: Vec<Record>,
}

/// A journal of `count` records of all kinds.
fn journal(count: u64) -> Journal {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0001-0000000001.journal");
    let (mut bytes, mut ends, mut records, mut buffer) = (MAGIC.to_vec(), vec![], vec![], vec![]);
    for number in 0..count {
        records.push(match number % 4 {
            0 => Record::Intent(Box::new(samples::intent(number)), Box::new(samples::expected(number))),
            1 => Record::Outcome(Box::new(samples::outcome(number))),
            2 => Record::Event(Box::new(samples::event(number))),
            _ => Record::Mark(Box::new(samples::mark(number))),
        });
        encode(&mut buffer, &records[records.len() - 1], bytes.len() as u64);
        bytes.extend_from_slice(&buffer);
        ends.push(bytes.len() as u64);
    }
    fs::write(&path, &bytes).unwrap();
    Journal { _folder: folder, path, bytes, ends, records }
}

fn encode(buffer: &mut Vec<u8>, record: &Record, offset: u64) {
    match record {
        Record::Intent(intent, expected) => {
            record::encode(buffer, Kind::Intent, &record::intent(intent, expected))
        }
        Record::Outcome(outcome) => record::encode(buffer, Kind::Outcome, &**outcome),
        Record::Event(event) => record::encode(buffer, Kind::Event, &record::event(event)),
        Record::Mark(mark) => record::encode(buffer, Kind::Mark, &**mark),
        Record::Skipped => unreachable!(),
    }
    .unwrap();
    record::seal(buffer, offset);
}

fn read(path: &Path) -> (Vec<Record>, Damage) {
    let mut reader = Reader::open(path).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next(Limit::End).unwrap() {
        records.push(record);
    }
    (records, reader.damage())
}

#[test]
fn what_was_written_is_read() {
    let journal = journal(100);
    assert_eq!(read(&journal.path), (journal.records, Damage::default()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The death of a process or machine cuts the file anywhere: what is whole before the cut is read.
    #[test]
    fn a_cut_journal_gives_the_records_before_the_cut(count in 0_u64..20, cut in any::<prop::sample::Index>()) {
        let journal = journal(count);
        let cut = cut.index(journal.bytes.len() + 1);
        fs::write(&journal.path, &journal.bytes[..cut]).unwrap();
        let whole = journal.ends.iter().filter(|end| **end <= cut as u64).count();
        let (records, damage) = read(&journal.path);
        prop_assert_eq!(&records[..], &journal.records[..whole]);
        prop_assert!(!damage.is_corrupt(), "{damage:?}");
    }

    /// One damaged byte loses the one record that it lies in, and no other.
    #[test]
    fn a_damaged_byte_loses_its_record_alone(
        count in 1_u64..20,
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let mut journal = journal(count);
        let at = at.index(journal.bytes.len());
        journal.bytes[at] ^= flip;
        fs::write(&journal.path, &journal.bytes).unwrap();
        if at >= MAGIC.len() {
            let hit = journal.ends.partition_point(|end| *end <= at as u64);
            journal.records.remove(hit);
        }
        prop_assert_eq!(read(&journal.path).0, journal.records);
    }

    /// Any damage at all: no panic, and only records that were written come out, in their order.
    #[test]
    fn no_damage_makes_up_records(
        count in 1_u64..20,
        at in any::<prop::sample::Index>(),
        junk in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut journal = journal(count);
        let at = at.index(journal.bytes.len());
        let end = (at + junk.len()).min(journal.bytes.len());
        journal.bytes.splice(at..end, junk);
        fs::write(&journal.path, &journal.bytes).unwrap();
        let mut written = journal.records.iter();
        for record in read(&journal.path).0 {
            prop_assert!(written.any(|one| *one == record));
        }
    }

    /// A live file is read piece by piece while it grows; bytes beyond what is finished do not matter.
    #[test]
    fn reading_along_gives_the_same_as_reading_at_once(stops in prop::collection::vec(0_usize..20, 0..8)) {
        let journal = journal(20);
        let mut stops = stops;
        stops.sort_unstable();
        let mut reader = Reader::open(&journal.path).unwrap();
        let mut records = Vec::new();
        for stop in stops {
            let end = journal.ends[stop];
            let unfinished = [&journal.bytes[..usize::try_from(end).unwrap()], b"\xFF\xB1\x01\x01junk"].concat();
            fs::write(&journal.path, unfinished).unwrap();
            while let Some(record) = reader.next(Limit::Written(end)).unwrap() {
                records.push(record);
            }
            prop_assert_eq!(records.len(), stop + 1);
        }
        fs::write(&journal.path, &journal.bytes).unwrap();
        while let Some(record) = reader.next(Limit::End).unwrap() {
            records.push(record);
        }
        prop_assert_eq!(records, journal.records);
        prop_assert_eq!(reader.damage(), Damage::default());
    }
}

#[test]
fn a_record_copied_elsewhere_does_not_count() {
    let mut journal = journal(3);
    let first = journal.bytes[MAGIC.len()..usize::try_from(journal.ends[0]).unwrap()].to_vec();
    journal.bytes.extend(first);
    fs::write(&journal.path, &journal.bytes).unwrap();
    assert_eq!(read(&journal.path).0, journal.records);
}

#[test]
fn a_kind_of_a_newer_version_is_skipped_or_kept_for_people() {
    for (kind, undecodable) in [(0x82, 0), (0x07, 1)] {
        let mut journal = journal(1);
        let mut record = Vec::new();
        record::encode(&mut record, Kind::Intent, &samples::intent(1)).unwrap();
        record[2] = kind;
        record::seal(&mut record, journal.bytes.len() as u64);
        journal.bytes.extend(record);
        fs::write(&journal.path, &journal.bytes).unwrap();
        let (records, damage) = read(&journal.path);
        assert_eq!(
            records.into_iter().filter(|one| *one != Record::Skipped).collect::<Vec<_>>(),
            journal.records
        );
        assert_eq!(damage.undecodable, undecodable);
    }
}

#[test]
fn a_record_that_is_too_long_is_refused() {
    let mut intent = samples::intent(1);
    intent.user_agent = Some("x".repeat(RECORD_BYTES_MAX).into());
    let refused = record::encode(&mut Vec::new(), Kind::Intent, &intent);
    assert!(matches!(refused, Err(JournalError::TooLong { .. })), "{refused:?}");
}

/// Journals outlive versions. When this fails, a domain type has changed: raise `VERSION` in `record.rs`,
/// keep reading the older payloads, and only then write the new bytes down here.
#[test]
fn the_bytes_of_version_3_stay() {
    let mut buffer = Vec::new();
    let sums = [0, 1, 2, 3].map(|number| {
        encode(&mut buffer, &journal(4).records[number], 8);
        (buffer.len(), u32::from_le_bytes([buffer[8], buffer[9], buffer[10], buffer[11]]))
    });
    assert_eq!(sums, [(208, 3_565_718_186), (86, 1_018_239_478), (271, 1_896_427_885), (78, 223_572_476)]);
}

/// Written by version 2, which knew no projects, and by version 1, which knew neither what a call is expected to come
/// to nor superseded attempts.
#[test]
fn journals_of_older_versions_are_read() {
    let intent = |number| Box::new(Intent { project_id: None, ..samples::intent(number) });
    let event = |number| Box::new(UsageEvent { intent: *intent(number), ..samples::event(number) });
    let outcome = || Record::Outcome(Box::new(samples::outcome(1)));
    let first = [Record::Intent(intent(0), Box::default()), outcome(), Record::Event(event(2))];
    let second = [
        Record::Intent(intent(0), Box::new(samples::expected(0))),
        outcome(),
        Record::Event(event(2)),
        Record::Mark(Box::new(samples::mark(3))),
    ];
    for (version, expected) in [(1, first.to_vec()), (2, second.to_vec())] {
        let golden = format!("tests/golden/version-{version}.journal");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
        assert_eq!(read(&path), (expected, Damage::default()), "version {version}");
    }
}
