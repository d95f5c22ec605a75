//! In how many ways schemas refer to each other.
//!
//! The validator follows each way from a schema to those that it needs by itself, so that a few schemas which all refer
//! to each other could take all time and memory there is. Real descriptions have some thousand ways.

use artifact_format::model::{SchemaId, Schemas};

use super::BuildError;

/// How many ways may lead from one schema to those that it needs.
const WAYS_MAX: u32 = 50_000;

/// How many there may be from all schemas that validators are built for.
const ALL_WAYS_MAX: u32 = 1_000_000;

/// Refuses schemas from which too many ways lead on.
pub(super) fn check(schemas: &Schemas, roots: &[SchemaId]) -> Result<(), Vec<BuildError>> {
    let mut left = ALL_WAYS_MAX;
    for root in roots {
        let limit = WAYS_MAX.min(left);
        let Some(ways) = ways(schemas, *root, limit) else {
            let message = format!("it refers to others in more than {limit} ways: refer less, or in fewer circles");
            return Err(vec![BuildError::new(*root, message)]);
        };
        left -= ways;
    }
    Ok(())
}

/// How many ways lead on from `root`, each as far as it meets itself; `None` if more than `limit`.
fn ways(schemas: &Schemas, root: SchemaId, limit: u32) -> Option<u32> {
    let references = |id: SchemaId| schemas.schemas.get(id.index()).map_or(&[][..], |schema| &schema.references);
    let mut is_open = vec![false; schemas.schemas.len()];
    // The way that is followed: each schema on it, and which of its references comes next.
    let mut way = vec![(root, 0)];
    let mut count = 0;
    while let Some((id, next)) = way.last_mut() {
        let (id, reference) = (*id, references(*id).get(*next).copied());
        *next += 1;
        if let Some(open) = is_open.get_mut(id.index()) {
            *open = reference.is_some();
        }
        match reference {
            None => drop(way.pop()),
            Some(reference) if is_open.get(reference.index()).copied().unwrap_or(true) => {}
            Some(reference) => {
                count += 1;
                if count > limit {
                    return None;
                }
                way.push((reference, 0));
            }
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use artifact_format::model::Schema;

    use super::*;

    /// So many schemas, each of which refers to these.
    fn check_ways(count: u32, references: impl Fn(u32) -> Vec<u32>, expected: Option<u32>) {
        let schema = |id| {
            let references = references(id).into_iter().filter(|id| *id < count).map(SchemaId).collect();
            Schema { json: "{}".to_owned(), references }
        };
        let schemas = Schemas { schemas: (0..count).map(schema).collect(), ..Schemas::default() };
        assert_eq!(ways(&schemas, SchemaId(0), 1_000), expected);
    }

    #[test]
    fn every_way_counts_as_far_as_it_meets_itself() {
        check_ways(1, |_| vec![], Some(0));
        check_ways(1, |_| vec![0], Some(0));
        check_ways(5, |id| vec![id + 1], Some(4));
        check_ways(5, |id| vec![(id + 1) % 5], Some(4));
        check_ways(3, |_| vec![0, 1, 2], Some(4));
        check_ways(4, |id| vec![id + 1, id + 2], Some(6));
        check_ways(40, |id| vec![id + 1, id + 2], None);
        check_ways(900, |id| vec![id + 1], Some(899));
    }
}
