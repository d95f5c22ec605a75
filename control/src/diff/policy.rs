//! Policies, before and after.

use artifact_format::model::{
    FormatAssertion, Operation, PolicySet, RateLimit, RateLimitKey, ReadOnlyProperties, ResponseValidation,
    UnknownQuery, Validation,
};

use super::{Changes, Comparison, Guard, Kind, Severity};

impl Comparison<'_> {
    pub(super) fn policies(&mut self, old: &Operation, new: &Operation) {
        let before = self.old.policies.sets.get(old.policy.index());
        let after = self.new.policies.sets.get(new.policy.index());
        let (Some(before), Some(after)) = (before, after) else { return };
        let changes = &mut self.changes;
        body_limit(before.limits.body_max_bytes, after.limits.body_max_bytes, changes);
        rate_limit(before.rate_limit.as_ref(), after.rate_limit.as_ref(), changes);
        validation(&before.validation, &after.validation, changes);
        cors(before, after, changes);
        match (&before.mock, &after.mock) {
            (None, Some(_)) => changes.push(Kind::Policy, Severity::Review, "is now answered by a mock"),
            (Some(_), None) => changes.push(Kind::Policy, Severity::Review, "is no longer answered by a mock"),
            (Some(old), Some(new)) if old != new => changes.push(Kind::Policy, Severity::Review, "mock changed"),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// The policies on an operation of the newer artifact.
    pub(super) fn policy_of_new(&self, operation: &Operation) -> Option<&PolicySet> {
        self.new.policies.sets.get(operation.policy.index())
    }
}

fn body_limit(old: Option<u64>, new: Option<u64>, changes: &mut Changes) {
    let shown = |limit: Option<u64>| limit.map_or("the gateway's own".to_owned(), |bytes| format!("{bytes} bytes"));
    let text = format!("the limit of a request body changed from {} to {}", shown(old), shown(new));
    match (old, new) {
        (None, Some(_)) => changes.push(Kind::Limits, Severity::Breaking, text),
        (Some(before), Some(after)) if after < before => changes.push(Kind::Limits, Severity::Breaking, text),
        (Some(before), Some(after)) if after == before => {}
        (Some(_), _) => changes.weaken(Kind::Limits, Guard::Limits, text),
        (None, None) => {}
    }
}

fn rate_limit(old: Option<&RateLimit>, new: Option<&RateLimit>, changes: &mut Changes) {
    if old == new {
        return;
    }
    let shown = |limit: Option<&RateLimit>| match limit {
        Some(limit) => format!("{} requests in {} ms by {}", limit.requests, limit.per_ms, counted_by(&limit.by)),
        None => "none".to_owned(),
    };
    let text = format!("rate limit changed from {} to {}", shown(old), shown(new));
    let is_at_least_as_strict = match (old, new) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => old.by == new.by && !is_faster(new, old) && new.requests <= old.requests,
    };
    if is_at_least_as_strict {
        changes.push(Kind::Limits, Severity::Breaking, text);
    } else {
        changes.weaken(Kind::Limits, Guard::Limits, text);
    }
}

/// In the words of `x-portcullis`.
fn counted_by(key: &RateLimitKey) -> String {
    match key {
        RateLimitKey::ClientIp => "client-ip".to_owned(),
        RateLimitKey::Subject => "subject".to_owned(),
        RateLimitKey::Header(name) => format!("header {name}"),
        RateLimitKey::Everyone => "everyone".to_owned(),
    }
}

/// Whether `a` lets more requests pass than `b` in the long run.
fn is_faster(a: &RateLimit, b: &RateLimit) -> bool {
    u128::from(a.requests) * u128::from(b.per_ms) > u128::from(b.requests) * u128::from(a.per_ms)
}

fn validation(old: &Validation, new: &Validation, changes: &mut Changes) {
    let Validation { unknown_query, read_only, invalid_status, formats, defaults, responses } = *new;
    let unknown = (old.unknown_query, unknown_query);
    strictness("undeclared query parameters are refused", &UnknownQuery::Refuse, &unknown, changes);
    let read_only = (old.read_only, read_only);
    strictness("read-only properties are refused", &ReadOnlyProperties::Refuse, &read_only, changes);
    strictness("formats are asserted", &FormatAssertion::Assert, &(old.formats, formats), changes);
    if invalid_status != old.invalid_status {
        changes.push(Kind::Validation, Severity::Review, "the status of an invalid body changed");
    }
    if defaults != old.defaults {
        changes.push(Kind::Validation, Severity::Review, "whether default values are put in changed");
    }
    if responses != old.responses {
        let text = format!("validation of responses changed from {} to {}", shown(old.responses), shown(responses));
        match old.responses {
            ResponseValidation::Enforce => changes.weaken(Kind::Validation, Guard::Validation, text),
            ResponseValidation::Off | ResponseValidation::Report { .. } => {
                changes.push(Kind::Validation, Severity::Review, text);
            }
        }
    }
}

/// In the words of `x-portcullis`.
fn shown(responses: ResponseValidation) -> String {
    match responses {
        ResponseValidation::Off => "off".to_owned(),
        ResponseValidation::Report { sample_ppm } => format!("report of {sample_ppm} in a million"),
        ResponseValidation::Enforce => "enforce".to_owned(),
    }
}

/// Says whether a rule, which holds under the setting `strict`, came to hold or ceased to.
fn strictness<T: PartialEq>(rule: &str, strict: &T, (before, after): &(T, T), changes: &mut Changes) {
    match (before == strict, after == strict) {
        (false, true) => changes.push(Kind::Validation, Severity::Breaking, format!("from now on, {rule}")),
        (true, false) => changes.weaken(Kind::Validation, Guard::Validation, format!("no longer holds: {rule}")),
        (true, true) | (false, false) => {}
    }
}

fn cors(old: &PolicySet, new: &PolicySet, changes: &mut Changes) {
    let origins = |set: &PolicySet| set.cors.as_ref().map(|cors| cors.origins.clone()).unwrap_or_default();
    let (before, after) = (origins(old), origins(new));
    for origin in before.iter().filter(|origin| !after.contains(origin)) {
        changes.push(Kind::Policy, Severity::Breaking, format!("pages of `{origin}` may no longer call (CORS)"));
    }
    for origin in after.iter().filter(|origin| !before.contains(origin)) {
        changes.push(Kind::Policy, Severity::Review, format!("pages of `{origin}` may now call (CORS)"));
    }
}
