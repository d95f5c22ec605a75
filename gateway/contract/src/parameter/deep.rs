//! `deepObject`: names in brackets.
//!
//! The specification defines `name[key]=value` for objects of scalars and no more (3.1.1 section 4.8.12.2). What
//! documents mean that have lists or objects in there is clear from their schema, and so it is read, where the
//! schema allows it: `name[key][inner]=value`, `name[key][]=value` and `name[key]=value` repeated for a list,
//! `name[key][0]=value` counted from 0 without gaps, and the same directly behind the name.

use std::borrow::Cow;

use super::style::{Fault, Writing};
use crate::percent::decode;
use crate::shape::{Shape, Types};
use crate::wire::Wire;

/// How many brackets may follow each other.
const BRACKETS_MAX: usize = 16;

/// One `name[key]=value`.
struct Entry<'w> {
    /// What is in the brackets that are still to be read, the next one last.
    keys: Vec<String>,
    value: Cow<'w, str>,
}

/// Reads the pairs that belong to one parameter.
pub(crate) fn read<'w>(
    writing: &Writing<'_>,
    pairs: impl Iterator<Item = (&'w str, &'w str)>,
) -> Result<Wire<'w>, Fault> {
    let entries = pairs.map(|(key, value)| {
        let keys = brackets(&decode(key, writing.escapes)?, writing.name)?;
        Ok(Entry { keys, value: decode(value, writing.escapes)? })
    });
    build(entries.collect::<Result<_, Fault>>()?, writing.shape)
}

/// What stands in the brackets after the name, the first one last.
fn brackets(key: &str, name: &str) -> Result<Vec<String>, Fault> {
    let rest = key.strip_prefix(name).ok_or(Fault::Style)?;
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let inner = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or(Fault::Style)?;
    let mut keys: Vec<String> = inner.split("][").map(str::to_owned).collect();
    if keys.len() > BRACKETS_MAX {
        return Err(Fault::Depth);
    }
    if keys.iter().any(|key| key.contains(['[', ']'])) {
        return Err(Fault::Style);
    }
    keys.reverse();
    Ok(keys)
}

fn build<'w>(mut entries: Vec<Entry<'w>>, shape: &Shape) -> Result<Wire<'w>, Fault> {
    let (may_be_list, may_be_map) = (shape.types().has(Types::ARRAY), shape.types().has(Types::OBJECT));
    if entries.iter().all(|entry| entry.keys.is_empty()) {
        if entries.len() > 1 {
            return if may_be_list { Ok(texts(entries)) } else { Err(Fault::Repeated) };
        }
        return entries.pop().map(|entry| Wire::Single(entry.value)).ok_or(Fault::Style);
    }
    if entries.iter().any(|entry| entry.keys.is_empty()) {
        return Err(Fault::Style);
    }
    if may_be_list && entries.iter().all(|entry| entry.keys == [""]) {
        return Ok(texts(entries));
    }
    entries.sort_by_cached_key(|entry| {
        let key = entry.keys.last().cloned().unwrap_or_default();
        (index(&key), key)
    });
    let mut groups: Vec<(String, Vec<Entry<'w>>)> = Vec::new();
    for mut entry in entries {
        let key = entry.keys.pop().unwrap_or_default();
        match groups.last_mut() {
            Some((last, group)) if *last == key => group.push(entry),
            _ => groups.push((key, vec![entry])),
        }
    }
    if may_be_list && groups.iter().enumerate().all(|(position, (key, _))| index(key) == Some(position)) {
        let items = groups.into_iter().enumerate().map(|(position, (_, group))| build(group, shape.item(position)));
        return items.collect::<Result<_, _>>().map(Wire::List);
    }
    if !may_be_map || groups.iter().any(|(key, _)| key.is_empty()) {
        return Err(Fault::Style);
    }
    let members = groups.into_iter().map(|(key, group)| {
        let member = build(group, shape.member(&key))?;
        Ok((Cow::Owned(key), member))
    });
    members.collect::<Result<_, _>>().map(Wire::Map)
}

fn texts(entries: Vec<Entry<'_>>) -> Wire<'_> {
    Wire::List(entries.into_iter().map(|entry| Wire::Text(entry.value)).collect())
}

/// A position in a list, as a key.
fn index(key: &str) -> Option<usize> {
    if crate::coerce::is_integer(key) { key.parse().ok() } else { None }
}
