//! What a YAML value means, given what is expected of it.
//!
//! The compatible surface reads YAML 1.1, where `yes` and `on` are booleans; so they are here where a
//! boolean is expected. Where a string is expected, a number or a date stands for its own text
//! (`api_version: 2024-10-21`), since that is what its writer meant.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use crate::node::{Content, Node, Text};

/// Longest time that a setting may name: a hundred years.
const SECONDS_MAX: f64 = 100.0 * 365.0 * 86_400.0;

impl Node {
    /// Nothing is set here: `null`, `~`, nothing at all, or a variable that is not set.
    pub fn is_null(&self) -> bool {
        match &self.content {
            Content::Text(text) => text.is_null(),
            Content::MissingVariable(_) => true,
            Content::List(_) | Content::Map(_) => false,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) if !text.is_null() && text.plain_bool().is_none() => Some(&text.text),
            _ => None,
        }
    }

    pub fn boolean(&self) -> Option<bool> {
        let Content::Text(text) = &self.content else { return None };
        boolean(&text.text)
    }

    pub fn integer(&self) -> Option<i64> {
        let Content::Text(text) = &self.content else { return None };
        integer(&text.text)
    }

    pub fn number(&self) -> Option<f64> {
        let Content::Text(text) = &self.content else { return None };
        number(&text.text)
    }

    /// A number of seconds, quoted or not. Negative, infinite and absurd ones are none.
    pub fn seconds(&self) -> Option<Duration> {
        let seconds = self.number()?;
        (0.0..=SECONDS_MAX).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
    }

    pub fn texts(&self) -> Option<Vec<String>> {
        self.items()?.iter().map(|item| item.text().map(Into::into)).collect()
    }

    /// The value as JSON, for what is passed on or echoed.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Text(text) => text.to_json(),
            Content::MissingVariable(_) => Value::Null,
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => Value::Object(
                entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// What it is, for messages: `the string "abc"`, `a list`.
    pub fn describe(&self) -> String {
        match &self.content {
            Content::List(_) => "a list".into(),
            Content::Map(_) => "a map".into(),
            Content::MissingVariable(_) => "nothing".into(),
            Content::Text(text) => text.describe(),
        }
    }
}

impl Text {
    fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    fn plain_bool(&self) -> Option<bool> {
        self.plain.then(|| boolean(&self.text)).flatten()
    }

    fn to_json(&self) -> Value {
        if self.is_null() {
            return Value::Null;
        }
        if let Some(yes) = self.plain_bool() {
            return Value::Bool(yes);
        }
        let number = self.plain.then(|| json_number(&self.text)).flatten();
        number.map_or_else(|| Value::String(self.text.clone()), Value::Number)
    }

    fn describe(&self) -> String {
        if self.is_null() {
            "nothing".into()
        } else if let Some(yes) = self.plain_bool() {
            format!("the boolean `{yes}`")
        } else if self.plain && number(&self.text).is_some() {
            format!("the number `{}`", self.text)
        } else {
            format!("the string `{}`", shown(&self.text))
        }
    }
}

/// Text as it may be shown: short, on one line, and not when it looks like a key.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    if text.starts_with("sk-") || text.contains("://") {
        return "***".into();
    }
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut short = text.chars().take(CHARS_MAX).map(clean).collect::<String>();
    if text.chars().nth(CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}

pub fn boolean(text: &str) -> Option<bool> {
    const YES: [&str; 3] = ["true", "yes", "on"];
    const NO: [&str; 3] = ["false", "no", "off"];
    let is_one_of = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_one_of(YES) {
        Some(true)
    } else if is_one_of(NO) {
        Some(false)
    } else {
        None
    }
}

fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.") {
        return None;
    }
    // `1_000_000`, as YAML 1.1 has it, and `600.0`, as programs write it.
    let plain = text.replace('_', "");
    let plain = plain.strip_suffix(".0").unwrap_or(&plain);
    let is_grouped =
        |digits: &str| digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.ends_with('_');
    if is_grouped(digits) { plain.parse().ok() } else { None }
}

pub fn number(text: &str) -> Option<f64> {
    // Rust's own reading would also take `inf`, `nan` and `infinity`.
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn json_number(text: &str) -> Option<Number> {
    let leading_zero = {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
        digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit()
    };
    if leading_zero {
        return None;
    }
    let whole = if text.contains('.') { None } else { integer(text) };
    whole.map(Number::from).or_else(|| number(text).and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Place;

    fn plain(text: &str) -> Node {
        Node { content: Content::Text(Text { text: text.into(), plain: true }), place: Place::default() }
    }

    #[test]
    fn a_plain_word_means_what_yaml_1_1_says() {
        assert_eq!(plain("yes").to_json(), Value::Bool(true));
        assert_eq!(plain("Off").to_json(), Value::Bool(false));
        assert_eq!(plain("~").to_json(), Value::Null);
        assert_eq!(plain("12").to_json(), Value::from(12));
        assert_eq!(plain("4e-7").to_json().to_string(), "4e-7");
        assert_eq!(plain("2024-10-21").to_json(), Value::from("2024-10-21"));
        assert_eq!(plain("007").to_json(), Value::from("007"));
        assert_eq!(plain("nan").to_json(), Value::from("nan"));
    }

    #[test]
    fn a_number_stands_for_its_text_where_a_string_is_expected() {
        assert_eq!(plain("2024").text(), Some("2024"));
        assert_eq!(plain("true").text(), None);
        assert_eq!(plain("").text(), None);
    }

    #[test]
    fn whole_numbers_are_read_in_every_spelling() {
        for (text, number) in
            [("600", 600), ("-3", -3), ("1_000_000", 1_000_000), ("600.0", 600), ("0", 0), ("0.0", 0)]
        {
            assert_eq!(plain(text).integer(), Some(number), "{text}");
        }
        for bad in ["", "_", "1_", "_1", "0600", "6.5", "6e2", "99999999999999999999", "+", "-"] {
            assert_eq!(plain(bad).integer(), None, "{bad}");
        }
    }

    #[test]
    fn seconds_are_finite_and_not_negative() {
        assert_eq!(plain("0.5").seconds(), Some(Duration::from_millis(500)));
        for bad in ["-1", "1e300", "inf", "nan", "abc", ""] {
            assert_eq!(plain(bad).seconds(), None, "{bad}");
        }
    }

    #[test]
    fn what_looks_like_a_key_is_not_shown() {
        assert_eq!(plain("sk-very-secret").describe(), "the string `***`");
    }
}
