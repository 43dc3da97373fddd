//! What those whom usage is counted for are called otherwise, remembered from part to part of a file.

use std::collections::{BTreeSet, HashMap};

use store::usage::{Answer, Dimension, KeyLabel};

use crate::http::error::ApiError;
use crate::state::State;

/// Names that are remembered.
const NAMES_MAX: usize = 20_000;

/// By the two dimensions of a question.
#[derive(Default)]
pub struct Names {
    labels: [HashMap<String, Option<String>>; 2],
    keys: HashMap<String, KeyLabel>,
}

impl Names {
    /// Looks up what is not remembered.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn learn(
        &mut self,
        state: &State,
        by: [Option<Dimension>; 2],
        answers: &[Answer],
    ) -> Result<(), ApiError> {
        if self.keys.len() + self.labels[0].len() + self.labels[1].len() > NAMES_MAX {
            *self = Self::default();
        }
        let names: [fn(&Answer) -> &String; 2] = [|answer| &answer.name, |answer| &answer.second];
        for (index, (by, name)) in by.into_iter().zip(names).enumerate() {
            let Some(by) = by else { continue };
            let is_new = |name: &&String| !name.is_empty() && !self.labels[index].contains_key(*name);
            let new = answers.iter().map(name).filter(is_new).cloned().collect::<BTreeSet<_>>();
            let new = new.into_iter().collect::<Vec<_>>();
            let usage = state.store.usage();
            let mut found = if by == Dimension::Key {
                let keys = usage.key_labels(&new).await?;
                let aliases = keys.iter().filter_map(|(hash, key)| Some((hash.clone(), key.alias.clone()?)));
                let aliases = aliases.collect();
                self.keys.extend(keys);
                aliases
            } else {
                usage.labels(by, &new).await?
            };
            self.labels[index].extend(new.into_iter().map(|name| {
                let label = found.remove(&name);
                (name, label)
            }));
        }
        Ok(())
    }

    /// The other name of what the first or second dimension has.
    pub fn label(&self, index: usize, name: &str) -> Option<String> {
        self.labels.get(index)?.get(name).cloned().flatten()
    }

    pub fn key(&self, hash: &str) -> KeyLabel {
        self.keys.get(hash).cloned().unwrap_or_default()
    }
}
