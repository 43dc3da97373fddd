use std::time::Duration;

/// When written bytes are forced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// In the background, this often while something is written: the most that the death of the
    /// machine can lose. The death of the process loses nothing.
    Group(Duration),
    /// When the operating system likes to.
    Os,
}

/// How the journal is kept and shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub fsync: Fsync,
    /// A segment file ends before it would grow beyond this; at most 4 GiB.
    pub segment_bytes_max: u32,
    /// Bound of what this process keeps on disk, journals of dead processes that it took over
    /// included. Never less than one segment per writer and one more.
    pub total_bytes_max: u64,
    /// Whether the caller refuses calls whose intents cannot be written. Otherwise they are kept in memory,
    /// within bounds, until there is room.
    pub strict: bool,
    /// How long the first event of a batch may wait for company.
    pub linger: Duration,
    /// Events in one transaction at most.
    pub batch_events_max: usize,
    /// How long one transaction may take before it is tried again (which is harmless).
    pub ship_timeout: Duration,
    /// Longest pause between tries while the database is away.
    pub back_off_max: Duration,
    /// How long the last shipping may take at shutdown. What is left then stays on disk.
    pub shutdown_deadline: Duration,
}

/// Segments are no smaller than this, unless they are set so.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
const SEGMENT_BYTES_DEFAULT: u32 = 16 << 20;
/// How many segments of each writer a small journal has room for.
const SEGMENTS_PER_WRITER: u64 = 4;

impl Settings {
    /// The same with room for `total_bytes_max` bytes of journal, in segments small enough for `writers`.
    #[must_use]
    pub fn with_room(self, total_bytes_max: u64, writers: usize) -> Self {
        let segments = SEGMENTS_PER_WRITER * (writers as u64 + 1);
        let segment = (total_bytes_max / segments).max(SEGMENT_BYTES_MIN);
        let segment_bytes_max = u32::try_from(segment).unwrap_or(u32::MAX).min(SEGMENT_BYTES_DEFAULT);
        Self { total_bytes_max, segment_bytes_max, ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fsync: Fsync::Group(Duration::from_millis(50)),
            segment_bytes_max: SEGMENT_BYTES_DEFAULT,
            total_bytes_max: 4 << 30,
            strict: false,
            linger: Duration::from_millis(250),
            batch_events_max: 4096,
            ship_timeout: Duration::from_secs(30),
            back_off_max: Duration::from_secs(5),
            shutdown_deadline: Duration::from_secs(10),
        }
    }
}
