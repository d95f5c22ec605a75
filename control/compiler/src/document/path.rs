//! Paths of files, and the folder that no reference leaves.

use thiserror::Error;

/// A folder: empty for the topmost, else ending in `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Folder(String);

/// Why a relative reference is not a path within the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum OutOfBounds {
    #[error("it leads above the folder of the document")]
    Above,
    #[error("it is an absolute path")]
    Absolute,
    #[error("it has a backslash")]
    Backslash,
    #[error("it has a NUL character")]
    Nul,
}

impl Folder {
    /// The folder that a file stands in.
    pub(crate) fn of(path: &str) -> Self {
        Self(path.rfind('/').map_or("", |end| path.get(..=end).unwrap_or_default()).to_owned())
    }

    /// The folder that holds every one of `paths`.
    pub(crate) fn common<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let folders = paths.into_iter().map(Self::of);
        folders.reduce(|one, other| one.shared_with(&other)).unwrap_or_default()
    }

    fn shared_with(&self, other: &Self) -> Self {
        let steps = self.0.split_inclusive('/').zip(other.0.split_inclusive('/'));
        Self(steps.take_while(|(one, other)| one == other).map(|(step, _)| step).collect())
    }

    /// The normalised path that `reference`, decoded, means to a file in this folder.
    pub(crate) fn join(&self, reference: &str, bounds: &Self) -> Result<String, OutOfBounds> {
        // A backslash and a drive letter are no separators in a URI; no file system may come to think otherwise.
        if reference.starts_with('/') {
            return Err(OutOfBounds::Absolute);
        }
        if reference.contains('\\') {
            return Err(OutOfBounds::Backslash);
        }
        if reference.contains('\0') {
            return Err(OutOfBounds::Nul);
        }
        let mut steps: Vec<&str> = self.0.split_terminator('/').collect();
        for step in reference.split('/') {
            match step {
                "" | "." => {}
                ".." => {
                    steps.pop().ok_or(OutOfBounds::Above)?;
                }
                step => steps.push(step),
            }
        }
        let path = steps.join("/");
        if path.starts_with(&bounds.0) { Ok(path) } else { Err(OutOfBounds::Above) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, reference: &str, expected: Result<&str, OutOfBounds>) {
        let bounds = Folder::of("api/openapi.yaml");
        let joined = Folder::of(from).join(reference, &bounds);
        assert_eq!(joined, expected.map(str::to_owned), "{reference}");
    }

    #[test]
    fn a_reference_stays_in_the_folder() {
        check("api/openapi.yaml", "a.yaml", Ok("api/a.yaml"));
        check("api/openapi.yaml", "./sub/../a.yaml", Ok("api/a.yaml"));
        check("api/sub/b.yaml", "../a.yaml", Ok("api/a.yaml"));
        check("api/sub/b.yaml", "../../a.yaml", Err(OutOfBounds::Above));
        check("api/openapi.yaml", "../api/../../a", Err(OutOfBounds::Above));
        check("api/openapi.yaml", "../apis/a.yaml", Err(OutOfBounds::Above));
        check("api/openapi.yaml", "/etc/passwd", Err(OutOfBounds::Absolute));
        check("api/openapi.yaml", "..\\a.yaml", Err(OutOfBounds::Backslash));
        check("api/openapi.yaml", "a\0b.yaml", Err(OutOfBounds::Nul));
    }

    #[test]
    fn several_documents_share_the_folder_above_them() {
        let common = |paths: &[&str]| Folder::common(paths.iter().copied());
        assert_eq!(common(&["a/b/x.yaml", "a/c/y.yaml"]), Folder("a/".into()));
        assert_eq!(common(&["a/b/x.yaml", "ab/y.yaml"]), Folder(String::new()));
        assert_eq!(common(&["x.yaml"]), Folder(String::new()));
    }
}
