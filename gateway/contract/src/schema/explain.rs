//! From a validator's errors to violations.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};

use crate::json::{Judged, Value};
use crate::{Place, Report};

/// Values of more nodes than this are judged up to the first error: errors are made before they are counted, and a
/// large value could be wrong everywhere.
const EXPLAINED_WHOLE_MAX: usize = 2_000;

/// Adds what is wrong with `value`, which begins at the place, to the report.
pub(super) fn explain(validator: &Validator<Judged>, value: Value<'_>, (place, report): (&Place, &mut Report)) {
    if value.size() > EXPLAINED_WHOLE_MAX {
        if let Err(error) = validator.validate(value) {
            add(&error, place, report);
        }
        return;
    }
    for error in validator.iter_errors(value) {
        add(&error, place, report);
    }
}

fn add(error: &ValidationError<'_>, place: &Place, report: &mut Report) {
    let kind = error.kind();
    let mut pointer = error.instance_path().as_str().to_owned();
    if let ValidationErrorKind::Required { property } = kind
        && let Some(name) = property.as_str()
    {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    let keyword = match kind {
        ValidationErrorKind::FalseSchema => "false",
        kind => kind.keyword(),
    };
    report.add(place.at(&pointer), keyword, (brief(kind), || error.to_string()));
}

/// What a broken keyword means, without a value of the message or the schema.
fn brief(kind: &ValidationErrorKind) -> &'static str {
    match kind {
        ValidationErrorKind::AdditionalItems { .. } | ValidationErrorKind::UnevaluatedItems { .. } => {
            "has more items than it may"
        }
        ValidationErrorKind::AdditionalProperties { .. } | ValidationErrorKind::UnevaluatedProperties { .. } => {
            "has properties that it may not have"
        }
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => "matches no alternative",
        ValidationErrorKind::OneOfMultipleValid { .. } => "matches more than one alternative",
        ValidationErrorKind::BacktrackLimitExceeded { .. }
        | ValidationErrorKind::RegexEngineFailure { .. }
        | ValidationErrorKind::Pattern { .. } => "does not match the pattern",
        ValidationErrorKind::Constant { .. } => "is not the one value that it may be",
        ValidationErrorKind::Contains => "lacks an item that it must contain, or contains too many",
        ValidationErrorKind::ContentEncoding { .. } | ValidationErrorKind::FromUtf8 { .. } => "is wrongly encoded",
        ValidationErrorKind::ContentMediaType { .. } => "is not of its media type",
        ValidationErrorKind::Custom { .. } => "is not valid",
        ValidationErrorKind::Enum { .. } => "is none of the values that it may be",
        ValidationErrorKind::ExclusiveMaximum { .. } | ValidationErrorKind::Maximum { .. } => "is too large",
        ValidationErrorKind::ExclusiveMinimum { .. } | ValidationErrorKind::Minimum { .. } => "is too small",
        ValidationErrorKind::FalseSchema => "may not be there",
        ValidationErrorKind::Format { .. } => "is not in its format",
        ValidationErrorKind::MaxItems { .. } => "has too many items",
        ValidationErrorKind::MaxLength { .. } => "is too long",
        ValidationErrorKind::MaxProperties { .. } => "has too many properties",
        ValidationErrorKind::MinItems { .. } => "has too few items",
        ValidationErrorKind::MinLength { .. } => "is too short",
        ValidationErrorKind::MinProperties { .. } => "has too few properties",
        ValidationErrorKind::MultipleOf { .. } => "is not a multiple of what it must be",
        ValidationErrorKind::Not { .. } => "matches what it must not",
        ValidationErrorKind::PropertyNames { .. } => "has a property with a name that it may not have",
        ValidationErrorKind::Required { .. } => "is required",
        ValidationErrorKind::Type { .. } => "is of the wrong type",
        ValidationErrorKind::UniqueItems => "has items that are equal",
        ValidationErrorKind::Referencing(_) => "cannot be judged",
    }
}
