//! Parts of `litellm_params` and `model_info`.

use std::collections::BTreeMap;

use kit::Secret;
use pricing::Price;
use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::keys;
use crate::node::{Entry, Node};
use crate::problems::{At, Problems};

pub fn api_base<'n>(params: &Fields<'n>) -> Option<&'n str> {
    params.text("api_base").or_else(|| params.text("base_url"))
}

/// In thousandths, since a weight may be a fraction.
pub fn weight(params: &Fields<'_>) -> Option<u64> {
    let weight = params.get("weight")?.number()?.clamp(0.0, 1e12);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some((weight * 1000.0).round() as u64)
}

pub fn headers(params: &Fields<'_>, problems: &mut Problems) -> BTreeMap<String, Secret> {
    let mut headers = BTreeMap::new();
    for section in ["headers", "extra_headers"] {
        for entry in params.get(section).and_then(Node::entries).unwrap_or_default() {
            let path = format!("{}.{}", params.path_of(section), entry.key);
            match entry.value.text() {
                Some(value) => drop(headers.insert(entry.key.clone(), Secret::new(value))),
                None if entry.value.is_null() => {}
                None => {
                    let at = At { place: entry.value.place, path: &path };
                    problems.error(at, format!("expected a string, found {}", entry.value.describe()), None);
                }
            }
        }
    }
    headers
}

/// What is neither for the gateway nor a price goes to the provider. A key that resembles one for the
/// gateway is held back: it may be a misspelt `api_key`.
pub fn defaults(params: &Fields<'_>) -> Map<String, Value> {
    let for_provider = |entry: &&Entry| {
        keys::find(keys::LITELLM_PARAMS, &entry.key).is_none()
            && keys::misspelt_param(&entry.key).is_none()
            && !pricing::is_price_field(&entry.key)
    };
    let sent = params.entries().iter().filter(for_provider).filter(|entry| !entry.value.is_null());
    sent.map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}

/// Prices in `litellm_params` win over those in `model_info`. What is no amount is reported.
pub fn prices(info: &Fields<'_>, params: &Fields<'_>, problems: &mut Problems) -> Map<String, Value> {
    let mut prices = Map::new();
    for section in [info, params] {
        for entry in section.entries() {
            if pricing::is_price_field(&entry.key) && !entry.value.is_null() {
                check_price(section, entry, problems);
                prices.insert(entry.key.clone(), entry.value.to_json());
            }
        }
    }
    prices
}

fn check_price(section: &Fields<'_>, entry: &Entry, problems: &mut Problems) {
    let alone = Map::from_iter([(entry.key.clone(), entry.value.to_json())]);
    if Price::from_fields(&alone).is_err() {
        let path = section.path_of(&entry.key);
        let at = At { place: entry.value.place, path: &path };
        let found = entry.value.describe();
        problems.error(at, format!("expected an amount of US dollars, not negative, found {found}"), None);
    }
}

pub fn object(node: Option<&Node>) -> Map<String, Value> {
    match node.map(Node::to_json) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
