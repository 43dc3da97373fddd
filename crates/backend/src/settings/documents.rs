//! Settings that are kept in the database, each a JSON object of known fields.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::http::error::{ApiError, InvalidField};
use crate::http::input::{IGNORED_FIELDS, Names, inactive};
use crate::state::State;

/// Longest text of a field.
const TEXT_CHARS_MAX: usize = 4096;
/// Longest list of texts.
const LIST_MAX: usize = 200;

/// What a field takes, besides null, which clears it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Text,
    Amount,
    Whole,
    Flag,
    Texts,
}

/// One field of a document.
pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub about: &'static str,
    /// Whether Bulkhead does what it says.
    pub acts: bool,
}

pub const fn acting(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about, acts: true }
}

pub const fn kept(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about, acts: false }
}

/// What can be set under one name.
pub struct Document {
    pub name: &'static str,
    pub about: &'static str,
    pub fields: &'static [Field],
}

#[derive(Serialize, ToSchema)]
pub struct DocumentView {
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
    /// What each field takes: `{"description", "properties": {name: {"description", "type"}}}`.
    #[schema(value_type = Object)]
    pub field_schema: Value,
}

#[derive(Serialize, ToSchema)]
pub struct DocumentChanged {
    pub message: String,
    pub status: &'static str,
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Amount => "number",
            Self::Whole => "integer",
            Self::Flag => "boolean",
            Self::Texts => "array",
        }
    }

    fn fits(self, value: &Value) -> bool {
        let is_text =
            |value: &Value| value.as_str().is_some_and(|text| text.chars().count() <= TEXT_CHARS_MAX);
        match self {
            Self::Text => is_text(value),
            Self::Amount => value.as_f64().is_some_and(|amount| amount.is_finite() && amount >= 0.0),
            Self::Whole => value.as_i64().is_some_and(|count| count >= 0),
            Self::Flag => value.is_boolean(),
            Self::Texts => {
                value.as_array().is_some_and(|list| list.len() <= LIST_MAX && list.iter().all(is_text))
            }
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::Text => "a string of 4096 characters at most",
            Self::Amount => "a number that is not negative",
            Self::Whole => "an integer that is not negative",
            Self::Flag => "a boolean",
            Self::Texts => "a list of 200 strings at most",
        }
    }
}

impl Document {
    /// Every field, null where it is not set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn values(&self, state: &State) -> Result<Map<String, Value>, ApiError> {
        let stored = state.store.documents().get(self.name).await?;
        Ok(self.complete(&stored))
    }

    pub async fn view(&self, state: &State) -> Result<DocumentView, ApiError> {
        Ok(DocumentView { values: self.values(state).await?, field_schema: self.schema() })
    }

    fn complete(&self, stored: &Map<String, Value>) -> Map<String, Value> {
        let value = |field: &Field| stored.get(field.name).cloned().unwrap_or_default();
        self.fields.iter().map(|field| (field.name.to_owned(), value(field))).collect()
    }

    fn schema(&self) -> Value {
        let property = |field: &Field| {
            (field.name.to_owned(), json!({"description": field.about, "type": field.shape.name()}))
        };
        let properties = self.fields.iter().map(property).collect::<Map<_, _>>();
        json!({"description": self.about, "properties": properties})
    }

    /// Changes the fields that were sent. `check` sees what the document would be and can refuse. The names are those that
    /// are unknown, and those that do nothing yet.
    ///
    /// # Errors
    /// 422 that names a field of another type.
    pub async fn change(
        &self,
        state: &State,
        caller: &Caller,
        sent: &Map<String, Value>,
        check: impl FnOnce(&Map<String, Value>) -> Result<(), ApiError>,
    ) -> Result<(Names, Names, DocumentChanged), ApiError> {
        let known = |name: &str| self.fields.iter().find(|field| field.name == name);
        let misfits = sent.iter().filter_map(|(name, value)| {
            let field = known(name).filter(|field| !value.is_null() && !field.shape.fits(value))?;
            Some(InvalidField {
                kind: format!("{}_type", field.shape.name()),
                loc: vec!["body".into(), name.as_str().into()],
                msg: format!("Input should be {}", field.shape.wanted()),
                input: value.clone(),
            })
        });
        let misfits = misfits.collect::<Vec<_>>();
        if !misfits.is_empty() {
            return Err(ApiError::invalid(misfits));
        }
        let unknown = sent.keys().filter(|name| known(name).is_none()).cloned().collect();
        let idle = self.fields.iter().filter(|field| !field.acts).map(|field| &field.name);
        let idle = inactive(sent, idle);
        let change = |stored: &mut Map<String, Value>| {
            for (name, value) in sent.iter().filter(|(name, _)| known(name).is_some()) {
                match value {
                    Value::Null => stored.remove(name),
                    value => stored.insert(name.clone(), value.clone()),
                };
            }
            check(stored)
        };
        let stored = state.store.documents().update(self.name, &caller.actor(state), change).await?;
        let changed = DocumentChanged {
            message: format!("{} updated successfully", self.about),
            status: "success",
            settings: self.complete(&stored),
        };
        Ok((Names { header: IGNORED_FIELDS, names: unknown }, idle, changed))
    }
}
