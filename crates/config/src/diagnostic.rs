use std::fmt::{self, Write as _};

/// Longest piece of a source line that is drawn, in characters.
const DRAWN_CHARS_MAX: usize = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// Something wrong with the configuration. Displays as several lines: the message, the place, the
/// source line with a caret, and the suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The file as it was named; `None` when the problem is in the environment.
    pub file: Option<String>,
    /// Counts from 1; 0 when the problem is the whole file or outside any file.
    pub line: u32,
    /// Counts characters from 1.
    pub column: u32,
    pub width: u32,
    /// Where in the tree, as `model_list[2].litellm_params.modle`; may be empty.
    pub path: String,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub suggestion: Option<String>,
    /// The line of the file, with what follows the place cut away, since a secret may stand there.
    pub source_line: Option<String>,
}

impl Diagnostic {
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)?;
        let margin = " ".repeat(self.line.to_string().len());
        if let Some(file) = &self.file {
            write!(f, "\n{margin}--> {file}")?;
            if self.line > 0 {
                write!(f, ":{}:{}", self.line, self.column)?;
            }
            if !self.path.is_empty() {
                write!(f, " ({})", self.path)?;
            }
        } else if !self.path.is_empty() {
            write!(f, "\n{margin}--> {}", self.path)?;
        }
        if let Some(line) = &self.source_line {
            let (drawn, marks) = draw(line, self.column, self.width);
            write!(f, "\n{margin} |\n{} | {drawn}\n{margin} | {marks}", self.line)?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "\n{margin} = help: {suggestion}")?;
        }
        Ok(())
    }
}

/// A window of the line around `column`, and the carets under it.
fn draw(line: &str, column: u32, width: u32) -> (String, String) {
    let start = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let skipped = if start >= DRAWN_CHARS_MAX { start - DRAWN_CHARS_MAX / 2 } else { 0 };
    let clean = |c: char| if c == '\t' || !c.is_control() { c } else { '·' };
    let drawn = line.chars().skip(skipped).take(DRAWN_CHARS_MAX).map(clean).collect::<String>();
    // A tab keeps its width above and below.
    let pad = |c: char| if c == '\t' { '\t' } else { ' ' };
    let mut marks = drawn.chars().take(start - skipped).map(pad).collect::<String>();
    let room = drawn.chars().count().saturating_sub(start - skipped).max(1);
    let carets = usize::try_from(width).unwrap_or(1).clamp(1, room);
    marks.extend(std::iter::repeat_n('^', carets));
    (drawn, marks)
}

/// Everything that keeps a configuration from being used, and the warnings found on the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// Never empty.
    pub errors: Vec<Diagnostic>,
    pub warnings: Vec<Diagnostic>,
    /// Problems beyond [`crate::PROBLEMS_MAX`], counted only.
    pub more: usize,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for diagnostic in self.errors.iter().chain(&self.warnings) {
            write!(text, "{diagnostic}\n\n")?;
        }
        if self.more > 0 {
            write!(text, "… and {} more\n\n", self.more)?;
        }
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (errors, warnings) = (self.errors.len(), self.warnings.len());
        write!(
            f,
            "{text}{errors} error{} and {warnings} warning{} in the configuration",
            plural(errors),
            plural(warnings)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic() -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: Some("config.yaml".into()),
            line: 12,
            column: 7,
            width: 4,
            path: "litellm_settings.nume".into(),
            message: "unknown key `nume`".into(),
            suggestion: Some("did you mean `name`?".into()),
            source_line: Some("      nume: …".into()),
        }
    }

    #[test]
    fn it_draws_like_a_compiler() {
        let expected = "\
error: unknown key `nume`
  --> config.yaml:12:7 (litellm_settings.nume)
   |
12 |       nume: …
   |       ^^^^
   = help: did you mean `name`?";
        assert_eq!(diagnostic().to_string(), expected);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}bad{}", "x".repeat(5000), "y".repeat(5000));
        let (drawn, marks) = draw(&line, 5001, 3);
        assert!(drawn.chars().count() <= DRAWN_CHARS_MAX);
        assert_eq!(&drawn[marks.find('^').unwrap()..][..3], "bad");
    }

    #[test]
    fn a_place_outside_the_line_does_not_panic() {
        for (column, width) in [(0, 0), (1, u32::MAX), (u32::MAX, u32::MAX)] {
            draw("short", column, width);
            draw("", column, width);
        }
    }
}
