//! Edits of a body by byte range: what is not named in an edit is never copied and never changes.

use std::ops::Range;

use bytes::Bytes;

/// Replacements of byte ranges of one body.
///
/// Ranges may come in any order and must not overlap; of two that do, the one that starts later is
/// left out. Insertions are replacements of empty ranges: they keep the order in which they were added and
/// come before what replaces the bytes behind them.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    items: Vec<(Range<usize>, Bytes)>,
}

impl Edits {
    pub const fn new() -> Self {
        Self { items: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn replace(&mut self, range: Range<usize>, with: impl Into<Bytes>) {
        self.items.push((range, with.into()));
    }

    pub fn remove(&mut self, range: Range<usize>) {
        self.replace(range, Bytes::new());
    }

    pub fn insert(&mut self, at: usize, what: impl Into<Bytes>) {
        self.replace(at..at, what);
    }

    /// The edited body in pieces; unedited stretches are slices of `body`. Ranges beyond its end are cut.
    pub fn apply(mut self, body: &Bytes) -> Vec<Bytes> {
        self.items.sort_by_key(|(range, _)| (range.start, range.end));
        let mut pieces = Vec::with_capacity(self.items.len() * 2 + 1);
        let mut at = 0;
        for (range, with) in self.items {
            let (start, end) = (range.start.min(body.len()), range.end.min(body.len()));
            if start < at || end < start {
                continue;
            }
            push(&mut pieces, body.slice(at..start));
            push(&mut pieces, with);
            at = end;
        }
        push(&mut pieces, body.slice(at..));
        pieces
    }
}

fn push(pieces: &mut Vec<Bytes>, piece: Bytes) {
    if !piece.is_empty() {
        pieces.push(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(edits: Edits, body: &'static str) -> String {
        let pieces = edits.apply(&Bytes::from_static(body.as_bytes()));
        String::from_utf8(pieces.concat()).unwrap()
    }

    #[test]
    fn no_edit_is_the_body_itself() {
        let body = Bytes::from_static(b"abc");
        let pieces = Edits::new().apply(&body);
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].as_ptr(), body.as_ptr());
    }

    #[test]
    fn edits_apply_in_order_of_place() {
        let mut edits = Edits::new();
        edits.remove(4..5);
        edits.replace(0..1, "A");
        edits.insert(2, "x");
        edits.insert(2, "y");
        assert_eq!(joined(edits, "abcdef"), "Abxycdf");
    }

    #[test]
    fn an_insertion_survives_the_removal_behind_it() {
        let mut edits = Edits::new();
        edits.remove(1..3);
        edits.insert(1, "+");
        assert_eq!(joined(edits, "abcd"), "a+d");
    }

    #[test]
    fn overlap_and_overreach_are_harmless() {
        let mut edits = Edits::new();
        edits.replace(1..4, "-");
        edits.replace(2..3, "lost");
        edits.remove(5..99);
        assert_eq!(joined(edits, "abcdef"), "a-e");
    }
}
