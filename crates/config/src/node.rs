/// Where something stands. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index into the list of files that were read.
    pub file: u16,
    pub line: u32,
    pub column: u32,
    /// Length in characters of what is pointed at; at least 1 when it is drawn.
    pub width: u32,
}

/// A YAML value with the place where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub content: Content,
    pub place: Place,
}

#[derive(Clone, Debug)]
pub enum Content {
    /// A scalar as written. What it means depends on what is expected of it: see [`crate::scalar`].
    Text(Text),
    /// `os.environ/NAME` whose variable is not set. Counts as absent.
    MissingVariable(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    /// Written without quotes, so that `true`, `12` and the empty text are not strings.
    pub plain: bool,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_place: Place,
    pub value: Node,
}

impl Node {
    /// An empty map, for a file or a section that is not there.
    pub const fn empty() -> Self {
        Self { content: Content::Map(Vec::new()), place: Place { file: 0, line: 0, column: 0, width: 0 } }
    }

    pub fn entries(&self) -> Option<&[Entry]> {
        if let Content::Map(entries) = &self.content { Some(entries) } else { None }
    }

    pub fn items(&self) -> Option<&[Self]> {
        if let Content::List(items) = &self.content { Some(items) } else { None }
    }

    /// The value under `key`; the last one when the key is there twice.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().rev().find(|entry| entry.key == key).map(|entry| &entry.value)
    }
}
