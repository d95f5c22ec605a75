//! What a program that was started writes.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Lines, kept as they come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    lines: Vec<String>,
    complete: bool,
}

impl Logs {
    /// Reads to the end, on a thread of its own.
    pub(crate) fn read(stream: impl Read + Send + 'static) -> Self {
        let logs = Self::default();
        let written = Arc::clone(&logs.0);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                written.lock().unwrap().lines.push(line);
            }
            written.lock().unwrap().complete = true;
        });
        logs
    }

    /// Whether whoever writes them has ended.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.lock().unwrap().complete
    }

    /// All of them so far.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().lines.join("\n")
    }

    /// What follows `opening`, up to the end of its line or a quotation mark. `None` as long as no line has it.
    pub(crate) fn after(&self, opening: &str) -> Option<String> {
        let written = self.0.lock().unwrap();
        let rest = written.lines.iter().find_map(|line| line.split_once(opening))?.1;
        rest.split('"').next().map(|text| text.trim().to_owned())
    }

    /// Those that are JSON.
    pub(crate) fn entries(&self) -> Vec<Value> {
        self.0.lock().unwrap().lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The entries with this message.
    pub(crate) fn messages(&self, message: &str) -> Vec<Value> {
        self.entries().into_iter().filter(|entry| field(entry, "message") == Some(message)).collect()
    }
}

/// A field that is a text.
pub(crate) fn field<'v>(entry: &'v Value, name: &str) -> Option<&'v str> {
    entry.get(name)?.as_str()
}
