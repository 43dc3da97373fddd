//! Usage × price → money. The rules, from the compatible surface:
//!
//! | tokens | priced as | missing price |
//! | --- | --- | --- |
//! | prompt, less the parts below | input | 0 |
//! | read from the prompt cache | cache read | input |
//! | written to it | cache write (an hour: its own) | input (cache write) |
//! | audio in the prompt | audio input | input |
//! | completion, less the parts below | output | 0 |
//! | reasoning | reasoning | output |
//! | audio in the completion | audio output | output |
//!
//! A prompt longer than a tier's threshold moves every price to that tier. Parts that claim more than their
//! total are cut to it, so that no remainder is negative.

use std::time::Duration;

use domain::Usage;
use kit::Money;

use crate::price::{Part, Price, Service, rate_of};

const TOKENS_PER_RATE: i128 = 1_000_000;

/// What a call cost, as a whole and in parts. `total` is rounded once; each part is rounded by itself, so that
/// their sum may differ from it by a few nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostBreakdown {
    pub total: Money,
    /// Prompt tokens that are neither read from nor written to the cache; audio included.
    pub input: Money,
    /// Completion tokens without reasoning; audio included.
    pub output: Money,
    pub cache_read: Money,
    pub cache_write: Money,
    pub reasoning: Money,
}

/// Tokens by price. Each is what is left of its total after those before it.
struct Split {
    text_input: u64,
    audio_input: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_1h: u64,
    text_output: u64,
    audio_output: u64,
    reasoning: u64,
}

impl Split {
    fn of(usage: &Usage) -> Self {
        let take = |from: &mut u64, part: Option<u64>| {
            let taken = part.unwrap_or(0).min(*from);
            *from -= taken;
            taken
        };
        let (mut input, mut output) = (usage.input, usage.output);
        let cache_read = take(&mut input, usage.cache_read);
        let mut cache_write = take(&mut input, usage.cache_write);
        let cache_write_1h = take(&mut cache_write, usage.cache_write_1h);
        let audio_input = take(&mut input, usage.audio_input);
        let reasoning = take(&mut output, usage.reasoning);
        let audio_output = take(&mut output, usage.audio_output);
        Self {
            text_input: input,
            audio_input,
            cache_read,
            cache_write,
            cache_write_1h,
            text_output: output,
            audio_output,
            reasoning,
        }
    }
}

impl Price {
    /// The cost of a call at standard service. Saturates at the largest amount there is.
    pub fn cost(&self, usage: &Usage) -> CostBreakdown {
        self.cost_at(Service::Standard, usage, Duration::ZERO)
    }

    /// The cost of a call that took `elapsed`, at the given service. Time counts only for prices per second.
    pub fn cost_at(&self, service: Service, usage: &Usage, elapsed: Duration) -> CostBreakdown {
        let rates = self.rates_for(service, usage.input);
        let split = Split::of(usage);
        let cost = |tokens: u64, part: Part| i128::from(tokens) * i128::from(rate_of(&rates, part));
        let input = cost(split.text_input, Part::Input)
            .saturating_add(cost(split.audio_input, Part::AudioInput))
            .saturating_add(self.time_cost(elapsed));
        let output =
            cost(split.text_output, Part::Output).saturating_add(cost(split.audio_output, Part::AudioOutput));
        let cache_read = cost(split.cache_read, Part::CacheRead);
        let cache_write = cost(split.cache_write, Part::CacheWrite)
            .saturating_add(cost(split.cache_write_1h, Part::CacheWrite1h));
        let reasoning = cost(split.reasoning, Part::Reasoning);
        let total =
            [input, output, cache_read, cache_write, reasoning].into_iter().fold(0, i128::saturating_add);
        CostBreakdown {
            total: money(total),
            input: money(input),
            output: money(output),
            cache_read: money(cache_read),
            cache_write: money(cache_write),
            reasoning: money(reasoning),
        }
    }

    /// In the unit of `tokens × rate`: millionths of a nano-dollar. A rate is per second, a microsecond is its
    /// millionth, so the units agree.
    fn time_cost(&self, elapsed: Duration) -> i128 {
        let micros = i128::try_from(elapsed.as_micros()).unwrap_or(i128::MAX);
        micros.saturating_mul(i128::from(self.per_second.unwrap_or(0).max(0)))
    }
}

fn money(millionths_of_nano: i128) -> Money {
    let nano = millionths_of_nano.saturating_add(TOKENS_PER_RATE / 2) / TOKENS_PER_RATE;
    Money(i64::try_from(nano).unwrap_or(i64::MAX))
}
