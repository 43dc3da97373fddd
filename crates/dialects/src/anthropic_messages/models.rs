//! What Claude models can do, told by the version in their names.
//!
//! Sources: Anthropic's guides on structured outputs (from 4.5 on), adaptive thinking (from 4.6 on) and
//! effort (Opus 4.5 and everything from 4.6 on; `max` from 4.6, `xhigh` from 4.7 on), and the price map's
//! `supports_*` fields. A name without a version is taken for a new model.

/// What to send to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// Thinks at all.
    pub(crate) thinks: bool,
    /// Takes `thinking: {"type": "adaptive"}`.
    pub(crate) adaptive: bool,
    /// Takes `thinking: {"type": "enabled", "budget_tokens": …}`.
    pub(crate) budget: bool,
    /// Takes `output_config.effort`.
    pub(crate) effort: bool,
    pub(crate) effort_max: bool,
    pub(crate) effort_xhigh: bool,
    /// Takes `output_config.format` and `strict` tools.
    pub(crate) schema: bool,
}

pub(crate) fn abilities(model: &str) -> Abilities {
    let version = version(model).unwrap_or((u32::MAX, 0));
    Abilities {
        thinks: version >= (3, 7),
        adaptive: version >= (4, 6),
        budget: ((3, 7)..=(4, 6)).contains(&version),
        effort: version >= (4, 6) || (version == (4, 5) && model.contains("opus")),
        effort_max: version >= (4, 6),
        effort_xhigh: version >= (4, 7),
        schema: version >= (4, 5),
    }
}

/// Major and minor version: `claude-3-7-sonnet-20250219`, `claude-sonnet-4-20250514`, `claude-opus-4-5`,
/// `claude-opus-4.5`. A number of more than two digits is a date.
fn version(model: &str) -> Option<(u32, u32)> {
    let name = &model[model.find("claude")?..];
    let numbers = |part: &str| part.parse::<u32>().ok().filter(|_| part.len() <= 2);
    let mut parts = name.split(['-', '.', '@']).skip(1).skip_while(|part| numbers(part).is_none());
    let major = numbers(parts.next()?)?;
    Some((major, parts.next().and_then(numbers).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names() {
        for (model, expected) in [
            ("claude-3-7-sonnet-20250219", Some((3, 7))),
            ("claude-3-opus-20240229", Some((3, 0))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-5-20251101", Some((4, 5))),
            ("anthropic/claude-sonnet-4.6", Some((4, 6))),
            ("claude-opus-5", Some((5, 0))),
            ("claude-mythos-preview", None),
            ("something-else", None),
        ] {
            assert_eq!(version(model), expected, "{model}");
        }
    }

    #[test]
    fn an_unknown_name_is_a_new_model() {
        assert!(abilities("claude-mythos-preview").adaptive);
        assert!(!abilities("claude-mythos-preview").budget);
        assert!(!abilities("claude-3-5-haiku-20241022").thinks);
        assert!(abilities("claude-sonnet-4-5").budget);
    }
}
