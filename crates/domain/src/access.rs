//! Which models a key may call.

/// Names that grant every model.
const EVERY_MODEL: [&str; 3] = ["*", "all-proxy-models", "all-team-models"];
/// Alone in a list it grants nothing.
pub const NO_MODEL: &str = "no-default-models";

/// Whether a list of allowed models grants `requested`.
///
/// An empty list grants all. An entry grants by exact name, by wildcard (`openai/*`, matched against
/// the name and against `provider/name`) or by an access group of the model.
pub fn grants<S: AsRef<str>>(
    allowed: &[S],
    requested: &str,
    provider: &str,
    access_groups: &[String],
) -> bool {
    if allowed.is_empty() {
        return true;
    }
    let qualified = format!("{provider}/{requested}");
    allowed.iter().map(AsRef::as_ref).any(|entry| {
        entry != NO_MODEL
            && (EVERY_MODEL.contains(&entry)
                || entry == requested
                || access_groups.iter().any(|group| group == entry)
                || (entry.contains('*')
                    && (capture(entry, requested).is_some() || capture(entry, &qualified).is_some())))
    })
}

/// Matches `name` against a pattern whose `*` stand for any text, and returns what each stood for.
/// Each `*` takes as much as it can, from the left.
pub fn capture<'n>(pattern: &str, name: &'n str) -> Option<Vec<&'n str>> {
    let Some((head, tail)) = pattern.split_once('*') else {
        return (pattern == name).then(Vec::new);
    };
    let rest = name.strip_prefix(head)?;
    if !tail.contains('*') {
        return rest.strip_suffix(tail).map(|taken| vec![taken]);
    }
    // The last possible place first, so that the star is greedy; bounded by the name's length.
    let cuts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).collect::<Vec<_>>();
    cuts.into_iter().rev().find_map(|cut| {
        let mut more = capture(tail, &rest[cut..])?;
        more.insert(0, &rest[..cut]);
        Some(more)
    })
}

/// Puts captured texts in place of the stars of `template`, in order.
pub fn fill(template: &str, captured: &[&str]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut captured = captured.iter();
    for character in template.chars() {
        match (character, character == '*') {
            (_, true) => filled.push_str(captured.next().unwrap_or(&"*")),
            (plain, false) => filled.push(plain),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &[&str], model: &str) -> bool {
        grants(list, model, "openai", &["cheap".into()])
    }

    #[test]
    fn an_empty_list_grants_all() {
        assert!(allowed(&[], "gpt-4o"));
    }

    #[test]
    fn a_name_a_wildcard_and_a_group_grant() {
        assert!(allowed(&["gpt-4o"], "gpt-4o"));
        assert!(allowed(&["gpt-*"], "gpt-4o"));
        assert!(allowed(&["openai/*"], "gpt-4o"));
        assert!(allowed(&["openai/*"], "openai/gpt-4o"));
        assert!(allowed(&["cheap"], "gpt-4o"));
        assert!(allowed(&["all-proxy-models"], "gpt-4o"));
    }

    #[test]
    fn what_is_not_named_is_denied() {
        assert!(!allowed(&["gpt-4"], "gpt-4o"));
        assert!(!allowed(&["claude-*", "anthropic/*"], "gpt-4o"));
        assert!(!allowed(&["no-default-models"], "gpt-4o"));
        assert!(!allowed(&["no-default-models"], "no-default-models"));
    }

    #[test]
    fn stars_capture_and_fill() {
        assert_eq!(capture("claude-*", "claude-opus"), Some(vec!["opus"]));
        assert_eq!(capture("a*b*c", "aXbbYc"), Some(vec!["Xb", "Y"]));
        assert_eq!(capture("plain", "plain"), Some(vec![]));
        assert_eq!(capture("claude-*", "gpt"), None);
        assert_eq!(fill("anthropic/claude-*", &["opus"]), "anthropic/claude-opus");
        assert_eq!(fill("gpt-4o", &["opus"]), "gpt-4o");
        assert_eq!(fill("*/*", &["a", "b"]), "a/b");
    }
}
