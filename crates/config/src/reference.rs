//! The reference page of `config.yaml`, made from the tables of keys.

use std::fmt::Write;

use crate::keys::{self, Key, Kind, Support};

const INTRODUCTION: &str = "\
# config.yaml

<!-- Made by `cargo run -p bulkhead-xtask -- config-reference`; edit the tables in crates/config/src/keys instead. -->

`bulkhead config check` reads the file and reports every mistake with file, line, column and a suggestion. Any value may be
`os.environ/NAME`, which stands for an environment variable. [config.schema.json](config.schema.json) tells editors the same
as this page.

An unknown key is a warning and has no effect. A value of a wrong type is an error, and Bulkhead does not start.
";

const SECTIONS: [(&str, &str, &[Key]); 9] = [
    ("Sections", "", keys::TOP),
    ("`model_list[]`", "One entry is one deployment.", keys::MODEL),
    (
        "`model_list[].litellm_params`",
        "Any other key is a body field (`temperature`, `max_tokens`, …) that is sent to the provider where the client does \
         not set it; one that looks like a misspelt key of this table is held back. Prices (`input_cost_per_token` and its \
         kin, US dollars) may stand here or in `model_info`.",
        keys::LITELLM_PARAMS,
    ),
    ("`model_list[].model_info`", "", keys::MODEL_INFO),
    ("`credential_list[]`", "", keys::CREDENTIAL),
    ("`general_settings`", "", keys::GENERAL_SETTINGS),
    ("`litellm_settings`", "", keys::LITELLM_SETTINGS),
    ("`router_settings`", "", keys::ROUTER_SETTINGS),
    (
        "`bulkhead_settings`",
        "Each may be set by the environment too, as `BULKHEAD_` and its name in capitals; the file wins.",
        keys::BULKHEAD_SETTINGS,
    ),
];

/// The page as Markdown.
pub fn reference() -> String {
    let mut page = String::from(INTRODUCTION);
    for (title, about, table) in SECTIONS {
        section(&mut page, title, about, table);
    }
    page
}

fn section(page: &mut String, title: &str, about: &str, table: &[Key]) {
    // Writing to a text cannot fail.
    let _ = write!(page, "\n## {title}\n\n");
    if !about.is_empty() {
        let _ = write!(page, "{about}\n\n");
    }
    page.push_str("| key | takes | meaning |\n| --- | --- | --- |\n");
    for key in table.iter().filter(|key| key.support == Support::Acts) {
        let _ = writeln!(page, "| `{}` | {} | {} |", key.name, takes(key.kind), key.about);
    }
    names(page, "Known, but not supported yet (a warning says so)", table, Support::Later);
    names(page, "Taken without effect", table, Support::Quiet);
}

fn names(page: &mut String, title: &str, table: &[Key], support: Support) {
    let names = table.iter().filter(|key| key.support == support).map(|key| format!("`{}`", key.name));
    let names = names.collect::<Vec<_>>().join(", ");
    if !names.is_empty() {
        let _ = write!(page, "\n{title}: {names}.\n");
    }
}

const fn takes(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Bool => "true or false",
        Kind::Integer => "whole number",
        Kind::Number => "number",
        Kind::Seconds => "seconds",
        Kind::Texts => "list of texts",
        Kind::List => "list",
        Kind::Map => "map",
        Kind::Any => "anything",
    }
}
