//! Statements that take many rows at once: one round trip instead of one per row.

use std::sync::LazyLock;

/// How many rows one text takes. The texts depend on these constants alone, never on data.
const SIZES: [usize; 3] = [64, 8, 1];

/// A statement with a list of rows between `head` and `tail`. For Postgres each cell is a placeholder in a
/// cast to the column's type, since it cannot tell the types of a bare `VALUES` list; SQLite takes the type
/// of what is bound.
pub(crate) struct Batch {
    name: &'static str,
    numbered: Texts,
    plain: Texts,
}

type Texts = LazyLock<[String; 3], Box<dyn Fn() -> [String; 3] + Send + Sync>>;

/// How placeholders are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholders {
    /// `$1`, for Postgres.
    Numbered,
    /// `?`, for SQLite: it looks up each numbered one among all others, so that a long list costs its
    /// square.
    Plain,
}

impl Batch {
    pub fn new(
        name: &'static str,
        head: &'static str,
        types: &'static [&'static str],
        tail: &'static str,
    ) -> Self {
        let texts = |placeholders| -> Texts {
            LazyLock::new(Box::new(move || SIZES.map(|rows| text(head, types, tail, rows, placeholders))))
        };
        Self { name, numbered: texts(Placeholders::Numbered), plain: texts(Placeholders::Plain) }
    }

    /// Cuts `rows` into parts, each with the statement that takes exactly that many.
    pub fn parts<'a, T>(
        &'static self,
        rows: &'a [T],
        placeholders: Placeholders,
    ) -> Vec<(&'static str, &'a [T])> {
        let texts = match placeholders {
            Placeholders::Numbered => &self.numbered,
            Placeholders::Plain => &self.plain,
        };
        let mut parts = Vec::new();
        let mut rest = rows;
        for (size, text) in SIZES.iter().zip(texts.iter()) {
            while rest.len() >= *size {
                let (part, more) = rest.split_at(*size);
                parts.push((text.as_str(), part));
                rest = more;
            }
        }
        parts
    }

    pub fn texts(&'static self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.numbered.iter().map(|text| (self.name, text.as_str()))
    }
}

fn text(head: &str, types: &[&str], tail: &str, rows: usize, placeholders: Placeholders) -> String {
    format!("{head} {} {tail}", list(types, rows, 0, placeholders))
}

/// `VALUES` of so many rows, whose placeholders come after `fixed` others.
fn list(types: &[&str], rows: usize, fixed: usize, placeholders: Placeholders) -> String {
    let row = |row: usize| {
        let cells = types.iter().enumerate().map(|(column, kind)| match placeholders {
            Placeholders::Numbered => format!("CAST(${} AS {kind})", fixed + row * types.len() + column + 1),
            Placeholders::Plain => "?".to_owned(),
        });
        format!("({})", cells.collect::<Vec<_>>().join(","))
    };
    format!("VALUES {}", (0..rows).map(row).collect::<Vec<_>>().join(","))
}

/// How many rows one text of a [`Listed`] takes.
const LISTED_SIZES: [usize; 4] = [4, 32, 256, 2_048];

/// A question about a whole list of rows at once, which is filled up with rows that ask nothing. Its first placeholders
/// are for other values.
pub(crate) struct Listed {
    name: &'static str,
    texts: LazyLock<[String; 4], Box<dyn Fn() -> [String; 4] + Send + Sync>>,
}

impl Listed {
    /// `fixed`: how many placeholders `head` and `tail` have.
    pub fn new(
        name: &'static str,
        fixed: usize,
        head: &'static str,
        types: &'static [&'static str],
        tail: &'static str,
    ) -> Self {
        let text = move |rows| format!("{head} {} {tail}", list(types, rows, fixed, Placeholders::Numbered));
        Self { name, texts: LazyLock::new(Box::new(move || LISTED_SIZES.map(text))) }
    }

    /// The statement for a list of this length, and how many rows it takes; `None` for too long a list.
    pub fn text(&'static self, rows: usize) -> Option<(&'static str, usize)> {
        let index = LISTED_SIZES.iter().position(|size| rows <= *size)?;
        Some((self.texts[index].as_str(), LISTED_SIZES[index]))
    }

    pub fn texts(&'static self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.texts.iter().map(|text| (self.name, text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_the_sizes_that_have_a_text() {
        static BATCH: LazyLock<Batch> = LazyLock::new(|| Batch::new("B", "INSERT INTO t", &["TEXT"], ""));
        let rows = [0; 64 + 8 + 8 + 3];
        let sizes =
            BATCH.parts(&rows, Placeholders::Numbered).iter().map(|(_, part)| part.len()).collect::<Vec<_>>();
        assert_eq!(sizes, [64, 8, 8, 1, 1, 1]);
        let one = |placeholders| BATCH.parts(&rows[..1], placeholders)[0].0;
        assert_eq!(one(Placeholders::Numbered), "INSERT INTO t VALUES (CAST($1 AS TEXT)) ");
        assert_eq!(one(Placeholders::Plain), "INSERT INTO t VALUES (?) ");
    }
}
