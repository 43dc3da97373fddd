//! The top level of a provider's request in the making.

use crate::RequestOptions;
use crate::read::Notes;
use crate::write;

/// Keeps out what the provider refuses and what
/// `extra_body` sets.
pub(crate) struct Params<'o, 'a> {
    object: write::Object<'o>,
    options: &'a RequestOptions<'a>,
}

impl<'o, 'a> Params<'o, 'a> {
    pub(crate) fn open(out: &'o mut Vec<u8>, options: &'a RequestOptions<'a>) -> Self {
        let mut object = write::Object::open(out);
        object.put("model", options.model);
        Self { object, options }
    }

    /// The place for a parameter's value, unless it must not be sent.
    pub(crate) fn key(&mut self, key: &str, notes: &mut Notes) -> Option<&mut Vec<u8>> {
        if self.options.extra_body.contains_key(key) {
            return None;
        }
        if self.options.unsupported.contains(&key) {
            notes.refuse(key);
            return None;
        }
        Some(self.object.key(key))
    }

    pub(crate) fn put<T: serde::Serialize + ?Sized>(&mut self, key: &str, value: &T, notes: &mut Notes) {
        if let Some(out) = self.key(key, notes) {
            write::json_into(out, value);
        }
    }

    /// A parameter without which the answer is no worse: left out where it is not taken, never refused.
    pub(crate) fn hint<T: serde::Serialize + ?Sized>(&mut self, key: &str, value: &T, notes: &mut Notes) {
        if self.options.unsupported.contains(&key) {
            notes.drop(key);
        } else {
            self.put(key, value, notes);
        }
    }

    pub(crate) fn close(mut self) {
        for (name, value) in self.options.extra_body {
            self.object.put(name, value);
        }
        self.object.close();
    }
}
