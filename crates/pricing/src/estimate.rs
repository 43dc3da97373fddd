//! Tokens that nobody has counted yet.
//!
//! Providers' tokenizers differ and are not ours to run on each request. Against three of them (OpenAI's o200k and
//! cl100k, and the one that Anthropic published) [`tokens_in`] was within 15 % for English, Markdown, Rust, TypeScript, JSON
//! and tables of numbers. For other scripts those three differ among themselves by up to four times, and the estimate
//! lies between them. It serves for reservations, for `count_tokens`, and for calls that ended without a count of the
//! provider; what the provider says always wins.

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

/// Tokens in a text, told by its words and scripts.
pub fn tokens_in(text: &str) -> u64 {
    let mut twelfths = 0u64;
    let mut run = Run { kind: Kind::Space, first: ' ', length: 0 };
    for character in text.chars() {
        let kind = Kind::of(character);
        if kind != run.kind {
            twelfths = twelfths.saturating_add(run.twelfths());
            run = Run { kind, first: character, length: 0 };
        }
        run.length += 1;
    }
    twelfths.saturating_add(run.twelfths()).div_ceil(TWELFTHS)
}

/// Weights are in twelfths of a token.
const TWELFTHS: u64 = 12;
/// The longest English word that is one token, on average.
const WORD_LETTERS: u64 = 8;
const NUMBER_DIGITS: u64 = 3;

/// Characters of one kind in a row.
struct Run {
    kind: Kind,
    first: char,
    length: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Space,
    Mark,
    /// Latin with accents, Greek, Cyrillic, Armenian, Hebrew, Arabic.
    Alphabet,
    /// Scripts of India and South-East Asia.
    Syllable,
    /// Chinese, Japanese, Korean.
    Ideograph,
    /// Emoji and rare signs, spelt byte by byte.
    Emoji,
    Other,
}

impl Kind {
    const fn of(character: char) -> Self {
        match character {
            'a'..='z' | 'A'..='Z' => Self::Letter,
            '0'..='9' => Self::Digit,
            ' ' | '\n' | '\t' | '\r' => Self::Space,
            '\u{0}'..='\u{7f}' => Self::Mark,
            '\u{80}'..='\u{6ff}' => Self::Alphabet,
            '\u{700}'..='\u{10ff}' => Self::Syllable,
            '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' => Self::Ideograph,
            '\u{20000}'..='\u{3ffff}' => Self::Ideograph,
            '\u{10000}'..='\u{10ffff}' => Self::Emoji,
            _ => Self::Other,
        }
    }
}

impl Run {
    const fn twelfths(&self) -> u64 {
        match (self.kind, self.length) {
            (_, 0) => 0,
            (Kind::Letter, length) => length.div_ceil(WORD_LETTERS) * TWELFTHS,
            (Kind::Digit, length) => length.div_ceil(NUMBER_DIGITS) * TWELFTHS,
            // One space belongs to the word after it; an indentation is one token.
            (Kind::Space, 1) if self.first == ' ' => 0,
            (Kind::Space, _) => TWELFTHS,
            (Kind::Mark, 1) => 10,
            (Kind::Mark, length) => length * 7,
            (Kind::Alphabet, length) => length * 5,
            (Kind::Syllable, length) => length * 8,
            (Kind::Ideograph, length) => length * 10,
            (Kind::Emoji, length) => length * 22,
            (Kind::Other, length) => length * TWELFTHS,
        }
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

    /// Counts of o200k, cl100k and Anthropic's published tokenizer for texts of ours.
    const COUNTED: [(&str, u64, u64); 4] = [
        (
            "Artificial intelligence is changing how companies all over the world operate. Many firms use large \
             language models to answer customers' questions, write documents and analyse data. Cost and security remain \
             important, however, so a gateway is needed to manage access and budgets.",
            48,
            51,
        ),
        (
            "Künstliche Intelligenz verändert die Arbeitsweise von Unternehmen auf der ganzen Welt. Viele Firmen \
             nutzen große Sprachmodelle, um Kundenfragen zu beantworten, Dokumente zu schreiben und Daten auszuwerten.",
            40,
            64,
        ),
        (
            "人工智能正在改变世界各地的企业运营方式。许多公司使用大型语言模型来回答客户的问题、撰写文档以及分析数据。\
             然而，成本和安全仍然是重要的考虑因素，因此需要一个网关来管理访问权限和预算。",
            55,
            91,
        ),
        (
            "Искусственный интеллект меняет то, как работают компании во всём мире. Многие предприятия используют \
             большие языковые модели, чтобы отвечать на вопросы клиентов, писать документы и анализировать данные.",
            38,
            99,
        ),
    ];

    #[test]
    fn estimates_lie_within_or_near_what_tokenizers_say() {
        for (text, least, most) in COUNTED {
            let tokens = tokens_in(text);
            assert!(
                (least * 85 / 100..=most * 115 / 100).contains(&tokens),
                "{tokens}, not {least}..{most}: {text}"
            );
        }
    }

    #[test]
    fn a_text_costs_no_more_than_its_bytes() {
        for text in ["a b c", "....", "1 2 3", "🎉🎉", "\u{fffd}\u{3000}", "\n\n \t"] {
            assert!(tokens_in(text) <= text.len() as u64, "{text:?}");
        }
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
