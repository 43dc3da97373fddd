//! The section of settings that the compatible surface lacks.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bulkhead_config::{Journal, JournalFsync, check_bytes};

const NOTHING: &str = "model_list: []\n";

fn read(text: &str, env: &[(&str, &str)]) -> Result<Journal, String> {
    let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let loaded = check_bytes("config.yaml", text.as_bytes(), &env).map_err(|errors| errors.to_string())?;
    Ok(loaded.config.settings.journal)
}

#[test]
fn the_journal_is_as_the_file_says_then_the_environment() {
    let default =
        Journal { fsync: JournalFsync::Group(Duration::from_millis(50)), max_size_mb: 4096, strict: false };
    assert_eq!(read(NOTHING, &[]), Ok(default));
    let file = "bulkhead_settings:\n  journal_fsync: os\n  journal_max_size_mb: 8\n  journal_strict: true\n";
    let env = [
        ("BULKHEAD_JOURNAL_FSYNC", "group"),
        ("BULKHEAD_JOURNAL_FSYNC_INTERVAL_SECONDS", "0.2"),
        ("BULKHEAD_JOURNAL_MAX_SIZE_MB", "9"),
        ("BULKHEAD_JOURNAL_STRICT", "true"),
    ];
    assert_eq!(read(file, &env), Ok(Journal { fsync: JournalFsync::Os, max_size_mb: 8, strict: true }));
    let group = JournalFsync::Group(Duration::from_millis(200));
    assert_eq!(read(NOTHING, &env), Ok(Journal { fsync: group, max_size_mb: 9, strict: true }));
    let every_second = "bulkhead_settings:\n  journal_fsync_interval_seconds: 1\n";
    let group = JournalFsync::Group(Duration::from_secs(1));
    assert_eq!(read(every_second, &env[..2]), Ok(Journal { fsync: group, ..default }));
}

#[test]
fn the_audit_log_is_kept_a_year_or_as_said() {
    let read = |text: &str, env: &[(&str, &str)]| {
        let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let loaded =
            check_bytes("config.yaml", text.as_bytes(), &env).map_err(|errors| errors.to_string())?;
        Ok::<_, String>(loaded.config.settings.retention.audit_log.map(|time| time.as_secs() / 86_400))
    };
    let file = |days: &str| format!("bulkhead_settings:\n  audit_log_retention_days: {days}\n");
    assert_eq!(read(NOTHING, &[]), Ok(Some(365)));
    assert_eq!(read(&file("30"), &[("BULKHEAD_AUDIT_LOG_RETENTION_DAYS", "9")]), Ok(Some(30)));
    assert_eq!(read(NOTHING, &[("BULKHEAD_AUDIT_LOG_RETENTION_DAYS", "9")]), Ok(Some(9)));
    assert_eq!(read(&file("0"), &[]), Ok(None));
    assert_eq!(read(&file("4000000000"), &[]), Ok(Some(36_500)));
    assert!(read(&file("-1"), &[]).is_err());
}

#[test]
fn quarter_hours_are_kept_ninety_days_or_as_said() {
    let read = |text: &str, env: &[(&str, &str)]| {
        let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let loaded = check_bytes("config.yaml", text.as_bytes(), &env).unwrap();
        loaded.config.settings.retention.quarter_hours.map(|time| time.as_secs() / 86_400)
    };
    let file = |days: &str| format!("bulkhead_settings:\n  usage_quarter_hours_retention_days: {days}\n");
    assert_eq!(read(NOTHING, &[]), Some(90));
    assert_eq!(read(&file("800"), &[("BULKHEAD_USAGE_QUARTER_HOURS_RETENTION_DAYS", "9")]), Some(800));
    assert_eq!(read(NOTHING, &[("BULKHEAD_USAGE_QUARTER_HOURS_RETENTION_DAYS", "9")]), Some(9));
    assert_eq!(read(&file("0"), &[]), None);
}

#[test]
fn calls_are_kept_for_ever_or_as_said() {
    let read = |period: &str| {
        let text = format!("general_settings:\n  maximum_spend_logs_retention_period: {period}\n");
        let loaded = check_bytes("config.yaml", text.as_bytes(), &|_: &str| None)
            .map_err(|errors| errors.to_string())?;
        Ok::<_, String>(loaded.config.settings.retention.calls.map(|time| time.as_secs() / 3600))
    };
    assert_eq!(read("null"), Ok(None));
    assert_eq!(read("1d"), Ok(Some(24)));
    assert_eq!(read("36h"), Ok(Some(36)));
    assert_eq!(read("1mo"), Ok(Some(720)));
    assert!(read("23h").unwrap_err().contains("expected one day at least"));
    assert!(read("soon").unwrap_err().contains("`soon` is not a time such as"));
}

#[test]
fn what_makes_no_sense_is_an_error_with_its_place() {
    let error = read("bulkhead_settings:\n  journal_fsync: always\n", &[]).unwrap_err();
    assert!(error.contains("config.yaml:2:18 (bulkhead_settings.journal_fsync)"), "{error}");
    assert!(error.contains("expected `group` or `os`"), "{error}");
    let error = read(NOTHING, &[("BULKHEAD_JOURNAL_FSYNC", "always")]).unwrap_err();
    assert!(error.contains("environment variable BULKHEAD_JOURNAL_FSYNC"), "{error}");
    assert!(read("bulkhead_settings:\n  journal_max_size_mb: 0\n", &[]).is_err());
    assert!(read(NOTHING, &[("BULKHEAD_JOURNAL_MAX_SIZE_MB", "lots")]).is_err());
}
