//! Tokens that nobody has counted yet.
//!
//! Providers' tokenizers differ and are not ours to run on each request. For prose and code in English the
//! estimate is within about 25 % of what OpenAI's and Anthropic's tokenizers say, for other scripts within about
//! 50 %. It serves for reservations, for `count_tokens`, and for calls that ended without a count of the provider;
//! what the provider says always wins.

use domain::Usage;
use kit::Money;

use crate::price::Price;

/// Characters of English to a token: the providers' own rule of thumb.
pub const CHARS_PER_TOKEN: u64 = 4;
/// Output reserved for a request that sets no limit: most answers are shorter, and reserving a model's whole
/// output would refuse requests while there is headroom.
pub const OUTPUT_TOKENS_ASSUMED: u64 = 4096;
/// Estimated input is reserved at this multiple, so that an estimate that is too low seldom overdraws.
const INPUT_MARGIN_PERCENT: u64 = 150;

/// Tokens in a text of which only the length is known.
pub const fn tokens(chars: u64) -> u64 {
    chars.div_ceil(CHARS_PER_TOKEN)
}

/// Tokens in a text, told by its scripts.
pub fn tokens_in(text: &str) -> u64 {
    let twelfths = text.chars().map(weight).fold(0u64, u64::saturating_add);
    twelfths.div_ceil(12)
}

/// Twelfths of a token that a character makes on average.
const fn weight(c: char) -> u64 {
    match c {
        'a'..='z' | 'A'..='Z' | ' ' | '\n' | '\t' | '\r' => 3,
        // Numbers are cut into groups of at most three digits; marks seldom join.
        '0'..='9' => 5,
        '\u{0}'..='\u{7f}' => 6,
        // Latin with accents, Greek, Cyrillic, Armenian, Hebrew, Arabic.
        '\u{80}'..='\u{6ff}' => 5,
        // Scripts of India and South-East Asia.
        '\u{700}'..='\u{10ff}' => 8,
        // Chinese, Japanese, Korean.
        '\u{2e80}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => 11,
        // Emoji and rare signs are spelt byte by byte.
        '\u{10000}'..='\u{10ffff}' => 30,
        _ => 12,
    }
}

/// What a call may cost, to be reserved before it: the estimated input with a margin, written to the cache or not,
/// whichever is dearer, and the most output that the request allows (or [`OUTPUT_TOKENS_ASSUMED`], or the model's own
/// limit when that is less), as reasoning or not.
pub fn reservation(price: &Price, input_tokens: u64, max_output_tokens: Option<u64>) -> Money {
    let model_limit = price.info.max_output_tokens.map_or(u64::MAX, u64::from);
    let output = max_output_tokens.unwrap_or(OUTPUT_TOKENS_ASSUMED).min(model_limit);
    let input =
        u64::try_from(u128::from(input_tokens) * u128::from(INPUT_MARGIN_PERCENT) / 100).unwrap_or(u64::MAX);
    let plain = Usage { input, output, ..Usage::default() };
    let written = Usage { cache_write: Some(input), cache_write_1h: Some(input), ..plain };
    let reasoned = |usage: Usage| Usage { reasoning: Some(output), ..usage };
    let dearest = [plain, written, reasoned(plain), reasoned(written)]
        .iter()
        .map(|usage| price.cost(usage).total)
        .max();
    dearest.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn english_has_about_four_characters_to_a_token() {
        let text = "The quick brown fox jumps over the lazy dog, and then it rests for a while.";
        // OpenAI's o200k_base and Anthropic's tokenizers make 17 to 19 of it.
        assert!((15..=24).contains(&tokens_in(text)), "{}", tokens_in(text));
    }

    #[test]
    fn chinese_has_about_one() {
        let tokens = tokens_in("人工智能正在改变世界");
        assert!((7..=13).contains(&tokens), "{tokens}");
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!((tokens(0), tokens_in("")), (0, 0));
        assert_eq!((tokens(1), tokens_in("a")), (1, 1));
    }

    #[test]
    fn a_reservation_takes_the_dearest_course() {
        let fields = json!({
            "input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6,
            "cache_creation_input_token_cost_above_1hr": 6e-6, "max_output_tokens": 1000,
        });
        let price = Price::from_fields(fields.as_object().unwrap()).unwrap().unwrap();
        // 150 tokens at 6 dollars and 1000 at 15 dollars per million.
        assert_eq!(reservation(&price, 100, None), Money(150 * 6000 + 1000 * 15_000));
        assert_eq!(reservation(&price, 100, Some(10)), Money(150 * 6000 + 10 * 15_000));
        assert_eq!(reservation(&price, u64::MAX, Some(u64::MAX)), Money(i64::MAX));
    }
}
