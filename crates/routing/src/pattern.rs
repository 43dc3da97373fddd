use std::cmp::Reverse;

/// Characters that a regular expression escapes; the compatible surface counts them in its ordering.
const SPECIAL: &[char] = &[
    '\\', '.', '^', '$', '*', '+', '?', '{', '}', '[', ']', '|', '(', ')', '-', '&', '#', '~', ' ', '\t',
    '\n', '\r',
];

/// Sorts patterns so that the most specific comes first: the longer regular expression, then the one with
/// more special characters (config reference §2.3). Equal ones keep the order of the configuration.
pub(crate) fn specificity(pattern: &str) -> Reverse<(usize, usize)> {
    let (mut len, mut special) = (0, 0);
    for character in pattern.chars() {
        match character {
            // `(.*)`: four characters, all of them special.
            '*' => (len, special) = (len + 4, special + 4),
            // A backslash and the character; where the character itself is special both count.
            c if SPECIAL.contains(&c) => (len, special) = (len + 2, special + 2),
            _ => len += 1,
        }
    }
    Reverse((len, special))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_specific_pattern_comes_first() {
        let mut patterns = ["*", "openai/*", "gpt-4*", "openai/gpt-4*", "anthropic/*", "*/*"];
        patterns.sort_by_key(|pattern| specificity(pattern));
        assert_eq!(patterns, ["openai/gpt-4*", "anthropic/*", "openai/*", "gpt-4*", "*/*", "*"]);
    }
}
