//! From a validator's errors to violations.
//!
//! A value that matches no alternative is told about the one that it means to be, where that can be known: by the
//! schema's discriminator, or because it is of another type than all the others want.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};

use super::discriminators::Discriminators;
use crate::json::{Budget, Judged, Kind, Value};
use crate::{Place, Report, pointer};

/// Says what is wrong with a value.
pub(super) struct Explainer<'e> {
    pub(super) value: Value<'e>,
    pub(super) discriminators: &'e Discriminators,
    /// Where the value begins.
    pub(super) place: &'e Place,
}

impl Explainer<'_> {
    /// Adds what is wrong to the report.
    pub(super) fn explain(&self, validator: &Validator<Judged>, report: &mut Report) {
        let budget = Budget::of(self.value.size());
        let errors: Vec<_> = validator.iter_errors(self.value.within(&budget)).collect();
        if !budget.is_spent() {
            return errors.iter().for_each(|error| self.add(error, report));
        }
        drop(errors);
        let budget = Budget::of(self.value.size());
        match validator.validate(self.value.within(&budget)) {
            Err(error) if !budget.is_spent() => self.add(&error, report),
            _ => report.say(self.place.clone(), "schema", "is not what it must be, in too many ways to list"),
        }
    }

    fn add(&self, error: &ValidationError<'_>, report: &mut Report) {
        match error.kind() {
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                match self.meant(error, context) {
                    Meant::Alternative(errors) => errors.iter().for_each(|error| self.add(error, report)),
                    Meant::None { pointer } => {
                        let message = "names no alternative";
                        report.add(self.place.at(&pointer), "discriminator", (message, || message.to_owned()));
                    }
                    Meant::Unknown => add(error, self.place, report),
                }
            }
            _ => add(error, self.place, report),
        }
    }

    /// Which alternative a value means to be that matches none.
    fn meant<'c>(&self, error: &ValidationError<'_>, context: &'c [Vec<ValidationError<'static>>]) -> Meant<'c> {
        let here = error.instance_path().as_str();
        let place = error.absolute_keyword_location().map(|place| place.as_str().to_owned());
        let discriminator = place.and_then(|place| self.discriminators.at(&place));
        let value = self.value.at_pointer(here);
        if let (Some(discriminator), Some(value)) = (discriminator, value)
            && let Some(said) = value.get(&discriminator.property).filter(|said| said.kind() == Kind::String)
        {
            return match discriminator.meant(said.text()).and_then(|position| context.get(position)) {
                Some(errors) if !errors.is_empty() => Meant::Alternative(errors),
                _ => Meant::None { pointer: pointer::member(here, &discriminator.property) },
            };
        }
        let is_of_other_type = |errors: &[ValidationError<'_>]| {
            let is_it = |error: &ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Type { .. });
            errors.iter().any(|error| is_it(error) && error.instance_path().as_str() == here)
        };
        let mut others = context.iter().filter(|errors| !is_of_other_type(errors));
        match (others.next(), others.next()) {
            (Some(errors), None) if !errors.is_empty() => Meant::Alternative(errors),
            _ => Meant::Unknown,
        }
    }
}

/// Which alternative a value means to be that matches none.
enum Meant<'c> {
    /// This one, and that is what is wrong with it.
    Alternative(&'c [ValidationError<'static>]),
    /// The value names one that there is not.
    None { pointer: String },
    /// It cannot be known.
    Unknown,
}

fn add(error: &ValidationError<'_>, place: &Place, report: &mut Report) {
    let kind = error.kind();
    let mut pointer = error.instance_path().as_str().to_owned();
    if let ValidationErrorKind::Required { property } = kind
        && let Some(name) = property.as_str()
    {
        pointer::push_key(&mut pointer, name);
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
