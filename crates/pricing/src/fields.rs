//! Prices as deployments set them: US dollars per token, under the price map's field names.

use serde_json::{Map, Value};

use crate::decimal::scaled;
use crate::info::{CAPABILITIES, Capabilities, Mode, ModelInfo};
use crate::price::{Part, Price, Rates, Section, Service};

/// US dollars per token → nano-dollars per million tokens: 10^9 × 10^6.
const PER_TOKEN_SHIFT: i32 = 15;
/// US dollars per second → nano-dollars per second.
const PER_SECOND_SHIFT: i32 = 9;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be an amount of US dollars, not negative, found {found}")]
pub struct PriceError {
    pub field: String,
    pub found: String,
}

/// Whether a key of `litellm_params` or `model_info` sets a price, told by the price map's way of naming.
pub fn is_price_field(name: &str) -> bool {
    const MARKS: [&str; 5] =
        ["cost_per_", "_input_token_cost", "_audio_token_cost", "_image_token_cost", "_uplift_multiplier"];
    name == "tiered_pricing" || MARKS.iter().any(|mark| name.contains(mark))
}

/// Field names of the price map, without tier and service.
const FIELDS: [(&str, Part); 9] = [
    ("input_cost_per_token", Part::Input),
    ("output_cost_per_token", Part::Output),
    ("cache_read_input_token_cost", Part::CacheRead),
    ("cache_creation_input_token_cost_above_1hr", Part::CacheWrite1h),
    ("cache_creation_input_token_cost", Part::CacheWrite),
    ("output_cost_per_reasoning_token", Part::Reasoning),
    ("input_cost_per_audio_token", Part::AudioInput),
    ("output_cost_per_audio_token", Part::AudioOutput),
    // An older name of the cache read price.
    ("input_cost_per_token_cache_hit", Part::CacheRead),
];

const SERVICES: [(&str, Service); 3] =
    [("_batches", Service::Batch), ("_flex", Service::Flex), ("_priority", Service::Priority)];

impl Price {
    /// The price that a deployment sets for itself, and the limits and capabilities beside it. `None` when no
    /// field there prices tokens or time. A price that is not given is zero, since a deployment's own prices replace
    /// the book's.
    ///
    /// # Errors
    /// When a price is not a number, negative, or beyond all sense.
    pub fn from_fields(fields: &Map<String, Value>) -> Result<Option<Self>, PriceError> {
        let mut sections = Sections::default();
        for (name, value) in fields {
            if let Some((service, above, part)) = meaning(name)
                && let Some(rate) = amount(name, value, PER_TOKEN_SHIFT)?
            {
                sections.set(service, above, part, rate);
            }
        }
        if let Some(Value::Array(tiers)) = fields.get("tiered_pricing") {
            sections.tiers(tiers)?;
        }
        let per_second = match fields.get("input_cost_per_second").or_else(|| fields.get("cost_per_second")) {
            Some(value) => amount("input_cost_per_second", value, PER_SECOND_SHIFT)?,
            None => None,
        };
        let price = Self::new(info(fields), per_second, sections.0);
        Ok((!price.sections().is_empty() || per_second.is_some()).then_some(price))
    }
}

#[derive(Default)]
struct Sections(Vec<Section>);

impl Sections {
    fn set(&mut self, service: Service, above: u64, part: Part, rate: i64) {
        let known = self.0.iter_mut().find(|section| section.service == service && section.above == above);
        if let Some(section) = known {
            section.rates.set(part, rate);
            return;
        }
        let mut rates = Rates::default();
        rates.set(part, rate);
        self.0.push(Section { service, above, rates });
    }

    /// `tiered_pricing`: a list of `{range: [from, to], input_cost_per_token: …}`.
    fn tiers(&mut self, tiers: &[Value]) -> Result<(), PriceError> {
        for tier in tiers.iter().filter_map(Value::as_object) {
            let from = tier.get("range").and_then(|range| range.get(0)).and_then(Value::as_f64);
            let Some(from) = from.filter(|from| (0.0..1e15).contains(from)) else { continue };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let above = from as u64;
            for (name, value) in tier {
                if let Some((service, 0, part)) = meaning(name)
                    && let Some(rate) = amount(name, value, PER_TOKEN_SHIFT)?
                {
                    self.set(service, above, part, rate);
                }
            }
        }
        Ok(())
    }
}

/// What a field prices. `None` for fields that price something else than tokens.
fn meaning(name: &str) -> Option<(Service, u64, Part)> {
    let (name, service) = SERVICES
        .iter()
        .find_map(|(suffix, service)| Some((name.strip_suffix(suffix)?, *service)))
        .unwrap_or((name, Service::Standard));
    let (field, part) = FIELDS.iter().find(|(field, _)| name.starts_with(field))?;
    let above = match &name[field.len()..] {
        "" => 0,
        tier => threshold(tier)?,
    };
    Some((service, above, *part))
}

/// `_above_200k_tokens` → 200,000.
fn threshold(tier: &str) -> Option<u64> {
    let thousands = tier.strip_prefix("_above_")?.strip_suffix("k_tokens")?;
    thousands.parse::<u64>().ok().filter(|thousands| *thousands > 0)?.checked_mul(1000)
}

/// `None` when the field is there but says nothing.
fn amount(field: &str, value: &Value, shift: i32) -> Result<Option<i64>, PriceError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let refused = || PriceError {
        field: field.into(),
        found: format!("`{}`", text.chars().take(40).collect::<String>()),
    };
    scaled(&text, shift).map(Some).ok_or_else(refused)
}

