//! What an artifact asks of a data plane, so that one which cannot do it refuses the artifact instead of
//! serving it with a hole.

use std::collections::BTreeSet;

use semver::Version;

use super::{Artifact, Balance, PolicySet, Scheme, SchemeKind, Upstream, UpstreamScheme, Validation, Verification};

/// Something that not every data plane can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// JSON Web Tokens are verified.
    JwtVerification,
    /// Clients are asked for a certificate (mutual TLS).
    ClientCertificates,
    /// Upstreams over TLS.
    UpstreamTls,
    /// [`Balance::LeastRequest`].
    LeastRequestBalance,
    /// Active health checks.
    HealthChecks,
    /// Retries on another target.
    Retries,
    /// Rate limits.
    RateLimit,
    /// CORS.
    Cors,
    /// Answers without an upstream.
    Mock,
    /// Validation set to anything but its defaults.
    ValidationOptions,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 9] = [
        Self::JwtVerification,
        Self::UpstreamTls,
        Self::LeastRequestBalance,
        Self::HealthChecks,
        Self::Retries,
        Self::RateLimit,
        Self::Cors,
        Self::Mock,
        Self::ValidationOptions,
    ];

    /// What a user calls it: the setting under `x-portcullis`, or the thing in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::JwtVerification => "verification of JSON Web Tokens",
            Self::ClientCertificates => "a client certificate (`mutualTLS`)",
            Self::UpstreamTls => "an upstream over TLS (https)",
            Self::LeastRequestBalance => "`balance: least-request`",
            Self::HealthChecks => "`health`",
            Self::Retries => "`retries`",
            Self::RateLimit => "`rate-limit`",
            Self::Cors => "`cors`",
            Self::Mock => "`mock`",
            Self::ValidationOptions => "`validation`",
        }
    }

    /// The first gateway that does it; `None` while no released one does.
    ///
    /// The compiler refuses what no gateway does yet, so a document never promises what is not enforced.
    pub fn since(self) -> Option<Version> {
        match self {
            Self::LeastRequestBalance | Self::ValidationOptions => Some(Version::new(0, 1, 0)),
            Self::JwtVerification
            | Self::ClientCertificates
            | Self::UpstreamTls
            | Self::HealthChecks
            | Self::Retries
            | Self::RateLimit
            | Self::Cors
            | Self::Mock => None,
        }
    }
}

impl Artifact {
    /// Everything this artifact asks for.
    pub fn features(&self) -> BTreeSet<Feature> {
        let schemes = self.policies.schemes.iter().flat_map(Scheme::features);
        let policies = self.policies.sets.iter().flat_map(PolicySet::features);
        let upstreams = self.upstreams.upstreams.iter().flat_map(Upstream::features);
        schemes.chain(policies).chain(upstreams).collect()
    }

    /// The oldest gateway that can serve this artifact.
    pub fn minimum_gateway(&self) -> Version {
        self.features().into_iter().filter_map(Feature::since).max().unwrap_or(Version::new(0, 1, 0))
    }
}

impl Scheme {
    /// What this scheme asks for.
    pub fn features(&self) -> Vec<Feature> {
        let asked = [
            (matches!(self.verification, Verification::Jwt(_)), Feature::JwtVerification),
            (self.kind == SchemeKind::MutualTls, Feature::ClientCertificates),
        ];
        asked.into_iter().filter_map(|(is_asked, feature)| is_asked.then_some(feature)).collect()
    }
}

impl PolicySet {
    /// What this set asks for.
    pub fn features(&self) -> Vec<Feature> {
        let asked = [
            (self.rate_limit.is_some(), Feature::RateLimit),
            (self.cors.is_some(), Feature::Cors),
            (self.mock.is_some(), Feature::Mock),
            (self.validation != Validation::default(), Feature::ValidationOptions),
        ];
        asked.into_iter().filter_map(|(is_asked, feature)| is_asked.then_some(feature)).collect()
    }
}

impl Upstream {
    /// What this upstream asks for.
    pub fn features(&self) -> Vec<Feature> {
        let asked = [
            (self.targets.iter().any(|target| target.scheme == UpstreamScheme::Https), Feature::UpstreamTls),
            (self.balance == Balance::LeastRequest, Feature::LeastRequestBalance),
            (self.health.is_some(), Feature::HealthChecks),
            (self.retries.is_some(), Feature::Retries),
        ];
        asked.into_iter().filter_map(|(is_asked, feature)| is_asked.then_some(feature)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DefaultValues, FormatAssertion, Mock, ResponseValidation};

    #[test]
    fn a_plain_policy_set_asks_for_nothing() {
        assert_eq!(PolicySet::default().features(), []);
    }

    #[test]
    fn a_client_certificate_is_asked_for_even_where_nobody_verifies_it() {
        let scheme = |kind| Scheme { name: "s".to_owned(), kind, verification: Verification::Presence };
        assert_eq!(scheme(SchemeKind::MutualTls).features(), [Feature::ClientCertificates]);
        assert_eq!(scheme(SchemeKind::OAuth2).features(), []);
    }

    #[test]
    fn every_departure_from_the_default_is_asked_for() {
        let mock = Some(Mock { status: 200, content_type: None, body: Vec::new() });
        assert_eq!(PolicySet { mock, ..PolicySet::default() }.features(), [Feature::Mock]);
        for validation in [
            Validation { formats: FormatAssertion::Annotate, ..Validation::default() },
            Validation { defaults: DefaultValues::Inject, ..Validation::default() },
            Validation { responses: ResponseValidation::Enforce, ..Validation::default() },
        ] {
            let set = PolicySet { validation, ..PolicySet::default() };
            assert_eq!(set.features(), [Feature::ValidationOptions]);
        }
    }
}
