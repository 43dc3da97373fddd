use super::{Key, Kind::*, acts};

/// What the compatible surface has no setting for.
pub const BULKHEAD_SETTINGS: &[Key] = &[
    acts(
        "audit_log_retention_days",
        Integer,
        "Days that the audit log is kept; 0 keeps it forever. Default 365.",
    ),
    acts(
        "journal_fsync",
        Text,
        "When the journal is forced to disk: `group` (default), in the background at the interval below, or `os`, \
         when the operating system likes to.",
    ),
    acts(
        "journal_fsync_interval_seconds",
        Seconds,
        "With `journal_fsync: group`: how often, and so the most that the death of the machine can lose. Default 0.05.",
    ),
    acts(
        "journal_max_size_mb",
        Integer,
        "Largest journal of a gateway on disk, in MiB, for as long as the database is away. Default 4096.",
    ),
    acts(
        "journal_strict",
        Bool,
        "Refuse calls (503 with `Retry-After`) that cannot be written to the journal, instead of making them all the \
         same. Default false.",
    ),
    acts(
        "usage_quarter_hours_retention_days",
        Integer,
        "Days that usage of single quarter-hours is kept; 0 keeps it forever. Older usage is known by UTC day and month. \
         Default 90.",
    ),
];