fn info(fields: &Map<String, Value>) -> ModelInfo {
    let tokens = |name: &str| fields.get(name)?.as_u64().and_then(|tokens| u32::try_from(tokens).ok());
    let is_set = |flag: &&str| fields.get(*flag).and_then(Value::as_bool) == Some(true);
    let flags = CAPABILITIES.iter().map(|(_, flag)| *flag).filter(is_set);
    ModelInfo {
        mode: fields.get("mode").and_then(Value::as_str).and_then(Mode::parse).unwrap_or_default(),
        max_input_tokens: tokens("max_input_tokens"),
        max_output_tokens: tokens("max_output_tokens").or_else(|| tokens("max_tokens")),
        capabilities: flags.fold(Capabilities::default(), Capabilities::with),
    }
}

impl Price {
    /// The price under the price map's field names, US dollars per token, and what is known of the model: the inverse
    /// of [`Price::from_fields`]. Floats, since the compatible surface shows floats: for display alone.
    pub fn to_fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for section in self.sections() {
            let suffix =
                SERVICES.iter().find(|(_, service)| *service == section.service).map_or("", |(name, _)| name);
            let tier = if section.above == 0 {
                String::new()
            } else {
                format!("_above_{}k_tokens", section.above / 1000)
            };
            for part in Part::ALL {
                let Some((name, _)) = FIELDS.iter().find(|(_, priced)| *priced == part) else { continue };
                if let Some(rate) = section.rates.get(part) {
                    fields.insert(format!("{name}{tier}{suffix}"), dollars(rate, 1e15));
                }
            }
        }
        if let Some(rate) = self.per_second {
            fields.insert("input_cost_per_second".into(), dollars(rate, 1e9));
        }
        fields.insert("mode".into(), self.info.mode.as_str().into());
        let limits = [
            ("max_input_tokens", self.info.max_input_tokens),
            ("max_output_tokens", self.info.max_output_tokens),
        ];
        fields.extend(limits.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), limit?.into()))));
        fields.extend(self.info.capabilities.flags().map(|flag| (flag.to_owned(), true.into())));
        fields
    }
}

/// The float nearest to `nano / unit`. Division rounds correctly, so 2,500,000,000 / 10^15 prints as 2.5e-6.
#[allow(clippy::cast_precision_loss)]
fn dollars(nano: i64, unit: f64) -> Value {
    Value::from(nano as f64 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn price(fields: Value) -> Result<Option<Price>, PriceError> {
        Price::from_fields(fields.as_object().unwrap())
    }

    #[test]
    fn prices_are_told_from_parameters() {
        for price in [
            "input_cost_per_token",
            "output_cost_per_second_720p",
            "cache_read_input_token_cost_above_200k_tokens",
            "cache_creation_input_audio_token_cost",
            "cache_read_input_image_token_cost",
            "search_context_cost_per_query",
            "tiered_pricing",
            "regional_processing_uplift_multiplier_eu",
        ] {
            assert!(is_price_field(price), "{price}");
        }
        for parameter in ["max_tokens", "temperature", "keep_alive", "supports_vision"] {
            assert!(!is_price_field(parameter), "{parameter}");
        }
    }

    #[test]
    fn field_names_say_kind_tier_and_service() {
        let cases = [
            ("input_cost_per_token", (Service::Standard, 0, Part::Input)),
            ("input_cost_per_token_above_200k_tokens_priority", (Service::Priority, 200_000, Part::Input)),
            ("cache_creation_input_token_cost_above_1hr", (Service::Standard, 0, Part::CacheWrite1h)),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                (Service::Standard, 200_000, Part::CacheWrite1h),
            ),
            (
                "cache_creation_input_token_cost_above_200k_tokens",
                (Service::Standard, 200_000, Part::CacheWrite),
            ),
            ("output_cost_per_token_batches", (Service::Batch, 0, Part::Output)),
        ];
        for (name, expected) in cases {
            assert_eq!(meaning(name), Some(expected), "{name}");
        }
        for other in [
            "input_cost_per_image_token",
            "cache_creation_input_token_cost_above_12hr",
            "input_cost_per_query",
        ] {
            assert_eq!(meaning(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_and_texts_are_exact() {
        let price = price(json!({"input_cost_per_token": 4e-7, "output_cost_per_token": "0.0000006"}))
            .unwrap()
            .unwrap();
        assert_eq!(price.base(Part::Input), Some(400_000_000));
        assert_eq!(price.base(Part::Output), Some(600_000_000));
    }

    #[test]
    fn nothing_priced_is_no_price() {
        assert_eq!(price(json!({})), Ok(None));
        assert_eq!(price(json!({"mode": "chat", "input_cost_per_token": null})), Ok(None));
        assert!(price(json!({"input_cost_per_token": 0})).unwrap().unwrap().is_free());
        assert!(price(json!({"input_cost_per_second": 0.0015})).unwrap().is_some());
    }

    #[test]
    fn the_whole_book_reads_back_from_its_fields() {
        for row in crate::PriceBook::builtin().rows() {
            let fields = row.price.to_fields();
            assert_eq!(
                Price::from_fields(&fields).unwrap().as_ref(),
                Some(&row.price),
                "{} {}",
                row.provider,
                row.model
            );
        }
        let fields = price(json!({"input_cost_per_token": 2.5e-6, "input_cost_per_second": 0.0015}))
            .unwrap()
            .unwrap()
            .to_fields();
        assert_eq!(fields["input_cost_per_token"].to_string(), "2.5e-6");
        assert_eq!(fields["input_cost_per_second"].to_string(), "0.0015");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in [json!(-1), json!("free"), json!(true), json!([1]), json!(1e300)] {
            let error = price(json!({"input_cost_per_token": bad})).unwrap_err();
            assert!(error.to_string().contains("input_cost_per_token"), "{error}");
        }
    }
}
