//! Reads JSON text into a tree.

use super::build::{index, position};
use super::error::{Error, ErrorKind};
use super::tree::{INDEXED_FROM, Kind, Node, Origin, Tree, Value};

/// Bounds on a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep lists and objects may be nested in each other. At most a few hundred: reading and judging recurse.
    pub depth_max: u16,
    /// How many values and names there may be. Each takes 16 bytes while it is judged, names of
    /// large objects 20.
    pub nodes_max: u32,
    /// How many characters a number may have. To compare longer ones exactly takes more time than their length.
    pub number_max: u16,
}

impl Limits {
    /// 128 levels, 4 million values and names, numbers of 1,000 characters.
    pub const DEFAULT: Self = Self { depth_max: 128, nodes_max: 1 << 22, number_max: 1_000 };
}

impl Tree {
    /// Reads `source`, a whole JSON text of less than 4 GiB.
    pub fn read<'t>(&'t mut self, source: &'t str, limits: &Limits) -> Result<Value<'t>, Error> {
        self.clear();
        let mut reader = Reader { tree: self, source, bytes: source.as_bytes(), at: 0, limits: *limits };
        reader.text()?;
        Ok(Value { tree: self, source, node: 0, budget: None })
    }

    /// Reads `source` behind what is there, into the tree's own text. What is there stays as it is on an error.
    pub(super) fn append(&mut self, source: &str, limits: Limits) -> Result<(), Error> {
        let (nodes, text, names) = (self.nodes.len(), self.text.len(), self.index.len());
        self.text.push_str(source);
        let mut reader = Reader { tree: self, source, bytes: source.as_bytes(), at: 0, limits };
        if let Err(error) = reader.text() {
            self.nodes.truncate(nodes);
            self.text.truncate(text);
            self.index.truncate(names);
            return Err(error);
        }
        let moved = position(text);
        for node in &mut self.nodes[nodes..] {
            if node.origin == Origin::Source && matches!(node.kind, Kind::String | Kind::Number) {
                (node.start, node.end) = (node.start + moved, node.end + moved);
            }
            node.origin = Origin::Own;
        }
        Ok(())
    }
}

/// What is left to read of a text, and the tree that it is read into. [`string`](super::string) reads strings.
pub(super) struct Reader<'t, 's> {
    pub(super) tree: &'t mut Tree,
    pub(super) source: &'s str,
    pub(super) bytes: &'s [u8],
    pub(super) at: usize,
    limits: Limits,
}

