use std::time::Duration;

use crate::environment::Environment;
use crate::fields::Fields;
use crate::problems::{At, Problems};
use crate::settings::{flag, seconds, whole};

/// Largest size that can be set: a pebibyte. Beyond it a size is a slip, and would overflow as bytes.
const SIZE_MB_MAX: u32 = 1 << 30;

/// How the ledger's journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal {
    pub fsync: JournalFsync,
    /// In MiB. Default 4096.
    pub max_size_mb: u32,
    /// Refuse calls that cannot be written down. Default false.
    pub strict: bool,
}

/// When the journal is forced to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFsync {
    /// So often, in the background. The default, with 50 ms.
    Group(Duration),
    /// When the operating system likes to.
    Os,
}

const INTERVAL: Duration = Duration::from_millis(50);

impl Default for Journal {
    fn default() -> Self {
        Self { fsync: JournalFsync::Group(INTERVAL), max_size_mb: 4096, strict: false }
    }
}

impl Journal {
    pub(crate) fn read(section: &Fields<'_>, env: &Environment<'_>, problems: &mut Problems) -> Self {
        let default = Self::default();
        let size = section
            .whole("journal_max_size_mb", 1, problems)
            .or_else(|| whole(env, "BULKHEAD_JOURNAL_MAX_SIZE_MB", problems))
            .unwrap_or(default.max_size_mb);
        Self {
            fsync: fsync(section, env, problems),
            max_size_mb: size.clamp(1, SIZE_MB_MAX),
            strict: section
                .boolean("journal_strict")
                .or_else(|| flag(env, "BULKHEAD_JOURNAL_STRICT", problems))
                .unwrap_or(default.strict),
        }
    }
}

fn fsync(section: &Fields<'_>, env: &Environment<'_>, problems: &mut Problems) -> JournalFsync {
    const KEY: &str = "journal_fsync";
    const VARIABLE: &str = "BULKHEAD_JOURNAL_FSYNC";
    let interval = section
        .seconds("journal_fsync_interval_seconds")
        .or_else(|| seconds(env, "BULKHEAD_JOURNAL_FSYNC_INTERVAL_SECONDS", problems))
        .unwrap_or(INTERVAL);
    let said = section.string(KEY).or_else(|| env.get(VARIABLE));
    match said.as_deref() {
        None | Some("group") => return JournalFsync::Group(interval),
        Some("os") => return JournalFsync::Os,
        Some(_) => {}
    }
    let expected = "expected `group` or `os`";
    match section.get(KEY) {
        Some(node) => {
            let path = section.path_of(KEY);
            problems.error(At { place: node.place, path: &path }, expected, None);
        }
        None => problems.env_error(VARIABLE, expected),
    }
    JournalFsync::Group(interval)
}
