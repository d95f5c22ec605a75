//! The policies on an operation.

use artifact_format::model::{
    Cors, DefaultValues, Feature, FormatAssertion, InvalidStatus, Limits, Mock, Patterns, PolicySet, RateLimit,
    RateLimitKey, ReadOnlyProperties, ResponseValidation, UnknownQuery, Validation,
};
use serde_json::Value;

use super::shape::{parse_duration, parse_size};
use super::{Inherited, Released};
use crate::diagnostic::Sink;
use crate::document::Node;

/// What holds for an operation. What no gateway enforces is reported.
pub(crate) fn policy_set(settings: &Inherited<'_>, released: &mut Released, sink: &mut Sink) -> PolicySet {
    let mut asked = |name: &str, feature: Feature| {
        let setting = settings.setting(name)?;
        released.demand(feature, &setting, sink);
        Some(setting)
    };
    let rate_limit = asked("rate-limit", Feature::RateLimit).and_then(|setting| rate_limit(&setting));
    let cors = asked("cors", Feature::Cors).and_then(|setting| cors(&setting));
    let mock = asked("mock", Feature::Mock).and_then(|setting| mock(&setting));
    PolicySet { limits: limits(settings), validation: validation(settings), rate_limit, cors, mock }
}

fn limits(settings: &Inherited<'_>) -> Limits {
    Limits { body_max_bytes: settings.part("limits", "body").and_then(|body| parse_size(body.str()?)) }
}

/// How strictly the contract is read.
pub(crate) fn validation(settings: &Inherited<'_>) -> Validation {
    let mut validation = Validation::default();
    for (name, read) in PARTS {
        if let Some(part) = settings.part("validation", name) {
            read(&mut validation, &part);
        }
    }
    validation
}

type ReadPart = fn(&mut Validation, &Node<'_>);

/// Each part of `validation`, and how it is read.
const PARTS: [(&str, ReadPart); 6] = [
    ("unknown-query", |validation, part| {
        validation.unknown_query =
            pick(part, &[("pass", UnknownQuery::Pass), ("refuse", UnknownQuery::Refuse)], validation.unknown_query);
    }),
    ("read-only", |validation, part| {
        let words = [("ignore", ReadOnlyProperties::Ignore), ("refuse", ReadOnlyProperties::Refuse)];
        validation.read_only = pick(part, &words, validation.read_only);
    }),
    ("invalid-status", |validation, part| {
        validation.invalid_status = match part.value().as_u64() {
            Some(400) => InvalidStatus::BadRequest,
            _ => InvalidStatus::UnprocessableContent,
        };
    }),
    ("formats", |validation, part| {
        let words = [("assert", FormatAssertion::Assert), ("annotate", FormatAssertion::Annotate)];
        validation.formats = pick(part, &words, validation.formats);
    }),
    ("defaults", |validation, part| {
        let words = [("leave", DefaultValues::Leave), ("inject", DefaultValues::Inject)];
        validation.defaults = pick(part, &words, validation.defaults);
    }),
    ("responses", |validation, part| validation.responses = responses(part)),
];

/// What regular expressions of a document's schemas may do: a property of the document, whose `extension` that is.
pub(crate) fn patterns(extension: Option<&Node<'_>>) -> Patterns {
    let word = extension.and_then(|extension| extension.get("validation")?.get("patterns")?.str());
    if word == Some("backtracking") { Patterns::Backtracking } else { Patterns::Linear }
}

fn pick<T: Copy>(part: &Node<'_>, words: &[(&str, T)], otherwise: T) -> T {
    words.iter().find(|(word, _)| part.str() == Some(word)).map_or(otherwise, |(_, meaning)| *meaning)
}

fn responses(part: &Node<'_>) -> ResponseValidation {
    const ALL_PPM: u32 = 1_000_000;
    let share = part.get("report").and_then(|share| share.value().as_f64());
    match (part.str(), share) {
        (Some("enforce"), _) => ResponseValidation::Enforce,
        (Some("report"), _) => ResponseValidation::Report { sample_ppm: ALL_PPM },
        // A share is above 0 and at most 1, so its millionths fit; one that rounds to none still looks at some.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 1,000,000")]
        (_, Some(share)) => ResponseValidation::Report {
            sample_ppm: (share * f64::from(ALL_PPM)).round().clamp(1.0, f64::from(ALL_PPM)) as u32,
        },
        _ => ResponseValidation::Off,
    }
}

fn rate_limit(setting: &Node<'_>) -> Option<RateLimit> {
    let by = setting.get("by");
    let header = by.as_ref().and_then(|by| by.get("header")?.str());
    let by = match (by.as_ref().and_then(Node::str), header) {
        (_, Some(header)) => RateLimitKey::Header(header.to_ascii_lowercase()),
        (Some("subject"), _) => RateLimitKey::Subject,
        (Some("everyone"), _) => RateLimitKey::Everyone,
        _ => RateLimitKey::ClientIp,
    };
    let requests = setting.get("requests")?.value().as_u64()?;
    Some(RateLimit { requests, per_ms: parse_duration(setting.get("per")?.str()?)?, by })
}

fn cors(setting: &Node<'_>) -> Option<Cors> {
    let origins = setting.get("origins")?;
    Some(Cors { origins: origins.items().filter_map(|origin| origin.str().map(str::to_owned)).collect() })
}

fn mock(setting: &Node<'_>) -> Option<Mock> {
    let status = u16::try_from(setting.get("status")?.value().as_u64()?).ok()?;
    let body = setting.get("body");
    let content_type = setting.get("content-type").and_then(|media_type| media_type.str().map(str::to_owned));
    let content_type = content_type.or_else(|| body.is_some().then(|| "application/json".to_owned()));
    let body = match body.map(|body| body.value()) {
        None => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(json) => json.to_string().into_bytes(),
    };
    Some(Mock { status, content_type, body })
}
