//! Reading every file of a compilation.

use std::sync::Arc;

use artifact_format::model::{SpecFormat, SpecRole};
use serde_json::Value;

use super::fault::Fault;
use super::limits::{FILE_BYTES_MAX, FILES_MAX};
use super::path::Folder;
use super::{Document, Documents, FileError, FileId, Source, State, Version, json, source, yaml};
use crate::diagnostic::{Code, Place, Sink};
use crate::input::{Fence, Input};
use crate::overlay::{self, Origins};

impl Documents {
    /// Reads the documents of `input` and all that they refer to. What is at fault goes into `sink`; what can be
    /// read is read all the same.
    pub fn load(input: &Input<'_>, sink: &mut Sink) -> Self {
        let bounds = match input.fence {
            Fence::Documents => Folder::common(input.specs.iter().map(String::as_str)),
            Fence::Files => Folder::default(),
        };
        let mut loader = Loader { input, sink, documents: Self { bounds, ..Self::default() } };
        for path in &input.specs {
            loader.entry(path);
        }
        for path in &input.overlays {
            loader.overlay(path);
        }
        loader.explore();
        loader.documents
    }
}

pub(super) struct Loader<'i, 'f, 's> {
    input: &'i Input<'f>,
    pub(super) sink: &'s mut Sink,
    pub(super) documents: Documents,
}

impl Loader<'_, '_, '_> {
    fn entry(&mut self, path: &str) {
        match self.read(path, SpecRole::Entry, Version::V3_1) {
            Ok(file) if self.documents.document(file).is_readable() => {
                if !self.documents.entries.contains(&file) && self.is_openapi(file) {
                    self.documents.entries.push(file);
                }
            }
            // Reported with the text's faults.
            Ok(_) => {}
            Err(error) => {
                let message = format!("cannot read `{path}`: {error}");
                self.sink.error(Code::UnreadableFile, Place::value(path, ""), message);
            }
        }
    }

    fn overlay(&mut self, path: &str) {
        match self.read(path, SpecRole::Overlay, Version::V3_1) {
            Ok(file) if self.documents.document(file).is_readable() => {
                overlay::apply(&mut self.documents, file, self.sink);
            }
            // Reported with the text's faults.
            Ok(_) => {}
            Err(error) => {
                let message = format!("cannot read `{path}`: {error}");
                self.sink.error(Code::UnreadableFile, Place::value(path, ""), message);
            }
        }
    }

    fn is_openapi(&mut self, file: FileId) -> bool {
        let root = self.documents.root(file);
        let (place, message, hint) = match (root.get("openapi"), root.get("swagger")) {
            (Some(version), _) if version.str().and_then(Version::parse).is_some() => return true,
            (Some(version), _) => {
                let written = version.value().to_string();
                let message = format!("`openapi: {written}` is not a version that is read");
                (version.place(), message, "3.0.x, 3.1.x and 3.2.x are, as a text: `openapi: \"3.1.0\"`")
            }
            (None, Some(swagger)) => {
                let message = "this is a Swagger 2.0 document";
                (swagger.place(), message.to_owned(), "convert it to OpenAPI 3: `npx swagger2openapi` does")
            }
            (None, None) => {
                let message = "this is not an OpenAPI document: it has no field `openapi`".to_owned();
                (root.place(), message, "begin it with `openapi: \"3.1.0\"`")
            }
        };
        self.sink.error(Code::UnsupportedVersion, place, message).hint(hint);
        false
    }

    /// Reads a file unless it was read before.
    pub(super) fn read(&mut self, path: &str, role: SpecRole, version: Version) -> Result<FileId, FileError> {
        if let Some(known) = self.documents.file(path) {
            return known.clone();
        }
        let read = self.read_bytes(path).map(|bytes| self.push(path, bytes, (role, version)));
        self.documents.by_path.insert(path.to_owned(), read.clone());
        read
    }

    fn read_bytes(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if self.documents.files.len() >= FILES_MAX {
            return Err(FileError::Other(format!("a compilation reads at most {FILES_MAX} files")));
        }
        let bytes = self.input.files.read(path)?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(FileError::TooLarge { limit: FILE_BYTES_MAX });
        }
        Ok(bytes)
    }

    fn push(&mut self, path: &str, bytes: Vec<u8>, (role, version): (SpecRole, Version)) -> FileId {
        let path: Arc<str> = Arc::from(path);
        let (text, undecoded) = match source::decode(bytes) {
            Ok(text) => (text, None),
            Err(error) => (String::new(), Some(error)),
        };
        let source =
            Source { format: source::format(&path, &text), path: Arc::clone(&path), role, text: Arc::from(text) };
        let value = if let Some(error) = undecoded {
            let place = Place::value(path, "");
            self.sink.error(Code::Encoding, place, error.to_string()).hint("save it as UTF-8");
            None
        } else {
            self.parse(&source)
        };
        let state = if value.is_some() { State::Parsed } else { State::AtFault };
        let value = value.unwrap_or(Value::Null);
        let own = value.get("openapi").and_then(Value::as_str).and_then(Version::parse);
        let file = FileId(u32::try_from(self.documents.files.len()).unwrap_or(u32::MAX));
        self.documents.files.push(Document {
            source,
            value: Box::new(value),
            origins: Origins::new(file),
            state,
            version: own.unwrap_or(version),
        });
        file
    }

    fn parse(&mut self, source: &Source) -> Option<Value> {
        if source.has_byte_order_mark() {
            let message = "the file begins with a byte order mark, which is skipped";
            self.sink
                .warning(Code::Encoding, Place::value(Arc::clone(&source.path), ""), message)
                .hint("save it without");
        }
        let parsed = match source.format() {
            SpecFormat::Json => json::parse(source.body()),
            SpecFormat::Yaml => yaml::parse(source.body()),
        };
        parsed.map_err(|faults| faults.into_iter().for_each(|fault| self.report(source, fault))).ok()
    }

    fn report(&mut self, source: &Source, fault: Fault) {
        let place = |position| Place::position(Arc::clone(&source.path), position);
        let diagnostic = self.sink.error(fault.code, place(fault.position), fault.message);
        if let Some(hint) = fault.hint {
            diagnostic.hint(hint);
        }
        if let Some(first) = fault.first {
            diagnostic.related(place(first), "it stands here first");
        }
    }
}
