//! `name=value` pairs of a query or of cookies, and whose they are.

use std::ops::Range;

use super::Missing;
use super::declared::Declared;
use super::style::Kind;
use crate::Report;
use crate::json::Tree;
use crate::percent::{Escapes, decode};

/// A pair that belongs to a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occurrence {
    /// The parameter's position.
    pub(super) parameter: usize,
    pub(super) role: Role,
    /// Where the name is.
    key: Range<usize>,
    /// Where the value is; empty after the name where there is no `=`.
    value: Range<usize>,
}

/// What a pair says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The parameter's value, or a piece of it.
    Whole,
    /// A member of an exploded object: it goes by its own name.
    Member,
}

/// Pairs that were found in a query or in cookies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'s> {
    pub(super) source: &'s str,
    /// By parameter, and in the order of the source.
    pub(super) occurrences: &'s [Occurrence],
}

impl<'s> Found<'s> {
    /// Each name and value, as they are written.
    pub(super) fn pairs(self) -> impl Iterator<Item = (&'s str, &'s str)> {
        let text = |range: &Range<usize>| &self.source[range.clone()];
        self.occurrences.iter().map(move |occurrence| (text(&occurrence.key), text(&occurrence.value)))
    }

    /// Each value.
    pub(super) fn values(self) -> impl Iterator<Item = &'s str> {
        self.pairs().map(|(_, value)| value)
    }

    /// The value, if it is the only one.
    pub(super) fn only(self) -> Option<&'s str> {
        self.values().next().filter(|_| self.occurrences.len() == 1)
    }
}

impl Occurrence {
    /// By parameter, and in the order of the source.
    pub(super) fn order(&self) -> (usize, usize) {
        (self.parameter, self.key.start)
    }
}

/// The pairs of `source`, each as (name, value).
///
/// Empty ones are skipped. A name without `=` has an empty value (URL standard, section 5.1).
pub(super) fn pairs(source: &str, separator: char) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut start = 0;
    source.split(separator).filter_map(move |pair| {
        let (from, to) = (start, start + pair.len());
        start = to + separator.len_utf8();
        if from == to {
            return None;
        }
        let equals = memchr::memchr(b'=', &source.as_bytes()[from..to]).map(|at| from + at);
        Some((from..equals.unwrap_or(to), equals.map_or(to, |at| at + 1)..to))
    })
}

/// What is left of a range without the blanks around it, which cookies are apart by.
fn without_blanks(source: &str, range: Range<usize>) -> Range<usize> {
    let text = &source[range.clone()];
    let inner = text.trim_start_matches(BLANKS);
    let start = range.start + text.len() - inner.len();
    start..start + inner.trim_end_matches(BLANKS).len()
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Whose a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// A parameter's.
    Parameter(usize, Role),
    /// Somebody else's: a credential.
    Credential,
}

/// Who claims which name. Names are exact.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Sorted.
    named: Vec<(Box<str>, Claim)>,
    /// Of style `deepObject`.
    deep: Vec<(Box<str>, usize)>,
    /// The exploded object that takes every other name.
    rest: Option<usize>,
}

impl Claims {
    pub(super) fn new(declared: &[Declared], credentials: &[&str]) -> Self {
        let mut claims = Self::default();
        for (position, parameter) in declared.iter().enumerate() {
            if parameter.claims_name() {
                claims.add(&parameter.name, Claim::Parameter(position, Role::Whole));
            }
            if parameter.is_deep() {
                claims.deep.push((parameter.name.clone(), position));
            }
        }
        for name in credentials {
            claims.add(name, Claim::Credential);
        }
        for (position, parameter) in declared.iter().enumerate().filter(|(_, parameter)| parameter.claims_members()) {
            for name in parameter.shape.names() {
                claims.add(name, Claim::Parameter(position, Role::Member));
            }
            if Kind::of(&parameter.shape).eq([Kind::Map]) && parameter.shape.has_others() {
                claims.rest = claims.rest.or(Some(position));
            }
        }
        claims
    }

