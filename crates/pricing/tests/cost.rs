//! Costs, checked by hand against public price pages, and properties that hold for all prices and usages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use bulkhead_pricing::{CostBreakdown, Price, Service};
use domain::Usage;
use kit::Money;
use proptest::prelude::*;
use serde_json::{Value, json};

fn price(fields: Value) -> Price {
    Price::from_fields(fields.as_object().unwrap()).unwrap().unwrap()
}

/// OpenAI's price page: gpt-4o at $2.50 input, $1.25 cached input, $10 output per million tokens.
fn gpt_4o() -> Price {
    price(json!({
        "input_cost_per_token": 2.5e-6, "cache_read_input_token_cost": 1.25e-6, "output_cost_per_token": 1e-5,
        "input_cost_per_token_batches": 1.25e-6, "output_cost_per_token_batches": 5e-6,
    }))
}

/// Anthropic's price page: Claude Sonnet 4.5 at $3 input, $15 output, $3.75 and $6 cache writes, $0.30 cache
/// reads per million tokens; above 200 thousand tokens $6, $22.50, $7.50, $12, $0.60.
fn sonnet() -> Price {
    price(json!({
        "input_cost_per_token": 3e-6, "output_cost_per_token": 1.5e-5,
        "cache_creation_input_token_cost": 3.75e-6, "cache_creation_input_token_cost_above_1hr": 6e-6,
        "cache_read_input_token_cost": 3e-7,
        "input_cost_per_token_above_200k_tokens": 6e-6, "output_cost_per_token_above_200k_tokens": 2.25e-5,
        "cache_creation_input_token_cost_above_200k_tokens": 7.5e-6,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-5,
        "cache_read_input_token_cost_above_200k_tokens": 6e-7,
    }))
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}

#[test]
fn plain_input_and_output() {
    let cost = gpt_4o().cost(&usage(1000, 500));
    assert_eq!(cost.total, "0.0075".parse().unwrap());
    assert_eq!((cost.input, cost.output), (Money(2_500_000), Money(5_000_000)));
}

#[test]
fn cached_input_costs_its_own_price() {
    let cost = gpt_4o().cost(&Usage { cache_read: Some(800), ..usage(1000, 0) });
    assert_eq!((cost.input, cost.cache_read), (Money(500_000), Money(1_000_000)));
    assert_eq!(cost.total, Money(1_500_000));
}

#[test]
fn cache_writes_cost_by_their_lifetime() {
    let usage =
        Usage { cache_read: Some(100), cache_write: Some(500), cache_write_1h: Some(200), ..usage(1000, 10) };
    let cost = sonnet().cost(&usage);
    // 300 tokens for five minutes at 3750 nano-dollars each, 200 for an hour at 6000.
    assert_eq!(cost.cache_write, Money(300 * 3750 + 200 * 6000));
    assert_eq!(cost.cache_read, Money(100 * 300));
    assert_eq!(cost.input, Money(400 * 3000));
    assert_eq!(cost.total, Money(1_125_000 + 1_200_000 + 30_000 + 1_200_000 + 150_000));
}

#[test]
fn a_tier_begins_above_its_threshold_and_moves_every_price() {
    assert_eq!(sonnet().cost(&usage(200_000, 1)).total, Money(200_000 * 3000 + 15_000));
    let above = Usage {
        cache_read: Some(1000),
        cache_write: Some(1000),
        cache_write_1h: Some(500),
        ..usage(200_001, 1)
    };
    let cost = sonnet().cost(&above);
    assert_eq!(cost.input, Money(198_001 * 6000));
    assert_eq!(cost.cache_write, Money(500 * 7500 + 500 * 12_000));
    assert_eq!(cost.cache_read, Money(1000 * 600));
    assert_eq!(cost.output, Money(22_500));
}

