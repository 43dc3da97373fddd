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

/// Names as a filter takes them: a comma before, between and after them; all rows when there are none.
pub(crate) fn listed(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!(",{},", names.join(",")))
}

/// A page, counted from the end of the list that is nearer to it: a database walks over all rows before a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nearer {
    /// The statement is to run in the opposite order.
    pub from_the_end: bool,
    pub limit: i64,
    pub offset: i64,
}

impl Nearer {
    /// As [`window`], of a list of `total` rows.
    pub fn of(page: u32, size: u32, total: i64) -> Self {
        let (size, offset) = window(page, size);
        let rows = size.min(total - offset);
        if rows > 0 && offset > total / 2 {
            return Self { from_the_end: true, limit: rows, offset: total - offset - rows };
        }
        Self { from_the_end: false, limit: size, offset }
    }

    /// The rows as the list has them.
    pub fn in_order<T>(self, mut rows: Vec<T>) -> Vec<T> {
        if self.from_the_end {
            rows.reverse();
        }
        rows
    }
}

/// The pattern of texts in which `part` occurs, for `LIKE … ESCAPE '!'`.
pub(crate) fn containing(part: &str) -> String {
    let escaped = part.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every page of every list, whichever end it is counted from.
    #[test]
    fn a_page_is_the_same_from_either_end() {
        for total in 0..40_u32 {
            let list = (0..total).collect::<Vec<_>>();
            for (page, size) in (0..15).flat_map(|page| (1..7).map(move |size| (page, size))) {
                let near = Nearer::of(page, size, i64::from(total));
                let mut walked = list.clone();
                if near.from_the_end {
                    walked.reverse();
                }
                let [offset, limit] = [near.offset, near.limit].map(|n| usize::try_from(n).unwrap());
                let found = near.in_order(walked.into_iter().skip(offset).take(limit).collect());
                let due = list.iter().copied().skip((page * size) as usize).take(size as usize);
                assert_eq!(found, due.collect::<Vec<_>>(), "{total} {page} {size}");
                assert!(offset <= list.len() / 2 || found.is_empty());
            }
        }
    }
}
