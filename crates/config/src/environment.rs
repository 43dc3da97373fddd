//! The environment as the configuration sees it: the process's own, with `environment_variables` of
//! the file laid over it.

use std::collections::BTreeMap;

use kit::Secret;

use crate::node::{Content, Node, Text};
use crate::problems::{At, Problems};

/// What a value begins with that stands for an environment variable.
pub const REFERENCE: &str = "os.environ/";

pub struct Environment<'e> {
    process: &'e dyn Fn(&str) -> Option<String>,
    overlay: BTreeMap<String, Secret>,
}

impl<'e> Environment<'e> {
    pub fn new(process: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { process, overlay: BTreeMap::new() }
    }

    /// The value of a variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<String> {
        let laid_over = self.overlay.get(name).map(|secret| secret.reveal().to_owned());
        laid_over.or_else(|| (self.process)(name)).filter(|value| !value.is_empty())
    }

    pub fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name))
    }

    pub fn into_overlay(self) -> BTreeMap<String, Secret> {
        self.overlay
    }

    /// Lays the section `environment_variables` over the process's environment.
    pub fn lay_over(&mut self, section: &Node, problems: &mut Problems) {
        let at = At { place: section.place, path: "environment_variables" };
        let Some(entries) = section.entries() else {
            if !section.is_null() {
                problems.error(
                    at,
                    format!("expected a map of names to values, found {}", section.describe()),
                    None,
                );
            }
            return;
        };
        for entry in entries {
            let path = format!("environment_variables.{}", entry.key);
            let at = At { place: entry.value.place, path: &path };
            match &entry.value.content {
                Content::Text(text) => {
                    let value = self.dereference(&text.text).unwrap_or_else(|| Some(text.text.clone()));
                    // One that is not set is warned about with all others, see `warn_unset`.
                    if let Some(value) = value {
                        self.overlay.insert(entry.key.clone(), Secret::new(value));
                    }
                }
                _ => problems.error(at, format!("expected a string, found {}", entry.value.describe()), None),
            }
        }
    }

    /// Puts values in place of every `os.environ/NAME` in the tree.
    pub fn resolve(&self, node: &mut Node) {
        match &mut node.content {
            Content::List(items) => items.iter_mut().for_each(|item| self.resolve(item)),
            Content::Map(entries) => entries.iter_mut().for_each(|entry| self.resolve(&mut entry.value)),
            Content::MissingVariable(_) => {}
            Content::Text(text) => match self.dereference(&text.text) {
                None => {}
                Some(Some(value)) => node.content = Content::Text(Text { text: value, plain: false }),
                Some(None) => {
                    let name = text.text[REFERENCE.len()..].to_owned();
                    node.content = Content::MissingVariable(name);
                }
            },
        }
    }

    /// `None`: `text` is no reference. `Some(None)`: it is one, to a variable that is not set.
    fn dereference(&self, text: &str) -> Option<Option<String>> {
        text.strip_prefix(REFERENCE).map(|name| self.get(name))
    }
}

fn unset(variable: &str) -> String {
    format!("environment variable `{variable}` is not set")
}

/// Warns of every reference to a variable that is not set.
pub fn warn_unset(node: &Node, path: &str, problems: &mut Problems) {
    match &node.content {
        Content::Text(_) => {}
        Content::MissingVariable(name) => {
            let key = path.rsplit('.').next().unwrap_or(path);
            let at = At { place: node.place, path };
            problems.warn(at, format!("{}, so `{key}` counts as not given", unset(name)), None);
        }
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                warn_unset(item, &format!("{path}[{index}]"), problems);
            }
        }
        Content::Map(entries) => {
            for entry in entries {
                let separator = if path.is_empty() { "" } else { "." };
                warn_unset(&entry.value, &format!("{path}{separator}{}", entry.key), problems);
            }
        }
    }
}
