use domain::providers;

use crate::names;
use crate::price::Price;
use crate::row::Row;

const BUILTIN: &str = include_str!("../data/prices.tsv");
/// How the first line begins; the version follows.
const HEADER: &str = "# bulkhead price book 1, version ";

/// Prices of many models, sorted by provider and model. Borrows its names from the text that it was read from.
#[derive(Clone, Debug)]
pub struct PriceBook {
    version: &'static str,
    rows: Vec<Row<'static>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    #[error("the first line must begin with `{HEADER}`")]
    Header,
    #[error("line {line} is not a row of a price book")]
    Row { line: usize },
    #[error("line {line} is not sorted after the one before it")]
    Order { line: usize },
}

impl PriceBook {
    /// The book that comes with the program. Parsing takes a few milliseconds: do it once.
    pub fn builtin() -> Self {
        // A test reads the same text, so an error cannot reach a user.
        Self::parse(BUILTIN).unwrap_or(Self { version: "none", rows: Vec::new() })
    }

    /// The text of the built-in book, for checks of its form.
    pub const fn builtin_text() -> &'static str {
        BUILTIN
    }

    /// # Errors
    /// At the first line that is malformed or out of order.
    pub fn parse(text: &'static str) -> Result<Self, BookError> {
        let mut lines = text.lines();
        let version = lines.next().and_then(|first| first.strip_prefix(HEADER)).ok_or(BookError::Header)?;
        let mut rows: Vec<Row<'static>> = Vec::new();
        // The header is line 1.
        for (line, text) in (2..).zip(lines) {
            let row = Row::parse(text).ok_or(BookError::Row { line })?;
            if rows.last().is_some_and(|last| (last.provider, last.model) >= (row.provider, row.model)) {
                return Err(BookError::Order { line });
            }
            rows.push(row);
        }
        Ok(Self { version, rows })
    }

    /// The canonical text of a book: what [`PriceBook::parse`] reads.
    pub fn write(version: &str, rows: &[Row<'_>]) -> String {
        let lines = rows.iter().map(|row| format!("{row}\n")).collect::<String>();
        format!("{HEADER}{version}\n{lines}")
    }

    pub const fn version(&self) -> &str {
        self.version
    }

    pub const fn rows(&self) -> &[Row<'static>] {
        self.rows.as_slice()
    }

    /// The price of a provider's model. Looks for `base_model` first (a deployment's word for what it really is,
    /// with or without provider), then for the provider's model by its exact name, by its name without date, version
    /// and region, by the newest dated form of the name, and last in the price list of whoever made the model. A
    /// model on hardware of one's own has no price unless the book lists it there.
    pub fn find(&self, provider: &str, model: &str, base_model: Option<&str>) -> Option<&Price> {
        if let Some(base) = base_model {
            let (named, rest) =
                providers::split(base).map_or((provider, base), |(known, rest)| (known.name, rest));
            let found = self.by_variants(named, rest).or_else(|| self.at_home(named, rest));
            if found.is_some() {
                return found;
            }
        }
        self.by_variants(provider, model).or_else(|| self.at_home(provider, model))
    }

    /// The names of a provider's models.
    pub fn models_of(&self, provider: &str) -> impl Iterator<Item = &'static str> {
        let provider = names::book_provider(provider);
        let start = self.rows.partition_point(|row| row.provider < provider);
        let end = self.rows.partition_point(|row| row.provider <= provider);
        self.rows[start..end].iter().map(|row| row.model)
    }

    fn by_variants(&self, provider: &str, model: &str) -> Option<&Price> {
        let provider = names::book_provider(provider);
        let variants = names::variants(model);
        let exact = variants.iter().find_map(|name| self.exact(provider, name));
        let dated = || variants.iter().find_map(|name| self.newest_dated(provider, name));
        exact.or_else(dated).or_else(|| self.current(provider, variants.last()?))
    }

    fn at_home(&self, provider: &str, model: &str) -> Option<&Price> {
        let bare = providers::split(model).map_or(model, |(_, rest)| rest);
        self.by_variants(names::home(provider, bare)?, bare)
    }

    fn exact(&self, provider: &str, model: &str) -> Option<&Price> {
        let at = self.rows.binary_search_by(|row| (row.provider, row.model).cmp(&(provider, model))).ok()?;
        Some(&self.rows[at].price)
    }

    /// A dated name whose undated form is listed only as `-latest`, or with the `-0` of a first release.
    fn current(&self, provider: &str, plainest: &str) -> Option<&Price> {
        ["-latest", "-0"].iter().find_map(|suffix| self.exact(provider, &format!("{plainest}{suffix}")))
    }

    /// The last of the rows called `model` plus a date.
    fn newest_dated(&self, provider: &str, model: &str) -> Option<&Price> {
        let start = self.rows.partition_point(|row| (row.provider, row.model) < (provider, model));
        let same = self.rows[start..]
            .iter()
            .take_while(|row| row.provider == provider && row.model.starts_with(model));
        same.filter(|row| names::without_date(row.model) == Some(model)).last().map(|row| &row.price)
    }
}
