//! The settings of the file, as they can be shown.

use domain::SecretMap;
use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::keys::{self, Key, Kind, Support};
use crate::settings::Sections;

/// What acts and is a secret, or holds one.
const HIDDEN: [&str; 3] = ["alert_to_webhook_url", "database_url", "master_key"];

/// One setting that the file may have.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingFact {
    /// Such as `general_settings`.
    pub section: &'static str,
    pub name: &'static str,
    /// `String`, `Boolean`, `Integer`, `Float`, `List`, `Dict` or `Any`.
    pub kind: &'static str,
    /// What it does; of a setting without effect that it has none.
    pub about: &'static str,
    /// Whether Bulkhead does what it says.
    pub acts: bool,
    /// As the file has it, with variables put in and secrets masked; `None` when it has none.
    pub value: Option<Value>,
}

pub fn facts(sections: &Sections<'_>) -> Vec<SettingFact> {
    let all = [
        ("general_settings", keys::GENERAL_SETTINGS, &sections.general),
        ("litellm_settings", keys::LITELLM_SETTINGS, &sections.litellm),
        ("router_settings", keys::ROUTER_SETTINGS, &sections.router),
        ("bulkhead_settings", keys::BULKHEAD_SETTINGS, &sections.bulkhead),
    ];
    let of = |(section, table, fields): (_, &'static [Key], &Fields<'_>)| {
        table.iter().map(|key| fact(section, key, fields)).collect::<Vec<_>>()
    };
    all.into_iter().flat_map(of).collect()
}

fn fact(section: &'static str, key: &'static Key, fields: &Fields<'_>) -> SettingFact {
    let acts = key.support == Support::Acts;
    SettingFact {
        section,
        name: key.name,
        kind: match key.kind {
            Kind::Text => "String",
            Kind::Bool => "Boolean",
            Kind::Integer => "Integer",
            Kind::Number | Kind::Seconds => "Float",
            Kind::Texts | Kind::List => "List",
            Kind::Map => "Dict",
            Kind::Any => "Any",
        },
        about: key.description(),
        acts,
        value: fields.get(key.name).map(|node| {
            let value = node.to_json();
            if acts && !HIDDEN.contains(&key.name) { value } else { masked(key.name, value) }
        }),
    }
}

/// Whether a setting that nothing acts on holds a secret cannot be told, so its texts are masked.
fn masked(name: &str, value: Value) -> Value {
    let one = SecretMap::new(Map::from_iter([(name.to_owned(), value)]));
    one.shown().remove(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn settings_are_told_without_their_secrets() {
        let file = b"general_settings:\n  master_key: sk-0123456789abcdef0123456789abcdef\n  public_routes: [hook-of-mine]\n\
                     router_settings:\n  num_retries: 7\n  routing_strategy: simple-shuffle\n  redis_password: os.environ/P\n";
        let env = |name: &str| (name == "P").then(|| "p4ss-w0rd".to_owned());
        let facts = crate::check_bytes("c.yaml", file, &env).unwrap().config.facts;
        let find = |name: &str| {
            let mut named =
                facts.iter().filter(|fact| fact.name == name && fact.section != "litellm_settings");
            named.next().unwrap()
        };
        assert_eq!((find("num_retries").value.clone(), find("num_retries").acts), (Some(7.into()), true));
        assert_eq!(find("routing_strategy").value, Some("simple-shuffle".into()));
        assert_eq!((find("cooldown_time").value.clone(), find("cooldown_time").kind), (None, "Float"));
        assert!(!find("public_routes").acts);
        let told = format!("{facts:?}");
        for secret in ["0123456789", "p4ss-w0rd", "hook-of-mine"] {
            assert!(!told.contains(secret), "{secret}");
        }
    }
}
