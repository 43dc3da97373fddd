//! The keys that configurations may use, as tables: one file per section.
//!
//! The tables drive checking, suggestions and the JSON Schema. A key that the compatible surface has
//! and Bulkhead does not act on yet is [`Support::Later`], so that it is reported, not mistaken for a
//! typing error.

mod bulkhead;
mod general;
mod info;
mod litellm;
mod params;
mod router;
mod top;

pub use bulkhead::BULKHEAD_SETTINGS;
pub use general::GENERAL_SETTINGS;
pub use info::{CREDENTIAL, MODEL_INFO};
pub use litellm::LITELLM_SETTINGS;
pub use params::{LITELLM_PARAMS, MODEL};
pub use router::ROUTER_SETTINGS;
pub use top::TOP;

/// What a key takes. `null` is taken everywhere and means "not set".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Bool,
    Integer,
    Number,
    /// A number of seconds, quoted or not.
    Seconds,
    Texts,
    List,
    Map,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Bulkhead does what it says.
    Acts,
    /// Known, but without effect so far: warned about.
    Later,
    /// Known, and rightly without effect here: what it sets up has no counterpart, or its
    /// value is only kept and echoed.
    Quiet,
}

#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub support: Support,
    /// What it does, for the reference; empty for keys without effect.
    pub about: &'static str,
}

impl Key {
    pub const fn description(&self) -> &'static str {
        match self.support {
            Support::Acts => self.about,
            Support::Later => "Not supported yet; without effect.",
            Support::Quiet => "Taken, without effect here.",
        }
    }
}

const fn acts(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, support: Support::Acts, about }
}

const fn later(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, support: Support::Later, about: "" }
}

const fn quiet(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, support: Support::Quiet, about: "" }
}

pub fn find(table: &'static [Key], name: &str) -> Option<&'static Key> {
    table.iter().find(|key| key.name == name)
}

/// The known name that `name` was probably meant to be.
pub fn nearest(table: &'static [Key], name: &str) -> Option<&'static str> {
    nearest_of(table.iter().map(|key| key.name), name)
}

pub fn nearest_of(names: impl Iterator<Item = &'static str>, name: &str) -> Option<&'static str> {
    // Swapped letters count as one slip; a third of the letters may be wrong, at most three.
    let slips_max = (name.len() / 3).clamp(1, 3);
    let folded = name.to_ascii_lowercase().replace('-', "_");
    names
        // Names whose lengths differ by more have more slips; counting those is work.
        .filter(|known| known.len().abs_diff(folded.len()) <= slips_max)
        .map(|known| (strsim::damerau_levenshtein(&folded, known), known))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

/// The gateway's key that an unknown key of `litellm_params` was probably meant to be.
pub fn misspelt_param(name: &str) -> Option<&'static str> {
    if params::PROVIDER_PARAMS.contains(&name) { None } else { nearest(LITELLM_PARAMS, name) }
}

impl Kind {
    /// For "expected …".
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Bool => "`true` or `false`",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Seconds => "a number of seconds, not negative",
            Self::Texts => "a list of strings",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Any => "a value",
        }
    }

    pub fn takes(self, node: &crate::node::Node) -> bool {
        if node.is_null() {
            return true;
        }
        match self {
            Self::Text => node.text().is_some(),
            Self::Bool => node.boolean().is_some(),
            Self::Integer => node.integer().is_some(),
            Self::Number => node.number().is_some(),
            Self::Seconds => node.seconds().is_some(),
            Self::Texts => node.texts().is_some(),
            Self::List => node.items().is_some(),
            Self::Map => node.entries().is_some(),
            Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_names_a_key_twice() {
        let tables = [
            TOP,
            MODEL,
            LITELLM_PARAMS,
            MODEL_INFO,
            CREDENTIAL,
            LITELLM_SETTINGS,
            ROUTER_SETTINGS,
            GENERAL_SETTINGS,
            BULKHEAD_SETTINGS,
        ];
        for table in tables {
            for (at, key) in table.iter().enumerate() {
                assert!(table[..at].iter().all(|other| other.name != key.name), "{}", key.name);
            }
        }
    }

    #[test]
    fn a_slip_finds_its_word() {
        assert_eq!(misspelt_param("modle"), Some("model"));
        assert_eq!(misspelt_param("api_kye"), Some("api_key"));
        assert_eq!(misspelt_param("api-base"), Some("api_base"));
        assert_eq!(misspelt_param("apikey"), Some("api_key"));
        for body_field in ["keep_alive", "seed", "n", "top_p", "num_ctx", "min_p", "repeat_penalty", "user"] {
            assert_eq!(misspelt_param(body_field), None, "{body_field}");
        }
        assert_eq!(nearest(GENERAL_SETTINGS, "masterkey"), Some("master_key"));
    }
}
