//! The order of a compilation.

use artifact_format::model::Artifact;

use crate::diagnostic::{Diagnostics, Sink};
use crate::document::Documents;
use crate::input::Input;
use crate::lower::Lowered;
use crate::{enforcement, examples, lower, routing, structure, style};

/// What came out of a compilation.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The model; `None` exactly if there is an error among the diagnostics.
    pub artifact: Option<Artifact>,
    /// What was found.
    pub diagnostics: Diagnostics,
}

/// Compiles OpenAPI documents: load, check the structure, lower, check the routes and the styles of
/// parameters, build the validators.
///
/// Pure: the same input gives the same output. Every phase reports all that it finds, and the next one goes on with
/// what can be read.
pub fn compile(input: &Input<'_>) -> Compiled {
    compile_and(input, |_, _, _| {})
}

/// Compiles, and looks whether the examples and defaults of the documents satisfy their own schemas: warnings say which
/// do not.
pub fn check(input: &Input<'_>) -> Diagnostics {
    compile_and(input, examples::check).diagnostics
}

fn compile_and(input: &Input<'_>, look: fn(&Documents, &Lowered<'_>, &mut Sink)) -> Compiled {
    let mut sink = Sink::for_settings(input.options.settings);
    let documents = Documents::load(input, &mut sink);
    structure::check(&documents, &mut sink);
    let lowered = lower::lower(&documents, &input.options, &mut sink);
    routing::check(&lowered, &mut sink);
    style::check(&lowered, &mut sink);
    enforcement::check(&lowered, &mut sink);
    look(&documents, &lowered, &mut sink);
    let artifact = (!sink.has_errors()).then_some(lowered.artifact);
    Compiled { artifact, diagnostics: Diagnostics::new(sink, &documents) }
}
