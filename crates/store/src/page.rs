//! Lists come in pages of a bounded size.

/// Rows of one page at most.
pub const PAGE_SIZE_MAX: u32 = 100;

/// Part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Of all pages.
    pub total: u64,
}

impl<T> Page<T> {
    pub(crate) fn new(rows: Vec<T>, total: i64) -> Self {
        Self { rows, total: u64::try_from(total).unwrap_or(0) }
    }
}

/// Limit and offset of a page from 0, whose size is brought into the range from 1 to [`PAGE_SIZE_MAX`].
pub(crate) fn window(page: u32, size: u32) -> (i64, i64) {
    let size = i64::from(size.clamp(1, PAGE_SIZE_MAX));
    (size, i64::from(page) * size)
}
