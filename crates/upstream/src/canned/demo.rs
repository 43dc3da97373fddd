use serde_json::Value;

use super::answer::Answer;
use super::prompt;

/// Characters of the user's message that the answer repeats.
const ECHO_CHARS_MAX: usize = 160;
/// The rule by which the demo counts tokens: four characters are one.
const CHARS_PER_TOKEN: u64 = 4;

/// The same answer for the same prompt.
pub(super) fn answer(request: &Value) -> Answer {
    let said = prompt::last_user_text(request);
    let mut words = text(&said);
    let limit = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| request[*name].as_u64());
    let whole_tokens = tokens(chars(&words));
    let cut = limit.is_some_and(|limit| limit < whole_tokens);
    if cut {
        truncate(&mut words, limit.unwrap_or(0).saturating_mul(CHARS_PER_TOKEN));
    }
    Answer {
        finish_reason: if cut { "length" } else { "stop" },
        input_tokens: tokens(prompt::chars(request)),
        output_tokens: tokens(chars(&words)),
        chunks: words,
    }
}

pub(super) fn tokens(chars: u64) -> u64 {
    chars.div_ceil(CHARS_PER_TOKEN)
}

fn text(said: &str) -> Vec<String> {
    let hello =
        "Hello! I am Bulkhead's built-in demo model: I answer without any provider, always the same way.";
    let echo = said.chars().take(ECHO_CHARS_MAX).collect::<String>();
    let echo = echo.split_whitespace().collect::<Vec<_>>().join(" ");
    let more = if said.chars().count() > ECHO_CHARS_MAX { "…" } else { "" };
    let heard = if echo.is_empty() { String::new() } else { format!(" You said: “{echo}{more}”") };
    format!("{hello}{heard}").split_inclusive(' ').map(String::from).collect()
}

fn chars(words: &[String]) -> u64 {
    words.iter().map(|word| word.chars().count() as u64).sum()
}

fn truncate(words: &mut Vec<String>, max_chars: u64) {
    let mut left = max_chars;
    words.retain_mut(|word| {
        let kept = word.chars().take(usize::try_from(left).unwrap_or(usize::MAX)).collect::<String>();
        left -= kept.chars().count() as u64;
        *word = kept;
        !word.is_empty()
    });
}