impl Reader<'_, '_> {
    fn text(&mut self) -> Result<(), Error> {
        if self.bytes.len() > u32::MAX as usize {
            return self.fail(ErrorKind::Nodes);
        }
        self.value(self.limits.depth_max)?;
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail(ErrorKind::Trailing),
        }
    }

    pub(super) fn fail<T>(&self, kind: ErrorKind) -> Result<T, Error> {
        Err(Error { kind, offset: self.at })
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    pub(super) fn push(&mut self, kind: Kind, origin: Origin, range: (usize, usize)) -> Result<usize, Error> {
        let node = self.tree.nodes.len();
        if node >= self.limits.nodes_max as usize {
            return self.fail(ErrorKind::Nodes);
        }
        let (start, end) = (position(range.0), position(range.1));
        self.tree.nodes.push(Node { kind, origin, start, end, index: 0 });
        Ok(node)
    }

    fn value(&mut self, depth: u16) -> Result<(), Error> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Kind::True),
            Some(b'f') => self.word("false", Kind::False),
            Some(b'n') => self.word("null", Kind::Null),
            Some(_) => self.fail(ErrorKind::Unexpected),
            None => self.fail(ErrorKind::End),
        }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Error> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.fail(ErrorKind::Unexpected);
        }
        self.push(kind, Origin::Source, (0, 0))?;
        self.at += word.len();
        Ok(())
    }

    fn object(&mut self, depth: u16) -> Result<(), Error> {
        let Some(depth) = depth.checked_sub(1) else { return self.fail(ErrorKind::Depth) };
        let object = self.push(Kind::Object, Origin::Source, (0, 0))?;
        self.at += 1;
        let mut count = 0;
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                match self.peek() {
                    Some(b'"') => self.string()?,
                    Some(_) => return self.fail(ErrorKind::Unexpected),
                    None => return self.fail(ErrorKind::End),
                }
                self.expect(b':')?;
                self.value(depth)?;
                count += 1;
                if self.is_closed_by(b'}')? {
                    break;
                }
            }
        }
        self.close(object, count);
        self.check_names(object)
    }

    fn array(&mut self, depth: u16) -> Result<(), Error> {
        let Some(depth) = depth.checked_sub(1) else { return self.fail(ErrorKind::Depth) };
        let array = self.push(Kind::Array, Origin::Source, (0, 0))?;
        self.at += 1;
        let mut count = 0;
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                self.value(depth)?;
                count += 1;
                if self.is_closed_by(b']')? {
                    break;
                }
            }
        }
        self.close(array, count);
        Ok(())
    }

    fn close(&mut self, container: usize, count: u32) {
        let end = position(self.tree.nodes.len());
        let node = &mut self.tree.nodes[container];
        (node.start, node.end) = (count, end);
    }

    fn expect(&mut self, expected: u8) -> Result<(), Error> {
        match self.peek() {
            Some(byte) if byte == expected => {
                self.at += 1;
                Ok(())
            }
            Some(_) => self.fail(ErrorKind::Unexpected),
            None => self.fail(ErrorKind::End),
        }
    }

    /// After a member or an item: a comma, or the end.
    fn is_closed_by(&mut self, end: u8) -> Result<bool, Error> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => self.fail(ErrorKind::Unexpected),
            None => self.fail(ErrorKind::End),
        }
    }

    fn check_names(&mut self, object: usize) -> Result<(), Error> {
        let node = position(object);
        let value = Value { tree: self.tree, source: self.source, node, budget: None };
        let are_distinct = if value.count() > INDEXED_FROM as usize {
            index(self.tree, self.source, node)
        } else {
            let mut marks = 0;
            value.names().enumerate().all(|(before, name)| {
                let name = name.bytes();
                let (mark, seen) = (mark(name), marks);
                marks |= mark;
                seen & mark == 0 || !value.names().take(before).any(|other| other.is_text(name))
            })
        };
        if are_distinct { Ok(()) } else { self.fail(ErrorKind::DuplicateName) }
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<(), Error> {
        let start = self.at;
        let is_of_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.bytes[start..].iter().take_while(is_of_number).count();
        let text = &self.source[start..start + length];
        if length > usize::from(self.limits.number_max) || !super::is_within_reach(text) {
            return self.fail(ErrorKind::NumberTooLong);
        }
        if !super::is_number(text) {
            return self.fail(ErrorKind::Number);
        }
        self.push(Kind::Number, Origin::Source, (start, start + length))?;
        self.at += length;
        Ok(())
    }
}

