use crate::info::ModelInfo;

/// A kind of token that may have a price of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Input,
    Output,
    CacheRead,
    /// Written to the prompt cache for five minutes, or for however long the provider's default is.
    CacheWrite,
    /// Written to the prompt cache for an hour.
    CacheWrite1h,
    Reasoning,
    AudioInput,
    AudioOutput,
}

impl Part {
    pub const ALL: [Self; 8] = [
        Self::Input,
        Self::Output,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::Reasoning,
        Self::AudioInput,
        Self::AudioOutput,
    ];

    /// The kind whose price counts where this one has none.
    const fn substitute(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output => None,
            Self::CacheRead | Self::CacheWrite | Self::AudioInput => Some(Self::Input),
            Self::CacheWrite1h => Some(Self::CacheWrite),
            Self::Reasoning | Self::AudioOutput => Some(Self::Output),
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// Prices of the kinds of tokens, in nano-dollars per million tokens; none is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates([i64; 8]);

/// Marks a kind without a price of its own.
const UNSET: i64 = -1;

impl Default for Rates {
    fn default() -> Self {
        Self([UNSET; 8])
    }
}

impl Rates {
    pub fn get(&self, part: Part) -> Option<i64> {
        let rate = self.0[part.index()];
        (rate >= 0).then_some(rate)
    }

    /// Negative rates count as none.
    pub fn set(&mut self, part: Part, nano_per_million: i64) {
        self.0[part.index()] = nano_per_million.max(UNSET);
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|rate| *rate < 0)
    }
}

/// How urgently a call is served, which some providers price differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    #[default]
    Standard,
    Batch,
    Flex,
    Priority,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::Standard, Self::Batch, Self::Flex, Self::Priority];
}

/// Rates that hold for one service, for prompts of more than `above` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    pub service: Service,
    /// 0 for the base.
    pub above: u64,
    pub rates: Rates,
}

/// What a model's tokens cost, and what is known of it besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    pub info: ModelInfo,
    /// Nano-dollars per second of wall time, for deployments paid by the hour.
    pub per_second: Option<i64>,
    /// Sorted by service, then by `above`; no two for the same.
    sections: Box<[Section]>,
}

impl Price {
    pub fn new(info: ModelInfo, per_second: Option<i64>, mut sections: Vec<Section>) -> Self {
        sections.retain(|section| !section.rates.is_empty());
        sections.sort_by_key(|section| (section.service, section.above));
        sections.dedup_by_key(|section| (section.service, section.above));
        Self { info, per_second, sections: sections.into() }
    }

    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The base price of one kind of token, in nano-dollars per million, when it has one of its own.
    pub fn base(&self, part: Part) -> Option<i64> {
        self.section(Service::Standard, 0)?.rates.get(part)
    }

    /// Whether every price is zero.
    pub fn is_free(&self) -> bool {
        let charged = |section: &Section| {
            Part::ALL.iter().any(|part| section.rates.get(*part).is_some_and(|rate| rate > 0))
        };
        self.per_second.is_none_or(|rate| rate <= 0) && !self.sections.iter().any(charged)
    }

    /// The rate of every kind of token for a prompt of `prompt_tokens`, all gaps filled: the most fitting section
    /// speaks first, then the base of the service, then the standard prices, then the kind's substitute.
    pub(crate) fn rates_for(&self, service: Service, prompt_tokens: u64) -> [i64; 8] {
        let chain = [
            self.tier(service, prompt_tokens),
            self.section(service, 0),
            self.tier(Service::Standard, prompt_tokens),
            self.section(Service::Standard, 0),
        ];
        let own = |part: Part| chain.into_iter().flatten().find_map(|section| section.rates.get(part));
        Part::ALL.map(|part| {
            let mut asked = Some(part);
            while let Some(part) = asked {
                if let Some(rate) = own(part) {
                    return rate;
                }
                asked = part.substitute();
            }
            0
        })
    }

    fn section(&self, service: Service, above: u64) -> Option<&Section> {
        self.sections.iter().find(|section| section.service == service && section.above == above)
    }

    /// The section with the highest threshold that the prompt exceeds.
    fn tier(&self, service: Service, prompt_tokens: u64) -> Option<&Section> {
        let fits = |section: &&Section| {
            section.service == service && section.above > 0 && prompt_tokens > section.above
        };
        self.sections.iter().rev().find(fits)
    }
}

pub(crate) const fn rate_of(rates: &[i64; 8], part: Part) -> i64 {
    rates[part.index()]
}
