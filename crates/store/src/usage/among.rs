//! Conditions on names: one of a list, or none of it.

use super::Dimension;

/// Before, between and after names: no name has it.
const BETWEEN: char = '\u{1f}';

/// Only usage of one of these, or of none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Among {
    pub dimension: Dimension,
    pub names: Vec<String>,
    /// Whether the names are what is left out.
    pub except: bool,
}

impl Among {
    pub const fn these(dimension: Dimension, names: Vec<String>) -> Self {
        Self { dimension, names, except: false }
    }

    pub const fn except(dimension: Dimension, names: Vec<String>) -> Self {
        Self { dimension, names, except: true }
    }

    /// Usage of somebody or something of this kind at all.
    pub fn somebody(dimension: Dimension) -> Self {
        Self::except(dimension, vec![String::new()])
    }

    /// Whether usage of this name counts.
    pub fn keeps(&self, name: &str) -> bool {
        self.names.iter().any(|of| of == name) != self.except
    }

    /// All conditions on a dimension as one, as the statements take it; `None` where there is none.
    pub(super) fn listed(all: &[Self], dimension: Dimension) -> Option<String> {
        let of = all.iter().filter(|among| among.dimension == dimension);
        let one = of.cloned().reduce(|one, other| one.and(&other))?;
        let names = one.names.iter().flat_map(|name| [name.as_str(), "\u{1f}"]).collect::<String>();
        Some(format!("{}{BETWEEN}{names}", if one.except { "!" } else { "" }))
    }

    fn and(self, other: &Self) -> Self {
        let dimension = self.dimension;
        match (self.except, other.except) {
            (true, true) => Self::except(dimension, [self.names, other.names.clone()].concat()),
            (false, _) => Self::these(dimension, kept(self.names, other)),
            (true, false) => Self::these(dimension, kept(other.names.clone(), &self)),
        }
    }
}

fn kept(names: Vec<String>, by: &Among) -> Vec<String> {
    names.into_iter().filter(|name| by.keeps(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn conditions_on_one_dimension_become_one() {
        let these = |of: &[&str]| Among::these(Dimension::Team, names(of));
        let except = |of: &[&str]| Among::except(Dimension::Team, names(of));
        for (one, other) in [
            (these(&["a", "b"]), these(&["b", "c"])),
            (these(&["a", "b"]), except(&["b"])),
            (except(&["b", ""]), these(&["a", "b"])),
            (except(&["b"]), except(&["c"])),
        ] {
            let both = one.clone().and(&other);
            for name in ["a", "b", "c", "d", ""] {
                assert_eq!(
                    both.keeps(name),
                    one.keeps(name) && other.keeps(name),
                    "{one:?} {other:?} {name}"
                );
            }
        }
        assert_eq!(Among::listed(&[these(&["a"])], Dimension::User), None);
        assert_eq!(Among::listed(&[these(&["a", "b"])], Dimension::Team).unwrap(), "\u{1f}a\u{1f}b\u{1f}");
    }
}
