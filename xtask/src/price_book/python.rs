//! Reads data written as Python expressions: texts, numbers, lists, maps, and calls that stand for records. It is
//! read, never run.

use std::iter::Peekable;
use std::str::Chars;

#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Text(String),
    /// A number, or a word such as `True` or `datetime.UTC`.
    Word(String),
    List(Vec<Data>),
    Map(Vec<(Data, Data)>),
    Record {
        name: String,
        values: Vec<Data>,
        fields: Vec<(String, Data)>,
    },
}

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;

impl Data {
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Record { fields, .. } = self else { return None };
        fields.iter().find(|(field, _)| field == name).map(|(_, data)| data)
    }

    pub fn is(&self, record: &str) -> bool {
        matches!(self, Self::Record { name, .. } if name == record)
    }

    /// The values of a record without names: `Decimal('1')` has one.
    pub fn values(&self) -> &[Self] {
        match self {
            Self::Record { values, .. } | Self::List(values) => values,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

/// Reads the first expression of `text`.
pub fn parse(text: &str) -> Result<Data, String> {
    let mut reader = Reader { chars: text.chars().peekable(), line: 1, depth: 0 };
    reader.expression().map_err(|message| format!("line {} of the expression: {message}", reader.line))
}

struct Reader<'t> {
    chars: Peekable<Chars<'t>>,
    line: usize,
    depth: usize,
}

impl Reader<'_> {
    fn expression(&mut self) -> Result<Data, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deep".into());
        }
        let data = match self.peek() {
            Some('[') => self.list('[', ']').map(Data::List),
            Some('(') => self.list('(', ')').map(Data::List),
            Some('{') => self.map(),
            Some('\'' | '"') => self.texts(),
            Some(c) if is_word(c) || c == '-' => self.word_or_record(),
            Some(c) => Err(format!("unexpected `{c}`")),
            None => Err("unexpected end".into()),
        };
        self.depth -= 1;
        data
    }

    fn list(&mut self, open: char, close: char) -> Result<Vec<Data>, String> {
        self.expect(open)?;
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.expression()?);
            self.comma(close)?;
        }
        Ok(items)
    }

    fn map(&mut self) -> Result<Data, String> {
        self.expect('{')?;
        let mut entries = Vec::new();
        while !self.eat('}') {
            let key = self.expression()?;
            self.expect(':')?;
            entries.push((key, self.expression()?));
            self.comma('}')?;
        }
        Ok(Data::Map(entries))
    }

    /// One or more texts in a row, which are one.
    fn texts(&mut self) -> Result<Data, String> {
        let mut text = String::new();
        while let Some(quote @ ('\'' | '"')) = self.peek() {
            self.next();
            loop {
                match self.next() {
                    None | Some('\n') => return Err("a text without end".into()),
                    Some('\\') => text.push(self.escaped()?),
                    Some(c) if c == quote => break,
                    Some(c) => text.push(c),
                }
            }
        }
        Ok(Data::Text(text))
    }

    fn escaped(&mut self) -> Result<char, String> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('x') => self.code(2),
            Some('u') => self.code(4),
            Some('U') => self.code(8),
            Some(c) => Ok(c),
            None => Err("a text without end".into()),
        }
    }

    fn code(&mut self, digits: usize) -> Result<char, String> {
        let code = (0..digits).filter_map(|_| self.next()).collect::<String>();
        u32::from_str_radix(&code, 16)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(|| format!("`{code}` is no character"))
    }

    fn word_or_record(&mut self) -> Result<Data, String> {
        let name = self.word();
        if self.peek() != Some('(') {
            return Ok(Data::Word(name));
        }
        self.expect('(')?;
        let (mut values, mut fields) = (Vec::new(), Vec::new());
        while !self.eat(')') {
            match self.expression()? {
                Data::Word(field) if self.eat('=') => fields.push((field, self.expression()?)),
                value => values.push(value),
            }
            self.comma(')')?;
        }
        Ok(Data::Record { name, values, fields })
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.chars.peek().copied().filter(|c| is_word(*c) || *c == '-') {
            word.push(c);
            self.next();
        }
        word
    }

    /// A comma, or the end that comes next.
    fn comma(&mut self, close: char) -> Result<(), String> {
        if self.eat(',') || self.peek() == Some(close) {
            Ok(())
        } else {
            Err(format!("expected `,` or `{close}`"))
        }
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.eat(c) { Ok(()) } else { Err(format!("expected `{c}`")) }
    }

    fn eat(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.next();
        }
        is_next
    }

    /// The next character that is neither space nor comment.
    fn peek(&mut self) -> Option<char> {
        loop {
            match self.chars.peek().copied()? {
                '#' => {
                    while self.chars.peek().is_some_and(|c| *c != '\n') {
                        self.next();
                    }
                }
                c if c.is_whitespace() => drop(self.next()),
                c => return Some(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_lists_and_texts() {
        let data = parse("[Model(id='a' 'b', price=Decimal('0.1'), tags={'k': -1}), # end\n ()]").unwrap();
        let model = &data.values()[0];
        assert!(model.is("Model"));
        assert_eq!(model.field("id").and_then(Data::text), Some("ab"));
        assert_eq!(model.field("price").unwrap().values()[0].text(), Some("0.1"));
        assert_eq!(data.values()[1], Data::List(Vec::new()));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for bad in ["", "[", "f(", "'a", "{'a'}", "f(a=)", &"[".repeat(1000)] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