    /// The first to claim a name keeps it.
    fn add(&mut self, name: &str, claim: Claim) {
        if let Err(position) = self.position(name) {
            self.named.insert(position, (name.into(), claim));
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.named.binary_search_by(|(named, _)| (**named).cmp(name))
    }

    /// Whose a name is, as it is written.
    pub(super) fn find(&self, key: &str, escapes: Escapes) -> Option<Claim> {
        // What cannot be decoded is nobody's name.
        let key = decode(key, escapes).ok()?;
        if let Ok(found) = self.position(&key) {
            return Some(self.named[found].1);
        }
        let is_before = |name: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
        let deep = self.deep.iter().find(|(name, _)| is_before(name)).map(|(_, position)| (*position, Role::Whole));
        let rest = self.rest.map(|position| (position, Role::Member));
        deep.or(rest).map(|(position, role)| Claim::Parameter(position, role))
    }
}

/// The pairs of a query or of cookies, with the parameters they are for.
#[derive(Debug)]
pub(super) struct Pairs {
    pub(super) declared: Vec<Declared>,
    claims: Claims,
}

impl Pairs {
    pub(super) fn new(declared: Vec<Declared>, credentials: &[&str]) -> Self {
        let claims = Claims::new(&declared, credentials);
        Self { declared, claims }
    }

    /// Finds everything in a query that a parameter claims, and hands every other name to `unknown`.
    pub(super) fn find_in_query(&self, query: &str, found: &mut Vec<Occurrence>, mut unknown: impl FnMut(&str)) {
        for (key, value) in pairs(query, '&') {
            match self.claims.find(&query[key.clone()], Escapes::Form) {
                Some(Claim::Parameter(parameter, role)) => found.push(Occurrence { parameter, role, key, value }),
                Some(Claim::Credential) => {}
                None => unknown(&query[key]),
            }
        }
        found.sort_unstable_by_key(Occurrence::order);
    }

    /// Finds every cookie that a parameter claims (RFC 6265 section 4.2.1).
    ///
    /// Exploded lists and objects of style `form` are joined by `&` within one cookie, as the specification writes
    /// them, or stand in a cookie each.
    pub(super) fn find_in_cookies(&self, cookies: &str, found: &mut Vec<Occurrence>) {
        for (key, value) in pairs(cookies, ';') {
            let (key, value) = (without_blanks(cookies, key), without_blanks(cookies, value));
            let Some(Claim::Parameter(parameter, role)) = self.claims.find(&cookies[key.clone()], Escapes::None) else {
                continue;
            };
            let joined = self.declared[parameter].is_joined_in_cookie().then(|| cookies[value.clone()].find('&'));
            let Some(end) = joined.flatten() else {
                found.push(Occurrence { parameter, role, key, value });
                continue;
            };
            let start = value.start;
            found.push(Occurrence { parameter, role, key, value: start..start + end });
            for (key, more) in pairs(&cookies[start + end..value.end], '&') {
                let at = |range: Range<usize>| start + end + range.start..start + end + range.end;
                let role =
                    if cookies[at(key.clone())] == *self.declared[parameter].name { Role::Whole } else { Role::Member };
                found.push(Occurrence { parameter, role, key: at(key), value: at(more) });
            }
        }
        found.sort_unstable_by_key(Occurrence::order);
    }

    /// The defaults of parameters that are not among those that were found.
    pub(super) fn missing(&self, found: &[Occurrence]) -> impl Iterator<Item = Missing<'_>> {
        let is_absent = |position: usize| found.binary_search_by_key(&position, |pair| pair.parameter).is_err();
        let absent = self.declared.iter().enumerate().filter(move |(position, _)| is_absent(*position));
        absent.filter_map(|(_, declared)| declared.missing())
    }

    /// Judges every parameter by its pairs, which have been found and are in order.
    pub(super) fn judge(&self, found: Found<'_>, tree: &mut Tree, report: &mut Report) {
        let mut left = found.occurrences;
        for (position, declared) in self.declared.iter().enumerate() {
            let count = left.partition_point(|occurrence| occurrence.parameter <= position);
            let (own, others) = left.split_at(count);
            left = others;
            if own.is_empty() {
                declared.judge_absent(report);
            } else {
                declared.judge_pairs(Found { occurrences: own, ..found }, tree, report);
            }
        }
    }
}
