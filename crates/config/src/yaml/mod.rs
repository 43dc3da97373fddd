//! Text → tree of nodes with places. Aliases and merge keys (`<<`) are expanded, within bounds.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use crate::limits::{NESTING_DEPTH_MAX, TEXT_BYTES_MAX, VALUES_MAX};
use crate::node::{Content, Entry, Node, Place, Text};

/// The text is not YAML that we read, and where.
#[derive(Debug)]
pub struct YamlError {
    pub place: Place,
    pub message: String,
}

/// What is left of the bounds that all files share.
#[derive(Debug)]
pub struct Budget {
    values: usize,
    text_bytes: usize,
}

impl Budget {
    pub const fn new() -> Self {
        Self { values: VALUES_MAX, text_bytes: TEXT_BYTES_MAX }
    }

    fn take(&mut self, values: usize, text_bytes: usize) -> bool {
        let left = self.values.checked_sub(values).zip(self.text_bytes.checked_sub(text_bytes));
        left.map(|(values, text_bytes)| *self = Self { values, text_bytes }).is_some()
    }
}

/// Duplicate keys, as (key, place): allowed, the last one counts, but worth a warning.
pub type Duplicates = Vec<(String, Place)>;

/// Reads the one document of `text`; an empty text gives `None`.
pub fn parse(
    text: &str,
    file: u16,
    budget: &mut Budget,
    duplicates: &mut Duplicates,
) -> Result<Option<Node>, YamlError> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = NESTING_DEPTH_MAX;
    options.block_nesting_limit = NESTING_DEPTH_MAX;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder {
        file,
        budget,
        duplicates,
        anchors: HashMap::new(),
        open: Vec::new(),
        root: None,
        begun: false,
    };
    for event in parser {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            YamlError { place: point(file, marker.line(), marker.col(), 1), message: error.info() }
        })?;
        if matches!(event, Event::DocumentStart(..)) && std::mem::replace(&mut builder.begun, true) {
            let message = "a second document begins here; one file holds one".into();
            return Err(YamlError { place: builder.place(&span), message });
        }
        builder.event(event, &span)?;
    }
    Ok(builder.root)
}

struct Builder<'b> {
    file: u16,
    budget: &'b mut Budget,
    duplicates: &'b mut Duplicates,
    anchors: HashMap<usize, (Node, Size)>,
    open: Vec<Open>,
    root: Option<Node>,
    /// A document has begun.
    begun: bool,
}

/// Values and bytes of text in a node, itself included.
#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    text_bytes: usize,
}

/// A list or a map whose end has not come yet.
struct Open {
    anchor: usize,
    place: Place,
    size: Size,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Place)> },
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), YamlError> {
        let place = self.place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none_or(|tag| tag.suffix() != "str");
                let size = Size { values: 1, text_bytes: text.len() };
                self.spend(size, place)?;
                let content = Content::Text(Text { text: text.into_owned(), plain });
                self.finish(anchor, Node { content, place }, size)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, place, OpenContent::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, place, OpenContent::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned_within(self.budget) else {
                    let message = match self.anchors.contains_key(&anchor) {
                        true => too_much(),
                        false => "an alias to a value that contains it".into(),
                    };
                    return Err(YamlError { place, message });
                };
                self.finish(0, node, size)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, place: Place, content: OpenContent) -> Result<(), YamlError> {
        if self.open.len() >= NESTING_DEPTH_MAX {
            let message = format!("nested deeper than {NESTING_DEPTH_MAX} levels");
            return Err(YamlError { place, message });
        }
        let size = Size { values: 1, text_bytes: 0 };
        self.spend(size, place)?;
        self.open.push(Open { anchor, place, size, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let content = match open.content {
            OpenContent::List(items) => Content::List(items),
            OpenContent::Map { entries, .. } => Content::Map(self.merged(entries)?),
        };
        self.finish(open.anchor, Node { content, place: open.place }, open.size)
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, anchor: usize, node: Node, size: Size) -> Result<(), YamlError> {
        if anchor != 0 {
            // The copy that aliases are made from is paid for like any other value.
            self.spend(size, node.place)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        parent.size.values += size.values;
        parent.size.text_bytes += size.text_bytes;
        match &mut parent.content {
            OpenContent::List(items) => items.push(node),
            OpenContent::Map { entries, key } => match key.take() {
                Some((key, key_place)) => entries.push(Entry { key, key_place, value: node }),
                None => *key = Some((key_text(&node)?, node.place)),
            },
        }
        Ok(())
    }

    /// Applies `<<` (its keys give way to those written out) and notes keys that are there twice.
    fn merged(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, YamlError> {
        let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key == "<<");
        let mut at = HashMap::with_capacity(own.len());
        for (index, entry) in own.iter().enumerate() {
            if at.insert(entry.key.clone(), index).is_some() {
                self.duplicates.push((entry.key.clone(), entry.key_place));
            }
        }
        let mut index = 0;
        own.retain(|entry| {
            index += 1;
            at.get(&entry.key) == Some(&(index - 1))
        });
        for merge in merges {
            let sources = match merge.value.content {
                Content::List(items) => items,
                _ => vec![merge.value],
            };
            for source in sources {
                let Content::Map(inherited) = source.content else {
                    let message = "`<<` takes a map or a list of maps".into();
                    return Err(YamlError { place: merge.key_place, message });
                };
                for entry in inherited {
                    if at.insert(entry.key.clone(), own.len()).is_none() {
                        own.push(entry);
                    }
                }
            }
        }
        Ok(own)
    }

    fn spend(&mut self, size: Size, place: Place) -> Result<(), YamlError> {
        if self.budget.take(size.values, size.text_bytes) {
            return Ok(());
        }
        Err(YamlError { place, message: too_much() })
    }

    fn place(&self, span: &Span) -> Place {
        let (start, end) = (&span.start, &span.end);
        let width = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { 1 };
        point(self.file, start.line(), start.col(), width)
    }
}

fn too_much() -> String {
    format!(
        "more than {VALUES_MAX} values or {TEXT_BYTES_MAX} bytes of text once aliases are expanded, which is the limit"
    )
}

trait ClonedWithin {
    fn cloned_within(self, budget: &mut Budget) -> Option<(Node, Size)>;
}

impl ClonedWithin for Option<&(Node, Size)> {
    fn cloned_within(self, budget: &mut Budget) -> Option<(Node, Size)> {
        let (node, size) = self?;
        budget.take(size.values, size.text_bytes).then(|| (node.clone(), *size))
    }
}

fn key_text(node: &Node) -> Result<String, YamlError> {
    match &node.content {
        Content::Text(text) => Ok(text.text.clone()),
        _ => {
            Err(YamlError { place: node.place, message: "a key must be a word, not a list or a map".into() })
        }
    }
}

fn point(file: u16, line: usize, col: usize, width: usize) -> Place {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file, line: small(line), column: small(col.saturating_add(1)), width: small(width) }
}

#[cfg(test)]
mod tests;