/// One bit of 64, by a name's length and its two ends: names with different bits differ, and few share one.
fn mark(name: &[u8]) -> u64 {
    let end = |byte: Option<&u8>| byte.map_or(0, |byte| usize::from(*byte));
    1 << ((name.len() + 5 * end(name.first()) + 11 * end(name.last())) % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Result<serde_json::Value, ErrorKind> {
        let mut tree = Tree::default();
        let value =
            tree.read(source, &Limits { depth_max: 4, nodes_max: 100, number_max: 30 }).map_err(|error| error.kind)?;
        Ok(jsonschema::json::Node::to_value(&value).into_owned())
    }

    #[test]
    fn reads_what_serde_json_reads() {
        for source in [
            "null",
            " true ",
            "[false, 1, -0, 0.5, 1e2, -1.5E-3, 12345678901234567890123]",
            r#"{"a": {"b": [[], {}]}, "": "x"}"#,
            r#""plain""#,
            r#""\u00e9\ud83e\udd80 \"\\\/\b\f\n\r\t""#,
            "\"ol\u{e9} \u{1F980}\"",
            r#"{"\u0061": 1, "b": "\\"}"#,
            r#"{"a1z": 1, "a2z": 2, "a3z": 3, "": 4}"#,
        ] {
            let expected: serde_json::Value = serde_json::from_str(source).unwrap();
            assert_eq!(read(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn refuses_what_readers_differ_about() {
        for (source, expected) in [
            ("", ErrorKind::End),
            ("[1", ErrorKind::End),
            ("\"a", ErrorKind::End),
            ("[1,]", ErrorKind::Unexpected),
            ("{\"a\":1,}", ErrorKind::Unexpected),
            ("{a:1}", ErrorKind::Unexpected),
            ("nul", ErrorKind::Unexpected),
            ("NaN", ErrorKind::Unexpected),
            ("\u{feff}1", ErrorKind::Unexpected),
            ("1 2", ErrorKind::Trailing),
            ("01", ErrorKind::Number),
            ("1.", ErrorKind::Number),
            ("-", ErrorKind::Number),
            ("1e", ErrorKind::Number),
            ("\"\n\"", ErrorKind::Control),
            (r#""\x""#, ErrorKind::Escape),
            (r#""\ud83e""#, ErrorKind::Escape),
            (r#""\ud83e\u0061""#, ErrorKind::Escape),
            (r#""\udd80""#, ErrorKind::Escape),
            (r#"{"a":1,"a":2}"#, ErrorKind::DuplicateName),
            (r#"{"a":1,"\u0061":2}"#, ErrorKind::DuplicateName),
            (r#"{"":1,"a1z":2,"a2z":3,"a2z":4}"#, ErrorKind::DuplicateName),
            (r#"{"":1,"a":2,"":3}"#, ErrorKind::DuplicateName),
            ("[[[[[]]]]]", ErrorKind::Depth),
            ("1234567890123456789012345678901", ErrorKind::NumberTooLong),
            ("[1e400]", ErrorKind::NumberTooLong),
            ("5E-0325", ErrorKind::NumberTooLong),
        ] {
            assert_eq!(read(source), Err(expected), "{source}");
        }
        assert_eq!(read(&format!("[{}1]", "1,".repeat(99))), Err(ErrorKind::Nodes));
    }

    #[test]
    fn reads_behind_what_is_there() {
        let mut tree = Tree::default();
        let mut builder = crate::json::Builder::new(&mut tree);
        builder.open_object();
        builder.name("a");
        builder.json(r#"{"b": ["\u0041", 1], "c": "d"}"#, &Limits::DEFAULT).unwrap();
        builder.name("e");
        assert_eq!(builder.json("[1,", &Limits::DEFAULT).unwrap_err().kind, ErrorKind::End);
        builder.string("f");
        let built = builder.finish().unwrap();
        assert_eq!(format!("{built:?}"), r#"{"a": {"b": ["A", 1], "c": "d"}, "e": "f"}"#);
    }

    #[test]
    fn finds_members_of_large_objects() {
        let members: Vec<String> = (0..40).map(|number| format!("\"k{number}\":[{number}]")).collect();
        let source = format!("{{{}}}", members.join(","));
        let mut tree = Tree::default();
        let value = tree.read(&source, &Limits::DEFAULT).unwrap();
        for number in 0..40 {
            let found = value.get(&format!("k{number}")).unwrap();
            assert_eq!(found.items().next().unwrap().text(), number.to_string());
        }
        assert!(value.get("k40").is_none());
        let twice = format!("{{{},\"k7\":0}}", members.join(","));
        assert_eq!(tree.read(&twice, &Limits::DEFAULT).unwrap_err().kind, ErrorKind::DuplicateName);
    }
}
