//! Log lines on standard error: text for people, or one JSON object a line.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Libraries that say too much at the level of the house.
const QUIET: &str = "h2=warn,hyper=warn,hyper_util=warn,rustls=warn,sqlx=warn";

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a log level (trace, debug, info, warning, error or off)")]
pub struct UnknownLevel(String);

/// Starts logging. A second call in one process changes nothing.
pub fn init(json: bool, filter: EnvFilter) {
    let colours = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let _ = if json { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
}

/// Starts logging as the environment says: `JSON_LOGS` (true or 1), `LITELLM_LOG` (a level), `RUST_LOG`
/// (directives per module, which win). Without any of them: text, level info.
pub fn init_from_env() {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let json = env("JSON_LOGS").is_some_and(|value| matches!(value.to_lowercase().as_str(), "true" | "1"));
    let directives = env("RUST_LOG");
    let level = env("LITELLM_LOG").map(|name| (parse_level(&name), name));
    init(json, filter(level.as_ref().and_then(|(level, _)| *level), directives.as_deref()));
    if let Some((None, name)) = level {
        tracing::warn!("{}", UnknownLevel(name));
    }
}

/// A level under the names that LiteLLM and Python use.
pub fn parse_level(name: &str) -> Option<LevelFilter> {
    match name.to_lowercase().as_str() {
        "critical" | "error" => Some(LevelFilter::ERROR),
        "warning" | "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        "trace" => Some(LevelFilter::TRACE),
        "off" => Some(LevelFilter::OFF),
        _ => None,
    }
}

fn filter(level: Option<LevelFilter>, directives: Option<&str>) -> EnvFilter {
    let level = level.unwrap_or(LevelFilter::INFO);
    let ours = format!("{level},{QUIET}");
    let wanted = directives.map_or_else(|| ours.clone(), |directives| format!("{ours},{directives}"));
    EnvFilter::builder().with_default_directive(level.into()).parse_lossy(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_their_python_names_too() {
        assert_eq!(parse_level("WARNING"), Some(LevelFilter::WARN));
        assert_eq!(parse_level("Debug"), Some(LevelFilter::DEBUG));
        assert_eq!(parse_level("verbose"), None);
    }

    #[test]
    fn directives_win_over_the_level() {
        let filter = filter(parse_level("error"), Some("bulkhead_gateway=trace")).to_string();
        assert!(filter.contains("bulkhead_gateway=trace") && filter.contains("error"), "{filter}");
    }
}
