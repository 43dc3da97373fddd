//! The table of the PyPI package `genai-prices`: records of providers and models, US dollars per million tokens.

use pricing::{Mode, ModelInfo, Part, Price, Rates, Section, Service, scaled};

use super::Prices;
use super::python::{self, Data};

/// Where the table begins in the file.
const BEGIN: &str = "providers: list[Provider] = ";
/// US dollars → nano-dollars.
const DOLLAR_SHIFT: i32 = 9;

/// Their name of a provider and ours.
const PROVIDERS: [(&str, &str); 28] = [
    ("anthropic", "anthropic"),
    ("aws", "bedrock"),
    ("azure", "azure"),
    ("baseten", "baseten"),
    ("cerebras", "cerebras"),
    ("cloudflare", "cloudflare"),
    ("cohere", "cohere"),
    ("databricks", "databricks"),
    ("deepseek", "deepseek"),
    ("elevenlabs", "elevenlabs"),
    ("fireworks", "fireworks_ai"),
    ("google", "gemini"),
    ("groq", "groq"),
    ("huggingface_hyperbolic", "hyperbolic"),
    ("huggingface_nebius", "nebius"),
    ("huggingface_sambanova", "sambanova"),
    ("meta", "meta_llama"),
    ("minimax", "minimax"),
    ("mistral", "mistral"),
    ("moonshotai", "moonshot"),
    ("novita", "novita"),
    ("openai", "openai"),
    ("openrouter", "openrouter"),
    ("perplexity", "perplexity"),
    ("together", "together_ai"),
    ("voyageai", "voyage"),
    ("x-ai", "xai"),
    ("zai", "zai"),
];

const PARTS: [(&str, Part); 8] = [
    ("input_mtok", Part::Input),
    ("output_mtok", Part::Output),
    ("cache_read_mtok", Part::CacheRead),
    ("cache_write_mtok", Part::CacheWrite),
    ("cache_write_1h_mtok", Part::CacheWrite1h),
    ("output_reasoning_mtok", Part::Reasoning),
    ("input_audio_mtok", Part::AudioInput),
    ("output_audio_mtok", Part::AudioOutput),
];

/// Prices that hold on `date` (`2026-11-22`).
pub fn prices(text: &str, date: &str) -> Result<Prices, String> {
    let (_, table) =
        text.split_once(BEGIN).ok_or("the table of genai-prices does not begin as it used to")?;
    let providers = python::parse(table).map_err(|error| format!("the table of genai-prices: {error}"))?;
    let mut prices = Prices::new();
    for provider in providers.values().iter().filter(|data| data.is("Provider")) {
        let Some(name) = provider.field("id").and_then(Data::text).and_then(our_name) else { continue };
        let models = provider.field("models").map(Data::values).unwrap_or_default();
        for model in models {
            if let Some((id, price)) = model_price(model, date) {
                prices.insert((name.into(), id.into()), price);
            }
        }
    }
    Ok(prices)
}

fn our_name(theirs: &str) -> Option<&'static str> {
    PROVIDERS.iter().find(|(name, _)| *name == theirs).map(|(_, ours)| *ours)
}

fn model_price<'d>(model: &'d Data, date: &str) -> Option<(&'d str, Price)> {
    let id = model.field("id")?.text()?;
    let id = id.strip_prefix("accounts/fireworks/models/").unwrap_or(id);
    let mut sections = Sections::default();
    sections.add(Service::Standard, current(model.field("prices")?, date)?)?;
    for variant in model.field("price_variants").map(Data::values).unwrap_or_default() {
        if let Some(service) = service(variant).filter(|_| holds(variant, date)) {
            sections.add(service, variant.field("prices")?)?;
        }
    }
    let window = model.field("context_window").and_then(Data::word).and_then(|tokens| tokens.parse().ok());
    let mode = if id.contains("embed") { Mode::Embedding } else { Mode::Chat };
    let info = ModelInfo { mode, max_input_tokens: window, ..ModelInfo::default() };
    let price = Price::new(info, None, sections.0);
    price.base(Part::Input).is_some().then_some((id, price))
}

/// The last of several prices that holds on `date`; one alone always does.
fn current<'d>(prices: &'d Data, date: &str) -> Option<&'d Data> {
    if prices.is("ModelPrice") {
        return Some(prices);
    }
    prices.values().iter().rev().find(|price| holds(price, date))?.field("prices")
}

/// Whether a price holds: without a condition, or from a date on. One for hours of the day is passed over, in favour of
/// the price for the rest of it.
fn holds(price: &Data, date: &str) -> bool {
    let Some(condition) = price.field("constraint") else { return true };
    let start = condition.field("start_date").map(Data::values).unwrap_or_default();
    let parts = start.iter().filter_map(|part| part.word()?.parse::<u32>().ok()).collect::<Vec<_>>();
    matches!(parts[..], [year, month, day] if format!("{year:04}-{month:02}-{day:02}").as_str() <= date)
}

fn service(variant: &Data) -> Option<Service> {
    let Data::Map(when) = variant.field("when")? else { return None };
    let [(_, value)] = when.as_slice() else { return None };
    match value.text()? {
        "batch" => Some(Service::Batch),
        "flex" => Some(Service::Flex),
        "priority" => Some(Service::Priority),
        _ => None,
    }
}

#[derive(Default)]
struct Sections(Vec<Section>);

impl Sections {
    /// `None` when a price is there that we cannot read.
    fn add(&mut self, service: Service, price: &Data) -> Option<()> {
        for (field, part) in PARTS {
            let Some(data) = price.field(field) else { continue };
            if data.is("TieredPrices") {
                self.set(service, 0, part, amount(data.field("base")?)?);
                for tier in data.field("tiers")?.values() {
                    let start = tier.field("start")?.word()?.parse().ok()?;
                    self.set(service, start, part, amount(tier.field("price")?)?);
                }
            } else {
                self.set(service, 0, part, amount(data)?);
            }
        }
        Some(())
    }

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
}

fn amount(decimal: &Data) -> Option<i64> {
    scaled(decimal.values().first()?.text()?, DOLLAR_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
x = 1
providers: list[Provider] = [Provider(id='x-ai', models=[
    ModelInfo(id='grok', context_window=1000, prices=[
        ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('3'), output_mtok=Decimal('15'))),
        ConditionalPrice(
            constraint=StartDateConstraint(start_date=datetime.date(2026, 3, 13)),
            prices=ModelPrice(input_mtok=TieredPrices(base=Decimal('2'), tiers=[Tier(start=128000, price=Decimal('4'))])),
        ),
    ]),
]), Provider(id='unknown', models=[ModelInfo(id='m', prices=ModelPrice(input_mtok=Decimal('1')))])]
";

    #[test]
    fn the_price_of_the_day_is_taken() {
        let input = |date: &str| {
            prices(TABLE, date).unwrap()[&("xai".to_owned(), "grok".to_owned())].base(Part::Input)
        };
        assert_eq!(input("2026-03-12"), Some(3_000_000_000));
        assert_eq!(input("2026-03-13"), Some(2_000_000_000));
        assert_eq!(prices(TABLE, "2026-03-13").unwrap().len(), 1);
    }
}
