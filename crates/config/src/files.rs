//! Reads the main file and what it includes, and merges them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::limits::{FILE_BYTES_MAX, FILES_MAX, INCLUDE_DEPTH_MAX};
use crate::node::{Content, Entry, Node};
use crate::problems::{At, Problems};
use crate::yaml::{self, Budget};

pub struct Files<'p> {
    problems: &'p mut Problems,
    budget: Budget,
    read: usize,
    /// The chain of files being read, to notice a file that includes itself.
    open: Vec<PathBuf>,
    may_include: bool,
}

impl<'p> Files<'p> {
    pub fn new(problems: &'p mut Problems) -> Self {
        Self { problems, budget: Budget::new(), read: 0, open: Vec::new(), may_include: true }
    }

    /// For a text that did not come from a file.
    pub fn without_includes(problems: &'p mut Problems) -> Self {
        Self { may_include: false, ..Self::new(problems) }
    }

    /// The merged tree of `path` and its includes. `None` when an error was reported.
    pub fn read(&mut self, path: &Path) -> Option<Node> {
        let name = path.display().to_string();
        let bytes = match read_bounded(path) {
            Ok(bytes) => bytes,
            Err(message) => {
                self.problems.file_error(&name, message);
                return None;
            }
        };
        self.open.push(path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let root = self.parse(&name, bytes, &directory);
        self.open.pop();
        root
    }

    /// The tree of a text that was read already; includes are relative to `directory`.
    pub fn parse(&mut self, name: &str, bytes: Vec<u8>, directory: &Path) -> Option<Node> {
        self.read += 1;
        let Ok(text) = String::from_utf8(bytes) else {
            self.problems.file_error(name, "is not UTF-8 text");
            return None;
        };
        let file = self.problems.add_file(name, text.clone());
        let mut duplicates = Vec::new();
        let root = match yaml::parse(&text, file, &mut self.budget, &mut duplicates) {
            Ok(Some(root)) => root,
            Ok(None) => {
                self.problems.file_error(name, "is empty");
                return None;
            }
            Err(error) => {
                self.problems.error(At { place: error.place, path: "" }, error.message, None);
                return None;
            }
        };
        for (key, place) in duplicates {
            let message = format!("`{key}` is there twice; the last one counts");
            self.problems.warn(At { place, path: "" }, message, None);
        }
        if root.entries().is_none() {
            let message = format!("expected a map of sections, found {}", root.describe());
            self.problems.error(At { place: root.place, path: "" }, message, None);
            return None;
        }
        self.include(root, directory)
    }

    fn include(&mut self, mut root: Node, directory: &Path) -> Option<Node> {
        let Some(list) = root.get("include").cloned() else { return Some(root) };
        let Some(paths) = list.texts() else {
            let at = At { place: list.place, path: "include" };
            self.problems.error(
                at,
                format!("expected a list of file names, found {}", list.describe()),
                None,
            );
            return None;
        };
        for (path, item) in paths.iter().zip(list.items().unwrap_or_default()) {
            let included = self.included(&directory.join(path), item)?;
            merge(&mut root, included);
        }
        Some(root)
    }

    fn included(&mut self, path: &Path, item: &Node) -> Option<Node> {
        let refusal = if !self.may_include {
            Some("only a file can include files".into())
        } else if self.open.len() >= INCLUDE_DEPTH_MAX {
            Some(format!("files include files deeper than {INCLUDE_DEPTH_MAX} levels"))
        } else if self.read >= FILES_MAX {
            Some(format!("more than {FILES_MAX} files"))
        } else if path.canonicalize().is_ok_and(|path| self.open.contains(&path)) {
            Some(format!("`{}` includes itself", path.display()))
        } else {
            None
        };
        if let Some(message) = refusal {
            self.problems.error(At { place: item.place, path: "include" }, message, None);
            return None;
        }
        self.read(path)
    }
}

/// Lists are joined, the including file's first; any other value of the included file replaces.
fn merge(main: &mut Node, included: Node) {
    let (Content::Map(main), Content::Map(included)) = (&mut main.content, included.content) else { return };
    for entry in included.into_iter().filter(|entry| entry.key != "include") {
        merge_entry(main, entry);
    }
}

fn merge_entry(main: &mut Vec<Entry>, entry: Entry) {
    let Some(mine) = main.iter_mut().find(|mine| mine.key == entry.key) else {
        main.push(entry);
        return;
    };
    match (&mut mine.value.content, entry.value.content) {
        (Content::List(mine), Content::List(more)) => mine.extend(more),
        (_, content) => {
            mine.key_place = entry.key_place;
            mine.value = Node { content, place: entry.value.place };
        }
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(read).is_ok_and(|read| read > FILE_BYTES_MAX) {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes, which is the limit"));
    }
    Ok(bytes)
}
