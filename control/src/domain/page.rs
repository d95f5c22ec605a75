//! Long lists, one page at a time. A cursor names the last thing that was shown, so things that come and go in between
//! neither repeat nor hide others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use super::name::Name;

/// How many things a page has if nobody says.
pub const LIMIT_DEFAULT: u16 = 50;
/// How many a page may have.
pub const LIMIT_MAX: u16 = 200;

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The thing that the page before ended with.
    pub after: Option<Cursor>,
    /// How many at most, 1 to [`LIMIT_MAX`].
    pub limit: u16,
    /// Only what is called this, of things that have names.
    pub name: Option<Name>,
}

/// Where a page ended. Opaque to whoever gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub Uuid);

/// A text that is no cursor of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a cursor: give `next_cursor` of the page before, as it is")]
pub struct CursorError;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The things, newest first.
    pub items: Vec<T>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { after: None, limit: LIMIT_DEFAULT, name: None }
    }
}

impl PageRequest {
    /// How many rows to ask for: one more than are shown tells whether there is a next page.
    pub fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl Cursor {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        Uuid::from_slice(&bytes).map(Self).map_err(|_| CursorError)
    }

    /// Writes one.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }
}

impl<T> Page<T> {
    /// A page of the rows that were found, of which there may be one too many; `id` names a row.
    pub fn of(mut rows: Vec<T>, request: &PageRequest, id: impl Fn(&T) -> Uuid) -> Self {
        let limit = usize::from(request.limit);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more).map(|row| Cursor(id(row)).to_text());
        Self { items: rows, next_cursor: last }
    }

    /// The same page of other things.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: u128, limit: u16) -> Page<Uuid> {
        let rows = (0..rows).map(Uuid::from_u128).collect();
        Page::of(rows, &PageRequest { limit, ..PageRequest::default() }, |id| *id)
    }

    #[test]
    fn only_a_page_with_something_after_it_has_a_cursor() {
        assert_eq!(page(2, 2).next_cursor, None);
        let full = page(3, 2);
        assert_eq!(full.items.len(), 2);
        let cursor = full.next_cursor.unwrap();
        assert_eq!(Cursor::parse(&cursor), Ok(Cursor(Uuid::from_u128(1))));
        assert_eq!(Cursor::parse("x'; --"), Err(CursorError));
    }
}