#[test]
fn a_missing_price_falls_back_to_its_kin() {
    let plain = price(json!({"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}));
    let all = Usage {
        cache_read: Some(10),
        cache_write: Some(10),
        cache_write_1h: Some(5),
        reasoning: Some(10),
        audio_input: Some(10),
        audio_output: Some(10),
        ..usage(100, 100)
    };
    assert_eq!(plain.cost(&all).total, plain.cost(&usage(100, 100)).total);
    let thinking = price(json!({"output_cost_per_token": 2e-6, "output_cost_per_reasoning_token": 3e-6}));
    assert_eq!(thinking.cost(&all).reasoning, Money(10 * 3000));
    assert_eq!(thinking.cost(&all).output, Money(90 * 2000));
}

#[test]
fn a_service_has_its_prices_and_borrows_the_rest() {
    let batch = gpt_4o().cost_at(
        Service::Batch,
        &Usage { cache_read: Some(100), ..usage(1000, 100) },
        Duration::ZERO,
    );
    assert_eq!(batch.input, Money(900 * 1250));
    assert_eq!(batch.output, Money(100 * 5000));
    assert_eq!(batch.cache_read, Money(100 * 1250));
    let flex = gpt_4o().cost_at(Service::Flex, &usage(1000, 0), Duration::ZERO);
    assert_eq!(flex, gpt_4o().cost(&usage(1000, 0)));
}

#[test]
fn a_price_per_second_bills_the_time() {
    let hourly = price(json!({"input_cost_per_second": 0.0015}));
    let cost = hourly.cost_at(Service::Standard, &usage(1000, 1000), Duration::from_millis(2500));
    assert_eq!(cost.total, "0.00375".parse().unwrap());
    assert_eq!(hourly.cost(&usage(1000, 1000)).total, Money::ZERO);
}

#[test]
fn fractions_of_a_nano_dollar_round_once() {
    // 0.4 nano-dollars a token: three tokens are 1.2, and each alone would be nothing.
    let tiny = price(json!({"input_cost_per_token": 4e-10, "output_cost_per_token": 4e-10}));
    assert_eq!(tiny.cost(&usage(1, 1)).total, Money(1));
    assert_eq!(tiny.cost(&usage(1, 0)).total, Money(0));
    assert_eq!(tiny.cost(&usage(1, 1)).input, Money(0));
}

#[test]
fn parts_beyond_their_total_are_cut() {
    let greedy = Usage {
        cache_read: Some(u64::MAX),
        cache_write: Some(u64::MAX),
        cache_write_1h: Some(u64::MAX),
        reasoning: Some(u64::MAX),
        ..usage(10, 10)
    };
    let cost = sonnet().cost(&greedy);
    assert_eq!((cost.cache_read, cost.input, cost.cache_write), (Money(3000), Money(0), Money(0)));
    assert_eq!((cost.reasoning, cost.output), (Money(150_000), Money(0)));
}

#[test]
fn the_largest_numbers_saturate() {
    let dearest = price(
        json!({"input_cost_per_token": "9000", "output_cost_per_token": "9000", "input_cost_per_second": "9000000000"}),
    );
    let cost = dearest.cost_at(Service::Standard, &usage(u64::MAX, u64::MAX), Duration::MAX);
    assert_eq!(cost.total, Money(i64::MAX));
}

fn any_price() -> impl Strategy<Value = Price> {
    let names = [
        "input_cost_per_token",
        "output_cost_per_token",
        "cache_read_input_token_cost",
        "cache_creation_input_token_cost",
        "cache_creation_input_token_cost_above_1hr",
        "output_cost_per_reasoning_token",
        "input_cost_per_audio_token",
        "output_cost_per_audio_token",
        "input_cost_per_token_above_200k_tokens",
        "output_cost_per_token_above_200k_tokens",
    ];
    // Up to 9 dollars a token, in steps of a femto-dollar.
    prop::collection::vec(prop::option::of(0u64..9_000_000_000_000_000), names.len()).prop_map(move |rates| {
        let set = names
            .iter()
            .zip(rates)
            .filter_map(|(name, rate)| Some(((*name).to_owned(), Value::from(format!("{}e-15", rate?)))));
        let mut fields = set.collect::<serde_json::Map<_, _>>();
        fields.entry("input_cost_per_token").or_insert_with(|| Value::from(0));
        Price::from_fields(&fields).unwrap().unwrap()
    })
}

fn any_tokens() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0u64..1_000_000, any::<u64>(), Just(u64::MAX)]
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let part = || prop::option::of(any_tokens());
    (any_tokens(), any_tokens(), part(), part(), part(), part(), part(), part()).prop_map(
        |(input, output, cache_read, cache_write, cache_write_1h, reasoning, audio_input, audio_output)| {
            Usage {
                input,
                output,
                cache_read,
                cache_write,
                cache_write_1h,
                reasoning,
                audio_input,
                audio_output,
            }
        },
    )
}

fn parts(cost: CostBreakdown) -> [Money; 5] {
    [cost.input, cost.output, cost.cache_read, cost.cache_write, cost.reasoning]
}

proptest! {
    #[test]
    fn no_cost_is_negative(price in any_price(), usage in any_usage()) {
        let cost = price.cost(&usage);
        prop_assert!(cost.total >= Money::ZERO && parts(cost).iter().all(|part| *part >= Money::ZERO));
    }

    #[test]
    fn parts_sum_to_the_total_within_rounding(price in any_price(), usage in any_usage()) {
        let cost = price.cost(&usage);
        let sum = parts(cost).into_iter().sum::<Money>();
        // Each of five parts may be off by half a nano-dollar, and so may the total.
        let tolerance = if cost.total == Money(i64::MAX) { i64::MAX } else { 3 };
        prop_assert!((sum - cost.total).nano().abs() <= tolerance, "{sum} {}", cost.total);
    }

    #[test]
    fn more_output_never_costs_less(price in any_price(), usage in any_usage(), more in any_tokens()) {
        let longer = Usage { output: usage.output.saturating_add(more), ..usage };
        // Reasoning may be cheaper than text, so only what is text grows here.
        prop_assert!(price.cost(&longer).total >= price.cost(&usage).total);
    }

    #[test]
    fn more_input_never_costs_less_within_a_tier(price in any_price(), input in 0u64..200_000, more in 0u64..200_000, output in any_tokens()) {
        let cost = |input| price.cost(&Usage { input, output, ..Usage::default() }).total;
        prop_assert!(cost((input + more).min(200_000)) >= cost(input));
    }

    #[test]
    fn a_plain_call_costs_what_a_calculator_says(input in 0u64..1_000_000, output in 0u64..1_000_000, a in 0u64..1_000_000, b in 0u64..1_000_000) {
        // Rates in whole nano-dollars a token, so that nothing is rounded.
        let fields = json!({"input_cost_per_token": format!("{a}e-9"), "output_cost_per_token": format!("{b}e-9")});
        let price = Price::from_fields(fields.as_object().unwrap()).unwrap().unwrap();
        let expected = i64::try_from(input * a + output * b).unwrap();
        prop_assert_eq!(price.cost(&Usage { input, output, ..Usage::default() }).total, Money(expected));
    }
}
