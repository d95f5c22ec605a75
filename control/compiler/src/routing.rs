//! No two operations may answer the same requests.
//!
//! Two do where their routes have one shape, whatever their variables are called, and their method and a listener
//! are the same: across base paths and documents too. Routes that merely overlap, such as `/pets/{id}` and
//! `/pets/mine`, are legal; the more specific one wins.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::diagnostic::{Code, Sink};
use crate::lower::Lowered;

/// Reports every operation whose requests another one answers.
pub(crate) fn check(lowered: &Lowered<'_>, sink: &mut Sink) {
    let mut owners = HashMap::new();
    let operations = &lowered.artifact.routes.operations;
    for (position, operation) in operations.iter().enumerate() {
        let mut rivals = Vec::new();
        for route in &operation.routes {
            let shape = route.template.shape();
            for listener in &operation.listeners {
                match owners.entry((*listener, &operation.method, shape.clone())) {
                    Entry::Vacant(free) => {
                        free.insert(position);
                    }
                    // Two base paths of the same operation may come to one shape.
                    Entry::Occupied(taken) if *taken.get() == position || rivals.contains(taken.get()) => {}
                    Entry::Occupied(taken) => {
                        let rival = *taken.get();
                        rivals.push(rival);
                        let message = format!(
                            "`{} {}` answers the same requests as `{}`",
                            operation.method, route.template, operations[rival].id
                        );
                        sink.error(Code::RouteConflict, lowered.places[position].clone(), message)
                            .hint("variables match whatever they are called: merge the two, or serve them under different base paths or on different `listeners`")
                            .related(lowered.places[rival].clone(), "it is declared here");
                    }
                }
            }
        }
    }
}
