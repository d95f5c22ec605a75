//! What the body of an upload is, by its content type and its name.

use super::Error;
use super::path::{self, Class};

/// What a body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// One document, under this path.
    Document(String),
    /// A zip archive.
    Archive,
    /// `multipart/form-data` (RFC 7578): each part with a file name is a file, its path the file name.
    Form,
}

/// The path of a document that has no name.
const UNNAMED: &str = "openapi";

impl Media {
    /// What a body is that has this `Content-Type`, if any, and this file name, if any.
    ///
    /// The type decides, unless it says as little as `application/octet-stream` does. YAML is `application/yaml`
    /// (RFC 9512) and what was written before it; JSON is `application/json`; `+yaml` and `+json` are understood, and
    /// so is `application/openapi+yaml`.
    ///
    /// # Errors
    /// Nothing says what it is, or it is something else.
    pub fn of(content_type: Option<&str>, name: Option<&str>) -> Result<Self, Error> {
        let written = content_type.unwrap_or_default();
        let essence = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "multipart/form-data" => Ok(Self::Form),
            "application/zip" | "application/x-zip-compressed" => Ok(Self::Archive),
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Ok(Self::document(name, "yaml")),
            "application/json" | "text/json" => Ok(Self::document(name, "json")),
            other if other.ends_with("+yaml") => Ok(Self::document(name, "yaml")),
            other if other.ends_with("+json") => Ok(Self::document(name, "json")),
            "" | "application/octet-stream" | "text/plain" => Self::of_name(name),
            _ => Err(Error::ContentType { content_type: path::shown(written) }),
        }
    }

    fn document(name: Option<&str>, extension: &str) -> Self {
        Self::Document(match name {
            Some(name) if path::class(name) == Class::Document => name.to_owned(),
            Some(name) => format!("{name}.{extension}"),
            None => format!("{UNNAMED}.{extension}"),
        })
    }

    fn of_name(name: Option<&str>) -> Result<Self, Error> {
        let name = name.ok_or(Error::Unnamed)?;
        match path::class(name) {
            Class::Document => Ok(Self::Document(name.to_owned())),
            Class::Archive if name.to_ascii_lowercase().ends_with(".zip") => Ok(Self::Archive),
            Class::Archive | Class::Other => Err(Error::NotADocument { path: path::shown(name) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, name: Option<&str>, expected: Option<&str>) {
        let content_type = Some(content_type).filter(|written| !written.is_empty());
        let found = Media::of(content_type, name).ok().map(|media| match media {
            Media::Document(path) => path,
            Media::Archive => "an archive".to_owned(),
            Media::Form => "a form".to_owned(),
        });
        assert_eq!(found.as_deref(), expected, "{content_type:?} {name:?}");
    }

    #[test]
    fn the_type_decides_and_the_name_helps() {
        check("application/yaml", None, Some("openapi.yaml"));
        check("text/yaml; charset=utf-8", Some("pets.yml"), Some("pets.yml"));
        check("Application/JSON", Some("pets"), Some("pets.json"));
        check("application/openapi+yaml", None, Some("openapi.yaml"));
        check("application/vnd.oai.openapi+json;version=3.1", None, Some("openapi.json"));
        check("application/octet-stream", Some("api/pets.YAML"), Some("api/pets.YAML"));
        check("", Some("pets.json"), Some("pets.json"));
        check("", Some("pets.zip"), Some("an archive"));
        check("application/zip", None, Some("an archive"));
        check("multipart/form-data; boundary=x", None, Some("a form"));
        check("", None, None);
        check("application/octet-stream", None, None);
        check("application/octet-stream", Some("pets.tar"), None);
        check("image/png", Some("pets.yaml"), None);
    }
}
