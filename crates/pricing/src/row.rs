//! One line of the price book: fields between tabs.
//!
//! `provider  model  mode  max_input_tokens  max_output_tokens  capabilities  prices`
//!
//! Prices are US dollars per million tokens, as public price pages give them: `in=2.5 out=10 read=1.25`. After
//! `;` follow prices for longer prompts (`>200000 in=5 out=15`) and for other services (`batch in=1.25 out=5`,
//! `priority >200000 in=10`). A dash stands for "not known".

use std::fmt;

use crate::decimal::scaled;
use crate::info::{Capabilities, Mode, ModelInfo};
use crate::price::{Part, Price, Rates, Section, Service};

/// US dollars per million tokens → nano-dollars per million tokens.
const PER_MILLION_SHIFT: i32 = 9;
const UNKNOWN: &str = "-";

const PARTS: [(&str, Part); 8] = [
    ("in", Part::Input),
    ("out", Part::Output),
    ("read", Part::CacheRead),
    ("write", Part::CacheWrite),
    ("write1h", Part::CacheWrite1h),
    ("reason", Part::Reasoning),
    ("audio_in", Part::AudioInput),
    ("audio_out", Part::AudioOutput),
];

const SERVICES: [(&str, Service); 3] =
    [("batch", Service::Batch), ("flex", Service::Flex), ("priority", Service::Priority)];

/// A model of the book. Displays as its canonical line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'t> {
    pub provider: &'t str,
    pub model: &'t str,
    pub price: Price,
}

impl<'t> Row<'t> {
    /// `None` when the line is not as this module says.
    pub fn parse(line: &'t str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let (provider, model, mode) = (next()?, next()?, Mode::parse(next()?)?);
        let max_input_tokens = limit(next()?)?;
        let max_output_tokens = limit(next()?)?;
        let capabilities = capabilities(next()?)?;
        let sections = next()?.split("; ").map(section).collect::<Option<Vec<_>>>()?;
        if fields.next().is_some() {
            return None;
        }
        let info = ModelInfo { mode, max_input_tokens, max_output_tokens, capabilities };
        Some(Self { provider, model, price: Price::new(info, None, sections) })
    }
}

fn limit(text: &str) -> Option<Option<u32>> {
    if text == UNKNOWN { Some(None) } else { text.parse().ok().map(Some) }
}

fn capabilities(text: &str) -> Option<Capabilities> {
    if text == UNKNOWN {
        return Some(Capabilities::default());
    }
    text.split(',').try_fold(Capabilities::default(), |all, word| {
        let more = all.with(word);
        more.has(word).then_some(more)
    })
}

fn section(text: &str) -> Option<Section> {
    let mut section = Section { service: Service::Standard, above: 0, rates: Rates::default() };
    for word in text.split(' ') {
        if let Some((name, rate)) = word.split_once('=') {
            let (_, part) = PARTS.iter().find(|(known, _)| *known == name)?;
            section.rates.set(*part, scaled(rate, PER_MILLION_SHIFT)?);
        } else if let Some(above) = word.strip_prefix('>') {
            section.above = above.parse().ok()?;
        } else {
            section.service = SERVICES.iter().find(|(known, _)| *known == word)?.1;
        }
    }
    Some(section)
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.price.info;
        let limit = |limit: Option<u32>| limit.map_or_else(|| UNKNOWN.into(), |tokens| tokens.to_string());
        let words = info.capabilities.words().collect::<Vec<_>>().join(",");
        let words = if words.is_empty() { UNKNOWN } else { &words };
        let (input, output) = (limit(info.max_input_tokens), limit(info.max_output_tokens));
        write!(f, "{}\t{}\t{}\t{input}\t{output}\t{words}\t", self.provider, self.model, info.mode.as_str())?;
        let sections = self.price.sections().iter().map(section_text).collect::<Vec<_>>();
        f.write_str(&sections.join("; "))
    }
}

fn section_text(section: &Section) -> String {
    let service =
        SERVICES.iter().find(|(_, service)| *service == section.service).map(|(name, _)| (*name).to_owned());
    let above = (section.above > 0).then(|| format!(">{}", section.above));
    let rates = PARTS
        .iter()
        .filter_map(|(name, part)| Some(format!("{name}={}", dollars(section.rates.get(*part)?))));
    service.into_iter().chain(above).chain(rates).collect::<Vec<_>>().join(" ")
}

/// Nano-dollars as dollars, without needless zeros: `2.5`, `10`, `0.0375`.
fn dollars(nano: i64) -> String {
    kit::Money(nano).to_string().trim_end_matches(".0").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "gemini\tgemini-2.5-pro\tchat\t1048576\t65536\ttools,vision\tin=1.25 out=10 read=0.125; >200000 in=2.5 out=15 read=0.25; batch in=0.625 out=5; priority >200000 in=4.5";

    #[test]
    fn a_line_reads_and_writes_back() {
        let row = Row::parse(LINE).unwrap();
        assert_eq!(row.to_string(), LINE);
        assert_eq!(row.price.base(Part::Input), Some(1_250_000_000));
        assert_eq!(row.price.info.max_output_tokens, Some(65_536));
        assert!(row.price.info.capabilities.has("supports_vision"));
    }

    #[test]
    fn a_malformed_line_is_none() {
        for bad in [
            "",
            "a\tb",
            "a\tb\tchat\t-\t-\t-",
            "a\tb\tchat\t-\t-\t-\tin=x",
            "a\tb\tnonsense\t-\t-\t-\tin=1",
            "a\tb\tchat\t-\t-\tflying\tin=1",
            "a\tb\tchat\t-\t-\t-\tin=1\textra",
        ] {
            assert_eq!(Row::parse(bad), None, "{bad}");
        }
    }
}
