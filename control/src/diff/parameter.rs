//! Parameters, before and after.

use artifact_format::model::{Location, Operation, Parameter, ParameterEncoding, Style, UnknownQuery};

use super::schema::Direction;
use super::{Changes, Comparison, Kind, Severity, What};

impl Comparison<'_> {
    pub(super) fn parameters(&mut self, old: &Operation, new: &Operation) {
        for parameter in &new.parameters {
            let key = key(new, parameter);
            match old.parameters.iter().find(|earlier| self::key(old, earlier) == key) {
                Some(earlier) => self.parameter(earlier, parameter),
                None => added(parameter, &mut self.changes),
            }
        }
        for parameter in &old.parameters {
            let key = key(old, parameter);
            if !new.parameters.iter().any(|later| self::key(new, later) == key) {
                self.removed(new, parameter);
            }
        }
    }

    fn parameter(&mut self, old: &Parameter, new: &Parameter) {
        let name = name(new);
        let mut say = |severity, text: &str| self.changes.push(Kind::Parameter, severity, format!("{name} {text}"));
        match (old.required, new.required) {
            (false, true) => say(Severity::Breaking, "is now required"),
            (true, false) => say(Severity::Compatible, "is no longer required"),
            (true, true) | (false, false) => {}
        }
        match (old.allow_empty, new.allow_empty) {
            (true, false) => say(Severity::Breaking, "may no longer be empty"),
            (false, true) => say(Severity::Compatible, "may now be empty"),
            (true, true) | (false, false) => {}
        }
        if written(&old.encoding) != written(&new.encoding) {
            let (before, after) = (written(&old.encoding), written(&new.encoding));
            say(Severity::Breaking, &format!("is now written as {after} instead of {before}"));
        }
        let what = What { name: &name, kind: Kind::Parameter, direction: Direction::Request };
        self.schema(&what, old.schema(), new.schema());
    }

    fn removed(&mut self, new: &Operation, parameter: &Parameter) {
        let refuses = self.policy_of_new(new).is_some_and(|set| set.validation.unknown_query == UnknownQuery::Refuse);
        let (severity, text) = match parameter.location {
            Location::Query if refuses => (Severity::Breaking, "removed: it is refused now"),
            Location::Path | Location::Query | Location::Querystring | Location::Header | Location::Cookie => {
                (Severity::Review, "removed: it passes unchecked, to an upstream that may ignore it")
            }
        };
        self.changes.push(Kind::Parameter, severity, format!("{} {text}", name(parameter)));
    }
}

fn added(parameter: &Parameter, changes: &mut Changes) {
    let (severity, text) = if parameter.required {
        (Severity::Breaking, "added, required")
    } else {
        (Severity::Compatible, "added, optional")
    };
    changes.push(Kind::Parameter, severity, format!("{} {text}", name(parameter)));
}

/// What a client tells parameters apart by: in a path, their order; elsewhere, their name.
fn key(operation: &Operation, parameter: &Parameter) -> (Location, String) {
    let name = match parameter.location {
        Location::Path => match operation.path.variables().position(|variable| variable == parameter.name) {
            Some(position) => position.to_string(),
            None => parameter.name.clone(),
        },
        Location::Header => parameter.name.to_ascii_lowercase(),
        Location::Query | Location::Querystring | Location::Cookie => parameter.name.clone(),
    };
    (parameter.location, name)
}

fn name(parameter: &Parameter) -> String {
    let location = match parameter.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Querystring => "querystring",
        Location::Header => "header",
        Location::Cookie => "cookie",
    };
    format!("{location} parameter `{}`", parameter.name)
}

/// How a value stands in a request.
fn written(encoding: &ParameterEncoding) -> String {
    match encoding {
        ParameterEncoding::Style { style, explode, allow_reserved, .. } => {
            let exploded = if *explode { ", exploded" } else { "" };
            let reserved = if *allow_reserved { ", reserved characters allowed" } else { "" };
            format!("`{}`{exploded}{reserved}", style_name(*style))
        }
        ParameterEncoding::Content { media_type, .. } => format!("`{media_type}`"),
    }
}

/// What a document calls a style (OpenAPI 3.2.0, Parameter Object, "Style Values").
fn style_name(style: Style) -> &'static str {
    match style {
        Style::Matrix => "matrix",
        Style::Label => "label",
        Style::Simple => "simple",
        Style::Form => "form",
        Style::SpaceDelimited => "spaceDelimited",
        Style::PipeDelimited => "pipeDelimited",
        Style::DeepObject => "deepObject",
        Style::Cookie => "cookie",
    }
}
