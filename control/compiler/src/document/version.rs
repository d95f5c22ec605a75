//! The versions of the OpenAPI Specification.

/// A feature release of the OpenAPI Specification; patch releases do not differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 3.0.x
    V3_0,
    /// 3.1.x
    V3_1,
    /// 3.2.x
    V3_2,
}

impl Version {
    /// Reads the field `openapi`: `major.minor.patch`, the patch with a suffix at will.
    pub fn parse(text: &str) -> Option<Self> {
        let (feature, patch) = text.rsplit_once('.').filter(|(feature, _)| feature.contains('.')).unwrap_or((text, ""));
        let digits = patch.split_once('-').map_or(patch, |(digits, _)| digits);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match feature {
            "3.0" => Some(Self::V3_0),
            "3.1" => Some(Self::V3_1),
            "3.2" => Some(Self::V3_2),
            _ => None,
        }
    }

    /// `3.0`, `3.1` or `3.2`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
            Self::V3_2 => "3.2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_do_not_matter() {
        let read =
            ["3.0.0", "3.0.4", "3.1.1", "3.2.0", "3.1.0-rc2"].map(|text| Version::parse(text).map(Version::name));
        assert_eq!(read, [Some("3.0"), Some("3.0"), Some("3.1"), Some("3.2"), Some("3.1")]);
        for text in ["3.0", "3", "2.0", "3.3.0", "4.0.0", "3.1.", "3.1.x", "", "3.0.0.1", " 3.0.0"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
