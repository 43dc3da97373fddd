//! `model_list` → deployments.

mod entry;
mod one;
mod params;

pub use one::{LoadedModel, ModelRules, read_model};

use std::collections::HashMap;

use domain::Deployment;

use crate::environment::Environment;
use crate::fields::{Fields, Unknown};
use crate::keys;
use crate::node::{Entry, Node};
use crate::problems::{At, Problems};
use crate::settings::{Sections, Settings};

/// The deployments of `model_list`; `None` when there is none or it is empty.
pub fn read(
    root: &Fields<'_>,
    sections: &Sections<'_>,
    settings: &Settings,
    env: &Environment<'_>,
    credentials: HashMap<&str, &[Entry]>,
    problems: &mut Problems,
) -> Option<Vec<Deployment>> {
    let list = root.get("model_list").and_then(Node::items).filter(|list| !list.is_empty())?;
    let skip_invalid = sections.router.boolean("ignore_invalid_deployments").unwrap_or_default();
    let mut reader = entry::Reader { settings, env, credentials, skip_invalid, seen: HashMap::new() };
    let read = list.iter().enumerate().filter_map(|(index, node)| reader.deployment(index, node, problems));
    Some(read.collect())
}

/// `credential_list` by name.
pub fn credentials<'n>(root: &Fields<'n>, problems: &mut Problems) -> HashMap<&'n str, &'n [Entry]> {
    let mut found = HashMap::new();
    let list = root.get("credential_list").and_then(Node::items).unwrap_or_default();
    for (index, node) in list.iter().enumerate() {
        let path = format!("credential_list[{index}]");
        let Some(fields) = Fields::new(node, &path, problems) else { continue };
        fields.check(keys::CREDENTIAL, Unknown::Ignored, problems);
        let values = node.get("credential_values").and_then(Node::entries).unwrap_or_default();
        match node.get("credential_name").and_then(Node::text) {
            Some(name) => drop(found.insert(name, values)),
            None => problems.error(
                At { place: node.place, path: &path },
                "a credential needs a `credential_name`",
                None,
            ),
        }
    }
    found
}
