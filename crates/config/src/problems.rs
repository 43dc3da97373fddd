use crate::diagnostic::{ConfigErrors, Diagnostic, Severity};
use crate::limits::PROBLEMS_MAX;
use crate::node::Place;

/// Collects what is wrong, so that all of it is reported at once.
#[derive(Debug, Default)]
pub struct Problems {
    files: Vec<File>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    more: usize,
    failed: bool,
}

#[derive(Debug)]
struct File {
    name: String,
    text: String,
}

/// What the caret points at. After a key the line is cut, since a secret may follow it.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub place: Place,
    pub path: &'a str,
}

impl Problems {
    /// Registers a file, so that its lines can be drawn; returns its index.
    pub fn add_file(&mut self, name: &str, text: String) -> u16 {
        self.files.push(File { name: name.into(), text });
        u16::try_from(self.files.len() - 1).unwrap_or(u16::MAX)
    }

    pub fn error(&mut self, at: At<'_>, message: impl Into<String>, suggestion: Option<String>) {
        self.failed = true;
        self.add(Severity::Error, at, message.into(), suggestion);
    }

    pub fn warn(&mut self, at: At<'_>, message: impl Into<String>, suggestion: Option<String>) {
        self.add(Severity::Warning, at, message.into(), suggestion);
    }

    fn add(&mut self, severity: Severity, at: At<'_>, message: String, suggestion: Option<String>) {
        // Looking up the source line takes time, so it is not done for what is only counted.
        if self.is_full(severity) {
            self.more += 1;
            return;
        }
        let diagnostic = self.diagnostic(severity, at, message, suggestion);
        let same_place = |known: &Diagnostic| {
            (known.line, known.column, &known.path) == (at.place.line, at.place.column, &diagnostic.path)
        };
        if severity == Severity::Error && self.errors.iter().any(same_place) {
            return;
        }
        self.keep(diagnostic);
    }

    /// Whether further problems of this kind are only counted.
    pub const fn is_full(&self, severity: Severity) -> bool {
        match severity {
            Severity::Error => self.errors.len() >= PROBLEMS_MAX,
            Severity::Warning => self.warnings.len() >= PROBLEMS_MAX,
        }
    }

    const fn list(&mut self, severity: Severity) -> &mut Vec<Diagnostic> {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        }
    }

    /// An error about a file as a whole, which may not even have been read.
    pub fn file_error(&mut self, file: &str, message: impl Into<String>) {
        self.failed = true;
        self.keep(bare(Severity::Error, Some(file.into()), "", message.into()));
    }

    /// A problem with an environment variable.
    pub fn env_error(&mut self, variable: &str, message: impl Into<String>) {
        self.failed = true;
        self.keep(bare(Severity::Error, None, &format!("environment variable {variable}"), message.into()));
    }

    pub fn env_warn(&mut self, variable: &str, message: impl Into<String>) {
        self.keep(bare(Severity::Warning, None, &format!("environment variable {variable}"), message.into()));
    }

    fn keep(&mut self, diagnostic: Diagnostic) {
        let list = self.list(diagnostic.severity);
        if list.len() < PROBLEMS_MAX { list.push(diagnostic) } else { self.more += 1 }
    }

    fn diagnostic(
        &self,
        severity: Severity,
        at: At<'_>,
        message: String,
        suggestion: Option<String>,
    ) -> Diagnostic {
        let Place { file, line, column, width } = at.place;
        let file = self.files.get(usize::from(file)).filter(|_| line > 0);
        let source_line = file.and_then(|file| file.text.lines().nth(usize::try_from(line).ok()? - 1));
        Diagnostic {
            severity,
            file: file.map(|file| file.name.clone()),
            line,
            column,
            width: width.max(1),
            path: at.path.into(),
            message,
            suggestion,
            source_line: source_line.map(|line| visible_part(line, at)),
        }
    }

    /// The warnings, or all that is wrong when there is an error; in the order of the files.
    pub fn finish(mut self) -> Result<Vec<Diagnostic>, ConfigErrors> {
        let order = |one: &Diagnostic| (one.file.clone(), one.line, one.column);
        self.errors.sort_by_key(order);
        self.warnings.sort_by_key(order);
        if self.failed {
            return Err(ConfigErrors { errors: self.errors, warnings: self.warnings, more: self.more });
        }
        Ok(self.warnings)
    }
}

/// The line up to the end of the place that is pointed at, with everything blotted out that may be a
/// secret. Nothing changes its width, so that the caret stays where it belongs.
fn visible_part(line: &str, at: At<'_>) -> String {
    let start = usize::try_from(at.place.column.saturating_sub(1)).unwrap_or(0);
    let end = start.saturating_add(usize::try_from(at.place.width.max(1)).unwrap_or(1));
    let shown = blotted(&line.chars().take(end).collect::<String>());
    let rest = line.chars().skip(end).collect::<String>();
    match rest.trim_end() {
        "" => shown,
        ":" => shown + ":",
        after if after.starts_with(':') => shown + ": …",
        _ => shown + " …",
    }
}

/// Words that look like keys, passwords in URLs or random text become asterisks.
fn blotted(text: &str) -> String {
    const SECRET_CHARS_MIN: usize = 24;
    let is_word = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | '[' | ']' | '{' | '}');
    let looks_secret = |word: &str| {
        let is_mixed =
            word.chars().any(|c| c.is_ascii_digit()) && word.chars().any(|c| c.is_ascii_alphabetic());
        word.starts_with("sk-") || word.contains("://") || (word.len() >= SECRET_CHARS_MIN && is_mixed)
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (gap, from_word) = rest.split_at(start);
        let end = from_word.find(|c| !is_word(c)).unwrap_or(from_word.len());
        let (word, after) = from_word.split_at(end);
        out.push_str(gap);
        match looks_secret(word) {
            true => out.extend(word.chars().map(|_| '*')),
            false => out.push_str(word),
        }
        rest = after;
    }
    out + rest
}

fn bare(severity: Severity, file: Option<String>, path: &str, message: String) -> Diagnostic {
    Diagnostic {
        severity,
        file,
        line: 0,
        column: 0,
        width: 0,
        path: path.into(),
        message,
        suggestion: None,
        source_line: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_secret_is_blotted_and_keeps_its_width() {
        let line =
            r#"a: {api_key: "sk-hidden", url: postgres://u:p@h/d, id: ghp_0123456789abcdefghijkl, n: 5"#;
        let shown = blotted(line);
        assert_eq!(shown.chars().count(), line.chars().count());
        for secret in ["sk-hidden", "u:p", "ghp_"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.starts_with("a: {api_key: \"***") && shown.ends_with("n: 5"), "{shown}");
    }
}
