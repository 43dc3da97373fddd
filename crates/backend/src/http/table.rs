//! Rows of a file, as CSV or JSON.

use kit::Money;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::error::ApiError;

/// One cell of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Nothing,
    Text(String),
    Whole(i64),
    /// In CSV with all its digits.
    Dollars(Money),
    /// In CSV as JSON.
    List(Vec<String>),
}

/// Forms of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// RFC 4180, with a line of titles.
    #[default]
    Csv,
    /// An object of JSON on each line.
    Jsonl,
}

impl FileFormat {
    /// What comes before all rows.
    ///
    /// # Errors
    /// Never.
    pub fn head(self, columns: &[&str]) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::Csv => csv([columns.iter().map(|title| Cell::from(*title)).collect()]),
            Self::Jsonl => Ok(vec![]),
        }
    }

    /// # Errors
    /// Never for rows of one length.
    pub fn rows(
        self,
        columns: &[&str],
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::Csv => csv(rows),
            Self::Jsonl => json_rows(columns, rows, b'\n'),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<Money> for Cell {
    fn from(money: Money) -> Self {
        Self::Dollars(money)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl Cell {
    fn csv(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Text(text) => harmless(text),
            Self::Whole(number) => number.to_string(),
            Self::Dollars(money) => money.to_string(),
            Self::List(list) => json!(list).to_string(),
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Text(text) => Value::String(text),
            Self::Whole(number) => json!(number),
            Self::Dollars(money) => json!(money.dollars()),
            Self::List(list) => json!(list),
        }
    }
}

/// Spreadsheets run what begins like a formula, and clients choose names of customers and tags
/// (https://owasp.org/www-community/attacks/CSV_Injection).
fn harmless(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("{}{text}", if is_formula { "'" } else { "" })
}

/// Records of CSV as RFC 4180 has them.
///
/// # Errors
/// Never for rows of one length.
pub fn csv(rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<Vec<u8>, ApiError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .has_headers(false)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(Cell::csv)).map_err(|_| ApiError::internal())?;
    }
    writer.into_inner().map_err(|_| ApiError::internal())
}

/// One object of JSON per row, each with `after` behind it.
///
/// # Errors
/// Never.
pub fn json_rows(
    names: &[&str],
    rows: impl IntoIterator<Item = Vec<Cell>>,
    after: u8,
) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    for row in rows {
        let object = names.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell.json()));
        let object = object.collect::<Map<_, _>>();
        serde_json::to_writer(&mut bytes, &object).map_err(|_| ApiError::internal())?;
        bytes.push(after);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_stay_names() {
        let row = vec![
            Cell::from("=HYPERLINK(\"x\")"),
            Cell::from("a, \"b\"\n"),
            Cell::from(-3),
            Cell::from(Money(1)),
            Cell::from(None::<String>),
        ];
        let text = String::from_utf8(csv([row.clone()]).unwrap()).unwrap();
        assert_eq!(text, "\"'=HYPERLINK(\"\"x\"\")\",\"a, \"\"b\"\"\n\",-3,0.000000001,\r\n");
        let lines = json_rows(&["a", "b", "c", "d", "e"], [row], b'\n').unwrap();
        let line: Value = serde_json::from_slice(&lines).unwrap();
        assert_eq!(line, json!({"a": "=HYPERLINK(\"x\")", "b": "a, \"b\"\n", "c": -3, "d": 1e-9, "e": null}));
    }
}
