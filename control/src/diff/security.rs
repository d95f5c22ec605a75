//! Who may call, before and after.

use artifact_format::model::{ApiKeyLocation, Artifact, JwtVerification, Operation, Scheme, SchemeKind, Verification};

use super::{Comparison, Guard, Kind, Severity};

/// A scheme that must be satisfied, with its scopes.
struct Demand<'a> {
    scheme: &'a Scheme,
    scopes: &'a [String],
}

impl Comparison<'_> {
    /// An alternative that lets pass whom no earlier one let pass weakens; one that is missed breaks clients.
    pub(super) fn security(&mut self, old: &Operation, new: &Operation) {
        let (before, after) = (alternatives(self.old, old), alternatives(self.new, new));
        let covers = |some: &[Demand<'_>], other: &[Demand<'_>]| other.iter().all(|need| is_met(need, some));
        for alternative in &after {
            if !before.iter().any(|earlier| covers(alternative, earlier)) {
                let text = format!("may now be called with {}; before: {}", shown(alternative), all_shown(&before));
                self.changes.weaken(Kind::Security, Guard::Authentication, text);
            }
        }
        for alternative in &before {
            if !after.iter().any(|later| covers(alternative, later)) {
                let text = format!("{} is no longer enough; now: {}", shown(alternative), all_shown(&after));
                self.changes.push(Kind::Security, Severity::Breaking, text);
            }
        }
    }
}

/// The alternatives; no alternative at all is the one that demands nothing.
fn alternatives<'a>(artifact: &'a Artifact, operation: &'a Operation) -> Vec<Vec<Demand<'a>>> {
    let demand = |requirement: &'a artifact_format::model::Requirement| {
        let scheme = artifact.policies.schemes.get(requirement.scheme.index())?;
        Some(Demand { scheme, scopes: &requirement.scopes })
    };
    let alternatives = operation.security.alternatives.iter();
    let alternatives: Vec<_> = alternatives.map(|demands| demands.iter().filter_map(demand).collect()).collect();
    if alternatives.is_empty() { vec![Vec::new()] } else { alternatives }
}

/// Whether who satisfies `given` satisfies `need`. The scheme's name is for people only.
fn is_met(need: &Demand<'_>, given: &[Demand<'_>]) -> bool {
    given.iter().any(|demand| {
        demand.scheme.kind == need.scheme.kind
            && need.scopes.iter().all(|scope| demand.scopes.contains(scope))
            && is_verified_as_well(&need.scheme.verification, &demand.scheme.verification)
    })
}

fn is_verified_as_well(need: &Verification, given: &Verification) -> bool {
    match (need, given) {
        (Verification::Presence, Verification::Presence | Verification::Jwt(_)) => true,
        (Verification::Jwt(_), Verification::Presence) => false,
        (Verification::Jwt(need), Verification::Jwt(given)) => {
            need.issuer == given.issuer
                && need.jwks == given.jwks
                && given.audiences.iter().all(|audience| need.audiences.contains(audience))
        }
    }
}

fn all_shown(alternatives: &[Vec<Demand<'_>>]) -> String {
    alternatives.iter().map(|demands| shown(demands)).collect::<Vec<_>>().join(", or ")
}

fn shown(demands: &[Demand<'_>]) -> String {
    let one = |demand: &Demand<'_>| {
        let Scheme { name, kind, verification } = demand.scheme;
        let scopes =
            if demand.scopes.is_empty() { String::new() } else { format!(", scopes {}", demand.scopes.join(" ")) };
        format!("`{name}` ({}, {}{scopes})", carried(kind), verified(verification))
    };
    if demands.is_empty() {
        "no credentials".to_owned()
    } else {
        demands.iter().map(one).collect::<Vec<_>>().join(" and ")
    }
}

/// How credentials are carried, in the words of a Security Scheme Object.
fn carried(kind: &SchemeKind) -> String {
    match kind {
        SchemeKind::ApiKey { location, name } => {
            let location = match location {
                ApiKeyLocation::Header => "header",
                ApiKeyLocation::Query => "query",
                ApiKeyLocation::Cookie => "cookie",
            };
            format!("{location} {name}")
        }
        SchemeKind::Http { scheme } => format!("http {scheme}"),
        SchemeKind::OAuth2 => "oauth2".to_owned(),
        SchemeKind::OpenIdConnect { url } => format!("openIdConnect {url}"),
        SchemeKind::MutualTls => "mutualTLS".to_owned(),
    }
}

/// Everything of a verification that can differ.
fn verified(verification: &Verification) -> String {
    match verification {
        Verification::Presence => "presence only".to_owned(),
        Verification::Jwt(JwtVerification { issuer, audiences, jwks }) => {
            let audience = if audiences.is_empty() { "nobody".to_owned() } else { audiences.join(" or ") };
            format!("token of {issuer} for {audience}, keys of {jwks}")
        }
    }
}
